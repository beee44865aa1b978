"""Files appear whole or not at all, and private ones are their owner's alone."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from eflowprov.errors import InputError, StorageError
from eflowprov.workflows.disk import files, storage, workroom
from eflowprov.workflows.disk.files import (
    make_folder,
    read_limited,
    read_passphrase,
    write_folder_whole,
    write_new,
    write_new_private,
    write_together,
    write_whole,
)

Writer = Callable[[Path, bytes], None]
WRITERS = [write_whole, write_new, write_new_private]


def _folder(path: Path, data: bytes) -> None:
    write_folder_whole(path, {"a": b"1"}, {"private/k": data})


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_is_written_byte_for_byte_and_alone(tmp_path: Path, write: Writer) -> None:
    write(tmp_path / "f", b"one\ntwo\r\n\x00")
    assert (tmp_path / "f").read_bytes() == b"one\ntwo\r\n\x00"
    assert _names(tmp_path) == ["f"]


def test_write_whole_takes_the_place_of_what_is_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"old")
    write_whole(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"


@pytest.mark.parametrize("write", [write_new, write_new_private])
def test_a_new_file_never_overwrites(tmp_path: Path, write: Writer) -> None:
    (tmp_path / "k").write_bytes(b"the key")
    with pytest.raises(InputError, match="it is there already"):
        write(tmp_path / "k", b"another")
    assert (tmp_path / "k").read_bytes() == b"the key"
    assert _names(tmp_path) == ["k"]


def test_of_two_writers_at_once_exactly_one_wins(tmp_path: Path) -> None:
    start, outcomes = threading.Barrier(8), []

    def write(number: int) -> None:
        start.wait()
        try:
            write_new_private(tmp_path / "k", b"%d" % number * 1000)
            outcomes.append(number)
        except InputError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert (tmp_path / "k").read_bytes() == b"%d" % outcomes[0] * 1000


@pytest.mark.linux
def test_a_private_file_is_its_owners_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    fill = storage.fill

    def watched(descriptor: int, data: bytes) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fill(descriptor, data)

    monkeypatch.setattr(files, "fill", watched)
    monkeypatch.setattr(workroom, "fill", watched)
    old = os.umask(0)
    try:
        write_new_private(tmp_path / "k", b"secret")
        write_folder_whole(tmp_path / "d", {"a": b"1"}, {"private/k": b"secret"})
    finally:
        os.umask(old)
    assert modes == [0o600, 0o644, 0o600, 0o644], "the key, the file, the key, the list of moves"
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "d" / "private" / "k").stat().st_mode) == 0o600


@pytest.mark.windows
def test_a_file_that_another_program_has_open_is_told_as_that(tmp_path: Path) -> None:
    taken = tmp_path / "identities.csv"
    taken.write_bytes(b"old")
    with taken.open("rb"), pytest.raises(StorageError, match=r"identities\.csv: another program has it open\. Close"):
        write_whole(taken, b"new")
    assert taken.read_bytes() == b"old"
    write_whole(taken, b"new")
    assert taken.read_bytes() == b"new"


@pytest.mark.windows
@pytest.mark.parametrize("open_one", ["b", "z"])
def test_nothing_of_a_set_changes_while_another_program_has_one_of_it_open(tmp_path: Path, open_one: str) -> None:
    before = {"a": b"1", "b": b"2", "z": b"3"}
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    with (tmp_path / open_one).open("rb"), pytest.raises(StorageError, match=f"{open_one}: another program has it"):
        write_together(tmp_path, [("a", b"new"), ("b", b"new")], gone=["z"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.windows
def test_a_file_that_another_program_reads_alone_is_told_as_that(tmp_path: Path) -> None:
    import _winapi

    taken = tmp_path / "list.txt"
    taken.write_bytes(b"1")
    handle = _winapi.CreateFile(str(taken), _winapi.GENERIC_READ, 0, 0, _winapi.OPEN_EXISTING, 0, 0)
    try:
        with pytest.raises(InputError, match="another program has it open for itself alone"):
            read_limited(taken, 10)
    finally:
        _winapi.CloseHandle(handle)
    assert read_limited(taken, 10) == b"1"


@pytest.mark.windows
def test_on_windows_a_private_file_is_the_owners_administrators_and_systems(tmp_path: Path) -> None:
    from eflowprov.workflows.disk.windows_files import current_user, rights_of

    write_new_private(tmp_path / "k", b"secret")
    write_folder_whole(tmp_path / "d", {}, {"k": b"secret"})
    assert current_user().startswith("S-1-")
    (tmp_path / "plain").write_bytes(b"")
    for path in (tmp_path / "k", tmp_path / "d" / "k"):
        assert path.read_bytes() == b"secret"
        rights = rights_of(path)
        assert rights.count("(A;") == rights.count("("), "nothing but grants"
        assert ";;WD)" not in rights, "nothing for Everyone"
        assert ";;BU)" not in rights, "nothing for Users"
    assert rights_of(tmp_path / "k") != rights_of(tmp_path / "plain")


@pytest.mark.windows
def test_on_windows_a_private_file_that_others_can_read_after_all_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eflowprov.workflows.disk import windows_files

    monkeypatch.setattr(windows_files, "rights_of", lambda _path: "D:(A;;FA;;;BA)(A;;FR;;;BU)")
    with pytest.raises(StorageError, match="its access list lets others read it"):
        write_new_private(tmp_path / "k", b"secret")
    assert _names(tmp_path) == []
    monkeypatch.setattr(windows_files, "keeps_rights", lambda _path: False)
    write_new_private(tmp_path / "k", b"secret")
    assert (tmp_path / "k").read_bytes() == b"secret"


@pytest.mark.parametrize("write", [*WRITERS, _folder])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_midway_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Writer, failure: BaseException
) -> None:
    def torn(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:1])
        os.close(descriptor)
        raise failure

    monkeypatch.setattr(files, "fill", torn)
    monkeypatch.setattr(workroom, "fill", torn)
    expected = StorageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as refused:
        write(tmp_path / "f", b"data")
    assert _names(tmp_path) == []
    if isinstance(failure, OSError):
        assert "No space left on device" in str(refused.value)
        assert "Free some space" in str(refused.value)


def test_files_that_belong_together_take_the_place_of_the_old_ones_and_of_those_that_are_gone(tmp_path: Path) -> None:
    for name in ("a", "gone", "kept"):
        (tmp_path / name).write_bytes(b"old")
    write_together(tmp_path, [("a", b"new"), ("b", b"new")], gone=["gone", "never-there"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == {
        "a": b"new",
        "b": b"new",
        "kept": b"old",
    }


def test_files_that_belong_together_change_nothing_when_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "gone").write_bytes(b"old")
    monkeypatch.setattr(storage.os, "fsync", _no_space)
    with pytest.raises(StorageError, match="No space left"):
        write_together(tmp_path, [("a", b"new"), ("b", b"new")], gone=["gone"])
    assert [(tmp_path / name).read_bytes() for name in ("a", "gone")] == [b"old", b"old"]
    assert not (tmp_path / "b").exists()


def test_a_failed_replacement_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "f", b"old")
    monkeypatch.setattr(storage.os, "fsync", _no_space)
    with pytest.raises(StorageError):
        write_whole(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"old"
    assert _names(tmp_path) == ["f"]


def _no_space(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("write", [*WRITERS, _folder])
def test_a_missing_folder_is_a_storage_error(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(StorageError) as refused:
        write(tmp_path / "no" / "f", b"data")
    assert refused.value.exit_status == 3


@pytest.mark.parametrize("write", [*WRITERS, _folder])
@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_disk_takes_is_a_storage_error(tmp_path: Path, write: Writer, name: str) -> None:
    with pytest.raises(StorageError):
        write(tmp_path / name, b"data")
    assert _names(tmp_path) == []


@pytest.mark.linux
def test_without_hard_links_a_private_file_is_still_whole_and_exclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(storage.os, "link", no_links)
    write_new_private(tmp_path / "k", b"secret")
    assert (tmp_path / "k").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    with pytest.raises(InputError, match="it is there already"):
        write_new_private(tmp_path / "k", b"another")
    assert _names(tmp_path) == ["k"]


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    write_folder_whole(tmp_path / "d", {"a": b"1", "b": b"2"}, {"private/k": b"3"})
    assert _names(tmp_path / "d") == ["a", "b", "private"]
    assert (tmp_path / "d" / "private" / "k").read_bytes() == b"3"
    assert _names(tmp_path) == ["d"]


def test_an_empty_folder_may_be_filled_and_another_not(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    write_folder_whole(tmp_path / "d", {"a": b"1"}, {})
    with pytest.raises(InputError, match="not empty"):
        write_folder_whole(tmp_path / "d", {"a": b"2"}, {})
    assert (tmp_path / "d" / "a").read_bytes() == b"1"
    assert _names(tmp_path) == ["d"]


def test_an_old_folder_goes_where_it_is_told(tmp_path: Path) -> None:
    write_folder_whole(tmp_path / "d", {"a": b"1"}, {})
    write_folder_whole(tmp_path / "d", {"a": b"2"}, {}, old=tmp_path / "old")
    assert ((tmp_path / "d" / "a").read_bytes(), (tmp_path / "old" / "a").read_bytes()) == (b"2", b"1")
    with pytest.raises(InputError, match="old"):
        write_folder_whole(tmp_path / "d", {"a": b"3"}, {}, old=tmp_path / "old")
    assert _names(tmp_path) == ["d", "old"]


def test_an_old_folder_comes_back_when_the_new_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder_whole(tmp_path / "d", {"a": b"1"}, {})

    def fails(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(workroom, "rename_to_nothing", fails)
    with pytest.raises(StorageError):
        write_folder_whole(tmp_path / "d", {"a": b"2"}, {}, old=tmp_path / "old")
    assert (tmp_path / "d" / "a").read_bytes() == b"1"
    assert _names(tmp_path) == ["d"]


def test_a_folder_that_is_there_is_good_and_a_file_in_its_place_is_not(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(StorageError):
        make_folder(tmp_path / "f")


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 10)
    assert read_limited(tmp_path / "f", 10) == b"x" * 10
    with pytest.raises(InputError, match="larger than 9 bytes"):
        read_limited(tmp_path / "f", 9)


def test_a_generous_limit_takes_no_memory_of_its_size(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 10)
    assert read_limited(tmp_path / "f", 2**60) == b"x" * 10


def test_what_cannot_be_read_is_an_input_error_with_the_place(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "it is a folder"),
        (tmp_path / "no", "no such file"),
        (tmp_path / "a\0b", "cannot be"),
    ):
        with pytest.raises(InputError, match=said) as refused:
            read_limited(path, 10)
        assert refused.value.exit_status == 2


@pytest.mark.linux
def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    with pytest.raises(InputError, match="no plain file"):
        read_limited(tmp_path / "p", 10)
    with pytest.raises(InputError, match="no plain file"):
        read_limited(Path("/dev/zero"), 10)


@pytest.mark.parametrize(
    "data", [b"a pass phrase", b"a pass phrase\n", b"a pass phrase\r\n", b"\xef\xbb\xbfa pass phrase\n"]
)
def test_a_passphrase_file_is_its_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    assert read_passphrase(tmp_path / "p").reveal() == "a pass phrase"
    (tmp_path / "p").write_bytes("a pass phrase\r\n".encode("utf-16"))
    assert read_passphrase(tmp_path / "p").reveal() == "a pass phrase"


@pytest.mark.parametrize("data", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe\x00", b"\xe9", b"a\0 \0b\0"])
def test_any_other_passphrase_file_is_refused_without_being_shown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_passphrase(tmp_path / "p")
    assert "one\n" not in str(refused.value)
    assert "two" not in str(refused.value)


@pytest.mark.linux
@pytest.mark.parametrize(("files", "by_one_call"), [(100, True), (3, False)])
def test_many_files_are_flushed_by_one_call_and_few_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, by_one_call: bool
) -> None:
    flushed: list[object] = []
    monkeypatch.setattr(storage, "flush_file", flushed.append)
    (tmp_path / "d").mkdir()
    for number in range(3):
        (tmp_path / "d" / str(number)).write_bytes(b"1")
    storage.flush_below(tmp_path, files)
    assert len(flushed) == (0 if by_one_call else 3)


def test_windows_patience_ends_with_success_or_the_last_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virus scanner has the file open for a moment, or for ever."""
    monkeypatch.setattr(storage, "_PAUSES", (0.0, 0.0, 0.0))
    rename, calls = os.rename, []

    def refused_twice(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) <= 2:
            raise PermissionError(errno.EACCES, "Access is denied")
        rename(source, target)

    monkeypatch.setattr(storage.os, "rename", refused_twice)
    (tmp_path / "a").write_bytes(b"1")
    storage.rename(tmp_path / "a", tmp_path / "b")
    assert _names(tmp_path) == ["b"]
    monkeypatch.setattr(storage.os, "rename", lambda *_: calls.append(1) or _denied())
    calls.clear()
    with pytest.raises(PermissionError):
        storage.rename(tmp_path / "b", tmp_path / "c")
    assert len(calls) == 4


def _denied() -> None:
    raise PermissionError(errno.EACCES, "Access is denied")
