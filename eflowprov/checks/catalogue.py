"""The messages that DPS and the EFLOW cmdlets are known to give, each with its usual cause and the way out.

One code has many causes: 401002 alone comes with at least four messages, and identityd prints the message without
the code. So a refusal is looked up by its message first, then by its code, then by its HTTP status. The texts stand
in texts/dps.toml, texts/dps-service.toml and texts/eflow.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from eflowprov.checks.entries import MessageEntry, message_entries

_UNKNOWN, _SERVICE_FAULT = "unknown", "service-fault"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a message is usually seen, and what to do now; both are plain sentences with a full stop."""

    cause: str
    remedy: str
    id: str = ""


def explain_refusal(http_status: int, error_code: int, message: str) -> Explanation:
    """Decode a refusal of DPS: by its message, else its error code, else its HTTP status.

    `http_status` 0 means that MQTT's CONNACK refused, its return code being `error_code`; what is not told is 0 or "".
    """
    return _known("dps", message) or _by_number(http_status, error_code)


def explain_service_refusal(http_status: int) -> Explanation:
    """Decode a refusal of DPS's service side, by its HTTP status."""
    known = message_entries("dps-service")
    return _explanation(next((entry for entry in known if http_status in entry.statuses), known[-1]))


def explain_causes(messages: Iterable[str]) -> Explanation:
    """Decode a chain of `caused by:` lines: the innermost known message wins, since it is the nearest to the cause."""
    known = (_known("dps", message) for message in reversed(list(messages)))
    return next((found for found in known if found), _by_id(_UNKNOWN))


def explain_cmdlet(message: str) -> Explanation | None:
    """Decode a message of an EFLOW cmdlet, with or without its line number; None when it is not known."""
    return _known("eflow", message)


@cache
def _patterns(theme: str) -> tuple[tuple[re.Pattern[str], Explanation], ...]:
    known = (entry for entry in message_entries(theme) if entry.pattern)
    return tuple((re.compile(entry.pattern, re.IGNORECASE), _explanation(entry)) for entry in known)


def _known(theme: str, message: str) -> Explanation | None:
    return next((known for pattern, known in _patterns(theme) if pattern.search(message)), None)


def _by_number(http_status: int, error_code: int) -> Explanation:
    status = http_status or error_code // 1000  # DPS's codes begin with the HTTP status: 401002
    for entry in message_entries("dps"):
        if (not http_status and error_code in entry.connack) or error_code in entry.entry.codes:
            return _explanation(entry)
    by_status = (entry for entry in message_entries("dps") if status in entry.statuses)
    return next(map(_explanation, by_status), _by_id(_SERVICE_FAULT if 500 <= status < 600 else _UNKNOWN))


def _by_id(id_: str) -> Explanation:
    return next(_explanation(entry) for entry in message_entries("dps") if entry.entry.id == f"dps/{id_}")


def _explanation(known: MessageEntry) -> Explanation:
    return Explanation(known.entry.explanation, known.entry.remedy, known.entry.id.partition("/")[2])
