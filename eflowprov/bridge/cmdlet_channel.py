"""The VM through the EFLOW cmdlets: every command is one PowerShell that calls Invoke-EflowVmCommand."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Sequence

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.vm_command import unwrap, wrap
from eflowprov.errors import DeadlineError, TransportError
from eflowprov.model import CommandResult

_CMDLET = "Invoke-EflowVmCommand"
_START_UP_S = 90.0  # PowerShell, the module's first import on a cold machine, and the cmdlet's own SSH connection
_PROBE_S = 30.0
_KEPT = 16 * 2**20


class CmdletChannel:
    """`VmChannel` over the cmdlets. Calls wait for each other: the VM blocks too many connections a minute."""

    name = "cmdlet"

    def __init__(self, host: EflowHost) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._vm = "EFLOW VM"
        self._hung_at = -math.inf

    @property
    def vm(self) -> str:
        """The VM's own host name once `probe` has asked for it."""
        return self._vm

    def probe(self) -> None:
        """Prove that the VM answers, and learn its name. TransportError when it does not."""
        result = self.run(("hostname",), timeout_s=_PROBE_S)
        if result.status is None:
            raise TransportError(
                _CMDLET, result.note or "no answer from the VM", "Check Get-EflowVm: is the VM running?"
            )
        if result.status == 0:
            self._vm = result.stdout.decode("utf-8", "replace").strip() or self._vm

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = _KEPT) -> CommandResult:
        """See `VmChannel.run`. The deadline is the command's in the VM; PowerShell's start is allowed for beside it.

        When PowerShell gave one call no answer at all, the calls that waited for it meanwhile are not tried: each would
        take as long.
        """
        nonce = secrets.token_hex(8)
        text = wrap(argv, nonce=nonce, timeout_s=timeout_s, cap=cap)
        asked = time.monotonic()
        with self._lock:
            started = time.monotonic()
            if self._hung_at >= asked:
                return CommandResult(tuple(argv), None, b"", b"", 0.0, "not run: PowerShell gave no answer before it")
            try:
                lines = self._invoke(text, timeout_s + _START_UP_S)
            except DeadlineError as error:
                self._hung_at = time.monotonic()
                return CommandResult(tuple(argv), None, b"", b"", time.monotonic() - started, error.why)
            return unwrap(lines, nonce=nonce, argv=argv, duration_s=time.monotonic() - started)

    def close(self) -> None:
        """End the PowerShell under way, and let no other start. The command in the VM ends by its own guard."""
        self._closed.set()

    def _invoke(self, text: str, timeout_s: float) -> tuple[str, ...]:
        """What the cmdlet returned. It throws when its own SSH fails: the command's status is inside the text."""
        if self._closed.is_set():
            raise TransportError(_CMDLET, "the way into the VM is closed", "Run the command again")
        answer = self._host.call(
            _CMDLET, {"command": text}, optional_switches=("ignoreError",), timeout_s=timeout_s, cancel=self._closed
        )
        if answer.error:
            raise TransportError(
                _CMDLET, answer.error, "Check Get-EflowVm: is the VM running, and this the user who deployed it?"
            )
        return answer.output
