"""What EFLOW's cmdlets print and return; the numbers are those of the deviations that the field shows."""

from __future__ import annotations

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import CmdletAnswer, CmdletRecord
from eflowprov.parsers.cmdlet import failure_message, parse_provision

STEP = "[11/22/2026 05:10:11] "


def answer(*records: tuple[str, str], error: str = "") -> CmdletAnswer:
    return CmdletAnswer(tuple(CmdletRecord(stream, text) for stream, text in records), error=error)


FAILED = (("host", f"{STEP}Provisioning virtual machine..."), ("host", f"{STEP}Exception caught!!!"), ("host", ""))


@pytest.mark.parametrize("word", ["OK", "ok", " Ok\r\n"])
def test_ok_as_the_last_text_returned_is_ok(word: str) -> None:
    verdict = parse_provision(answer(("host", f"{STEP}Provisioning..."), ("output", "something"), ("output", word)))
    assert verdict.ok and verdict.lines[0].endswith("Provisioning...")


# 26
@pytest.mark.parametrize(
    "lines",
    [
        [f"{STEP}Exception caught!!!", "", " - No VM at line 2415"],
        [f"{STEP}Exception caught!!!", "- No VM at line 2238"],
        [f"{STEP}Exception caught!!! No VM at line 3108"],
        [f"{STEP}Exception caught!!!", " - No VM (L2789)"],
        [f"{STEP}Exception caught!!!", " - No", "VM at line 2416"],
        [f"{STEP}Exception caught!!!", " - No VM", f"{STEP}Cleaning up at line 7"],
        [f"{STEP}Error: No VM"],
        [" - WARNING: slow", " - No VM at line 2295"],
    ],
)
def test_26_the_reason_of_a_failure_without_its_line_number(lines: list[str]) -> None:
    assert failure_message(lines) == "No VM"


def test_26_steps_and_bullets_alone_are_no_failure() -> None:
    assert failure_message([f"{STEP}Step 1: x", " - Virtual machine IP : 172.27.120.111", "- Done"]) == ""


def test_26_a_block_without_a_reason_is_a_failure_all_the_same() -> None:
    assert failure_message([f"{STEP}Exception caught!!!", f"{STEP}Collecting logs"]) == "Exception caught"


def test_26_a_failure_that_is_returned_as_text() -> None:
    verdict = parse_provision(
        answer(*FAILED, ("host", " - Failed to provision at line 2415"), ("output", "Failed to provision"))
    )
    assert not verdict.ok and verdict.message == "Failed to provision"


# 27a
def test_27a_ok_after_an_exception_is_a_failure() -> None:
    records = (
        *FAILED,
        ("host", " - No node at line 12"),
        ("output", "OK"),
        ("host", f"{STEP}failed create new deployment"),
    )
    assert parse_provision(answer(*records)) == parse_provision(answer(*records, ("output", "OK"))).__class__(
        False, "No node", parse_provision(answer(*records)).lines
    )


def test_27a_ok_that_is_not_the_last_text_is_no_ok() -> None:
    verdict = parse_provision(answer(("output", "OK"), ("output", "Failed to provision at line 2411")))
    assert not verdict.ok and verdict.message == "Failed to provision"


# 27
def test_27_success_in_the_hosts_text_alone_proves_nothing() -> None:
    with pytest.raises(ParseError) as caught:
        parse_provision(answer(("host", "Provisioning successful. iotedge service running.")))
    assert "Provisioning successful" in caught.value.why


# 28
def test_28_a_remote_command_whose_output_is_lost() -> None:
    verdict = parse_provision(answer(error="ssh  failed to execute [] at line 4357"))
    assert not verdict.ok and verdict.message == "ssh  failed to execute []"


# 29
def test_29_error_blocks_between_the_steps_and_repeated_texts() -> None:
    records = (
        *FAILED,
        ("error", "Get-VM : Access denied\n - in a block of its own at line 3\n+ ~~~~"),
        ("host", " - No VM at line 9"),
        ("output", "No VM"),
    )
    verdict = parse_provision(answer(*records))
    assert not verdict.ok and verdict.message == "No VM"
    assert "+ ~~~~" in verdict.lines


def test_nothing_at_all_is_refused() -> None:
    for records in ((), (("output", "  "),)):
        with pytest.raises(ParseError):
            parse_provision(answer(*records))


def test_27a_a_failure_that_was_returned_without_a_bullet_counts_before_the_last_ok() -> None:
    verdict = parse_provision(answer(("output", "Failed to create new deployment at line 812"), ("output", "OK")))
    assert not verdict.ok and verdict.message == "Failed to create new deployment"


@pytest.mark.parametrize("stream", ["warning", "verbose", "debug", "error"])
def test_a_note_that_ends_in_a_line_number_is_no_failure(stream: str) -> None:
    assert parse_provision(answer((stream, "Importing GPG key 0x3135CE90: at line 2324"), ("output", "OK"))).ok
