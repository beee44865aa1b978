"""`--log-file` and `--debug`: every event whole on one line, and no secret in any."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

import pytest

from eflowprov.cli.logs import set_up
from eflowprov.cli.main import run_command
from eflowprov.errors import InputError

SECRET = "c2VjcmV0c2VjcmV0"  # a made-up value
LOG = logging.getLogger("eflowprov.somewhere")


def events(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_event_is_one_line_of_json_with_its_time_in_utc(tmp_path: Path) -> None:
    set_up(tmp_path / "log.jsonl", debug=False)
    LOG.info("two\nlines of %s", "Gerät", extra={"event": {"host": "h", 1: "x"}})
    (event,) = events(tmp_path / "log.jsonl")
    assert datetime.fromisoformat(event.pop("time")).utcoffset() is not None
    assert event == {
        "level": "info",
        "logger": "eflowprov.somewhere",
        "message": "two\nlines of Gerät",
        "host": "h",
        "1": "x",
    }


def test_no_secret_is_logged_in_a_message_a_detail_or_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(tmp_path / "log.jsonl", debug=True)
    try:
        raise ValueError(f"SharedAccessKey={SECRET}")
    except ValueError:
        LOG.exception("password=%s", SECRET, extra={"event": {"url": f"https://user:{SECRET}@host"}})
    shown = (tmp_path / "log.jsonl").read_text("utf-8") + capsys.readouterr().err
    assert SECRET not in shown and shown.count("***") >= 5
    assert "ValueError" in events(tmp_path / "log.jsonl")[0]["traceback"]


def test_a_second_set_up_replaces_the_first(tmp_path: Path) -> None:
    for name in ("one", "two"):
        set_up(tmp_path / name, debug=False)
    LOG.info("once")
    assert (tmp_path / "one").read_text("utf-8") == "" and len(events(tmp_path / "two")) == 1


def test_a_file_that_cannot_be_opened_is_named_with_its_flag(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--log-file: "):
        set_up(tmp_path, debug=False)


@pytest.mark.parametrize("before", [True, False])
def test_a_command_writes_its_events_and_its_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: bool
) -> None:
    log = ["--log-file", str(tmp_path / "log.jsonl"), "--debug"]
    command = ["lab", "run", "--scenario", "nosuch"]
    assert run_command([*log, *command] if before else [*command, *log]) == 2
    (event,) = events(tmp_path / "log.jsonl")
    assert (event["level"], event["message"]) == ("error", "status 2") and "InputError" in event["traceback"]
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: --scenario: ")
