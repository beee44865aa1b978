"""`dps/enrollment`: what DPS's service side has, or says to a change of it."""

from __future__ import annotations

from collections.abc import Sequence

from eflowprov.checks.catalogue import explain_service_refusal
from eflowprov.checks.judgement import evidence
from eflowprov.model import EnrollmentKind, Finding, Outcome, Refused

_ID = "dps/enrollment"
_TITLE = "DPS has the enrollment"
_SOURCE = "DPS service"
_NAMES = {EnrollmentKind.INDIVIDUAL: "The individual enrollment", EnrollmentKind.GROUP: "The enrollment group"}
_RESULTS = {"created": "was made", "changed": "was changed", "nothing to do": "was there already, as it is wanted"}


def judge_enrollment(kind: EnrollmentKind, id_: str, result: str, differences: Sequence[str]) -> Finding:
    """An enrollment that is as wanted: created, changed, or nothing to do."""
    return Finding(
        _ID, _TITLE, Outcome.PASS, f"{_NAMES[kind]} {id_} {_RESULTS[result]}.", "", evidence(differences), _SOURCE
    )


def judge_service_refusal(refused: Refused) -> Finding:
    """What DPS said no to, decoded."""
    known = explain_service_refusal(refused.http_status)
    code = str(refused.error_code or refused.http_status)
    tracking = f" (tracking ID {refused.tracking_id})" if refused.tracking_id else ""
    message = refused.message.rstrip(".") or "no message"
    parts = {
        "ID": refused.registration_id,
        "HTTP status": str(refused.http_status),
        "error code": str(refused.error_code or ""),
        "message": refused.message,
        "tracking ID": refused.tracking_id,
    }
    lines = evidence(f"{name}: {value}" for name, value in parts.items() if value)
    detail = f"DPS refused with {code}: {message}{tracking}. {known.cause}"
    return Finding(_ID, _TITLE, Outcome.FAIL, detail, known.remedy, lines, _SOURCE)
