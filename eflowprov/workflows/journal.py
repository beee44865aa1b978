"""What `run` has proved already, kept beside its configuration, so that a second call goes on and repeats nothing.

A step counts as done only for the very inputs that it was done with: its `key` is a digest of them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eflowprov.errors import InputError
from eflowprov.workflows.files import read_limited, write_whole

_LIMIT = 2**20
_VERSION = 1


class Journal:
    """Steps done, by name. Every change is on disk, whole, before the call returns."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._steps: dict[str, dict[str, Any]] = {}

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Read a journal, or start one. InputError when the file is something else."""
        journal = cls(path)
        if path.exists():
            try:
                data = json.loads(read_limited(path, _LIMIT))
                steps = data["steps"]
                known = data["version"] == _VERSION and all(_is_entry(step) for step in steps.values())
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                known, steps = False, {}
            if not known:
                raise InputError(str(path), "is no journal of this version", "Give --restart to begin anew")
            journal._steps = steps
        return journal

    def done(self, step: str, key: str) -> dict[str, Any] | None:
        """What was kept when `step` was done with exactly these inputs; None when it has to be done."""
        entry = self._steps.get(step)
        return dict(entry["kept"]) if entry and entry["key"] == key else None

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

    def _write(self) -> None:
        if self.path is not None:
            document = {"version": _VERSION, "steps": self._steps}
            write_whole(self.path, (json.dumps(document, indent=2) + "\n").encode("ascii"))


def _is_entry(step: dict[str, Any]) -> bool:
    return isinstance(step["key"], str) and all(isinstance(value, str) for value in step["kept"].values())


def step_key(*inputs: object) -> str:
    """The digest of a step's inputs."""
    return hashlib.sha256(json.dumps([str(value) for value in inputs]).encode()).hexdigest()
