"""Causes, continuations and back-traces folded into the entries that they belong to, in one pass.

Entries of several services are interleaved: a `caused by:` line belongs to the entry before it of its own service.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from eflowprov.model import LogEntry, LogLevel
from eflowprov.parsers.causes import cause_of

_WINDOW = 64  # entries kept open at once: a cause follows its message closely, and memory stays constant
_CAUSES = 32
_LENGTH = 4000  # characters of one message with its continuations
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


@dataclass(slots=True)
class _Open:
    """An entry that may still get causes."""

    time: datetime | None
    service: str
    level: LogLevel
    message: str
    causes: list[str] = field(default_factory=list)
    closed: bool = False
    below: bool = False  # `Caused by:` stood alone on its line; the cause comes below
    tracing: bool = False  # a back-trace has begun

    def entry(self) -> LogEntry:
        return LogEntry(self.time, self.service, self.level, self.message, tuple(self.causes))


class Folder:
    """Takes lines one after the other and gives entries in the order in which they began."""

    def __init__(self) -> None:
        self._pending: deque[_Open] = deque()
        self._of_service: dict[str, _Open] = {}
        self._last: _Open | None = None

    def add(self, time: datetime | None, service: str, level: LogLevel, text: str) -> None:
        """A line with a prefix, a time or a level: a new entry, or a cause or trace of its service's last one."""
        if text.startswith(_LOUD):
            text, level = text[len(_LOUD) :], LogLevel.ERROR
        before = self._of_service.get(service)
        if before is not None:
            if _attach(before, text, loose=level is LogLevel.NONE):
                return
            before.closed = True
        opened = _Open(time, service, level, text.rstrip())
        self._of_service[service] = self._last = opened
        self._pending.append(opened)

    def continue_last(self, line: str, *, any_indent: bool = False) -> bool:
        """A line without prefix, time and level: part of the entry before it. False when it can be none."""
        last = self._last
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

    def has_ready(self) -> bool:
        """Whether `ready` would give an entry."""
        pending = self._pending
        return bool(pending) and (pending[0].closed or len(pending) > _WINDOW)

    def ready(self) -> Iterator[LogEntry]:
        """The entries that are whole, or that have been kept open long enough."""
        pending = self._pending
        while self.has_ready():
            first = pending.popleft()
            first.closed = True
            if self._of_service.get(first.service) is first:
                del self._of_service[first.service]
            if self._last is first:
                self._last = None
            yield first.entry()

    def rest(self) -> Iterator[LogEntry]:
        """The entries that are still open, at the end of the source."""
        while self._pending:
            yield self._pending.popleft().entry()


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
