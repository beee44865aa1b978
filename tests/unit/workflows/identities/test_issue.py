"""Authorities and identities on disk."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError, InputError, StorageError
from eflowprov.model import Secret
from eflowprov.workflows.disk import files, storage, workroom
from eflowprov.workflows.identities.authority_files import AuthorityReceipt, create_authority
from eflowprov.workflows.identities.issue import issue_identities
from eflowprov.workflows.identities.issued import IdentityReceipt
from tests.pki import DEVICE, NOW

CA = AuthorityProfile(KeyType.EC_P256)
PASSPHRASE = Secret("correct horse battery")


def _authority(folder: Path, **more: object) -> AuthorityReceipt:
    return create_authority(folder, CA, now=NOW, **more)  # type: ignore[arg-type]


def _issue(tmp_path: Path, *ids: str, **more: object) -> list[IdentityReceipt]:
    return list(issue_identities(ids or (DEVICE,), ca=tmp_path / "pki", out=tmp_path / "out", **{"now": NOW, **more}))  # type: ignore[arg-type]


def _tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


AUTHORITY_FILES = [
    "issuing-chain.pem",
    "issuing.ca.cert.pem",
    "private/issuing.ca.key.pem",
    "private/root.ca.key.pem",
    "root.ca.cert.pem",
]


@pytest.mark.parametrize("there", [False, True], ids=["new-folder", "folder-with-other-files"])
def test_an_authority_has_the_contracts_files(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "pki").mkdir()
        (tmp_path / "pki" / "notes.txt").write_bytes(b"")
    receipt = _authority(tmp_path / "pki")
    assert [name for name in _tree(tmp_path / "pki") if name != "notes.txt"] == AUTHORITY_FILES
    assert receipt.issuing == tmp_path / "pki" / "issuing.ca.cert.pem"
    assert not receipt.encrypted
    chain = (tmp_path / "pki" / "issuing-chain.pem").read_bytes()
    assert chain == receipt.issuing.read_bytes() + (tmp_path / "pki" / "root.ca.cert.pem").read_bytes()


def test_an_authority_is_made_in_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _authority(Path())
    assert _tree(tmp_path) == AUTHORITY_FILES


@pytest.mark.parametrize("name", ["root.ca.cert.pem", "issuing.ca.cert.pem", "issuing-chain.pem", "private"])
def test_a_folder_with_any_part_of_an_authority_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="holds an authority already"):
        _authority(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("there", [False, True], ids=["new-folder", "folder-with-other-files"])
@pytest.mark.parametrize("failing", [1, 2, 3, 4, 5])
def test_an_authority_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int, there: bool
) -> None:
    if there:
        (tmp_path / "pki").mkdir()
    _fail_at(monkeypatch, failing)
    with pytest.raises(StorageError):
        _authority(tmp_path / "pki")
    assert _tree(tmp_path) == []
    assert (tmp_path / "pki").exists() is there


def test_without_an_issuing_authority_the_root_signs_devices(tmp_path: Path) -> None:
    receipt = create_authority(tmp_path / "pki", AuthorityProfile(KeyType.EC_P256, intermediate=False), now=NOW)
    assert _tree(tmp_path / "pki") == ["issuing-chain.pem", "private/root.ca.key.pem", "root.ca.cert.pem"]
    assert receipt.issuing == tmp_path / "pki" / "root.ca.cert.pem"
    (issued,) = _issue(tmp_path)
    assert issued.chain.read_bytes().endswith(receipt.issuing.read_bytes())


def test_a_short_passphrase_makes_no_authority(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shorter than"):
        _authority(tmp_path / "pki", passphrase=Secret("short"))
    assert not (tmp_path / "pki").exists()


def test_an_identity_has_the_contracts_files_and_its_document(tmp_path: Path) -> None:
    authority = _authority(tmp_path / "pki")
    (receipt,) = _issue(tmp_path)
    folder = tmp_path / "out" / DEVICE
    assert _tree(folder) == [f"{DEVICE}.{end}" for end in ("chain.pem", "json", "key.pem", "leaf.pem")]
    read = read_bundle("f", receipt.chain.read_bytes(), key=receipt.key.read_bytes())
    assert read.key_matches
    assert read.certificates[0] == receipt.certificate
    document = json.loads(receipt.document.read_text("utf-8"))
    assert document["serial"] == receipt.certificate.serial
    assert document["not_after"] == "2027-06-01T12:00:00Z"
    assert document["enrollment_group"] == {
        "file": "issuing.ca.cert.pem",
        "sha256": authority.certificates[0].sha256,
    }
    assert document["device"] == {"certificate": f"{DEVICE}.chain.pem", "key": f"{DEVICE}.key.pem"}
    assert receipt.test_only


def test_a_bad_id_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    with pytest.raises(InputError, match="character 4 is a space"):
        _issue(tmp_path, "good", "Bad ID!")
    assert not (tmp_path / "out").exists()


def test_an_identity_that_is_there_and_valid_is_kept(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    (first,) = _issue(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in _tree(tmp_path)}
    second, other = _issue(tmp_path, DEVICE, "other")
    assert (first.kept, second.kept, other.kept) == (False, True, False)
    assert second.certificate == first.certificate
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_renew_issues_anew_and_keeps_the_old_files_aside(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    (first,) = _issue(tmp_path)
    old = first.key.read_bytes()
    (second,) = _issue(tmp_path, renew=True)
    assert second.certificate.serial != first.certificate.serial
    assert second.replaced is not None
    assert (second.replaced / first.key.name).read_bytes() == old
    assert second.key.read_bytes() != old


def _lose_the_key(folder: Path) -> None:
    (folder / f"{DEVICE}.key.pem").unlink()


def _swap_the_key(folder: Path) -> None:
    (folder / f"{DEVICE}.key.pem").write_bytes((folder.parent / "other" / "other.key.pem").read_bytes())


def _swap_the_leaf(folder: Path) -> None:
    (folder / f"{DEVICE}.leaf.pem").write_bytes((folder.parent / "other" / "other.leaf.pem").read_bytes())


def _swap_all(folder: Path) -> None:
    for kind in ("key", "leaf", "chain"):
        (folder / f"{DEVICE}.{kind}.pem").write_bytes((folder.parent / "other" / f"other.{kind}.pem").read_bytes())


def _cut_the_chain(folder: Path) -> None:
    path = folder / f"{DEVICE}.chain.pem"
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_lose_the_key, "lacks line4-press2.key.pem"),
        (_swap_the_key, "a key that is not its certificate's"),
        (_swap_the_leaf, "a leaf that is not its chain's"),
        (_swap_all, "is for 'other'"),
        (_cut_the_chain, "cut off"),
    ],
)
def test_an_identity_that_is_there_and_spoilt_stops_the_run_before_anything_is_written(
    tmp_path: Path, spoil: object, said: str
) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path, DEVICE, "other")
    spoil(tmp_path / "out" / DEVICE)  # type: ignore[operator]
    before = _tree(tmp_path)
    with pytest.raises(InputError, match=said):
        _issue(tmp_path, "third", DEVICE)
    assert _tree(tmp_path) == before
    (renewed,) = _issue(tmp_path, renew=True)
    assert renewed.replaced is not None


def test_another_authoritys_or_an_expired_identity_is_not_kept(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path)
    with pytest.raises(InputError, match="expired on 2027-06-01"):
        _issue(tmp_path, now=NOW + timedelta(days=366))
    (tmp_path / "pki").rename(tmp_path / "old")
    _authority(tmp_path / "pki")
    with pytest.raises(InputError, match="issued by another authority"):
        _issue(tmp_path)


@pytest.mark.linux
def test_an_id_that_differs_in_case_from_one_that_is_there_is_refused(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path, "line4")
    with pytest.raises(InputError, match="DPS ignores case"):
        _issue(tmp_path, "Line4")


def test_ids_that_windows_cannot_store_get_folders_of_their_own(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    receipts = _issue(tmp_path, "NUL", "00:15:5d", "con.x")
    assert [receipt.folder.name for receipt in receipts] == ["NUL~", "00@15@5d", "con~.x"]
    assert all(receipt.kept for receipt in _issue(tmp_path, "NUL", "00:15:5d", "con.x"))


def test_a_life_beyond_the_authoritys_is_shortened_and_said(tmp_path: Path) -> None:
    authority = _authority(tmp_path / "pki")
    (receipt,) = _issue(tmp_path, profile=LeafProfile(days=5000))
    assert receipt.shortened
    assert receipt.certificate.not_after == authority.certificates[0].not_after
    (other,) = _issue(tmp_path, "other")
    assert not other.shortened


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_full_disk_leaves_only_whole_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path, "first")
    _fail_at(monkeypatch, failing)
    with pytest.raises(StorageError):
        _issue(tmp_path, "first", "second")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["first"]


def test_the_passphrase_is_read_from_a_file_or_asked_for_when_there_is_one(tmp_path: Path) -> None:
    _authority(tmp_path / "pki", passphrase=PASSPHRASE)
    (tmp_path / "p").write_text("correct horse battery\n", encoding="utf-8")
    (by_file,) = _issue(tmp_path, "a", passphrase_file=tmp_path / "p")
    (by_asking,) = _issue(tmp_path, "b", ask=lambda: PASSPHRASE)
    assert not by_file.test_only
    assert not by_asking.test_only
    for more in ({}, {"ask": lambda: Secret("wrong")}):
        with pytest.raises(InputError):
            _issue(tmp_path, "c", **more)
    assert not (tmp_path / "out" / "c").exists()


def test_nobody_is_asked_for_a_passphrase_that_is_not_needed(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path, ask=lambda: pytest.fail("asked"))


def test_a_folder_without_an_authority_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eflowprov certs ca"):
        _issue(tmp_path)
    assert not (tmp_path / "out").exists()


def test_an_authority_without_its_key_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    (tmp_path / "pki" / "private" / "issuing.ca.key.pem").unlink()
    with pytest.raises(EflowprovError, match=r"issuing\.ca\.key\.pem"):
        _issue(tmp_path)


@pytest.mark.linux
def test_only_keys_are_private(tmp_path: Path) -> None:
    _authority(tmp_path / "pki")
    _issue(tmp_path)
    private = {name for name in _tree(tmp_path) if (tmp_path / name).stat().st_mode & 0o077 == 0}
    assert private == {name for name in _tree(tmp_path) if name.endswith(".key.pem")}


def _fail_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the number-th file find the disk full, after a byte of it was written."""
    fill, calls = storage.fill, []

    def torn(descriptor: int, data: bytes) -> None:
        calls.append(data)
        if len(calls) < number:
            fill(descriptor, data)
            return
        os.write(descriptor, data[:1])
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    for module in (files, workroom):
        monkeypatch.setattr(module, "fill", torn)
