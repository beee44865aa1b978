"""Who can read a private key's file: modes, access lists, and the system's own answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from eflowprov.workflows.disk.access_lists import readers_by_list
from eflowprov.workflows.disk.file_access import read_access, readers_by_mode
from eflowprov.workflows.disk.files import write_new_private

ME = "S-1-5-21-1111111111-2222222222-3333333333-1001"


@pytest.mark.parametrize(
    ("mode", "readers"),
    [
        (0o600, ()),
        (0o400, ()),
        (0o622, ()),  # who may write but not read cannot copy it
        (0o640, ("its group",)),
        (0o604, ("everyone",)),
        (0o644, ("its group", "everyone")),
        (0o444, ("its group", "everyone")),  # as certGen.sh leaves it
    ],
)
def test_a_mode_tells_who_can_read(mode: int, readers: tuple[str, ...]) -> None:
    assert readers_by_mode(mode) == readers


@pytest.mark.parametrize(
    ("rights", "readers"),
    [
        (f"D:P(A;;FA;;;{ME})(A;;FA;;;BA)(A;;FA;;;SY)", ()),
        (f"O:{ME}D:PAI(A;;0x1f01ff;;;S-1-5-32-544)(A;;0x1f01ff;;;S-1-5-18)(A;;FA;;;OW)", ()),
        ("D:(A;ID;FA;;;LA)(A;;FA;;;DA)(A;;FA;;;S-1-5-21-1-2-3-500)", ()),
        (f"D:AI(A;ID;FA;;;{ME})(A;ID;0x1200a9;;;BU)", ("Users",)),
        ("D:(A;;FR;;;WD)(A;;GR;;;AU)(A;;GA;;;S-1-5-11)", ("Everyone", "Authenticated Users")),
        ("D:(A;;CCLCRC;;;IU)", ("interactive users",)),
        ("D:(A;;FA;;;S-1-5-21-9-9-9-1002)", ("S-1-5-21-9-9-9-1002",)),
        ("D:(A;;0x100116;;;WD)(A;;FW;;;BU)(A;;FX;;;AU)", ()),  # writing and executing alone
        ("D:(A;OICIIO;FA;;;WD)", ()),  # only there to be inherited
        ("D:(D;;FA;;;WD)", ()),
        ('D:(XA;;FA;;;BU;(@User.Title=="PM" && (Member_of{SID(BA)})))', ("Users",)),
        ("D:NO_ACCESS_CONTROL", ("Everyone",)),
        ("D:PNO_ACCESS_CONTROL", ("Everyone",)),
        ("", ("Everyone",)),
        ("D:P", ()),  # an empty list lets nobody in
    ],
)
def test_an_access_list_tells_who_can_read(rights: str, readers: tuple[str, ...]) -> None:
    assert readers_by_list(rights, ME) == readers


def test_a_key_that_we_write_is_its_owners_alone(tmp_path: Path) -> None:
    write_new_private(tmp_path / "k.pem", b"x")
    found = read_access(tmp_path / "k.pem")
    assert found is not None
    assert found.readers == ()
    assert found.path == str(tmp_path / "k.pem")


@pytest.mark.linux
def test_a_file_for_everyone_is_seen_as_one(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(b"x")
    (tmp_path / "k.pem").chmod(0o644)
    found = read_access(tmp_path / "k.pem")
    assert found is not None
    assert (found.readers, found.shown) == (("its group", "everyone"), "mode 0644")


@pytest.mark.windows
def test_windows_own_list_is_understood(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(b"x")
    found = read_access(tmp_path / "k.pem")
    assert found is not None
    assert found.shown.startswith("D:")


def test_of_a_file_that_is_not_there_nothing_is_said(tmp_path: Path) -> None:
    assert read_access(tmp_path / "missing") is None
