"""What a bundle's transcript takes in: events, what the operator was told, and what the package logged."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from eflowprov.workflows.bundling.log import RunLog

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
PACKAGE = logging.getLogger("eflowprov")


def events(log: RunLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.text().splitlines()]


def test_an_event_has_its_own_time_and_stands_at_it() -> None:
    log = RunLog(lambda: NOW)
    log.event("later")
    log.event("earlier", datetime(2026, 11, 22, 4, 59, 59, 500_000, tzinfo=UTC), name="a")
    assert events(log) == [
        {"time": "2026-11-22T04:59:59.500Z", "event": "earlier", "name": "a"},
        {"time": "2026-11-22T05:00:00.000Z", "event": "later"},
    ]


def test_what_the_operator_is_told_is_told_and_kept() -> None:
    log, heard = RunLog(lambda: NOW), list[str]()
    log.telling(heard.append)("waiting for edgeHub")
    assert heard == ["waiting for edgeHub"]
    assert events(log) == [{"time": "2026-11-22T05:00:00.000Z", "event": "told", "text": "waiting for edgeHub"}]


@pytest.mark.parametrize("level", [logging.WARNING, logging.NOTSET, logging.DEBUG])
def test_what_the_package_logs_from_info_on_is_kept_whatever_its_level_was(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PACKAGE, "level", level)
    PACKAGE.manager._clear_cache()  # type: ignore[attr-defined]
    log, handlers = RunLog(lambda: NOW), list(PACKAGE.handlers)
    with log.listening():
        logging.getLogger("eflowprov.any").info("asked %s", "the VM")
        assert PACKAGE.getEffectiveLevel() == min(level or logging.INFO, logging.INFO)
    logging.getLogger("eflowprov.any").warning("after it")
    assert (PACKAGE.level, PACKAGE.handlers) == (level, handlers), "others' levels and handlers are as they were"
    assert [{**event, "time": ""} for event in events(log)] == [
        {"time": "", "event": "log", "level": "info", "logger": "eflowprov.any", "message": "asked the VM"}
    ]
