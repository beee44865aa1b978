"""The transcript of a run for its bundle: what was told and logged, in the form of `disk/transcript.py`, in memory."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_MOST_EVENTS = 20_000  # the newest are kept; an hour of `--wait` has a few hundred
_TIME_ENDS = len('{"time": "2026-01-01T00:00:00.000Z')
_LONGEST = 4000  # characters of one message: what a cmdlet printed may be a page


class RunLog:
    """Events `{"time": RFC 3339 UTC, "event": …, …}`, one JSON object a line; redacted when they become a member."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lines: deque[str] = deque(maxlen=_MOST_EVENTS)

    def event(self, event: str, at: datetime | None = None, **details: object) -> None:
        """Add one event, of now unless `at` says when; what JSON does not have is told as text."""
        time = (at or self._now()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._lines.append(json.dumps({"time": time, "event": event, **details}, default=str))

    def telling(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """`tell`, with everything that it is told in the log too."""

        def told(text: str) -> None:
            self.event("told", text=text)
            tell(text)

        return told

    @contextmanager
    def listening(self, name: str = "eflowprov") -> Iterator[None]:
        """While it is open, what the package logs is in the log too; others' handlers are as they were."""
        logger, handler = logging.getLogger(name), _Handler(self)
        level = logger.level
        logger.addHandler(handler)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def text(self) -> str:
        """The transcript so far, in the order of its times."""
        return "".join(f"{line}\n" for line in sorted(self._lines, key=lambda line: line[:_TIME_ENDS]))


class _Handler(logging.Handler):
    def __init__(self, log: RunLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level, message = record.levelname.lower(), record.getMessage()[:_LONGEST]
        self._log.event("log", level=level, logger=record.name, message=message)
