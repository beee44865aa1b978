"""`iotedge logs edgeAgent`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import Log, LogEntry, LogLevel
from eflowprov.parsers.agent_log import parse_agent_log

AT = datetime(2026, 11, 22, 5, 12, 10, 123000, tzinfo=UTC)
STAMP = "2026-11-22 05:12:10.123 +00:00"


# 21
@pytest.mark.parametrize(
    ("prefix", "level"),
    [
        (f"<6> {STAMP} [INF]", LogLevel.INFO),
        (f"<4> {STAMP} [WRN]", LogLevel.WARNING),
        (f"{STAMP} [ERR]", LogLevel.ERROR),
        (f"<7> {STAMP} [DBG] [Microsoft.Azure.Devices.Edge.Agent.Core.Agent]", LogLevel.DEBUG),
    ],
)
def test_21_levels_of_the_agent(prefix: str, level: LogLevel) -> None:
    assert parse_agent_log(f"{prefix} - Message\n").entries == (LogEntry(AT, "edgeAgent", level, "Message"),)


# 22
def test_22_an_exception_below_its_entry_becomes_causes_and_its_stack_is_gone() -> None:
    log = parse_agent_log(
        f"<3> {STAMP} [ERR] - Reconcile failed\n"
        "Microsoft.Azure.Devices.Edge.Agent.Core.ConfigSources.ConfigEmptyException: The configuration is empty\n"
        " ---> System.Net.Sockets.SocketException (110): Connection timed out\n"
        "   at Agent.Twin() in /home/x.cs:line 12\n   --- End of inner exception stack trace ---\n   at Agent.Run()\n"
        f"<6> {STAMP} [INF] - Next\n"
    )
    assert [entry.message for entry in log.entries] == ["Reconcile failed", "Next"]
    assert log.entries[0].causes == (
        "Microsoft.Azure.Devices.Edge.Agent.Core.ConfigSources.ConfigEmptyException: The configuration is empty",
        "System.Net.Sockets.SocketException (110): Connection timed out",
    )


# 24
def test_24_start_lines_and_banner_art() -> None:
    log = parse_agent_log(
        f"2026-11-22 05:12:10  Starting Edge Agent\n<6> {STAMP} [INF] - Version - 1.5\n   █████╗ ___/\\__\n"
    )
    assert [entry.message for entry in log.entries] == ["Starting Edge Agent", "Version - 1.5"]


def test_a_message_of_several_lines_is_one_bounded_entry() -> None:
    (entry,) = parse_agent_log(f"<6> {STAMP} [INF] - Plan:\n" + "with a step\n" * 10_000).entries
    assert entry.message.startswith("Plan: with a step with") and len(entry.message) <= 4000


def test_a_log_that_begins_inside_a_stack_trace_is_read_from_the_first_entry_on() -> None:
    assert len(parse_agent_log(f"   at Agent.Run()\n<6> {STAMP} [INF] - Next\n").entries) == 1


def test_an_agent_that_has_written_nothing_is_a_log_without_entries() -> None:
    assert parse_agent_log(" \r\n") == Log()


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            "Error response from daemon: No such container: edgeAgent\n",
            ("Error response from daemon: No such container: edgeAgent",),
        ),
        (
            "A module runtime error occurred\n\tcaused by: No such container: edgeAgent\n",
            ("A module runtime error occurred", "No such container: edgeAgent"),
        ),
    ],
)
def test_an_error_in_place_of_the_log_is_a_failure(text: str, failure: tuple[str, ...]) -> None:
    assert parse_agent_log(text).failure == failure


def test_any_other_text_is_refused_with_its_first_words() -> None:
    with pytest.raises(ParseError) as caught:
        parse_agent_log("sudo: a password is required\n")
    assert "sudo: a password is required" in caught.value.why
