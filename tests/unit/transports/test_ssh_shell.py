"""The guarded command line."""

from __future__ import annotations

import math
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.errors import InputError
from eflowprov.transports.shell import TETHER, ended_by_guard, guarded_command, tethered_command, whole_seconds
from tests.support import require

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=4)


def test_a_command_is_guarded_and_gets_no_input() -> None:
    assert guarded_command(("iotedge", "list"), 30) == "timeout -k 5 30 iotedge list </dev/null"


def test_under_sudo_the_guard_runs_as_root_too() -> None:
    assert guarded_command(("sudo", "-n", "iotedge", "list"), 30) == "sudo -n timeout -k 5 30 iotedge list </dev/null"


def test_the_tether_runs_as_root_too_and_the_guard_within_it() -> None:
    assert tethered_command(("iotedge", "list"), 30) == f"{TETHER} eflowprov timeout -k 5 30 iotedge list"
    sudo = tethered_command(("sudo", "-n", "iotedge", "list"), 30)
    assert sudo == f"sudo -n {TETHER} eflowprov timeout -k 5 30 iotedge list"


@pytest.fixture(params=["dash", "bash"])
def tethered(request: pytest.FixtureRequest) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a tethered command in a real shell, as sshd does; its input is the test's to close."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> subprocess.Popen[bytes]:
        words = shlex.split(tethered_command(argv, 30))
        program = [require(request.param), *words[1:]]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(program, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe))
        return started[-1]

    yield start
    for process in started:
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe
            pipe.close()
        process.wait(10)


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.mark.linux
@pytest.mark.parametrize(("program", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_a_tethered_program_keeps_its_status_and_its_streams(tethered: Start, program: str, status: int) -> None:
    running = tethered("sh", "-c", f"cat; echo out; echo err >&2; {program}")
    assert running.stdout and running.stderr
    assert (running.stdout.read(), running.stderr.read()) == (b"out\n", b"err\n")
    assert running.wait(5) == status


@pytest.mark.linux
def test_a_program_ends_with_all_its_children_when_its_input_does(tethered: Start) -> None:
    running = tethered("sh", "-c", "sleep 30 & echo started; sleep 30")
    assert running.stdin and running.stdout
    assert running.stdout.readline() == b"started\n"
    running.stdin.close()
    assert running.stdout.read() == b"", "until the last one that holds the stream has ended"
    assert running.wait(5) == 143, "TERM, by way of timeout"


@pytest.mark.linux
def test_a_tether_does_not_outlast_its_program(tethered: Start) -> None:
    running = tethered("true")
    assert running.wait(5) == 0
    assert running.stdin
    with pytest.raises(BrokenPipeError):  # nobody reads there any more
        for _ in range(200):
            running.stdin.write(b"x")
            time.sleep(0.01)


@given(WORDS)
def test_every_argument_is_one_word_of_the_shell(words: list[str]) -> None:
    text = guarded_command(("program", *words), 1)
    assert shlex.split(text.removesuffix(" </dev/null")) == ["timeout", "-k", "5", "1", "program", *words]


@pytest.mark.parametrize(
    "argv",
    [
        ("sudo", "iotedge", "list"),
        ("sudo", "-n"),
        ("sudo",),
        ("sudo", "-n", "-u", "aziotks", "true"),
        ("sudo", "-n", "A=b", "true"),
    ],
)
def test_sudo_in_another_form_is_refused_because_the_guard_would_not_hold(argv: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="sudo -n PROGRAM"):
        guarded_command(argv, 5)


@pytest.mark.parametrize("argv", [(), ("",), ("a", "b\0"), ("a", "\udc80")])
def test_what_no_program_can_be_given_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        guarded_command(argv, 5)


def test_a_refusal_quotes_at_most_a_little_of_a_long_argument() -> None:
    with pytest.raises(InputError) as refusal:
        guarded_command(("a", "x" * 10_000 + "\0"), 5)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(("timeout_s", "limit"), [(0.01, 1), (1, 1), (1.01, 2), (600, 600)])
def test_the_limit_is_rounded_up_and_never_zero(timeout_s: float, limit: int) -> None:
    assert whole_seconds(timeout_s) == limit


@pytest.mark.parametrize("timeout_s", [0, -1, math.inf, math.nan])
def test_a_deadline_that_is_none_is_refused(timeout_s: float) -> None:
    with pytest.raises(InputError, match="positive number of seconds"):
        whole_seconds(timeout_s)


@pytest.mark.parametrize(
    ("status", "ran_s", "ended"),
    [(124, 5.0, True), (137, 10.1, True), (124, 4.9, False), (137, 1.0, False), (1, 9, False)],
)
def test_only_the_guards_status_after_the_limit_is_the_guards(status: int, ran_s: float, ended: bool) -> None:
    assert ended_by_guard(status, ran_s, 5) is ended
