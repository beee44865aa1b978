"""A site's own severities: rules that change the outcome of findings by their ids, each with its reason.

A rule changes what was judged (`warn`, `fail`), and `ignore` also takes an `error` out of the verdict. It never turns
something into a proof that it is not: a `skip` stays one, and the findings that a verdict rests on (PROOFS) can be made
graver and never milder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from eflowprov.model import Finding, Outcome

PROOFS = frozenset(
    {
        "provisioning/dps-assigned",
        "provisioning/hub-connected",
        "deployment/present",
        "module/edgeAgent",
        "iotedge-check/report",
        "logs/journal",
        "logs/empty",
    }
)
# The severity that a rule gives -> the outcome; `ignore` is a skip: not judged at this site.
SEVERITIES: Mapping[str, Outcome] = {
    "fail": Outcome.FAIL,
    "warn": Outcome.WARN,
    "pass": Outcome.PASS,
    "ignore": Outcome.SKIP,
}
_JUDGED = (Outcome.WARN, Outcome.FAIL)


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` is an id or a glob of ids (`*`, `?`, `[…]`); `severity` a key of SEVERITIES."""

    pattern: str
    severity: str
    reason: str

    def fits(self, id_: str) -> bool:
        return fnmatchcase(id_, self.pattern)


@dataclass(frozen=True, slots=True)
class Policy:
    """A site's rules; of several that fit a finding the last counts. Applying it twice is applying it once."""

    rules: tuple[Rule, ...] = ()

    def applied(self, finding: Finding) -> Finding:
        """The finding as the site wants it judged; its detail says what was changed, and why."""
        rule = next((rule for rule in reversed(self.rules) if rule.fits(finding.id)), None)
        if rule is None or not _may_change(finding, rule):
            return finding
        told = f"{finding.detail} Policy: {rule.severity} in place of {finding.outcome}: {rule.reason}".strip()
        return replace(finding, outcome=SEVERITIES[rule.severity], detail=told)


def _may_change(finding: Finding, rule: Rule) -> bool:
    wanted = SEVERITIES[rule.severity]
    if finding.outcome is wanted or (finding.id in PROOFS and wanted is not Outcome.FAIL):
        return False
    return finding.outcome in _JUDGED or (finding.outcome is Outcome.ERROR and wanted is Outcome.SKIP)
