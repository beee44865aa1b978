"""What `dps enroll`, `dps unenroll` and `dps status` say: for people within the console's width, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from eflowprov.model import EnrollmentKind, Finding, Outcome

if TYPE_CHECKING:
    from eflowprov.workflows.enrolling.enroll import Enrolled, Found
    from eflowprov.workflows.enrolling.status import Removal, Status

Document = Mapping[str, object]

_LABELS = {"service": "service", "slot": "slot", "sha1": "SHA-1"}


def enrolled_document(done: Enrolled, where: str) -> Document:
    """How `dps enroll` ended."""
    wanted = done.wanted
    return {
        "id": wanted.id,
        "kind": wanted.kind.value,
        "result": done.result or "refused",
        "service": where,
        "slot": wanted.slot,
        "sha1": wanted.sha1,
        "edge": wanted.edge,
        "changes": [{"field": each.field, "is": each.is_, "wanted": each.wanted} for each in done.differences],
        **_finding(done.finding),
    }


def removal_document(kind: EnrollmentKind, id_: str, done: Removal) -> Document:
    """How `dps unenroll` ended."""
    result = "refused" if done.refusal else "deleted" if done.removed else "nothing to do"
    return {
        "id": id_,
        "kind": kind.value,
        "result": result,
        "removed": list(done.removed),
        **_finding(done.refusal),
    }


def status_document(found: Status) -> Document:
    """What `dps status` found."""
    return {
        "id": found.id,
        "kind": found.kind.value,
        "good": found.is_good,
        "enrollment": found.enrollment,
        "registration": found.registration,
        "faults": list(found.faults),
        **_finding(found.refusal),
    }


def as_json(document: Document) -> str:
    return json.dumps(document, indent=2)


def result_text(document: Document, finding: Finding | None, width: int) -> str:
    """An enrollment that was made, changed, deleted or refused, for people."""
    lines = [f"{document['result']}: {document['kind']} enrollment {document['id']}"]
    lines += [f"  {label + ':':<13}{document[name]}" for name, label in _LABELS.items() if document.get(name)]
    for name, lead in (("changes", ""), ("removed", "deleted: ")):
        each = document.get(name)
        lines += [f"  {lead}{_change(one)}" for one in (each if isinstance(each, list) else ())]
    return "\n".join([*lines, *_refusal(finding, width)])


def status_text(found: Status, width: int) -> str:
    """What DPS has, for people: the fields, then what keeps the device out."""
    lines = [f"{found.kind} enrollment {found.id}", *_fields(found.enrollment)]
    if found.kind is EnrollmentKind.INDIVIDUAL:
        lines += ["registration", *_fields(found.registration)]
    lines += ["", *(_wrapped(fault, width) for fault in found.faults)] if found.faults else []
    return "\n".join([*lines, *_refusal(found.refusal, width)])


def differences_text(found: Found, where: str) -> str:
    """What a person sees before the question whether to change it."""
    return "\n".join([f"{where} has {found.wanted.id}, and it differs:", *(f"  {each}" for each in found.differences)])


def edge_note(done: Enrolled) -> str:
    """What there is to know of an enrollment that makes, or made, no IoT Edge device; "" mostly."""
    from eflowprov.workflows.enrolling.status import STAYS_PLAIN

    if not done.wanted.edge:
        return "Without --edge: EFLOW's runtime cannot work as a device that is no IoT Edge device."
    was_plain = any(each.field == "IoT Edge device" for each in done.differences)
    return f"It was missing --edge. {STAYS_PLAIN}" if was_plain else ""


def _finding(finding: Finding | None) -> dict[str, object]:
    if finding is None:
        return {}
    told = {"id": finding.id, "outcome": finding.outcome.value, "detail": finding.detail, "remedy": finding.remedy}
    return {"finding": told}


def _change(one: object) -> str:
    return f"{one['field']}: {one['is']} -> {one['wanted']}" if isinstance(one, dict) else str(one)


def _refusal(finding: Finding | None, width: int) -> Iterator[str]:
    if finding is not None and finding.outcome is not Outcome.PASS:
        yield from ("", _wrapped(finding.detail, width), _wrapped(f"What to do: {finding.remedy}", width))


def _fields(fields: Mapping[str, str] | None) -> list[str]:
    if fields is None:
        return ["  none"]
    return [f"  {name.replace('_', ' ') + ':':<21}{value}" for name, value in fields.items()]


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
