"""What a judgement is made of: a draft of a finding, how drafts settle, and the judgement itself.

A draft may be `open`: it could not be found out, but a failure elsewhere would explain why. An open draft is an
`error` as long as nothing failed, since silence is never a pass, and a `skip` once something did: a device that DPS
refuses is not ready, although nobody could ask it about its deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from eflowprov.checks.policy import Policy
from eflowprov.model import Finding, LogSummary, Module, Outcome

_NO_POLICY = Policy()
_LINES = 12  # of evidence: what fits on a screen beside its finding
_WIDTH = 400  # characters of one line of evidence


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding, and whether it is open: an `error` that a failure elsewhere would turn into a `skip`."""

    finding: Finding
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the runtime's facts come to: the findings, and the rest of the report's facts about the VM.

    `hub` and `device_id` are as the runtime's own logs name them; "" when they do not. `registration_id` and
    `expires_at` are those of the certificate in the VM; `versions` those of the runtime's programs, by name.
    """

    findings: tuple[Finding, ...]
    modules: tuple[Module, ...] = ()
    logs: LogSummary = field(default_factory=LogSummary)
    hub: str = ""
    device_id: str = ""
    registration_id: str = ""
    expires_at: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def settle(drafts: Sequence[Draft], policy: Policy = _NO_POLICY) -> tuple[Finding, ...]:
    """Give the findings as the site's policy wants them; open ones stand behind the first failure where there is one.

    A failure that the policy made milder hides nothing: what stood open behind it alone is an `error` again. One that
    the policy made out of a warning explains nothing, and so nothing stands behind it.
    """
    findings = [policy.applied(draft.finding) for draft in drafts]
    failed = (Outcome.FAIL, Outcome.FAIL)
    pairs = zip(drafts, findings, strict=True)
    root = next((last for draft, last in pairs if (draft.finding.outcome, last.outcome) == failed), None)
    return tuple(
        _behind(finding, root) if root and draft.is_open else finding
        for draft, finding in zip(drafts, findings, strict=True)
    )


def _behind(finding: Finding, root: Finding) -> Finding:
    if finding.outcome is not Outcome.ERROR:
        return finding
    return replace(
        finding,
        outcome=Outcome.SKIP,
        detail=f"Not judged: behind {root.id}. {finding.detail}".strip(),
        remedy=f"Put right {root.id} first, then verify again.",
    )


def evidence(lines: Iterable[str]) -> str:
    """Join the lines that a finding rests on, bounded: the first ones, and how many more there were."""
    every = [line.rstrip() for text in lines for line in text.splitlines() if line.strip()]
    shown = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..." for line in every[:_LINES]]
    more = len(every) - len(shown)
    return "\n".join([*shown, f"(and {more} more lines)"] if more else shown)
