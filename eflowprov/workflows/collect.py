"""Ask the VM: five commands over one channel, in parallel, the logs first so that check can be given the hub's name;
and beside them one small question to the VM about itself.

A device that DPS provisioned has no hub in its configuration, so that a plain `iotedge check` tests none of the hub's
ports (aziotctl's host_connect_iothub). The name stands in identityd's and edged's logs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from eflowprov.bridge.vm_probe import probe_command
from eflowprov.errors import EflowprovError
from eflowprov.model import CommandResult, Problem, VmChannel
from eflowprov.parsers.text import decode
from eflowprov.parsers.usage import is_refused
from eflowprov.workflows.outputs import AGENT, CHECK, LIST, LOGS, STATUS, VM, Output, Outputs

_ROOT = ("sudo", "-n")
# Seconds for each command. check starts containers and may pull an image: minutes on a bad line.
_QUICK_S = 60.0
_CHECK_S = 300.0
_PROBE_S = 20.0
_CAP = 64 * 2**20  # bytes of one output that are kept; a journal of an hour is a few MiB

FindHub = Callable[[CommandResult], str]


class Collector:
    """Runs the five commands within one total deadline.

    `find_hub` reads the hub's name out of the logs' output ("" when it is not there); `hub` is the name known
    beforehand, from a registration, and then check need not wait for the logs.
    """

    def __init__(self, channel: VmChannel, *, since: str, timeout_s: float, find_hub: FindHub, hub: str = "") -> None:
        self._channel = channel
        self._since = since
        self._end = time.monotonic() + timeout_s
        self._find_hub = find_hub
        self._hub = hub
        self._refused: list[CommandResult] = []
        self._vm_asked_at: float | None = None

    def collect(self) -> Outputs:
        """Every output, or the reason why it is not there; never raises for a command that failed."""
        with ThreadPoolExecutor(max_workers=6, thread_name_prefix="verify") as pool:
            logs = pool.submit(self._first_taken, _log_commands(self._since), _QUICK_S)
            others = {
                LIST: pool.submit(self._first_taken, [("iotedge", "list")], _QUICK_S),
                STATUS: pool.submit(self._first_taken, [("iotedge", "system", "status")], _QUICK_S),
                AGENT: pool.submit(self._first_taken, [("iotedge", "logs", "edgeAgent", "--tail", "200")], _QUICK_S),
            }
            others |= {LOGS: logs, CHECK: pool.submit(self._check, logs), VM: pool.submit(self._probe)}
            try:
                results = {name: future.result() for name, future in others.items()}
            except BaseException:  # Ctrl-C: what runs is cut off, what has not begun does not begin
                self._end = 0.0
                self._channel.close()
                raise
        return Outputs(results, hub_asked=self._hub, refused=tuple(self._refused), vm_asked_at=self._vm_asked_at)

    def _probe(self) -> Output:
        """Optional: whatever comes of it, the five commands do not notice. The VM's clock is compared with ours."""
        self._vm_asked_at = time.time()
        return self._run(probe_command(), _PROBE_S)

    def _check(self, logs: Future[Output]) -> Output:
        if not self._hub:
            seen = logs.result()
            self._hub = self._find_hub(seen) if isinstance(seen, CommandResult) else ""
        named = ("--iothub-hostname", self._hub) if self._hub else ()
        forms = [("iotedge", "check", "--output", "json", *named), ("iotedge", "check", "--verbose", *named)]
        return self._first_taken(forms, _CHECK_S)

    def _first_taken(self, commands: Sequence[tuple[str, ...]], timeout_s: float) -> Output:
        """Run the first of the commands that this version knows; each refusal is kept aside."""
        result: Output = Problem("no command was run", missing=True)
        for command in commands:
            result = self._run(command, timeout_s)
            if not (isinstance(result, CommandResult) and _was_refused(result)):
                return result
            self._refused.append(result)
        assert isinstance(result, CommandResult)  # noqa: S101 - the loop ran and ended in a refusal
        return Problem("this version of iotedge does not have the command", missing=True, seen=decode(result.stderr))

    def _run(self, command: tuple[str, ...], timeout_s: float) -> Output:
        left = min(timeout_s, self._end - time.monotonic())
        if left <= 0:
            return Problem("the time was up before it could be run")
        try:
            return self._channel.run((*_ROOT, *command), timeout_s=left, cap=_CAP)
        except EflowprovError as error:
            return Problem(str(error))


def _log_commands(since: str) -> list[tuple[str, ...]]:
    """JSON by `iotedge system logs`; its text form; and, for 1.1, which has no `iotedge system`, the journal itself."""
    journal = ("--no-pager", "--since", since)
    return [
        ("iotedge", "system", "logs", "--", *journal, "-o", "json"),
        ("iotedge", "system", "logs", "--", *journal),
        ("journalctl", "-u", "iotedge", *journal, "-o", "json"),
    ]


def _was_refused(result: CommandResult) -> bool:
    return result.status not in (0, None) and is_refused(decode(result.stderr) or decode(result.stdout))
