"""Journals and logs, and their entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    NONE = ""  # a line without a level of its own


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One message of a log, continuation lines and `caused by:` lines folded in.

    `service` is the unit's short name (`aziot-identityd`, `edgeAgent`), "" when the line does not tell; `message` has
    neither prefix, time nor level, and keeps a leading `!!! ` out (such an entry has level ERROR: see field-formats
    22). `time` is None when the line has none; text-form times without a year or zone are taken from the message's own
    RFC 3339 stamp where there is one.
    """

    time: datetime | None
    service: str
    level: LogLevel
    message: str
    causes: tuple[str, ...] = ()


LogTime = int | datetime | None  # microseconds since 1970, or as a text form gives it
# place, kind, time, service, level, message, causes: an entry on its way, a plain tuple since a million of them are
# made. The place is its number in its log; the kind is what its reader made of its text.
LogRecord = tuple[int, Any, LogTime, str, LogLevel, str, tuple[str, ...]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = bytes.maketrans(b"123456789", b"000000000")


def as_time(time: LogTime) -> datetime | None:
    """A record's time as everyone else has it."""
    return _EPOCH + timedelta(microseconds=time) if isinstance(time, int) else time


def as_entry(record: LogRecord) -> LogEntry:
    """A record as everyone else has it."""
    _, _, time, service, level, message, causes = record
    return LogEntry(as_time(time), service, level, message, causes)


def without_digits(text: str) -> bytes:
    """The text as UTF-8 with every digit as 0: texts that differ in numbers alone become one. (Bytes, for speed.)"""
    return text.encode("utf-8", "surrogatepass").translate(DIGITS)


@dataclass(frozen=True, slots=True)
class LogCounts:
    """What a pass over a log counted: entries in all, errors and warnings among them, and the span of their times."""

    entries: int = 0
    errors: int = 0
    warnings: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A journal (`iotedge system logs`) or a container's log (`iotedge logs edgeAgent`).

    `lines` counts the lines of the source; `entries` are in the order of the source. No entry at all is a Log with
    `entries == ()` (journalctl's own `-- No entries --`), not a ParseError. `failure` holds the message and causes
    when the command printed an error in place of a log. `torn` is True when a line was cut off, so that something is
    missing. `left_out` says what of the log was not asked for or not read, "" for a whole one.
    """

    entries: tuple[LogEntry, ...] = ()
    lines: int = 0
    failure: tuple[str, ...] = ()
    torn: bool = False
    left_out: str = ""
