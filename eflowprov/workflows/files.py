"""The one door to disk: files appear whole or not at all, and private ones are their owner's alone from the start.

Every file is written beside its place under a name of its own, flushed to the disk and renamed. A name under way begins
with a dot and has a `+` in it, which no registration ID's file name has.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from eflowprov.errors import InputError, StorageError
from eflowprov.model import Secret

MAX_PASSPHRASE_BYTES = 4096
_O_BINARY: int = getattr(os, "O_BINARY", 0)
_REMEDIES = {
    errno.ENOSPC: "Free some space and run it again",
    errno.EDQUOT: "Free some space and run it again",
    errno.ENOENT: "Make the folder first, or choose another",
    errno.ENAMETOOLONG: "Choose a shorter path",
}
# File systems without hard links: FAT, exFAT, some network shares.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def read_limited(path: Path, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises InputError when it is missing, a folder, no plain file (a pipe would wait for ever), too large or unreadable.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise InputError(str(path), "it is a folder", "Give a file")
        if not stat.S_ISREG(kind):
            raise InputError(str(path), "it is no plain file", "Give a file on disk")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "Check the path") from None
    except PermissionError:
        raise InputError(
            str(path), "you may not read it", "Run as the user who owns it, or change its rights"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"it cannot be read ({_reason(error)})", "Check the path") from None
    if len(data) > limit:
        raise InputError(str(path), f"it is larger than {limit} bytes", "Check that it is the right file")
    return data


def read_passphrase(path: Path) -> Secret:
    """Read a passphrase file: its one line, without the line end; UTF-8, or UTF-16 with a mark as PowerShell writes it.

    Raises InputError when it cannot be read, is empty or has more than one line.
    """
    data = read_limited(path, MAX_PASSPHRASE_BYTES)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        lines = data.decode(encoding).splitlines()
    except UnicodeDecodeError:
        raise InputError(str(path), "the passphrase file is not UTF-8 text", "Save it as UTF-8") from None
    if len(lines) != 1 or not lines[0]:
        raise InputError(str(path), "a passphrase file has exactly one line", "Put the passphrase alone into it")
    return Secret(lines[0])


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole, in the place of one that is there. Raises StorageError; then nothing has changed."""
    with _beside(path) as under_way:
        _fill(_create(under_way), data)
        under_way.replace(path)
        _flush_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file whole that must not be there yet. Raises InputError when it is, StorageError when it cannot be."""
    with _beside(path) as under_way:
        _fill(_create(under_way), data)
        _reveal(under_way, path)


def write_new_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner (on Windows also Administrators and SYSTEM) can ever read.

    Its rights are its own from the moment of its creation. Raises InputError when a file is there already: a key is
    never overwritten. Raises StorageError when it cannot be written; then nothing is left.
    """
    with _beside(path) as under_way:
        _fill(_create_private(under_way), data)
        _reveal(under_way, path)


def write_folder_whole(
    folder: Path, files: Mapping[str, bytes], private: Mapping[str, bytes], *, old: Path | None = None
) -> None:
    """Make a folder with its files in one step; names may have one `/`. `private` ones are as `write_new_private`'s.

    The folder must not be there, or be empty, unless `old` says where it goes then. Raises InputError when a name is
    taken, StorageError when something cannot be written; then nothing has changed.
    """
    with _beside(folder) as under_way:
        under_way.mkdir()
        for name, data in (*files.items(), *private.items()):
            target = under_way / name
            target.parent.mkdir(exist_ok=True)
            _fill((_create_private if name in private else _create)(target), data)
        for below in {under_way, *(under_way.joinpath(name).parent for name in (*files, *private))}:
            _flush_folder(below)
        _rename_folder(under_way, folder, old)
        _flush_folder(folder.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; one that is there is good. Raises StorageError."""
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name beside `path` to work under; whatever still stands there at the end is removed."""
    with _told(path):
        # At most 40 characters of the name, so that the longest name a folder takes still has room for the rest.
        under_way = path.with_name(f".{path.name[:40]}+{secrets.token_hex(6)}.tmp")
    try:
        with _told(path):
            yield under_way
    finally:
        if under_way.is_dir():
            shutil.rmtree(under_way, ignore_errors=True)
        else:
            with suppress(OSError, ValueError):
                under_way.unlink()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the place."""
    try:
        yield
    except (OSError, ValueError) as error:
        remedy = _REMEDIES.get(getattr(error, "errno", None) or 0, "Choose a folder that you may write to")
        raise StorageError(str(path), f"it cannot be written ({_reason(error)})", remedy) from error


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY, 0o644)


def _create_private(path: Path) -> int:
    if sys.platform == "win32":
        from eflowprov.workflows.windows_files import create_private

        return create_private(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _fill(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _reveal(under_way: Path, path: Path) -> None:
    """Give a finished file its name, in one step, only if nothing has that name."""
    try:
        _rename_to_nothing(under_way, path)
    except FileExistsError:
        raise InputError(str(path), "it is there already", "Move it away or choose another folder") from None
    _flush_folder(path.parent)


def _rename_to_nothing(under_way: Path, path: Path) -> None:
    if sys.platform == "win32":
        under_way.rename(path)  # Windows renames onto nothing
        return
    try:
        os.link(under_way, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # claims the name
        under_way.replace(path)


def _rename_folder(under_way: Path, folder: Path, old: Path | None) -> None:
    with suppress(OSError):
        folder.rmdir()  # an empty one: Windows renames onto nothing
    taken = old if old and os.path.lexists(old) else folder if old is None and os.path.lexists(folder) else None
    if taken:
        raise InputError(str(taken), "it is there already and not empty", "Move it away or choose another folder")
    if old is None or not os.path.lexists(folder):
        under_way.rename(folder)
        return
    folder.rename(old)
    try:
        under_way.rename(folder)
    except BaseException:
        old.rename(folder)
        raise


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows has no such call and needs none (NTFS keeps a journal)."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems refuse it
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
