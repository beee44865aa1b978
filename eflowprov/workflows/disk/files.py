"""The one door to disk: files appear whole or not at all, and private ones are their owner's alone from the start.

Every file is written in a room of its own beside its place (`workroom.py`), flushed to the disk and renamed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from eflowprov.errors import InputError, StorageError
from eflowprov.model import Secret
from eflowprov.workflows.disk.storage import (
    create,
    create_private,
    fill,
    flush_below,
    flush_file,
    flush_folder,
    is_shut_out,
    reason,
    refuse_shut_out,
    rename_to_nothing,
    replace,
    told,
)
from eflowprov.workflows.disk.workroom import Move, Workroom, one_file

MAX_PASSPHRASE_BYTES = 4096
_PIECE = 2**20  # bytes read at once


def read_limited(path: Path, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises InputError when it is missing, a folder, no plain file (a pipe would wait for ever), too large or unreadable.
    """
    data = read_head(path, limit + 1)
    if len(data) > limit:
        del data  # it may be a passphrase's, and some tools print a traceback's variables
        raise InputError(str(path), f"it is larger than {limit} bytes", "Check that it is the right file")
    return data


def read_head(path: Path, limit: int) -> bytes:
    """Read the first `limit` bytes of a file. Raises InputError as `read_limited` does, but for its size."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise InputError(str(path), "it is a folder", "Give a file")
        if not stat.S_ISREG(kind):
            raise InputError(str(path), "it is no plain file", "Give a file on disk")
        with path.open("rb") as file:
            return _read(file, limit)
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "Check the path") from None
    except PermissionError as error:
        if is_shut_out(error, path, readers=True):
            raise InputError(str(path), "another program has it open for itself alone", "Close it there") from None
        raise InputError(
            str(path), "you may not read it", "Run as the user who owns it, or change its rights"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"it cannot be read ({reason(error)})", "Check the path") from None


def _read(file: BinaryIO, limit: int) -> bytes:
    """At most `limit` bytes, in pieces: one read would take `limit` bytes of memory, however small the file is."""
    data = bytearray()
    while piece := file.read(min(_PIECE, limit - len(data))):
        data += piece
    return bytes(data)


def read_passphrase(path: Path, what: str = "passphrase") -> Secret:
    """Read a passphrase file: its one line, without the line end; UTF-8, or UTF-16 with a mark as PowerShell writes it.

    `what` is what an InputError calls it.

    Raises InputError when it cannot be read, is empty or has more than one line.
    """
    found = _only_line(read_limited(path, MAX_PASSPHRASE_BYTES))
    if found is None:
        raise InputError(str(path), f"the {what} file is not UTF-8 text", "Save it as UTF-8")
    if not found:
        raise InputError(str(path), f"a {what} file has exactly one line", f"Put the {what} alone into it")
    return found


def _only_line(data: bytes) -> Secret | None:
    """The one line of a text; empty when there are more or none, None when it is no text.

    Errors are raised by the caller: a traceback's variables, which some tools print, must not show what is in here.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and b"\0" in data:  # UTF-16 without its mark: nobody could type what it would be
        return None
    try:
        lines = data.decode(encoding).splitlines()
    except UnicodeDecodeError:
        return None
    return Secret(lines[0] if len(lines) == 1 else "")


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file whole, in the place of one that is there. Raises StorageError; then nothing has changed.

    A `private` one is its owner's alone, as `write_new_private`'s, whatever rights the one before it had.
    What is no plain file stays what it is: an administrator would put a file in the place of /dev/null for everybody.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113  # False for a path that no disk takes
        raise StorageError(str(path), "it is there and no plain file", "Choose another name")
    with one_file(path) as under_way:
        fill((create_private if private else create)(under_way), data)
        flush_file(under_way)
        replace(under_way, path)
        flush_folder(path.parent)


def write_together(folder: Path, files: Iterable[tuple[str, bytes]], *, gone: Iterable[str] = ()) -> None:
    """Write files into a folder, each in the place of one that is there; those called `gone` go beforehand.

    No name changes before all of it is on the disk, and no other run's set comes in between. Raises StorageError; then
    nothing has changed.
    """
    make_folder(folder)
    gone = tuple(gone)
    names: list[str] = []
    with told(folder), Workroom(folder) as room:
        staged = room.new_name()
        for name, data in files:
            room.stage(staged, {name: data}, {})
            names.append(name)
        flush_below(staged, len(names))
        with room.alone():
            for name in (*gone, *names):
                refuse_shut_out(folder / name)
            for name in gone:
                (folder / name).unlink(missing_ok=True)
            for name in names:
                replace(staged / name, folder / name)
            flush_folder(folder)


def write_new(path: Path, data: bytes) -> None:
    """Write a file whole that must not be there yet. Raises InputError when it is, StorageError when it cannot be."""
    with one_file(path) as under_way:
        fill(create(under_way), data)
        _reveal(under_way, path)


def write_new_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner (on Windows also Administrators and SYSTEM) can ever read.

    Its rights are its own from the moment of its creation. Raises InputError when a file is there already: a key is
    never overwritten. Raises StorageError when it cannot be written; then nothing is left.
    """
    with one_file(path) as under_way:
        fill(create_private(under_way), data)
        _reveal(under_way, path)


def write_folder_whole(
    folder: Path, files: Mapping[str, bytes], private: Mapping[str, bytes], *, old: Path | None = None
) -> None:
    """Make a folder with its files in one step; names may have one `/`. `private` ones are as `write_new_private`'s.

    The folder must not be there, or be empty, unless `old`, beside it, says where it goes then. Raises InputError when
    a name is taken, StorageError when something cannot be written; then nothing has changed.
    """
    with told(folder), Workroom(folder.parent) as room:
        staged = room.new_name()
        room.stage(staged / folder.name, files, private)
        flush_below(staged, len(files) + len(private))
        with room.alone():
            with suppress(OSError):
                folder.rmdir()  # an empty one: Windows renames onto nothing
            taken = old if old and os.path.lexists(old) else folder if old is None and os.path.lexists(folder) else None
            if taken:
                raise InputError(
                    str(taken), "it is there already and not empty", "Move it away or choose another folder"
                )
            aside = [Move(folder.name, folder.name, old.name)] if old else []
            room.reveal(staged, [*aside, Move(folder.name, folder.name)])


def refuse_no_folder(path: Path) -> None:
    """Raise InputError when something that is no folder stands where one is wanted."""
    if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112  # False for a path that no disk takes
        raise InputError(str(path), "it is no folder", "Choose a folder, or a new name for one")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; one that is there is good. Raises StorageError."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _reveal(under_way: Path, path: Path) -> None:
    """Give a finished file its name, in one step, only if nothing has that name."""
    flush_file(under_way)
    try:
        rename_to_nothing(under_way, path)
    except FileExistsError:
        raise InputError(str(path), "it is there already", "Move it away or choose another folder") from None
    flush_folder(path.parent)
