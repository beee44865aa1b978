"""What DPS says on its answer topic, read.

Follows "Communicate with DPS using the MQTT protocol": topic `$dps/registrations/res/{status}/?$rid=…[&retry-after=…]`,
body JSON. Error bodies carry errorCode, message and trackingId, or code and errorMessage (iot-identity-service reads
both); the tracking ID may stand inside the message (azure-iot-sdk-c#1789).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from eflowprov.errors import ParseError
from eflowprov.model import Assigned, Refused
from eflowprov.redaction import redact

_TOPIC = re.compile(r"\$dps/registrations/res/(\d{3})/\?")
_TRACKING = re.compile(r"tracking ?id:\s*([0-9a-z-]{8,64})", re.IGNORECASE)
_CAP = 2000  # characters of DPS's own words that are kept; its messages have one sentence


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet an answer: DPS works on it (202), or asks to come back later (429 and up)."""

    http_status: int
    error_code: int = 0
    message: str = ""


Answer = Assigned | Refused | Pending


def read_answer(topic: str, payload: bytes, registration_id: str) -> Answer:
    """Read one message; ParseError when it is in no form that DPS is known to use."""
    match = _TOPIC.match(topic)
    if match is None:
        raise _unknown(topic.encode("utf-8", "replace"))
    status = int(match[1])
    body = _json(payload)
    if status >= 300:
        code, message, tracking = _reason(body or {}) if body else (0, _words(payload), "")
        if status >= 429:
            return Pending(status, code, message)
        return Refused(registration_id, status, code, message, tracking)
    if body is None:
        raise _unknown(payload)
    return _registration(body, status, registration_id, payload)


def read_refusal(http_status: int, payload: bytes, registration_id: str) -> Refused:
    """An error's body as DPS writes it on either wire; of what is no JSON the first words are its message."""
    body = _json(payload)
    code, message, tracking = _reason(body) if body else (0, _words(payload), "")
    return Refused(registration_id, http_status, code, message, tracking)


def _registration(body: dict[str, Any], http_status: int, registration_id: str, payload: bytes) -> Answer:
    status = body.get("status")
    state = body.get("registrationState")
    state = state if isinstance(state, dict) else {}
    if status in ("assigning", "unassigned"):
        return Pending(http_status, message=str(status))
    if status == "assigned":
        hub, device_id = _text(state.get("assignedHub")), _text(state.get("deviceId"))
        if not hub or not device_id:
            raise ParseError("DPS", "its answer says assigned but names no hub or no device ID", _LOOK_ON)
        return Assigned(registration_id, hub, device_id, _text(state.get("substatus")))
    if status in ("failed", "disabled"):
        code, message, tracking = _reason({**body, **state})
        return Refused(registration_id, http_status, code, message or f"registration status: {status}", tracking)
    raise _unknown(payload)


def _reason(body: dict[str, Any]) -> tuple[int, str, str]:
    """Code, message and tracking ID of an error body; 0 and "" for what it lacks."""
    message = next((text for name in _MESSAGES if (text := _text(body.get(name)))), "")
    found = _TRACKING.search(message)
    tracking = _text(body.get("trackingId")) or (found[1] if found else "")
    return _number(body.get("errorCode") or body.get("code")), message, tracking


_MESSAGES = ("message", "errorMessage", "Message", "ExceptionMessage")
_LOOK_ON = "Look at the registration's record in DPS, and try again"


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _text(value: object) -> str:
    """A text of DPS without control characters and secrets (a proxy may quote the request's token back); "" for
    anything that is no text."""
    if not isinstance(value, str):
        return ""
    return redact("".join(c if c.isprintable() else " " for c in value[:_CAP]).strip())


def _words(payload: bytes) -> str:
    return _text(payload[:200].decode("utf-8", "replace"))


def _json(payload: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _unknown(seen: bytes) -> ParseError:
    why = f"the answer is in no form that DPS is known to use: {_words(seen)!r}"
    return ParseError("DPS", why, "Check that the endpoint is a DPS and not a proxy")
