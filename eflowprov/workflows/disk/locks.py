"""Locks that the system itself releases when their holder ends, however it ends: no stale one is left in the way."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eflowprov.errors import StorageError

PATIENCE_S = 60.0  # a holder renames some files or writes a summary, which takes moments; a stopped process never ends
_PAUSE_S = 0.01
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK, 0}  # 0 is what Wine's C library says
# File systems without locks (some network shares): there every run works as if it were alone.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class FileLock:
    """A lock on a file, held until `release` or the process's end. `is_real` is False where the disk knows no locks."""

    def __init__(self, path: Path, descriptor: int, *, is_real: bool) -> None:
        self.path = path
        self.is_real = is_real
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, *, create: bool = True) -> FileLock | None:
        """Lock the file; None while somebody else has it. Raises OSError, FileNotFoundError without `create`."""
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        try:
            is_real = _lock(descriptor)
            if is_real is not None and _is_at(path, descriptor):
                return cls(path, descriptor, is_real=is_real)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def release(self, *, remove: bool = True) -> None:
        """Let go of the lock, and remove its file while nobody else can have taken it."""
        if os.name == "nt":  # an open file cannot be removed, and one that the next holder has open stays
            os.close(self._descriptor)
        if remove:
            with suppress(OSError):
                self.path.unlink()
        if os.name != "nt":
            os.close(self._descriptor)


@contextmanager
def held(path: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock at `path`, waiting for whoever has it. Raises StorageError when that takes too long, OSError."""
    end = time.monotonic() + patience_s
    while (lock := _take(path, end)) is None:
        if time.monotonic() >= end:
            raise StorageError(
                str(path.parent), "another run of eflowprov keeps it busy", "Wait until that run has ended"
            )
        time.sleep(_PAUSE_S)
    try:
        yield
    finally:
        lock.release()


def _take(path: Path, end: float) -> FileLock | None:
    try:
        return FileLock.take(path)
    except PermissionError:
        # Windows: the file's removal is under way while somebody, a virus scanner say, still reads it.
        if os.name != "nt" or time.monotonic() >= end - PATIENCE_S + 2.0:
            raise
        return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name: its last holder may have removed it in between."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool | None:
    """True when the file is locked now, None when somebody else has it, False where the disk knows no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        if error.errno in _TAKEN:
            return None
        raise
    return True
