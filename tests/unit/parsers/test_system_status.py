"""`iotedge system status`; all of it is deviation 25."""

from __future__ import annotations

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import Service
from eflowprov.parsers.system_status import parse_system_status

ROWS = """System services:
    aziot-edged             Running
    aziot-identityd         Down - activating
    aziot-keyd              Ready
    aziot-certd             Down - socket error
    aziot-tpmd              Ready
"""
BLOCK = """
aziot-identityd is in a bad state because:
aziot-identityd.service: Down - activating: Printing the last 10 log lines.
Nov 22 05:10:11 H aziot-identityd[812]: 2026-11-22T05:10:11Z [ERR!] - service encountered an error
Nov 22 05:10:11 H systemd[1]: aziot-identityd.service: Failed.

aziot-certd is in a bad state because:
aziot-certd.service: Down - socket error: Printing the last 10 log lines.
-- No entries --
aziot-certd.socket: Down - failed: Printing the last 10 log lines.
Nov 22 05:10:11 H systemd[1]: Closed.
"""
HINTS = "Use 'iotedge system logs' to check for non-fatal errors.\nUse 'iotedge check' to diagnose connectivity.\n"


def expect_rows(text: str) -> dict[str, Service]:
    services = parse_system_status(text).services
    assert [(service.name, service.state, service.detail) for service in services] == [
        ("aziot-edged", "Running", ""),
        ("aziot-identityd", "Down", "activating"),
        ("aziot-keyd", "Ready", ""),
        ("aziot-certd", "Down", "socket error"),
        ("aziot-tpmd", "Ready", ""),
    ]
    return {service.name: service for service in services}


def test_rows_and_the_log_lines_of_services_that_are_down() -> None:
    services = expect_rows(ROWS + BLOCK + HINTS)
    assert [len(service.log) for service in services.values()] == [0, 2, 0, 2, 0]
    assert services["aziot-identityd"].log[0].endswith("service encountered an error")


def test_the_closing_hints_may_be_missing_and_indents_may_differ() -> None:
    expect_rows(ROWS)
    expect_rows(
        ROWS.replace("    ", "")
        .replace("edgedRunning", "edged  Running")
        .replace("keydReady", "keyd Ready")
        .replace("certdDown", "certd Down")
        .replace("identitydDown", "identityd Down")
        .replace("tpmdReady", "tpmd Ready")
        .replace("edged     ", "edged ")
        + BLOCK
    )
    expect_rows(
        "user@vm:~$ sudo iotedge system status\n"
        + ROWS.replace("\n", "\r\n")
        + "\nuser@vm:~$ sudo iotedge list\nNAME\n"
    )


def test_the_heading_may_be_missing_and_a_colon_may_stand_behind_the_name() -> None:
    expect_rows(ROWS.split("\n", 1)[1])
    expect_rows(ROWS.replace("edged ", "edged:").replace("keyd ", "keyd:"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: Found argument 'system' which wasn't expected, or isn't valid in this context\n",
        "The command is not available in a snap; use snap services.\n",
        "System services:\n",
        "System services:\n    aziot-edged             Runn",
        "System services:\n    aziot-edged             Running\n    aziot-keyd              Asleep\n",
        "aziot-edged",
    ],
)
def test_anything_else_is_refused_with_its_first_words(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_system_status(text)
    assert "it is empty" in caught.value.why or any(word in caught.value.why for word in text.split())


def test_a_row_on_the_line_of_the_prompt_and_the_heading_is_read() -> None:
    glued = f"user@vm [ ~ ]$ sudo iotedge system status {ROWS.replace(chr(10), '', 1)}"
    assert parse_system_status(glued) == parse_system_status(ROWS)
