"""The steps that writing is made of: create, fill, flush, rename; what the system says becomes one StorageError."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eflowprov.errors import StorageError

_O_BINARY: int = getattr(os, "O_BINARY", 0)
_REMEDIES = {
    errno.ENOSPC: "Free some space and run it again",
    errno.EDQUOT: "Free some space and run it again",
    errno.ENOENT: "Make the folder first, or choose another",
    errno.ENAMETOOLONG: "Choose a shorter path",
}
# File systems without hard links: FAT, exFAT, some network shares.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
# Windows refuses to rename what a virus scanner or the search index is still reading: two seconds of patience.
_PAUSES = (0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.6, 0.6) if os.name == "nt" else ()
_MAX_PATH = 240  # Windows takes 260 characters, 248 for a folder, unless long paths are switched on
_MANY = 32  # files, above which one flush of the whole file system is quicker than one of each


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the system says into a StorageError that names the place."""
    try:
        yield
    except (OSError, ValueError) as error:
        if is_shut_out(error, taken := Path(getattr(error, "filename2", None) or path)):
            raise _open_elsewhere(taken) from error
        remedy = _REMEDIES.get(getattr(error, "errno", None) or 0, "Choose a folder that you may write to")
        if os.name == "nt" and len(str(path)) > _MAX_PATH:
            remedy = f"Choose a shorter path: Windows takes {_MAX_PATH} characters here"
        raise StorageError(str(path), f"it cannot be written ({reason(error)})", remedy) from error


def below(folder: str | Path, name: str) -> str:
    """The path of a name that may have `/`, by the thousand quicker than with Path objects.

    Behind `\\\\?\\` Windows takes only its own separator for one (Win32 documentation, "Naming Files", "Namespaces").
    """
    return os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118


def create(path: Path | str) -> int:
    """Create a file that is not there yet, and give its descriptor for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY, 0o644)


def create_private(path: Path | str) -> int:
    """The same for its owner alone, on Windows also Administrators and SYSTEM, from the moment of its creation."""
    if sys.platform == "win32":
        from eflowprov.workflows.disk.windows_files import create_private as create_for_owner

        return create_for_owner(Path(path))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def fill(descriptor: int, data: bytes) -> None:
    """Write all of `data` and close the file; it is not flushed to the disk yet."""
    try:
        rest = memoryview(data)
        while rest:  # a disk that is nearly full takes a part
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def flush_file(path: Path) -> None:
    """Make a file's content last through a power cut."""
    descriptor = os.open(path, os.O_RDWR | _O_BINARY)  # Windows flushes only what is open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder last; Windows has no such call and needs none (NTFS keeps a journal)."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems refuse it
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def flush_below(folder: Path, files: int) -> None:
    """Make the `files` files below `folder` last. Linux: many of them by one call for their file system (syncfs(2))."""
    if files > _MANY and _flush_file_system(folder):
        return
    for below, _, names in os.walk(folder):
        for name in names:
            flush_file(Path(below, name))
        flush_folder(Path(below))


def rename(source: str | Path, target: str | Path) -> None:
    """Rename; on Windows patiently. Raises OSError."""
    _patiently(lambda: os.rename(source, target))  # noqa: PTH104  # Path.rename makes another path of the answer


def replace(source: Path, target: Path) -> None:
    """Rename in the place of a file that may be there; on Windows patiently. Raises OSError."""
    _patiently(lambda: os.replace(source, target))  # noqa: PTH105


def rename_to_nothing(source: str | Path, target: str | Path) -> None:
    """Give a file or a folder its name, in one step, only if nothing has it; an empty folder makes way for a folder.

    Raises FileExistsError, OSError.
    """
    if sys.platform == "win32":
        with suppress(OSError):
            os.rmdir(target)  # noqa: PTH106
        rename(source, target)  # Windows renames onto nothing
    elif os.path.isdir(source):  # noqa: PTH112
        try:
            rename(source, target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            raise
    else:
        _link(source, target)


def is_shut_out(error: Exception, path: Path, *, readers: bool = False) -> bool:
    """Whether `error` came from another program's use of the file: Windows' own kind of lock, which Linux has not."""
    if sys.platform == "win32" and isinstance(error, PermissionError):
        from eflowprov.workflows.disk.windows_files import shuts_out

        return shuts_out(path, readers=readers)
    return False


def refuse_shut_out(path: Path) -> None:
    """Raise StorageError when another program has the file open so that nothing can replace it: Windows alone."""
    if sys.platform == "win32":
        from eflowprov.workflows.disk.windows_files import shuts_out

        if shuts_out(path):
            raise _open_elsewhere(path)


def reason(error: Exception) -> str:
    """What the system says, without the path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _open_elsewhere(path: Path) -> StorageError:
    return StorageError(str(path), "another program has it open", "Close it there and run it again")


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # claims the name
        os.replace(source, target)  # noqa: PTH105
    else:
        os.unlink(source)  # noqa: PTH108


def _patiently(action: Callable[[], None]) -> None:
    for pause in _PAUSES:
        try:
            return action()
        except FileExistsError:
            raise
        except PermissionError:
            time.sleep(pause)
    return action()


def _flush_file_system(folder: Path) -> bool:
    """Whether the whole file system could be flushed by one call; raises OSError when its disk failed."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if call(descriptor) == 0:
            return True
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
