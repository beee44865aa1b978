"""What happened, kept: one JSON object a line, appended and flushed as it happens, no secret in it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from eflowprov.errors import StorageError
from eflowprov.redaction import redact


class Transcript:
    """A file of events: `{"time": RFC 3339 UTC, "event": …, …}`.

    It is written while things happen, so that what was done before a power cut is there afterwards. Without a path it
    keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Transcript:
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="ascii", newline="\n")
            except OSError as error:
                raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # what is still in its buffer could not be written, and `event` said so
                self._file.close()

    def event(self, event: str, **details: object) -> None:
        """Append one event; texts are redacted, other values are kept as JSON has them or as text."""
        if self._file is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "event": event, **{key: _plain(value) for key, value in details.items()}}
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            str(self.path), f"cannot be written ({error.strerror})", "Name another file with --transcript"
        )


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return redact(str(value))
