"""A run's own room: nobody else's while it lives, swept when it was killed, and no move half done."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from eflowprov.errors import StorageError
from eflowprov.workflows.disk import workroom
from eflowprov.workflows.disk.locks import FileLock, held
from eflowprov.workflows.disk.workroom import Move, Workroom, sweep

ROOT = Path(__file__).parents[3]


def _all(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _staged(room: Workroom, **files: str) -> Path:
    folder = room.new_name()
    room.stage(folder, {f"d/{name}": text.encode() for name, text in files.items()}, {})
    return folder


def _killed(folder: Path, code: str) -> None:
    """Run Python in a process of its own that kills itself; `kill()` does it."""
    begin = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from eflowprov.workflows.disk import workroom\n"
        "from eflowprov.workflows.disk.workroom import Move, Workroom\n"
        "folder = Path(sys.argv[1])\n"
        "def kill(*_, **__): os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))\n"
    )
    done = subprocess.run([sys.executable, "-c", begin + code, str(folder)], cwd=ROOT, check=False)
    assert done.returncode not in (0, 1), "it was killed"


def test_nothing_is_left_of_a_room(tmp_path: Path) -> None:
    with Workroom(tmp_path) as room:
        folder = _staged(room, a="1")
        with room.alone():
            room.reveal(folder, [Move("d", "D")])
        _staged(room, b="never named")
    assert _all(tmp_path) == {"D/a": "1"}
    assert _names(tmp_path) == ["D"]


@pytest.mark.windows
def test_a_room_works_behind_the_prefix_for_long_paths(tmp_path: Path) -> None:
    folder = Path(f"\\\\?\\{tmp_path}")
    with Workroom(folder) as room:
        staged = _staged(room, a="1")
        with room.alone():
            room.reveal(staged, [Move("d/a", "private/a")])
    assert _all(tmp_path) == {"private/a": "1"}


@pytest.mark.linux
def test_a_room_is_its_owners_alone(tmp_path: Path) -> None:
    with Workroom(tmp_path) as room:
        assert room.path.stat().st_mode & 0o077 == 0


def test_a_room_in_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Workroom(tmp_path / "no"):
        pass


def test_a_live_runs_room_is_never_swept(tmp_path: Path) -> None:
    with Workroom(tmp_path) as room:
        folder = _staged(room, a="1")
        sweep(tmp_path)
        with Workroom(tmp_path):
            assert (folder / "d" / "a").exists()


def test_a_killed_runs_room_is_swept_with_the_keys_in_it(tmp_path: Path) -> None:
    _killed(
        tmp_path,
        "room = Workroom(folder).__enter__()\nroom.stage(room.new_name(), {}, {'d/key.pem': b'secret'})\nkill()\n",
    )
    assert "secret" in _all(tmp_path).values()
    sweep(tmp_path)
    assert _names(tmp_path) == []


def test_a_run_killed_while_it_makes_its_room_blocks_nobody(tmp_path: Path) -> None:
    _killed(tmp_path, "workroom._sweep = kill\nWorkroom(folder).__enter__()\n")
    assert _names(tmp_path) == [".eflowprov+lock"]
    with Workroom(tmp_path):
        pass
    assert _names(tmp_path) == []


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4])
def test_a_run_killed_between_two_moves_is_finished_by_the_next(tmp_path: Path, step: int) -> None:
    (tmp_path / "old").write_text("old")
    _killed(
        tmp_path,
        f"calls, room = [], Workroom(folder).__enter__()\n"
        "staged = room.new_name()\n"
        "room.stage(staged, {'new': b'new', 'a': b'1', 'b': b'2'}, {})\n"
        "def counted(step):\n"
        "    def call(*paths):\n"
        f"        if len(calls) == {step}: kill()\n"
        "        calls.append(paths)\n"
        "        step(*paths)\n"
        "    return call\n"
        "workroom._put_aside = counted(workroom._put_aside)\n"
        "workroom.rename_to_nothing = counted(workroom.rename_to_nothing)\n"
        "workroom.shutil.rmtree = kill\n"
        "room.reveal(staged, [Move('new', 'old', 'aside'), Move('new', 'old'), Move('a', 'x/a'), Move('b', 'b')])\n",
    )
    sweep(tmp_path)
    assert _all(tmp_path) == {"old": "new", "aside": "old", "x/a": "1", "b": "2"}


def test_what_was_promised_never_overwrites_what_has_come_meanwhile(tmp_path: Path) -> None:
    _killed(
        tmp_path,
        "room = Workroom(folder).__enter__()\n"
        "staged = room.new_name()\n"
        "room.stage(staged, {'a': b'mine'}, {})\n"
        "workroom.rename_to_nothing = kill\n"
        "room.reveal(staged, [Move('a', 'a')])\n",
    )
    (tmp_path / "a").write_text("theirs")
    sweep(tmp_path)
    assert _all(tmp_path) == {"a": "theirs"}


@pytest.mark.parametrize("target", ["../out", "/tmp/out", "C:/out", "x/../../out", "", None, "..\\out"])
def test_a_list_of_moves_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, target: object) -> None:
    ready = tmp_path / "in" / ".eflowprov+0123456789ab" / "1.ready"
    ready.mkdir(parents=True)
    (ready / "a").write_text("1")
    (ready / "moves.json").write_text(json.dumps([["a", target, ""]]))
    sweep(tmp_path / "in")
    assert _all(tmp_path) == {}


@pytest.mark.parametrize("moves", [b"", b"{", b"[1]", b'[["a"]]', b'{"a": 1}', b"\xff"])
def test_a_torn_list_of_moves_names_nothing_and_is_swept(tmp_path: Path, moves: bytes) -> None:
    ready = tmp_path / ".eflowprov+0123456789ab" / "1.ready"
    ready.mkdir(parents=True)
    (ready / "a").write_text("1")
    (ready / "moves.json").write_bytes(moves)
    sweep(tmp_path)
    assert _names(tmp_path) == []


def test_moves_that_cannot_be_done_are_all_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text("old")
    name, calls = workroom.rename_to_nothing, []

    def third_fails(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(errno.EACCES, "Permission denied")
        name(source, target)

    monkeypatch.setattr(workroom, "rename_to_nothing", third_fails)
    with pytest.raises(PermissionError), Workroom(tmp_path) as room:
        staged = room.new_name()
        room.stage(staged, {"new": b"new", "a": b"1", "b": b"2"}, {})
        room.reveal(staged, [Move("new", "old", "aside"), Move("new", "old"), Move("a", "a"), Move("b", "b")])
    assert _all(tmp_path) == {"old": "old"}
    assert _names(tmp_path) == ["old"]


def test_a_ctrl_c_between_two_moves_leaves_nothing_half_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, calls = workroom.rename_to_nothing, []

    def second_is_interrupted(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        name(source, target)

    monkeypatch.setattr(workroom, "rename_to_nothing", second_is_interrupted)
    with pytest.raises(KeyboardInterrupt), Workroom(tmp_path) as room:
        staged = room.new_name()
        room.stage(staged, {"a": b"1", "b": b"2"}, {})
        room.reveal(staged, [Move("a", "a"), Move("b", "b")])
    assert _all(tmp_path) == {"a": "1", "b": "2"}
    assert _names(tmp_path) == ["a", "b"]


def test_a_lock_is_one_holders_and_gone_after_him(tmp_path: Path) -> None:
    first = FileLock.take(tmp_path / "l")
    assert first
    assert FileLock.take(tmp_path / "l") is None
    first.release()
    assert _names(tmp_path) == []
    again = FileLock.take(tmp_path / "l")
    assert again
    again.release()


def test_a_dead_holders_lock_is_free(tmp_path: Path) -> None:
    _killed(tmp_path, "from eflowprov.workflows.disk.locks import FileLock\nl = FileLock.take(folder / 'l')\nkill()\n")
    assert _names(tmp_path) == ["l"]
    with held(tmp_path / "l", patience_s=0):
        pass
    assert _names(tmp_path) == []


def test_a_lock_that_stays_taken_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with held(tmp_path / "l"), pytest.raises(StorageError) as refused, held(tmp_path / "l", patience_s=0.05):
        pass
    assert str(refused.value).startswith(f"{tmp_path}: another run of eflowprov keeps it busy")


def test_many_holders_take_turns(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from eflowprov.workflows.disk.locks import held\n"
        "folder = Path(sys.argv[1])\n"
        "for _ in range(30):\n"
        "    with held(folder / 'l'):\n"
        "        count = folder / 'count'\n"
        "        count.write_text(str(int(count.read_text()) + 1))\n"
    )
    (tmp_path / "count").write_text("0")
    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "90"
    assert _names(tmp_path) == ["count"]


@pytest.mark.linux
def test_where_the_disk_knows_no_locks_a_run_works_and_sweeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / ".eflowprov+0123456789ab").mkdir()
    (tmp_path / ".eflowprov+0123456789ab" / "lock").write_text("")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with Workroom(tmp_path) as room, Workroom(tmp_path):
        folder = _staged(room, a="1")
        room.reveal(folder, [Move("d", "D")])
    assert (tmp_path / "D" / "a").read_text() == "1"
    assert (tmp_path / ".eflowprov+0123456789ab" / "lock").exists()


@pytest.mark.linux
def test_a_room_that_may_not_be_looked_into_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".eflowprov+0123456789ab").mkdir()

    def forbidden(_path: Path, *, create: bool = True) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(workroom.FileLock, "take", forbidden)
    workroom._sweep(tmp_path)
    assert (tmp_path / ".eflowprov+0123456789ab").exists()


def test_what_stands_aside_already_is_never_replaced(tmp_path: Path) -> None:
    """A move is done again after a kill; by then the target may be another's."""
    (tmp_path / "aside").write_text("old")
    (tmp_path / "f").write_text("new")
    workroom._put_aside(str(tmp_path / "f"), tmp_path / "aside")
    assert _all(tmp_path) == {"aside": "old", "f": "new"}
