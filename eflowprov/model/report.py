"""Findings, and the report that alone knows the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from eflowprov.model.runtime import Module


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    EXPECTED = "expected"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


class Verdict(StrEnum):
    READY = "ready"
    READY_AWAITING_DEPLOYMENT = "ready-awaiting-deployment"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


EXIT_STATUS: Mapping[Verdict, int] = {
    Verdict.READY: 0,
    Verdict.READY_AWAITING_DEPLOYMENT: 0,
    Verdict.NOT_READY: 1,
    Verdict.UNKNOWN: 3,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One decision: a lasting id, a title, the outcome, and the evidence it rests on (lines, quoted)."""

    id: str
    title: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""
    evidence: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    host: str = ""
    vm: str = ""
    channel: str = ""  # "ssh" | "cmdlet" | "saved"


@dataclass(frozen=True, slots=True)
class Identity:
    registration_id: str = ""
    device_id: str = ""
    hub: str = ""
    scope_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A known message in the logs: how often, when first and last, and one sample line."""

    id: str
    count: int
    first: datetime | None
    last: datetime | None
    sample: str


@dataclass(frozen=True, slots=True)
class LogSummary:
    lines: int = 0
    first: datetime | None = None
    last: datetime | None = None
    errors: int = 0
    warnings: int = 0
    patterns: tuple[LogPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that was done for a report: `kind` is "step" (of `run`) or "command" (in the VM).

    `begin_s` is seconds after the report's beginning; `note` says how it ended where that was not well.
    """

    name: str
    kind: str
    begin_s: float
    duration_s: float
    note: str = ""


class ChangeKind(StrEnum):
    """What became of one thing since the baseline, what matters most first."""

    WORSE = "worse"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs from the baseline.

    `about` is "finding", "module", "version" or "identity"; `id` a finding's lasting id, a module's name, a program's
    name or a field of the report's identity. Each pair of the two is told once. `before` and `after` are outcomes or
    values, "" where the thing was not there. `trouble` says that it is new trouble (checks/baseline.py).
    """

    about: str
    id: str
    kind: ChangeKind
    before: str
    after: str
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier report that this one was compared with, and what changed since; `device` is its registration ID."""

    started_at: datetime
    verdict: Verdict
    tool_version: str
    device: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The readiness report: the only place that knows the verdict.

    `timeline` is what was done and when, for people: the HTML form shows it, the JSON document does not have it.
    `versions` are those of the runtime's programs, as far as they are told. `baseline` is None when there was nothing
    to compare with.
    """

    tool_version: str
    started_at: datetime
    duration_s: float
    target: Target
    identity: Identity
    findings: tuple[Finding, ...]
    modules: tuple[Module, ...] = ()
    logs: LogSummary = LogSummary()
    timeline: tuple[TimelineEntry, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    baseline: Baseline | None = None

    @property
    def summary(self) -> Mapping[Outcome, int]:
        """How many findings have each outcome; every outcome has its count, also 0."""
        return {outcome: sum(finding.outcome is outcome for finding in self.findings) for outcome in Outcome}

    @property
    def verdict(self) -> Verdict:
        """Silence is never a pass: an error, or nothing proved, is `unknown`; a report without evidence is no
        verdict."""
        count = self.summary
        if count[Outcome.ERROR] or not (count[Outcome.PASS] or count[Outcome.EXPECTED] or count[Outcome.FAIL]):
            return Verdict.UNKNOWN
        if count[Outcome.FAIL]:
            return Verdict.NOT_READY
        return Verdict.READY_AWAITING_DEPLOYMENT if count[Outcome.EXPECTED] else Verdict.READY

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.verdict]
