"""What a step of a run leaves in the report, and what the person who watches is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eflowprov.errors import EflowprovError
from eflowprov.model import Finding, Outcome
from eflowprov.workflows.provisioning.preparation import forbids

_JOURNAL = "journal"
_OPTIONAL = ("enroll", "register")  # steps that a configuration may leave out


def unanswered(step: str, error: EflowprovError) -> Finding:
    """A step that ended with an error that is not the input's."""
    why = f"{error.where}: {error.why}"
    return Finding(f"step/{step}", f"step {step}", Outcome.ERROR, why, error.next_step, source="run")


def skipped(step: str, because: str) -> Finding:
    """A step that has no sense after another one that did not succeed."""
    detail = f"Not run, because step {because} did not succeed."
    return Finding(f"step/{step}", f"step {step}", Outcome.SKIP, detail, source="run")


def already(id_: str, title: str, kept: Mapping[str, str]) -> Finding:
    """What the journal keeps as proved, with the hub and the device that were told."""
    detail = f"Proved by an earlier run: hub {kept['hub'] or 'not told'}, device {kept['device_id'] or 'not told'}."
    return Finding(id_, title, Outcome.PASS, detail, source=_JOURNAL)


def first_failing(findings: tuple[Finding, ...]) -> str:
    """What keeps a host from being fit, in the words of the first finding; "" when nothing does."""
    return next((finding.detail or finding.title for finding in findings if forbids((finding,))), "")


def told(step: str, found: Sequence[Finding]) -> tuple[str, ...]:
    """Lines for the progress of a run: why a step did nothing, and what failed in it."""
    if not found and step in _OPTIONAL:
        return ("  not configured: left out",)
    from_journal = [f"  not again. {each.detail}" for each in found if each.source == _JOURNAL]
    failed = [f"  {each.outcome.value}: {each.id}" for each in found if forbids((each,))]
    return (*from_journal, *failed)
