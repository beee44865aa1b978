"""The simulated VM's programs about files: `find`, `sha256sum` and `rm`, as far as eflowprov uses them."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from eflowprov.lab.mini_shell import Program

Answer = tuple[int, bytes, bytes]


class LabFilePrograms:
    """The table of these programs over the VM's files, by path."""

    def __init__(self, files: MutableMapping[str, bytes]) -> None:
        self._files = files

    def table(self) -> dict[str, Program]:
        return {"find": self._find, "sha256sum": self._sha256sum, "rm": self._rm}

    def _find(self, argv: Sequence[str], *, root: bool) -> Answer:  # noqa: ARG002 - every program has the same signature
        """`find FOLDER -name PATTERN`."""
        _, folder, _, pattern = argv
        there = (PurePosixPath(path) for path in sorted(self._files))
        found = [path for path in there if path.is_relative_to(folder) and fnmatchcase(path.name, pattern)]
        return 0, "".join(f"{path}\n" for path in found).encode(), b""

    def _sha256sum(self, argv: Sequence[str], *, root: bool) -> Answer:
        """`sha256sum -- FILE`; the identity's files belong to the services, and root alone may read them."""
        path = argv[-1]
        if not root or path not in self._files:
            why = "No such file or directory" if root else "Permission denied"
            return 1, b"", f"sha256sum: {path}: {why}\n".encode()
        return 0, f"{hashlib.sha256(self._files[path]).hexdigest()}  {path}\n".encode(), b""

    def _rm(self, argv: Sequence[str], *, root: bool) -> Answer:
        """`rm -f -- FILE…`."""
        if not root:
            return 1, b"", f"rm: cannot remove '{argv[-1]}': Permission denied\n".encode()
        for path in argv[3:]:
            self._files.pop(path, None)
        return 0, b"", b""
