"""The guarded command line."""

from __future__ import annotations

import math
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.errors import InputError
from eflowprov.transports.shell import ended_by_guard, guarded_command, whole_seconds

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=4)


def test_a_command_is_guarded_and_gets_no_input() -> None:
    assert guarded_command(("iotedge", "list"), 30) == "timeout -k 5 30 iotedge list </dev/null"


def test_under_sudo_the_guard_runs_as_root_too() -> None:
    assert guarded_command(("sudo", "-n", "iotedge", "list"), 30) == "sudo -n timeout -k 5 30 iotedge list </dev/null"


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
