"""Secrets, and what is run in the VM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Secret:
    """A passphrase, password or key: prints as `***` everywhere; `reveal()` at the one place of its use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is never serialised")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that ran: its exit status, standard output and standard error travel together.

    `status` is None when the deadline passed or the wire broke while it ran (`note` says which); what had been
    printed until then is kept. `stdout` and `stderr` hold at most the cap of the call; `dropped` counts the bytes
    beyond it.
    """

    argv: tuple[str, ...]
    status: int | None
    stdout: bytes
    stderr: bytes
    duration_s: float
    note: str = ""
    dropped: int = 0


class VmChannel(Protocol):
    """A way into the VM that is open: one SSH connection, or the EFLOW cmdlets.

    `run` gives a `CommandResult` for every command that was started, whatever its exit status; it raises
    `TransportError` when the command could not be started. Arguments arrive in the VM as data, each one whole; one
    with a NUL in it is refused with `InputError`. Several threads may call `run` at once.
    """

    @property
    def name(self) -> str:
        """`ssh` or `cmdlet`, as the report's `target.channel` says it."""
        ...

    @property
    def vm(self) -> str:
        """The VM as a person knows it: `172.27.120.111:22`, or its name."""
        ...

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 16 * 2**20) -> CommandResult:
        """Run one program with its arguments within `timeout_s` in all, keeping at most `cap` bytes a stream."""
        ...

    def close(self) -> None: ...
