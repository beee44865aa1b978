"""A run's own room inside the folder it writes to: what is under way is nobody else's, and never lost half moved.

The room is a folder `.eflowprov+HEX` (no registration ID's folder has a `+`) with a lock file that its run holds. One
whose lock is free is a killed run's: whoever opens a room next sweeps it away, keys and all. Moves out of a room are
written down before the first of them, so that a run killed between two of them is finished by the next one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eflowprov.workflows.disk.locks import FileLock, held
from eflowprov.workflows.disk.storage import (
    below,
    create,
    create_private,
    fill,
    flush_file,
    flush_folder,
    rename,
    rename_to_nothing,
    told,
)

_PREFIX = ".eflowprov+"
_LOCK = _PREFIX + "lock"  # the folder's own, held for moments: while a room is made, and while things get their names
_ROOM = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}")
_READY, _MOVES = ".ready", "moves.json"


@dataclass(frozen=True, slots=True)
class Move:
    """One step: what is at `source`, below a staged folder, gets the name `target`, below the room's folder; with `/`.

    Nothing may stand at the target; with `aside` the step is to put away what stands there, before the source comes.
    """

    source: str
    target: str
    aside: str = ""


class Workroom:
    """Use it with `with`; afterwards nothing of it is left. Calls raise OSError, and StorageError for a busy folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"{_PREFIX}{secrets.token_hex(6)}"
        self._number = 0
        self._made: set[str] = set()
        self._lock: FileLock | None = None

    def __enter__(self) -> Workroom:
        with self.alone():
            _sweep(self.folder)
            self.path.mkdir(mode=0o700)
            self._lock = FileLock.take(self.path / "lock")
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock:
            self._lock.release()
        if not any(self._promised()):
            shutil.rmtree(self.path, ignore_errors=True)

    def alone(self) -> AbstractContextManager[None]:
        """While it is held, no other run gives names in this folder, and none is seen between two moves."""
        return held(self.folder / _LOCK)

    def new_name(self) -> Path:
        """A path in the room that nothing has yet."""
        self._number += 1
        return self.path / str(self._number)

    def stage(self, folder: Path, files: Mapping[str, bytes], private: Mapping[str, bytes]) -> None:
        """Write files below a folder of the room, not flushed yet; names may have `/`. Raises OSError."""
        for name, data in (*files.items(), *private.items()):
            target = below(folder, name)
            parent = os.path.dirname(target)  # noqa: PTH120
            if parent not in self._made:
                _make_folders(parent)
                self._made.add(parent)
            fill((create_private if name in private else create)(target), data)

    def reveal(self, folder: Path, moves: Sequence[Move]) -> None:
        """Give what is staged in `folder` (below the room, flushed) its names: all, or none when that cannot be.

        A run that is killed meanwhile has given all of them, since the next one goes on. To be called while `alone`.
        """
        document = folder / _MOVES
        fill(create(document), json.dumps([(move.source, move.target, move.aside) for move in moves]).encode("ascii"))
        flush_file(document)
        ready = folder.with_name(folder.name + _READY)
        rename(folder, ready)
        try:
            _finish(ready, self.folder, moves)
        except OSError:
            _undo(ready, self.folder, moves)
            raise
        except BaseException:  # a Ctrl-C between two moves
            _finish(ready, self.folder, moves, again=True)
            raise

    def _promised(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self.path.glob(f"*{_READY}")


@contextmanager
def one_file(path: Path) -> Iterator[Path]:
    """A name to write one file under, in a room beside `path`. Raises StorageError that names `path`."""
    with told(path), Workroom(path.parent) as room:
        yield room.new_name()


def sweep(folder: Path) -> None:
    """Put away what killed runs left in `folder`, and finish what they had begun to name. Raises StorageError."""
    with told(folder):
        if folder.is_dir() and any(_rooms(folder)):
            with held(folder / _LOCK):
                _sweep(folder)


def _rooms(folder: Path) -> Iterable[Path]:
    with os.scandir(folder) as entries:
        return [
            Path(entry.path) for entry in entries if _ROOM.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]


def _sweep(folder: Path) -> None:
    for room in _rooms(folder):
        if _is_left(room):
            for ready in room.glob(f"*{_READY}"):
                _finish(ready, folder, _read_moves(ready), again=True)
            shutil.rmtree(room, ignore_errors=True)


def _is_left(room: Path) -> bool:
    """Whether a room is a killed run's. Rooms are made while the folder's lock is held, so that none is half made."""
    try:
        lock = FileLock.take(room / "lock", create=False)
    except FileNotFoundError:
        return True
    except OSError:  # another user's
        return False
    if lock is None:
        return False
    lock.release(remove=lock.is_real)
    return lock.is_real


def _finish(ready: Path, folder: Path, moves: Sequence[Move], *, again: bool = False) -> None:
    """Do every move that is not done yet; `again`, what has lost its name to another run in the meantime is dropped."""
    parents = {os.path.dirname(below(folder, move.target)) for move in moves}  # noqa: PTH120
    for parent in parents:
        _make_folders(parent)
    for move in moves:
        source, target = below(ready, move.source), below(folder, move.target)
        if again and not os.path.lexists(source):
            continue  # it has its name already
        if move.aside:
            _put_aside(target, folder / move.aside)
        else:
            with suppress(*((FileExistsError,) if again else ())):
                rename_to_nothing(source, target)
    for parent in parents:
        flush_folder(Path(parent))
    shutil.rmtree(ready, ignore_errors=True)


def _put_aside(target: str, aside: Path) -> None:
    if os.path.lexists(target) and not os.path.lexists(aside):
        rename(target, aside)


def _make_folders(folder: str) -> None:
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103


def _undo(ready: Path, folder: Path, moves: Sequence[Move]) -> None:
    for move in reversed(moves):
        now_at, before = (
            (folder / move.aside, folder / move.target) if move.aside else (folder / move.target, ready / move.source)
        )
        if os.path.lexists(now_at) and not os.path.lexists(before):
            rename(now_at, before)
    rename(ready, ready.with_suffix(".undone"))


def _read_moves(ready: Path) -> list[Move]:
    """The moves as they were written down; those alone that stay inside the folder."""
    try:
        moves = [Move(*move) for move in json.loads((ready / _MOVES).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
    return [move for move in moves if all(map(_is_inside, (move.source, move.target, move.aside or "x")))]


def _is_inside(name: object) -> bool:
    if not isinstance(name, str):
        return False
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:]", name)
