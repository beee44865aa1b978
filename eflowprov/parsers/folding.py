"""Causes, continuations and back-traces folded into the entries that they belong to, in one pass.

Entries of several services are interleaved: a `caused by:` line belongs to the entry before it of its own service.
Every entry has a place, its number in the order in which entries begin; they leave in that order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from eflowprov.model import LogCounts, LogLevel, LogRecord, LogTime, as_time, without_digits
from eflowprov.parsers.causes import cause_of

WINDOW = 64  # entries that an entry stays open for: a cause follows its message closely, and memory stays constant
_CAUSES = 32
_LENGTH = 4000  # characters of one message with its continuations
_STREAMS = 256  # services at once; more are programs that wrote a line or two
_SHAPES = 8192  # shapes of texts whose kind is kept in mind, of each service
_SHAPE_LENGTH = 600
_LOUD = "!!! "  # identity and certificate services mark real failures so, at level INFO (iotedge#6247)

_NUMBERED = re.compile(r"\s*\d{1,3}:\s+(\S.*)", re.DOTALL)
_BACKTRACE = re.compile(
    r"\s*(?:\d{1,3}:\s|at\s|<backtrace|(?:stack )?backtrace:|note: (?:run|some) |disabled backtrace|--- End of )",
    re.IGNORECASE,
)
_BACKTRACE_STARTS = re.compile(r"\s*(?:<backtrace|(?:stack )?backtrace:)", re.IGNORECASE)
_EXCEPTION = re.compile(
    r"\s*(?:-+>\s*)?(?:\(Inner Exception #\d+\)\s*)?((?:[A-Za-z_]\w*\.)+\w+(?:Exception|Error)\b.*)", re.DOTALL
)
_WORD = re.compile(r"[^\W\d_]{3}")

Kind: TypeAlias = Any  # what an entry's text is to the taker; false for one that it does not want
Kinds: TypeAlias = Mapping[bytes, Kind]  # by the text `without_digits`: lines that differ in numbers are looked at once


@dataclass(slots=True)
class _Open:
    """An entry that may still get causes."""

    place: int
    time: LogTime
    level: LogLevel
    message: str
    causes: list[str] = field(default_factory=list)
    below: bool = False  # `Caused by:` stood alone on its line; the cause comes below
    tracing: bool = False  # a back-trace has begun


# What `text.clean` might change, in a text without its digits: control characters, marks in a wrong code page, colours.
_NEEDS_CLEANING = re.compile(
    r"[\x00-\x1f\x7f]|[^\x00-\x7f]{2}|[\u2190\u241b\ufffd]|<[0-9A-F]{2}>|\\u|\^\[|\[\[?0{1,3}(?:;0{1,3})*[mK]"
)
# A daemon's line as it nearly always begins, `2026-11-22T05:10:11Z [INFO] - `, with every digit as 0.
_HEADS = {
    f"0000-00-00T00:00:00Z [{word}] - ".encode(): level
    for word, level in (("INFO", LogLevel.INFO), ("WARN", LogLevel.WARNING), ("ERR!", LogLevel.ERROR))
}
HEAD = 30
UNCLEAN = object()
ODD = object()


class Shapes(dict[bytes, tuple[LogLevel, Kind]]):
    """What the lines of one service's daemon are, from their stamp on, without their digits: level and kind.

    The kind of a line that does not begin as nearly all do, or is not clean, is `UNCLEAN`; the kind of one whose
    message may not begin an entry is `ODD`.
    """

    def __init__(self, kinds: Kinds) -> None:
        super().__init__()
        self.kinds = kinds

    def __missing__(self, shape: bytes) -> tuple[LogLevel, Kind]:
        level = _HEADS.get(shape[:HEAD])
        message = shape[HEAD:]
        text = message.decode("utf-8", "surrogatepass")
        if level is None or _NEEDS_CLEANING.search(text):
            found = (LogLevel.NONE, UNCLEAN)
        else:
            found = (level, ODD if _is_odd(text) else self.kinds[message])
        if len(shape) <= _SHAPE_LENGTH:
            if len(self) >= _SHAPES:
                self.clear()
            self[shape] = found
        return found


class Stream:
    """The entries of one service: its last one, which may still get causes, and what its texts are."""

    __slots__ = ("last", "service", "shapes")

    def __init__(self, service: str, kinds: Kinds) -> None:
        self.service = service
        self.shapes = Shapes(kinds)
        self.last: LogRecord | _Open | None = None  # a record while no line was folded into it


class Folder:
    """Takes lines one after the other and gives entries in the order in which they began.

    `kinds_of` says for a service what its texts are; entries without a kind leave only when they are errors, or while
    `everything` is wanted.
    """

    def __init__(self, kinds_of: Callable[[str], Kinds]) -> None:
        self._kinds_of = kinds_of
        self.streams: dict[str, Stream] = {}
        self.newest: Stream | None = None
        self.place = 0  # of the next entry
        self.closed: list[LogRecord] = []
        self.everything = True
        self.errors = self.warnings = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def stream(self, service: str) -> Stream:
        """The stream of a service, which is new when it was silent for long."""
        found = self.streams.get(service)
        if found is None:
            found = self.streams[service] = Stream(service, self._kinds_of(service))
        return found

    def add(self, time: LogTime, service: str, level: LogLevel, text: str) -> None:
        """A line with a prefix, a time or a level: a new entry, or a cause or trace of its service's last one."""
        if text.startswith(_LOUD):
            text, level = text[len(_LOUD) :], LogLevel.ERROR
        stream = self.stream(service)
        before = self._opened(stream)
        if before is not None and _attach(before, text, loose=level is LogLevel.NONE):
            return
        self.close(stream)
        stream.last = _Open(self.place, time, level, text.strip())
        self.newest = stream
        self.place += 1
        self.count(level)
        self.widen(time, time)

    def continue_last(self, line: str, *, any_indent: bool = False) -> bool:
        """A line without prefix, time and level: part of the entry before it. False when it can be none."""
        last = self._opened(self.newest) if self.newest else None
        if last is None:
            return False
        if _attach(last, line, loose=True):
            return True
        exception = _EXCEPTION.match(line)
        if exception:
            _add_cause(last, exception[1])
            return True
        if not (any_indent or line[:1].isspace()):
            return False
        if _WORD.search(line) and not last.tracing:
            _append(last, line.strip())
        return True

    def ready(self) -> list[LogRecord]:
        """The entries that are whole or were open for long enough, in order; then some services are forgotten."""
        until = self.place - 1 - WINDOW
        for stream in self.streams.values():
            if stream.last is not None and _place(stream.last) <= until:
                self.close(stream)
        self.closed.sort()
        end = bisect_right(self.closed, until, key=_place)
        done = self.closed[:end]
        del self.closed[:end]
        if len(self.streams) > _STREAMS:
            self.streams = {name: stream for name, stream in self.streams.items() if stream.last is not None}
        return done

    def rest(self) -> list[LogRecord]:
        """The entries that are still open, at the end of the source, whatever their kind."""
        self.everything = True
        for stream in self.streams.values():
            self.close(stream)
        self.closed.sort()
        done, self.closed = self.closed, []
        return done

    def counts(self) -> LogCounts:
        """What was counted until now."""
        return LogCounts(self.place, self.errors, self.warnings, self.first, self.last)

    def count(self, level: LogLevel) -> None:
        """Count an entry's level."""
        self.errors += level is LogLevel.ERROR
        self.warnings += level is LogLevel.WARNING

    def widen(self, first: LogTime, last: LogTime) -> None:
        """Have the span of the times hold both."""
        known = [time for time in (self.first, self.last, as_time(first), as_time(last)) if time is not None]
        self.first, self.last = min(known, default=None), max(known, default=None)

    def _opened(self, stream: Stream) -> _Open | None:
        """The service's last entry, made ready for more lines; None when there is none, or it is too old."""
        last = stream.last
        if last is None or _place(last) <= self.place - 1 - WINDOW:
            return None
        if isinstance(last, tuple):
            last = stream.last = _Open(last[0], last[2], last[4], last[5])
        return last

    def close(self, stream: Stream) -> None:
        """The service's last entry is whole."""
        last, stream.last = stream.last, None
        if isinstance(last, _Open):
            said = without_digits("\n".join((last.message, *last.causes)))
            kind = stream.shapes.kinds[said]
            record = (last.place, kind, last.time, stream.service, last.level, last.message, tuple(last.causes))
        elif last is not None:
            record = last
        else:
            return
        if self.everything or record[1] or record[4] is LogLevel.ERROR:
            self.closed.append(record)


def _place(entry: LogRecord | _Open) -> int:
    return entry[0] if isinstance(entry, tuple) else entry.place


def _is_odd(text: str) -> bool:
    """Whether a message may be anything but the whole first line of a new entry, by its shape."""
    return (
        text[:1].isspace()
        or text[-1:].isspace()
        or "aused" in text
        or "AUSED" in text
        or text.startswith(_LOUD)
        or _BACKTRACE.match(text) is not None
    )


def _attach(entry: _Open, text: str, *, loose: bool) -> bool:
    """Fold a cause or a line of a back-trace into `entry`; False when the text is neither.

    `loose`: the line has no level of its own, so that it can be the cause below a `Caused by:` that stood alone.
    """
    cause = cause_of(text) if "aused" in text or "AUSED" in text else None
    if cause is not None:
        _add_cause(entry, cause)
        entry.below, entry.tracing = not cause, False
        return True
    if entry.below and _attach_below(entry, text, loose=loose):
        return True
    entry.below = False
    if (entry.level is LogLevel.ERROR or entry.causes) and _BACKTRACE.match(text):
        entry.tracing = True
        return True
    return False


def _attach_below(entry: _Open, text: str, *, loose: bool) -> bool:
    """Fold the cause below a `Caused by:` that stands alone: numbered ones, or one line."""
    numbered = _NUMBERED.match(text)
    if numbered and "<unknown>" not in text:
        _add_cause(entry, numbered[1])
        return True
    if numbered or _BACKTRACE_STARTS.match(text) or not text.strip() or not (loose or text[:1].isspace()):
        return False
    _add_cause(entry, text)
    entry.below = False
    return True


def _add_cause(entry: _Open, cause: str) -> None:
    if cause.strip() and len(entry.causes) < _CAUSES:
        entry.causes.append(cause.strip()[:_LENGTH])


def _append(entry: _Open, text: str) -> None:
    if entry.causes:
        entry.causes[-1] = f"{entry.causes[-1]} {text}"[:_LENGTH]
    elif len(entry.message) < _LENGTH:
        entry.message = f"{entry.message} {text}"[:_LENGTH]
