"""What `run` has proved already, kept beside its configuration, so that a second call goes on and repeats nothing.

A step counts as done only for the very inputs that it was done with: its `key` is a digest of them. The file is
replaced whole at each change, so that whatever ends a run (a kill, a restart of Windows) leaves the last change or the
one before it, and never a torn one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eflowprov.errors import InputError, StorageError
from eflowprov.workflows.disk.files import read_limited, write_whole
from eflowprov.workflows.disk.locks import FileLock

_LIMIT = 2**20
_VERSION = 2
_ANEW = "Begin anew with `eflowprov run --restart`, or move it away"

_FIELDS = {
    "register": {"hub", "device_id"},
    "provision-begun": {"name", "answer", "clock", "cert_before", "with_before"},
    "provision": {"name", "clock"},
    "wait": {"clock", "hub", "device_id"},
}
"""What the steps keep; they read it back as theirs."""


class Journal:
    """Steps done, by name. Every change is on disk, whole, before the call returns.

    `cut_off` is the step in which an earlier run ended without a word, "" when the last one came to its end.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.cut_off = ""
        self._steps: dict[str, dict[str, Any]] = {}
        self._under_way = ""

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Read a journal, or start one. InputError when the file is something else."""
        journal = cls(path)
        if os.path.exists(path):  # noqa: PTH110  # Path.exists raises for a name that is too long
            document = _document(read_limited(path, _LIMIT))
            version = document.get("version")
            if isinstance(version, int) and version > _VERSION:
                raise InputError(str(path), "was written by a newer eflowprov", f"Use that version. {_ANEW}")
            if version != _VERSION or not _is_whole(document):
                raise InputError(str(path), "is damaged, or no journal of this version", _ANEW)
            journal._steps = document["steps"]
            journal._under_way = journal.cut_off = document.get("under_way", "")
        return journal

    def done(self, step: str, key: str) -> dict[str, str] | None:
        """What was kept when `step` was done with exactly these inputs; None when it has to be done."""
        entry = self._steps.get(step)
        return dict(entry["kept"]) if entry and entry["key"] == key else None

    def last(self, step: str) -> dict[str, str]:
        """What was kept when `step` was last done, whatever its inputs were; nothing when it never was."""
        entry = self._steps.get(step)
        return dict(entry["kept"]) if entry else {}

    def record(self, step: str, key: str, **kept: str) -> None:
        """Remember that `step` is done."""
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._steps[step] = {"key": key, "done_at": at, "kept": kept}
        self._write()

    def forget(self, steps: tuple[str, ...]) -> None:
        """Have `steps` done again."""
        gone = [self._steps.pop(step) for step in steps if step in self._steps]
        if gone:
            self._write()

    def without(self, steps: tuple[str, ...]) -> Journal:
        """A journal of its own that lacks `steps` and keeps nothing on disk."""
        other = Journal(None)
        other._steps = {step: entry for step, entry in self._steps.items() if step not in steps}
        return other

    def begin(self, step: str) -> None:
        """Remember that `step` is under way."""
        self._under_way = step
        self._write()

    def end(self) -> None:
        """Remember that the run came to its end, however it ended. Nothing is written when no step was begun."""
        if self._under_way:
            self._under_way = ""
            self._write()

    def _write(self) -> None:
        if self.path is not None:
            document = {"version": _VERSION, "under_way": self._under_way, "steps": self._steps}
            write_whole(self.path, (json.dumps(document, indent=2) + "\n").encode("ascii"))


def journal_path(config: Path) -> Path:
    """Where the journal of a configuration file is: beside it."""
    return config.with_name(f"{config.name}.journal.json")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep another run away from the journal at `path`. InputError when one is there, StorageError.

    The system lets go of the lock when its holder ends, however it ends.
    """
    try:
        lock = FileLock.take(path.with_name(path.name + ".lock"))
    except OSError as error:
        next_step = "Put the configuration into a folder that can be written"
        raise StorageError(str(path), f"cannot be locked ({error.strerror})", next_step) from error
    if lock is None:
        raise InputError(str(path), "another run with this configuration is under way", "Wait until it has ended")
    try:
        yield
    finally:
        lock.release()


def _document(data: bytes) -> dict[str, Any]:
    """The JSON object in a file; an empty one for anything else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_whole(document: dict[str, Any]) -> bool:
    """Whether everything is there that a run will read."""
    steps, under_way = document.get("steps"), document.get("under_way", "")
    return isinstance(steps, dict) and isinstance(under_way, str) and all(map(_is_entry, steps.items()))


def _is_entry(entry: tuple[str, Any]) -> bool:
    name, step = entry
    kept = step.get("kept") if isinstance(step, dict) else None
    if not isinstance(kept, dict) or not isinstance(step.get("key"), str):
        return False
    is_number = re.fullmatch("[0-9]{1,15}", str(kept.get("clock", "0")), re.ASCII)
    return bool(is_number) and _FIELDS.get(name, set()) <= kept.keys() and all(type(v) is str for v in kept.values())


def step_key(*inputs: object) -> str:
    """The digest of a step's inputs."""
    return hashlib.sha256(json.dumps([str(value) for value in inputs]).encode()).hexdigest()
