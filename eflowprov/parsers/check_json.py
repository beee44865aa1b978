"""`iotedge check --output json`: one document, `checks` by id (read in the source of 1.0.8 to 1.6.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from eflowprov.model import Check, CheckOutcome, CheckReport
from eflowprov.parsers.causes import fold_causes
from eflowprov.parsers.check_ids import check_title
from eflowprov.parsers.system_info import system_info
from eflowprov.parsers.text import refusal

_WHERE = "iotedge check"
_DOCUMENT = re.compile(r'\{\s{0,200}"(?:additional_info|checks)"')
_WITH_DETAILS = {CheckOutcome.WARNING, CheckOutcome.FATAL, CheckOutcome.ERROR}
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


class _UnknownFormError(ValueError):
    """A part of the document is not as any version writes it; the text says which."""


def json_start(text: str) -> int | None:
    """Where the JSON document begins; None when the text is no JSON (noise and prompts may stand before it)."""
    found = _DOCUMENT.search(text)
    if found:
        return found.start()
    start = len(text) - len(text.lstrip())
    return start if text[start : start + 1] == "{" else None


def parse_json(text: str, start: int) -> CheckReport:
    """The report of the document that begins at `start`. ParseError when it is cut off or in an unknown form."""
    seen = text[start:]
    try:
        document, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise refusal(_WHERE, seen, f"its JSON is cut off or broken ({_reason(error)})") from None
    try:
        return _report(document)
    except _UnknownFormError as error:
        raise refusal(_WHERE, seen, str(error)) from None


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__


def _report(document: object) -> CheckReport:
    checks = _mapping(document, "the document").get("checks")
    results = _mapping(checks, "`checks`")
    if not results:
        raise _UnknownFormError("its JSON has no check in it")
    info = _mapping(_mapping(document, "the document").get("additional_info") or {}, "`additional_info`")
    return CheckReport(
        checks=tuple(_check(identifier, value, results) for identifier, value in results.items()),
        form="json",
        versions={key: v for key, v in info.items() if key.endswith("_version") and isinstance(v, str) and v},
        now=_time(info.get("now")),
        system=system_info(info.get("system_info")),
    )


def _check(identifier: str, value: object, results: Mapping[str, object]) -> Check:
    result = _mapping(value, f"the check {identifier}").get("result")
    if isinstance(result, str):  # up to 1.0.8 the result was not nested
        result = value
    fields = _mapping(result, f"the result of {identifier}")
    outcome = _outcome(identifier, fields.get("result"))
    details = _details(identifier, fields.get("details")) if outcome in _WITH_DETAILS else ()
    return Check(identifier, check_title(identifier, results), outcome, details)


def _outcome(identifier: str, word: object) -> CheckOutcome:
    try:
        return CheckOutcome(str(word))
    except ValueError:
        raise _UnknownFormError(f"the result of {identifier} is no known word") from None


def _details(identifier: str, details: object) -> tuple[str, ...]:
    """Headline and causes, each once; a missing list is no detail."""
    if details is None:
        return ()
    if not isinstance(details, list) or not all(isinstance(part, str) for part in details):
        raise _UnknownFormError(f"the details of {identifier} are no list of texts")
    lines: list[str] = []
    for number, part in enumerate(details):
        first, *rest = part.splitlines() or [""]
        lines += [f"caused by: {first}" if number else first, *rest]
    return fold_causes(lines)


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _UnknownFormError(f"{what} is no JSON object")
    return value


def _time(value: object) -> datetime | None:
    """The VM's clock; None when it is missing, has no zone or is no RFC 3339."""
    try:
        time = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", str(value)))
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None
