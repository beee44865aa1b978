"""What every way into the VM keeps, whatever it is made of: one body over all of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eflowprov.errors import InputError
from tests.contract.conftest import Wire

HOSTILE = [
    "",
    " ",
    "it's",
    '"double"',
    "$(touch /tmp/owned)",
    "`id`",
    "${HOME}",
    "a\nb\n",
    "a\r\nb",
    "\ttab",
    "\\",
    "back\\slash\\",
    "-n",
    "--help",
    "*",
    "~",
    "; exit 9",
    "&& false",
    "| cat",
    "> /tmp/owned",
    "#comment",
    "!history",
    "%PATH%",
    "‘single’ “double”",
    "naïve ☃ 𝄞",
    "\x1b[31m\x7f\x01",
    "x" * 10_000,
]


@pytest.mark.parametrize("status", [0, 1, 2, 124, 127, 137, 255])
def test_the_exit_status_is_kept(wire: Wire, status: int) -> None:
    result = wire.run("exit", str(status))
    assert (result.status, result.note) == (status, "")


def test_the_streams_and_the_status_travel_together_and_apart(wire: Wire) -> None:
    result = wire.run("both")
    assert (result.status, result.stdout, result.stderr) == (3, b"to stdout\n", b"to stderr\n")
    assert result.argv == (*wire.probe, "both")


def test_hostile_arguments_arrive_as_data(wire: Wire) -> None:
    result = wire.run("argv", *HOSTILE)
    assert json.loads(result.stdout) == HOSTILE
    assert result.status == 0


def test_an_argument_with_a_nul_is_refused(wire: Wire) -> None:
    with pytest.raises(InputError, match="NUL"):
        wire.run("argv", "a\0b")


def test_no_program_at_all_is_refused(wire: Wire) -> None:
    with pytest.raises(InputError, match="no program"):
        wire.channel.run((), timeout_s=5)


def test_a_program_that_is_not_there_is_a_result(wire: Wire) -> None:
    result = wire.channel.run(("no-such-program",), timeout_s=5)
    assert result.status == 127
    assert b"no-such-program" in result.stderr


def test_every_byte_value_survives(wire: Wire) -> None:
    result = wire.run("bytes", "1024")
    assert result.stdout == result.stderr == bytes(range(256)) * 4
    assert result.dropped == 0


def test_output_beyond_the_cap_is_counted_and_the_head_is_kept(wire: Wire) -> None:
    result = wire.run("bytes", "3000000", cap=1000)
    assert result.stdout == result.stderr == (bytes(range(256)) * 4)[:1000]
    assert (result.status, result.dropped) == (0, 2 * (3_000_000 - 1000))


def test_output_of_just_the_cap_is_whole(wire: Wire) -> None:
    result = wire.run("bytes", "1000", cap=1000)
    assert (len(result.stdout), len(result.stderr), result.dropped) == (1000, 1000, 0)


def test_after_the_deadline_there_is_no_status_and_a_note(wire: Wire) -> None:
    result = wire.run("sleep", "3", timeout_s=1)
    assert (result.status, result.note) == (None, "no end within 1 s")


def test_commands_run_at_once(parallel_wire: Wire, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: parallel_wire.run("meet", str(tmp_path), "4"), range(4)))
    assert [result.status for result in results] == [0] * 4


def test_more_commands_than_sessions_all_get_their_own_answer(wire: Wire) -> None:
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda number: wire.run("argv", str(number)), range(24)))
    assert [json.loads(result.stdout) for result in results] == [[str(number)] for number in range(24)]


def test_a_channel_says_its_name_and_closes_twice(wire: Wire) -> None:
    assert wire.channel.name in {"ssh", "cmdlet"}
    assert wire.channel.vm
    wire.channel.close()
    wire.channel.close()
