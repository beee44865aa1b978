"""A report read back from its JSON document: what `to_json` wrote, and nothing that merely looks like it.

Verdict and counts are not taken from the document: a report knows them from its findings. Fields that this version does
not know are passed over, so that a report of a newer release with the same schema version can be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from eflowprov.errors import ParseError
from eflowprov.model import (
    Baseline,
    Change,
    ChangeKind,
    Finding,
    Identity,
    LogPattern,
    LogSummary,
    Module,
    Outcome,
    Report,
    Target,
    Verdict,
)
from eflowprov.reports.json import SCHEMA_VERSION

Word = TypeVar("Word", bound=StrEnum)
_WRITE = "Give a file that eflowprov wrote with --format json"
_NO_REPORT = "it is no readiness report of eflowprov"
_SHOWN = 40  # characters of a foreign value in a refusal
_MOST = 1e15  # of a number; a float still has its unit there


def from_json(text: str) -> Report:
    """Return the report that `text` is. Its `timeline` is empty: the document does not have it.

    ParseError, in one line, for text that is cut off or no JSON, for JSON of another kind, and for a report of another
    schema version.
    """
    if not text.strip():
        raise ParseError("report", "it is empty", _WRITE)
    try:
        document = json.loads(text)
    except RecursionError:
        raise ParseError("report", f"{_NO_REPORT} (nested too deeply)", _WRITE) from None
    except ValueError as error:
        raise ParseError("report", f"it is not whole JSON ({error})", _WRITE) from None
    return from_document(document)


def from_document(document: object) -> Report:
    """The same for JSON that is loaded already."""
    whole = _Table(document, "")
    if whole.table("tool").text("name") != "eflowprov":
        raise ParseError("report", _NO_REPORT, _WRITE)
    version = whole.text("schema_version")
    if version != SCHEMA_VERSION:
        told = f"its schema version is {_quoted(version)}, and this eflowprov reads {SCHEMA_VERSION}"
        raise ParseError("report", told, "Use the eflowprov that wrote it, or write a new report with this one")
    return Report(
        tool_version=whole.table("tool").text("version"),
        started_at=whole.time("started_at"),
        duration_s=whole.number("duration_s"),
        target=_target(whole.table("target")),
        identity=_identity(whole.table("identity")),
        findings=tuple(map(_finding, whole.tables("findings"))),
        modules=tuple(map(_module, whole.tables("modules"))),
        logs=_logs(whole.table("logs")),
        versions=whole.table("versions").texts() if whole.has("versions") else {},
        baseline=_baseline(whole.table("baseline")) if whole.has("baseline") else None,
    )


class _Table:
    """A JSON object at a place of the document; what is not there as it should be is refused with its place."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            _refuse(place, value)
        self._value: dict[str, object] = value
        self._place = place

    def has(self, name: str) -> bool:
        return name in self._value

    def texts(self) -> dict[str, str]:
        return {name: self.text(name) for name in self._value}

    def text(self, name: str) -> str:
        return str(self._get(name, lambda value: isinstance(value, str)))

    def known(self, name: str) -> str:
        """A text that is null where it is not known."""
        value = self._get(name, lambda value: value is None or isinstance(value, str))
        return "" if value is None else str(value)

    def number(self, name: str) -> float:
        return float(self._get(name, lambda value: type(value) in (int, float) and 0 <= value <= _MOST))

    def count(self, name: str) -> int:
        return int(self._get(name, lambda value: type(value) is int and 0 <= value <= _MOST))

    def flag(self, name: str) -> bool:
        return bool(self._get(name, lambda value: isinstance(value, bool)))

    def word(self, name: str, words: type[Word]) -> Word:
        return words(self._get(name, lambda value: isinstance(value, str) and value in set(words)))

    def time(self, name: str) -> datetime:
        value = self.text(name)
        try:
            time = datetime.fromisoformat(value)
            if time.tzinfo is not None:
                return time.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        return _refuse(self._at(name), value)

    def time_or_none(self, name: str) -> datetime | None:
        return self.time(name) if self.known(name) else None

    def table(self, name: str) -> _Table:
        return _Table(self._get(name, lambda value: isinstance(value, dict)), self._at(name))

    def tables(self, name: str) -> list[_Table]:
        values = self._get(name, lambda value: isinstance(value, list))
        return [_Table(value, f"{self._at(name)}[{at}]") for at, value in enumerate(values)]

    def _get(self, name: str, fits: Callable[[Any], bool]) -> Any:
        if name not in self._value:
            raise ParseError("report", f"{_NO_REPORT}: {self._at(name)} is missing", _WRITE)
        if not fits(self._value[name]):
            _refuse(self._at(name), self._value[name])
        return self._value[name]

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name


def _refuse(place: str, value: object) -> NoReturn:
    told = f"{place} is {_quoted(value)}" if place else "it is another kind of JSON"
    raise ParseError("report", f"{_NO_REPORT}: {told}", _WRITE)


def _quoted(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


# ------------------------------------------------------------------------------------------------ what it is made of


def _target(table: _Table) -> Target:
    return Target(table.known("host"), table.known("vm"), table.known("channel"))


def _identity(table: _Table) -> Identity:
    return Identity(
        table.known("registration_id"),
        table.known("device_id"),
        table.known("hub"),
        table.known("scope_id"),
        table.time_or_none("expires_at"),
    )


def _finding(table: _Table) -> Finding:
    texts = (table.text(name) for name in ("detail", "remedy", "evidence", "source"))
    return Finding(table.text("id"), table.text("title"), table.word("outcome", Outcome), *texts)


def _module(table: _Table) -> Module:
    return Module(*(table.text(name) for name in ("name", "status", "description", "image")))


def _logs(table: _Table) -> LogSummary:
    return LogSummary(
        table.count("lines"),
        table.time_or_none("from"),
        table.time_or_none("to"),
        table.count("errors"),
        table.count("warnings"),
        tuple(map(_pattern, table.tables("patterns"))),
    )


def _pattern(table: _Table) -> LogPattern:
    first, last = table.time_or_none("first"), table.time_or_none("last")
    return LogPattern(table.text("id"), table.count("count"), first, last, table.text("sample"))


def _baseline(table: _Table) -> Baseline:
    return Baseline(
        table.time("started_at"),
        table.word("verdict", Verdict),
        table.text("tool_version"),
        table.known("device"),
        tuple(map(_change, table.tables("changes"))),
    )


def _change(table: _Table) -> Change:
    return Change(
        table.text("about"),
        table.text("id"),
        table.word("change", ChangeKind),
        table.known("before"),
        table.known("after"),
        table.flag("new_trouble"),
    )
