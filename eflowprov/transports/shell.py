"""The command line that the VM's shell gets: one program, its arguments as data, and a guard that ends it.

Every way into the VM ends in a POSIX shell. The guard is coreutils' `timeout` inside the VM, because closing a channel
leaves the program running there; over SSH a tether ends it also as soon as the channel is gone.
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

TETHER = "sh -c " + shlex.quote(
    "exec 3<&0 </dev/null; "
    '"$@" 3<&- & program=$!; '
    '{ read -r end <&3; kill "$program"; } >/dev/null 2>&1 & tether=$!; '
    "exec 3<&- >/dev/null 2>&1; "
    'wait "$program"; status=$?; kill "$tether"; exit "$status"'
)
"""A shell that runs its arguments, and ends them when its own input ends.

sshd closes that input when the channel or the connection is gone, however it went; nothing is ever sent on it.
`timeout` passes the signal on to the program and its children, and repeats it as SIGKILL after its `-k` seconds. The
output streams belong to the program alone, so that they end with it.
"""

_SUDO = ("sudo", "-n")
_TIMED_OUT = (124, 128 + 9)  # timeout's own status, and the one of a program that needed SIGKILL (timeout(1))


def guarded_command(argv: Sequence[str], timeout_s: float) -> str:
    """The shell text that runs `argv`, its input empty, and ends it after `timeout_s` (rounded up to whole seconds).

    A program under `sudo -n` is guarded inside sudo: a `timeout` outside could not signal what root runs. Raises
    `InputError` for an argument that cannot be passed (NUL, half a surrogate pair), for no program at all, and for
    options of sudo other than `-n`, which would come between sudo and the guard.
    """
    return "".join(_guarded(argv, timeout_s)) + NO_INPUT


def tethered_command(argv: Sequence[str], timeout_s: float) -> str:
    """The same for a channel whose input stays open for as long as somebody wants the answer, and not a moment longer:
    the program is ended with it. Raises as `guarded_command` does."""
    sudo, guarded = _guarded(argv, timeout_s)
    return f"{sudo}{TETHER} eflowprov {guarded}"


def _guarded(argv: Sequence[str], timeout_s: float) -> tuple[str, str]:
    """`sudo -n ` or nothing, and the guard with the program, quoted."""
    words = tuple(argv)
    _refuse_unusable(words)
    guard = ("timeout", "-k", str(KILL_AFTER_S), str(whole_seconds(timeout_s)))
    if words[0] != "sudo":
        return "", shlex.join((*guard, *words))
    program = words[len(_SUDO) :]
    if words[: len(_SUDO)] != _SUDO or not program or program[0].startswith("-") or "=" in program[0]:
        raise InputError(
            f"command {shlex.join(words)!a:.80}",
            "sudo is used in another form than `sudo -n PROGRAM`",
            "Name a program",
        )
    return shlex.join(_SUDO) + " ", shlex.join((*guard, *program))


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
    return f"no end within {round(timeout_s, 1):g} s"


def _refuse_unusable(words: Sequence[str]) -> None:
    if not words or not words[0]:
        raise InputError("command", "no program is named", "Name a program and its arguments")
    for word in words:
        if "\0" in word:
            raise InputError(f"argument {word!a:.80}", "it holds a NUL, which no program can be given", "Remove it")
        if any("\ud800" <= character <= "\udfff" for character in word):
            raise InputError(f"argument {word!a:.80}", "it is no Unicode text", "Write it again")
