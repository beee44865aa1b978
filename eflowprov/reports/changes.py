"""The words in which every form of the report tells what changed since its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eflowprov.model import Baseline, Change, ChangeKind, Outcome
from eflowprov.reports.clean import clean_line
from eflowprov.reports.words import NAME, VERDICT_WORDS, minute

ROWS = 60
"""Of changes that are shown to a person; the JSON report has them all."""

_IDS = 12  # in one row
_FIELDS = {
    "registration_id": "registration ID",
    "device_id": "device ID",
    "hub": "hub",
    "scope_id": "ID scope",
    "expires_at": "certificate until",
}
_ABOUT = {"module": "module {}", "version": "{} version"}
_TONES: Mapping[ChangeKind, Outcome] = {
    ChangeKind.WORSE: Outcome.WARN,
    ChangeKind.NEW: Outcome.EXPECTED,
    ChangeKind.CHANGED: Outcome.EXPECTED,
    ChangeKind.GONE: Outcome.SKIP,
    ChangeKind.BETTER: Outcome.PASS,
}


@dataclass(frozen=True, slots=True)
class Row:
    """Changes of which the same is said: `names` of what changed, `count` of them in all, `told` what became of it.

    `tone` is the outcome whose colour fits. All texts are one line each.
    """

    kind: ChangeKind
    names: tuple[str, ...]
    count: int
    told: str
    trouble: bool
    tone: Outcome

    @property
    def more(self) -> int:
        """How many are counted and not named."""
        return self.count - len(self.names)


def since(baseline: Baseline) -> str:
    """`2026-11-20 05:12 UTC (READY, eflowprov 0.1.0)`: which report it was."""
    version = clean_line(baseline.tool_version, NAME)
    return f"{minute(baseline.started_at)} ({VERDICT_WORDS[baseline.verdict]}, eflowprov {version})"


def tally(baseline: Baseline) -> str:
    """`2 worse, 1 new, 1 gone; 2 are new trouble`, or that nothing changed."""
    counted = [(kind, sum(change.kind is kind for change in baseline.changes)) for kind in ChangeKind]
    told = ", ".join(f"{count} {kind.value}" for kind, count in counted if count)
    trouble = sum(change.trouble for change in baseline.changes)
    return f"{told}; new trouble: {trouble}" if told else "nothing changed"


def rows(baseline: Baseline) -> list[Row]:
    """The changes in their order, those of which the same is said together."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in baseline.changes:
        groups.setdefault((change.about, change.kind, change.before, change.after, change.trouble), []).append(change)
    return [_row(group) for group in groups.values()]


def line(change: Change) -> str:
    """One change in one line: `WORSE module/edgeHub: was pass, now fail (new trouble)`."""
    trouble = " (new trouble)" if change.trouble else ""
    return f"{change.kind.value.upper()} {name(change)}: {_told(change)}{trouble}"


def name(change: Change) -> str:
    """What changed, in a person's words; a finding by its lasting id."""
    if change.about == "identity":
        return clean_line(_FIELDS.get(change.id, change.id), NAME)
    return clean_line(_ABOUT.get(change.about, "{}").format(change.id), NAME)


def _row(group: list[Change]) -> Row:
    first = group[0]
    tone = Outcome.FAIL if first.trouble else _TONES[first.kind]
    return Row(first.kind, tuple(map(name, group[:_IDS])), len(group), _told(first), first.trouble, tone)


def _told(change: Change) -> str:
    before, after = clean_line(change.before, 2 * NAME), clean_line(change.after, 2 * NAME)
    return ", ".join([*([f"was {before}"] if before else []), *([f"now {after}"] if after else [])])
