"""--log-file: events as JSON lines, secrets redacted; --debug: the same on standard error, for people."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.errors import InputError
from eflowprov.redaction import redact


class _JsonLines(logging.Formatter):
    """One event a line: time (RFC 3339, UTC), level, logger, message, and what `extra={"event": {…}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        details = getattr(record, "event", None)
        if isinstance(details, dict):
            event.update({str(key): redact(str(value)) for key, value in details.items()})
        if record.exc_info:
            event["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(event)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(log_file: Path | None, *, debug: bool) -> None:
    """Send the package's events to `log_file` and, with `debug`, to standard error.

    InputError when the file cannot be opened for appending.
    """
    logger = logging.getLogger("eflowprov")
    logger.setLevel(logging.DEBUG)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    if log_file is not None:
        try:
            to_file = logging.FileHandler(log_file, encoding="utf-8")
        except OSError as error:
            raise InputError(
                "--log-file", f"{log_file} cannot be opened: {error.strerror}", "Name a file that can be written"
            ) from None
        to_file.setFormatter(_JsonLines())
        logger.addHandler(to_file)
    if debug:
        to_stderr = logging.StreamHandler()
        to_stderr.setFormatter(_Plain("debug: %(name)s: %(message)s"))
        logger.addHandler(to_stderr)
