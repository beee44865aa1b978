"""Ask the VM: five commands over one channel, in parallel where it can, the logs first so that check can be given the
hub's name; and beside them one small question to the VM about itself.

A device that DPS provisioned has no hub in its configuration, so that a plain `iotedge check` tests none of the hub's
ports (aziotctl's host_connect_iothub). The name stands in identityd's and edged's logs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from eflowprov.bridge.vm_probe import probe_command
from eflowprov.errors import EflowprovError
from eflowprov.model import CommandResult, Problem, VmChannel
from eflowprov.parsers.text import decode
from eflowprov.parsers.usage import is_refused
from eflowprov.workflows.readiness.outputs import AGENT, CHECK, LIST, LOGS, STATUS, VM, Output, Outputs
from eflowprov.workflows.readiness.reading import NO_COMMAND

_ROOT = ("sudo", "-n")
LIST_COMMAND = ("iotedge", "list")
STATUS_COMMAND = ("iotedge", "system", "status")
AGENT_COMMAND = ("iotedge", "logs", "edgeAgent", "--tail", "200")
# Seconds for each command. check starts containers and may pull an image: minutes on a bad line.
_QUICK_S = 60.0
_CHECK_S = 300.0
_PROBE_S = 20.0
_AT_ONCE = {"cmdlet": 1}  # the cmdlets take one call after the other: each command gets what time is left at its turn
_COMMANDS = 6
_SLICE_S = 0.2
_SHORT = "--timeout left it no more"
_NEWEST = 20_000  # lines of a journal that is too large: some 20 MiB
_CAP = 64 * 2**20  # bytes of one output that are kept; a journal of an hour is a few MiB

T = TypeVar("T")
FindHub = Callable[[CommandResult], str]


class Collector:
    """Runs the five commands within one total deadline; each is submitted after what it waits for, since a channel may
    take only one at once.

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
        self._begun: dict[tuple[str, ...], float] = {}

    def collect(self) -> Outputs:
        """Every output, or the reason why it is not there; never raises for a command that failed."""
        at_once = _AT_ONCE.get(self._channel.name, _COMMANDS)
        with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="verify") as pool:
            logs = pool.submit(self._logs)
            others = {
                LIST: pool.submit(self._first_taken, [LIST_COMMAND], _QUICK_S),
                STATUS: pool.submit(self._first_taken, [STATUS_COMMAND], _QUICK_S),
                AGENT: pool.submit(self._first_taken, [AGENT_COMMAND], _QUICK_S),
            }
            others |= {LOGS: logs, CHECK: pool.submit(self._check, logs), VM: pool.submit(self._probe, others[STATUS])}
            try:
                results = {name: awaited(future) for name, future in others.items()}
            except BaseException:  # Ctrl-C: what runs is cut off, what has not begun does not begin
                self._end = 0.0
                self._channel.close()
                raise
        return Outputs(
            results,
            hub_asked=self._hub,
            refused=tuple(self._refused),
            vm_asked_at=self._vm_asked_at,
            begins=self._begins(results),
        )

    def _begins(self, results: Mapping[str, Output]) -> dict[str, float]:
        """By output, the seconds after the first command at which its own began, to the millisecond."""
        begun = {
            name: self._begun[result.argv]
            for name, result in results.items()
            if isinstance(result, CommandResult) and result.argv in self._begun
        }
        first = min(self._begun.values(), default=0.0)
        return {name: round(begin - first, 3) for name, begin in begun.items()}

    def _logs(self) -> Output:
        """The journal; of one that is too large its newest lines, which tell how the device is now.

        `--since` with `--lines` would give the oldest of them before systemd 254 (systemd#26657), and EFLOW has 250.
        """
        output = self._first_taken(log_commands(self._since), _QUICK_S)
        if not isinstance(output, CommandResult) or not output.dropped:
            return output
        newest = self._first_taken(journal_commands("--lines", str(_NEWEST)), _QUICK_S)
        if not isinstance(newest, CommandResult) or newest.status != 0 or newest.dropped:
            return output
        why = f"The journal since {self._since} is larger than {_CAP // 2**20} MiB"
        return replace(newest, note=f"{why}: only its newest {_NEWEST} lines were read")

    def _probe(self, status: Future[Output]) -> Output:
        """Optional: whatever comes of it, the five commands do not notice; it follows the quickest of them, so that no
        more run at once. The VM's clock is compared with ours."""
        status.result()
        self._vm_asked_at = time.time()
        return self._run(probe_command(), _PROBE_S)

    def _check(self, logs: Future[Output]) -> Output:
        if not self._hub:
            seen = logs.result()
            self._hub = self._find_hub(seen) if isinstance(seen, CommandResult) else ""
        return self._first_taken(check_commands(self._hub), _CHECK_S)

    def _first_taken(self, commands: Sequence[tuple[str, ...]], timeout_s: float) -> Output:
        output, refused = first_taken(lambda command: self._run(command, timeout_s), commands)
        self._refused += refused
        return output

    def _run(self, command: tuple[str, ...], timeout_s: float) -> Output:
        left = min(timeout_s, self._end - time.monotonic())
        if left <= 0:
            return Problem(f"the time was up before it could be run ({_SHORT})")
        self._begun[*_ROOT, *command] = time.monotonic()
        try:
            result = self._channel.run((*_ROOT, *command), timeout_s=left, cap=_CAP)
            is_short = left < timeout_s and result.note.startswith("no end")
            return replace(result, note=f"{result.note} ({_SHORT})") if is_short else result
        except EflowprovError as error:
            return Problem(str(error))


def awaited(future: Future[T]) -> T:
    """Wait for it in slices: on Windows a wait without an end cannot be interrupted by Ctrl-C."""
    while not future.done():
        with suppress(TimeoutError):
            future.result(timeout=_SLICE_S)
    return future.result()


def first_taken(
    run: Callable[[tuple[str, ...]], Output], commands: Sequence[tuple[str, ...]]
) -> tuple[Output, tuple[CommandResult, ...]]:
    """Run the first of the commands that this version knows; gives its output, and each refusal before it."""
    refused: list[CommandResult] = []
    for command in commands:
        result = run(command)
        if not (isinstance(result, CommandResult) and _was_refused(result)):
            return result, tuple(refused)
        refused.append(result)
    seen = decode(refused[-1].stderr) if refused else ""
    return Problem(NO_COMMAND, missing=True, seen=seen), tuple(refused)


def check_commands(hub: str) -> list[tuple[str, ...]]:
    """JSON, and text for versions that have no JSON; with the hub's name where it is known."""
    named = ("--iothub-hostname", hub) if hub else ()
    return [("iotedge", "check", "--output", "json", *named), ("iotedge", "check", "--verbose", *named)]


def log_commands(since: str) -> list[tuple[str, ...]]:
    """JSON by `iotedge system logs`; its text form; and, for 1.1, which has no `iotedge system`, the journal itself."""
    return journal_commands("--since", since)


def journal_commands(*which: str) -> list[tuple[str, ...]]:
    """The same for any part of the journal, in journalctl's own flags."""
    journal = ("--no-pager", *which)
    return [
        ("iotedge", "system", "logs", "--", *journal, "-o", "json"),
        ("iotedge", "system", "logs", "--", *journal),
        ("journalctl", "-u", "iotedge", *journal, "-o", "json"),
    ]


def _was_refused(result: CommandResult) -> bool:
    return result.status not in (0, None) and is_refused(decode(result.stderr) or decode(result.stdout))
