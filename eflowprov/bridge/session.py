"""One call into the local PowerShell: a script of ours and its parameters go in as data, one answer comes back."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from eflowprov.bridge.envelope import Envelope, open_envelope, request_line
from eflowprov.errors import BridgeError, DeadlineError, TransportError
from eflowprov.transports.powershell import find_powershell, powershell_command, powershell_environment
from eflowprov.transports.process_tree import ProcessResult, run_process

_LOG = logging.getLogger(__name__)
MORE_TIME = "Where the time can be set (--timeout, timeout_s in a configuration), allow more"
_CAP = 64 * 2**20  # a stream: 16 MiB of a command's output, in base64 twice, is 29 MiB


@dataclass(frozen=True, slots=True)
class Failure:
    """A terminating error, as PowerShell names it. Judge by `error_id` and `category`: `message` is localised."""

    message: str
    error_id: str
    category: str
    elevated: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script answered: its `data`, or the `failure` that ended it; `log` is everything else that was printed."""

    data: dict[str, object]
    failure: Failure | None
    log: tuple[str, ...]
    duration_s: float


def read_script(name: str) -> str:
    """The text of scripts/NAME.ps1, with LF line ends, however it was checked out."""
    text = (files("eflowprov.bridge") / "scripts" / f"{name}.ps1").read_bytes().decode("ascii")
    return text.replace("\r\n", "\n")


class PowerShellSession:
    """Starts PowerShell anew for each call; calls share nothing, so several threads may call at once.

    `command` is the program and what stands before PowerShell's own arguments (found when None); `environ` the
    environment to start from (this process's when None).
    """

    def __init__(self, command: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ if environ is None else environ)
        self._command = tuple(command) if command is not None else None

    def call(
        self,
        script_name: str,
        params: Mapping[str, object],
        timeout_s: float,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """Run scripts/`script_name`.ps1 with `params` (texts through `text_param`) within `timeout_s` in all.

        TransportError when PowerShell cannot be started, or was ended because `cancel` was set; DeadlineError when no
        answer was there in time, BridgeError when the answer is not whole. An error inside the script is an answer with
        a `failure`.
        """
        program = self._command if self._command is not None else find_powershell(self._environ, sys.platform)
        nonce = "n" + secrets.token_hex(16)
        started = time.monotonic()
        result = run_process(
            powershell_command(program, read_script("bootstrap")),
            request_line(read_script(script_name), params, nonce),
            timeout_s=timeout_s,
            env=powershell_environment(self._environ),
            cap=_CAP,
            cancel=cancel,
        )
        envelope = _envelope(result, nonce, timeout_s)
        for line in envelope.log:
            _LOG.debug("powershell: %s", line)
        return _answer(envelope, time.monotonic() - started)


def _envelope(result: ProcessResult, nonce: str, timeout_s: float) -> Envelope:
    """A whole answer counts, also when PowerShell then did not end in time."""
    try:
        return open_envelope(result.stdout, nonce, result.stderr)
    except BridgeError as error:
        if result.cancelled:
            raise TransportError(error.where, "it was ended before it answered", "Run the command again") from None
        if result.timed_out:
            raise DeadlineError(
                error.where, f"no answer within {round(timeout_s, 1):g} s", f"Try again. {MORE_TIME}"
            ) from error
        if result.dropped:
            why = f"it printed {result.dropped} bytes more than can be kept, and the answer was not among the first"
            raise BridgeError(error.where, why, error.next_step) from error
        raise


def _answer(envelope: Envelope, duration_s: float) -> Answer:
    """The bootstrap's `{ok, data, error}`; BridgeError when it is anything else."""
    answer = envelope.answer
    data, error = answer.get("data"), answer.get("error")
    if answer.get("ok") is True and isinstance(data, dict):
        return Answer(data, None, envelope.log, duration_s)
    if answer.get("ok") is False and isinstance(error, dict):
        return Answer({}, failure_from(error), envelope.log, duration_s)
    raise BridgeError("PowerShell", "the answer is not in the known form", "Install this version of eflowprov anew")


def failure_from(fields: Mapping[str, object]) -> Failure:
    """A `{message, id, category, elevated}` of the scripts."""
    elevated = fields.get("elevated")
    return Failure(
        str(fields.get("message") or ""),
        str(fields.get("id") or ""),
        str(fields.get("category") or ""),
        elevated if isinstance(elevated, bool) else None,
    )
