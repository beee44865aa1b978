"""`dps/registration`: what DPS answered to a registration from this machine."""

from __future__ import annotations

from eflowprov.checks.catalogue import explain_refusal
from eflowprov.checks.judgement import evidence
from eflowprov.model import Assigned, Finding, Outcome, Refused, Registration

_ID = "dps/registration"
_TITLE = "DPS takes the device"
_SOURCE = "DPS"


def judge_registration(registration: Registration, *, expected_device_id: str = "") -> Finding:
    """Judge DPS's answer; an assigned device ID that differs from `expected_device_id` ("" for any) is a `fail`."""
    if isinstance(registration, Refused):
        return _refused(registration)
    if not registration.hub or not registration.device_id:
        detail = "DPS says that it assigned the device, but names no hub or no device ID."
        return _finding(Outcome.ERROR, detail, "Register again: eflowprov dps register.", _answer(registration))
    if expected_device_id and registration.device_id != expected_device_id:
        return _another_device(registration, expected_device_id)
    detail = f"Assigned to {registration.hub} as device {registration.device_id}."
    return _finding(Outcome.PASS, detail, "", _answer(registration))


def _finding(outcome: Outcome, detail: str, remedy: str, lines: str) -> Finding:
    return Finding(_ID, _TITLE, outcome, detail, remedy, lines, _SOURCE)


def _answer(registration: Assigned) -> str:
    parts = {
        "registration ID": registration.registration_id,
        "hub": registration.hub,
        "device ID": registration.device_id,
        "substatus": registration.substatus,
    }
    return evidence(f"{name}: {value}" for name, value in parts.items() if value)


def _another_device(registration: Assigned, expected: str) -> Finding:
    detail = f"DPS assigned the device ID {registration.device_id}, and {expected} was expected."
    remedy = "Look at the device ID in the enrollment; IoT Hub's device IDs are case-sensitive."
    return _finding(Outcome.FAIL, detail, remedy, _answer(registration))


def _refused(refused: Refused) -> Finding:
    known = explain_refusal(refused.http_status, refused.error_code, refused.message)
    code = str(refused.error_code or refused.http_status or "without a code")
    tracking = f" (tracking ID {refused.tracking_id})" if refused.tracking_id else ""
    message = refused.message.rstrip(".") or "no message"
    parts = {
        "registration ID": refused.registration_id,
        "HTTP status": str(refused.http_status or ""),
        "error code": str(refused.error_code or ""),
        "message": refused.message,
        "tracking ID": refused.tracking_id,
    }
    lines = evidence(f"{name}: {value}" for name, value in parts.items() if value)
    return _finding(Outcome.FAIL, f"DPS refused with {code}: {message}{tracking}. {known.cause}", known.remedy, lines)
