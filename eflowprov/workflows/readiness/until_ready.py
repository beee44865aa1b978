"""`verify --wait`: look until the device is ready, until a failure is there that no waiting heals, or the time is up.

All looks go over one connection. A VM that restarts breaks it once; it is then made anew, once, at the pace of the
ledger (connections.py), while the wait goes on.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.checks.catalogue import explain_causes
from eflowprov.checks.entries import entries
from eflowprov.errors import DeadlineError, DeniedError, HostKeyError, StorageError, TransportError
from eflowprov.model import Finding, Identity, Outcome, Report, Target, Verdict
from eflowprov.workflows.readiness.outputs import Outputs
from eflowprov.workflows.readiness.timeline import Begun, Timeline
from eflowprov.workflows.readiness.verify import OnLook, VerifyOptions, assemble, collect, judge, keep
from eflowprov.workflows.readiness.waiting import Backoff, Look, Standing, wait_until
from eflowprov.workflows.vm.channels import OpenChannel

_LOG = logging.getLogger(__name__)

BACKOFF = Backoff(5.0, 1.5, 30.0)  # a look runs `iotedge check`, which starts containers: no more often than that
PING_S = 10.0  # for one command that does nothing; a VM under load answers within a second
LAST_LOOK_S = 60.0  # what a look is given at least, also when the time is nearly up

# A refusal is believed once it stands: systemd starts identityd anew within seconds, edged asks for a new registration
# within the minute (iotedge's aziot-edged.service, RestartSec), and each such try first repeats the old refusal.
STEADY_LOOKS = 3
STEADY_S = 90.0

_LASTING = re.compile(r"provisioning/dps-assigned|identity/.*")  # what only a person can change
# By the catalogue's ids, the reasons of a failed registration that go away by themselves; or that nobody knows.
_HEALS = {
    *("dns", "proxy", "tls", "network", "malformed-answer", "not-yet-valid"),
    *("conflict", "throttled", "service-fault", "unknown"),
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """The failures of one kind that stand, since when and in how many looks."""

    failures: frozenset[tuple[str, str]] = frozenset()
    since: float = 0.0
    looks: int = 0


class ReadinessWait:
    """Waits for one device. `reopen` makes the connection anew; `progress` is told what is waited for.

    With `save_to` the last look's outputs are kept; `on_unsaved` as in `verify_vm`, and so is `on_look`, for the last.
    """

    def __init__(
        self,
        opened: OpenChannel,
        options: VerifyOptions,
        *,
        reopen: Callable[[], OpenChannel],
        progress: Callable[[str], None],
        host: str,
        save_to: Path | None = None,
        on_unsaved: Callable[[StorageError], None] | None = None,
        on_look: OnLook | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._opened: OpenChannel | None = opened
        self._target = Target(host, opened.channel.vm, opened.channel.name)
        self._options = options
        self._reopen = reopen
        self._progress = progress
        self._save_to = save_to
        self._on_unsaved = on_unsaved
        self._on_look = on_look
        self._clock = clock
        self._pause = pause
        self._reconnects_left = 1
        self._is_lost_told = False
        self._before: tuple[Report, Outputs] | None = None  # the last look through which the VM was there
        self._seen = _Seen()
        self._timeline = Timeline()
        self._outputs: Outputs | None = None
        self._broken: TransportError | None = None

    def run(self, wait_s: float) -> Report:
        """The report of the last look; when the VM was lost for good, the last one there was, and `vm/lost` with it.

        Raises the TransportError that broke the connection when there was no look at all, and HostKeyError.
        """
        started_at = datetime.now(UTC)
        try:
            waited = wait_until(
                self._look,
                timeout_s=wait_s,
                progress=self._progress,
                backoff=BACKOFF,
                pause=self._pause,
                clock=self._clock,
            )
            report = waited.value or self._without_vm()
            if self._on_look is not None and self._outputs is not None:
                opened = self._opened if self._opened and self._opened.is_open() else None
                self._on_look(opened.channel if opened else None, self._outputs)
        finally:
            self.close()
            if self._outputs is not None:  # also when something else ends the wait
                keep(self._outputs, self._save_to, self._on_unsaved)
        return replace(report, started_at=started_at, duration_s=waited.waited_s, timeline=self._timeline.entries())

    def _without_vm(self) -> Report:
        broken = self._broken or TransportError("the VM", "gave no answer", "Check Get-EflowVm: is the VM running?")
        if self._before is None:
            raise broken
        report, self._outputs = self._before
        entry = entries("runtime")["vm/lost"]
        detail = f"{broken.where}: {broken.why}. What else is told here was seen before."
        lost = Finding(entry.id, entry.title, Outcome.ERROR, detail, f"{broken.next_step}.", source="connection")
        return replace(report, findings=(lost, *report.findings))

    def close(self) -> None:
        """Close the connection that there is."""
        if self._opened is not None:
            self._opened.channel.close()
            self._opened = None

    # ------------------------------------------------------------------------------------------------- one look

    def _look(self, left_s: float) -> Look[Report | None]:
        try:
            channel = self._connected()
        except (HostKeyError, DeniedError):
            raise  # another machine answers there, or none lets us in; no waiting changes that
        except TransportError as error:
            self._broken = error
            final = self._opened is None and self._reconnects_left < 0
            return Look(None, Standing.FAILED if final else Standing.PENDING, f"the VM to answer ({error.why})")
        self._is_lost_told = False
        report, self._outputs = self._report(channel, left_s)
        if self._before is None or channel.is_open():
            self._before = report, self._outputs
        return Look(report, self._standing(report), _waits_for(report))

    def _connected(self) -> OpenChannel:
        """The connection, proved to live; or a new one in its place. TransportError when there is none yet."""
        if self._opened is not None and self._answers(self._opened):
            return self._opened
        if self._opened is not None:
            self.close()
            self._reconnects_left -= 1
        if self._reconnects_left < 0:
            raise _lost(self._target.vm)
        if not self._is_lost_told:
            self._progress("the connection to the VM was lost, making it anew")
        self._is_lost_told = True
        self._opened = self._reopen()
        return self._opened

    def _answers(self, opened: OpenChannel) -> bool:
        """Over SSH alone: a VM that was switched off leaves a connection that looks whole and answers nothing."""
        if not opened.is_open():
            return False
        if opened.channel.name != "ssh":
            return True
        try:
            return opened.channel.run(("true",), timeout_s=PING_S).status is not None
        except DeadlineError:
            return False
        except TransportError as error:
            _LOG.info("the VM does not answer: %s", error)
            return False

    def _report(self, opened: OpenChannel, left_s: float) -> tuple[Report, Outputs]:
        begun = Begun.now()
        options = replace(self._options, timeout_s=min(self._options.timeout_s, max(left_s, LAST_LOOK_S)))
        outputs = collect(self._timeline.watch(opened.channel), options)
        judgement = judge(outputs, options, now=datetime.now(UTC))
        report = assemble(judgement, begun=begun, target=self._target, identity=Identity(), expect=self._options.expect)
        return report, outputs

    # ------------------------------------------------------------------------------------------------- its judgement

    def _standing(self, report: Report) -> Standing:
        if report.verdict in (Verdict.READY, Verdict.READY_AWAITING_DEPLOYMENT):
            return Standing.READY
        failures, now = frozenset(map(_shape, lasting_failures(report.findings))), self._clock()
        same = failures & self._seen.failures
        self._seen = replace(self._seen, failures=same, looks=self._seen.looks + 1) if same else _Seen(failures, now, 1)
        steady = self._seen.looks >= STEADY_LOOKS and now - self._seen.since >= STEADY_S
        return Standing.FAILED if failures and steady else Standing.PENDING


def lasting_failures(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The failures that no waiting heals: DPS's refusals and a wrong identity, but no trouble of network or load."""
    return tuple(
        finding
        for finding in findings
        if finding.outcome is Outcome.FAIL and _LASTING.fullmatch(finding.id) and not _heals(finding)
    )


def _heals(finding: Finding) -> bool:
    reason = finding.detail.partition(". ")[0]  # what follows is our own explanation of it
    return finding.id.startswith("provisioning/") and explain_causes([reason]).id in _HEALS


def _shape(finding: Finding) -> tuple[str, str]:
    """What makes two failures the same: the numbers in them (times, counts, tracking ids) may differ."""
    return finding.id, re.sub(r"[0-9a-f-]{8,}|\d+", "#", finding.detail)


def _waits_for(report: Report) -> str:
    """The first thing that is missing; the report's own order puts the causes first."""
    open_ones = [finding for finding in report.findings if finding.outcome in (Outcome.FAIL, Outcome.ERROR)]
    if not open_ones:
        return "evidence"
    more = f" (and {len(open_ones) - 1} more)" if len(open_ones) > 1 else ""
    return f"{open_ones[0].id}: {open_ones[0].detail or open_ones[0].title}{more}"


def _lost(vm: str) -> TransportError:
    return TransportError(f"SSH {vm}", "the connection was lost", "Check that the VM stays up, then verify again")
