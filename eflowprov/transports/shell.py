"""The command line that the VM's shell gets: one program, its arguments as data, and a guard that ends it.

Every way into the VM ends in a POSIX shell. The guard is coreutils' `timeout` inside the VM, because closing a channel
leaves the program running there.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from eflowprov.errors import InputError

KILL_AFTER_S = 5
"""A program that ignores SIGTERM gets SIGKILL this many seconds after its limit."""

NO_INPUT = " </dev/null"
"""Nothing in the VM may wait for a person.

As a redirection it also keeps bash and dash from becoming the program: they stay, and tell a death by a signal as 128
and its number, where SSH would tell no exit status.
"""

_SUDO = ("sudo", "-n")
_TIMED_OUT = (124, 128 + 9)  # timeout's own status, and the one of a program that needed SIGKILL (timeout(1))


def guarded_command(argv: Sequence[str], timeout_s: float) -> str:
    """The shell text that runs `argv`, its input empty, and ends it after `timeout_s` (rounded up to whole seconds).

    A program under `sudo -n` is guarded inside sudo: a `timeout` outside could not signal what root runs. Raises
    `InputError` for an argument that cannot be passed (NUL, half a surrogate pair), for no program at all, and for
    options of sudo other than `-n`, which would come between sudo and the guard.
    """
    words = tuple(argv)
    _refuse_unusable(words)
    guard = ("timeout", "-k", str(KILL_AFTER_S), str(whole_seconds(timeout_s)))
    if words[0] != "sudo":
        return shlex.join((*guard, *words)) + NO_INPUT
    program = words[len(_SUDO) :]
    if words[: len(_SUDO)] != _SUDO or not program or program[0].startswith("-") or "=" in program[0]:
        raise InputError(
            f"command {shlex.join(words)!a:.80}",
            "sudo is used in another form than `sudo -n PROGRAM`",
            "Name a program",
        )
    return shlex.join((*_SUDO, *guard, *program)) + NO_INPUT


def whole_seconds(timeout_s: float) -> int:
    """The guard's limit for a deadline: whole seconds, at least one (0 would mean no limit to `timeout`)."""
    if not 0 < timeout_s < math.inf:
        raise InputError("timeout", f"{timeout_s} is no positive number of seconds", "Give a number above 0")
    return math.ceil(timeout_s)


def ended_by_guard(status: int, ran_s: float, limit_s: int) -> bool:
    """Whether the guard ended the program: timeout's status alone is no proof, a program may end with 124 itself."""
    return status in _TIMED_OUT and ran_s >= limit_s


def deadline_note(timeout_s: float) -> str:
    """What a result says that has no exit status because the time was up."""
    return f"no end within {timeout_s:g} s"


def _refuse_unusable(words: Sequence[str]) -> None:
    if not words or not words[0]:
        raise InputError("command", "no program is named", "Name a program and its arguments")
    for word in words:
        if "\0" in word:
            raise InputError(f"argument {word!a:.80}", "it holds a NUL, which no program can be given", "Remove it")
        if any("\ud800" <= character <= "\udfff" for character in word):
            raise InputError(f"argument {word!a:.80}", "it is no Unicode text", "Write it again")
