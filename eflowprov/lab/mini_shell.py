"""A stand-in for the VM's shell, so that the simulated VM also runs where there is no POSIX shell.

It knows only the shapes that the product sends: one quoted argv with `sudo -n`, `timeout -k 5 N` and `</dev/null` or
the tether; and the script of `bridge.vm_command`. All else is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eflowprov.bridge.vm_command import SCRIPT, marks
from eflowprov.model import CommandResult
from eflowprov.transports.shell import KILL_AFTER_S, NO_INPUT, TETHER

_TIMED_OUT = 124  # timeout(1)
_NOT_FOUND = 127  # POSIX, 2.8.2: the command is not found
_WRAPPED = re.compile(r"echo ([A-Za-z0-9+/=]+) \| base64 -d \| sh")
_GUARD = re.compile(rf"(sudo -n )?timeout -k {KILL_AFTER_S} ([0-9]+) (.+){NO_INPUT}", re.DOTALL)
_TETHERED = re.compile(rf"(sudo -n )?{re.escape(TETHER)} eflowprov (timeout .+)", re.DOTALL)
_FIELDS = {"nonce": "[0-9A-Za-z]+", "limit": "[0-9]+", "cap": "[0-9]+", "command": ".+"}


class Program(Protocol):
    """A program of the simulated VM."""

    def __call__(self, argv: Sequence[str], *, root: bool) -> tuple[int, bytes, bytes]:
        """Run with `argv` (its own name first), under sudo or not: exit status, standard output, standard error."""
        ...


@dataclass(frozen=True, slots=True)
class _Guarded:
    argv: tuple[str, ...]
    root: bool
    limit_s: int


def run_shell(text: str, programs: Mapping[str, Program]) -> CommandResult:
    """What the VM's shell would answer to `text`; `programs` by the name they are called with.

    A text in any other shape than our own is answered with status 127 and a message that quotes it. For the script,
    standard output is its envelope and the status 0, as in a real shell.
    """
    started = time.monotonic()
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped:
        status, out, err = _run_script(_decoded(wrapped[1]), programs)
    else:
        status, out, err = _run_line(text, programs)
    return CommandResult((text,), status, out, err, time.monotonic() - started)


def _run_line(text: str, programs: Mapping[str, Program]) -> tuple[int, bytes, bytes]:
    command = _read_guarded(text)
    return _run(command, programs) if command else _refuse(text)


def _run_script(script: str, programs: Mapping[str, Program]) -> tuple[int, bytes, bytes]:
    found = _script_pattern().fullmatch(script)
    if not found:
        return _refuse(script)
    started = time.monotonic()
    status, out, err = _run_line(found["command"], programs)
    cap, begin_end = int(found["cap"]), marks(found["nonce"])
    ran = int(time.monotonic() - started)
    numbers = ":".join(map(str, (status, ran, int(found["limit"]), cap, len(out), len(err))))
    streams = (base64.b64encode(stream[:cap]).decode("ascii") for stream in (out, err))
    answer = ":".join((numbers, *streams, numbers))
    return 0, f"{begin_end[0]}{answer}{begin_end[1]}\n".encode("ascii"), b""


def _script_pattern() -> re.Pattern[str]:
    """The script of `vm_command` with a group for each of its blanks."""
    pattern = re.escape(SCRIPT.substitute({name: f"@{name}@" for name in _FIELDS}))
    for name, form in _FIELDS.items():
        pattern = pattern.replace(f"@{name}@", f"(?P<{name}>{form})")
    return re.compile(pattern, re.DOTALL)


def _read_guarded(text: str) -> _Guarded | None:
    """The guarded command in a shell text; None unless every word is quoted just as the product quotes it."""
    tethered = _TETHERED.fullmatch(text)
    found = _GUARD.fullmatch(f"{tethered[1] or ''}{tethered[2]}{NO_INPUT}" if tethered else text)
    if not found:
        return None
    try:
        argv = tuple(shlex.split(found[3]))
    except ValueError:
        return None
    return _Guarded(argv, bool(found[1]), int(found[2])) if shlex.join(argv) == found[3] else None


def _run(command: _Guarded, programs: Mapping[str, Program]) -> tuple[int, bytes, bytes]:
    """Run the program within its limit; one that goes on is left behind, as a program cannot be killed here."""
    program = programs.get(command.argv[0])
    if not program:
        message = f"timeout: failed to run command '{command.argv[0]}': No such file or directory\n"
        return _NOT_FOUND, b"", message.encode()
    answers: list[tuple[int, bytes, bytes]] = []

    def call() -> None:
        answers.append(program(command.argv, root=command.root))

    thread = threading.Thread(target=call, name="lab-program", daemon=True)
    thread.start()
    thread.join(command.limit_s)
    return answers[0] if answers else (_TIMED_OUT, b"", b"")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", errors="replace")
    except binascii.Error:
        return text


def _refuse(text: str) -> tuple[int, bytes, bytes]:
    return _NOT_FOUND, b"", f"mini shell: this is no command that eflowprov sends: {text[:200]!a}\n".encode("ascii")
