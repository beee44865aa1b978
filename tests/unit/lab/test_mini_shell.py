"""The stand-in for the VM's shell runs what the product sends, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.bridge.vm_command import unwrap, wrap
from eflowprov.lab.mini_shell import run_shell
from eflowprov.model import CommandResult
from eflowprov.transports.shell import NO_INPUT, TETHER, guarded_command, tethered_command

NONCE = "0123456789abcdef"
WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=4)


def tell(argv: Sequence[str], *, root: bool) -> tuple[int, bytes, bytes]:
    return 7, repr(tuple(argv)).encode(), b"root" if root else b"user"


PROGRAMS = {"tell": tell}


def over_cmdlet(argv: tuple[str, ...], cap: int = 1000) -> CommandResult:
    answer = run_shell(wrap(argv, nonce=NONCE, timeout_s=5, cap=cap), PROGRAMS)
    assert (answer.status, answer.stderr) == (0, b"")
    return unwrap(answer.stdout.decode("ascii").splitlines(), nonce=NONCE, argv=argv, duration_s=0)


@given(WORDS)
def test_the_programs_get_their_arguments_whole(words: list[str]) -> None:
    argv = ("tell", *words)
    plain = run_shell(guarded_command(argv, 5), PROGRAMS)
    tethered = run_shell(tethered_command(argv, 5), PROGRAMS)
    wrapped = over_cmdlet(argv, cap=10**6)
    assert (tethered.status, tethered.stdout, tethered.stderr) == (7, repr(argv).encode(), b"user")
    assert (plain.status, plain.stdout, plain.stderr) == (7, repr(argv).encode(), b"user")
    assert (wrapped.status, wrapped.stdout, wrapped.stderr) == (7, repr(argv).encode(), b"user")


def test_sudo_makes_a_program_run_as_root() -> None:
    assert run_shell(guarded_command(("sudo", "-n", "tell"), 5), PROGRAMS).stderr == b"root"
    assert run_shell(tethered_command(("sudo", "-n", "tell"), 5), PROGRAMS).stderr == b"root"
    assert over_cmdlet(("sudo", "-n", "tell")).stderr == b"root"


def test_an_unknown_program_is_127_as_in_a_shell() -> None:
    got = run_shell(guarded_command(("nope",), 5), PROGRAMS)
    assert (got.status, b"nope" in got.stderr) == (127, True)
    assert over_cmdlet(("nope",)).status == 127


def test_the_cap_holds_in_the_envelope() -> None:
    got = over_cmdlet(("tell", "x" * 100), cap=10)
    assert (len(got.stdout), got.stderr, got.dropped) == (10, b"user", len(repr(("tell", "x" * 100))) - 10)


def test_a_program_beyond_its_limit_is_timed_out() -> None:
    release = threading.Event()

    def wait(argv: Sequence[str], *, root: bool) -> tuple[int, bytes, bytes]:
        release.wait(10)
        return 0, b"", b""

    assert run_shell(guarded_command(("wait",), 1), {"wait": wait}).status == 124
    release.set()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tell",
        "tell </dev/null",
        "timeout -k 5 5 tell",
        "timeout -k 5 5 tell $(id) </dev/null",
        "timeout -k 5 5 tell | cat </dev/null",
        "timeout -k 5 5 tell; id </dev/null",
        "timeout -k 5 5 tell 'open </dev/null",
        "timeout -k 5 5  </dev/null",
        "sudo timeout -k 5 5 tell </dev/null",
        f"sudo {TETHER} eflowprov timeout -k 5 5 tell",
        f"{TETHER} eflowprov tell",
        f"{TETHER} eflowprov timeout -k 5 5 tell; id",
        f"{TETHER} eflowprov timeout -k 5 5 tell{NO_INPUT}",
        "echo aGVsbG8= | base64 -d | sh",
        "echo aGVs | base64 -d | sh",
        "echo a | base64 -d | sh",
        "rm -rf /",
    ],
)
def test_any_other_text_is_refused_in_plain_words(text: str) -> None:
    got = run_shell(text, PROGRAMS)
    assert (got.status, got.stdout) == (127, b"")
    assert b"no command that eflowprov sends" in got.stderr


def test_a_script_that_was_changed_is_refused() -> None:
    text = wrap(("tell",), nonce=NONCE, timeout_s=5, cap=10)
    assert run_shell(text.replace("sh", "bash"), PROGRAMS).status == 127
    assert run_shell(text.replace("echo ew", "echo fw"), PROGRAMS).status == 127
