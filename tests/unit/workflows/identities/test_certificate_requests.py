"""`certs request` on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509

from eflowprov.certs.profiles import LeafProfile
from eflowprov.errors import InputError, StorageError
from eflowprov.workflows.identities.certificate_requests import request_certificates


def test_key_and_request_stand_in_the_devices_folder(tmp_path: Path) -> None:
    receipts = request_certificates(["line4-press2", "a:b"], out=tmp_path / "new" / "out")
    assert [one.registration_id for one in receipts] == ["line4-press2", "a:b"]
    assert receipts[1].request == tmp_path / "new" / "out" / "a@b" / "a@b.csr.pem"
    names = x509.load_pem_x509_csr(receipts[1].request.read_bytes()).subject.rfc4514_string()
    assert names == "CN=a:b"
    assert b"PRIVATE KEY" in receipts[1].key.read_bytes()
    assert {path.name for path in receipts[1].key.parent.iterdir()} == {"a@b.csr.pem", "a@b.key.pem"}


@pytest.mark.linux
def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    (receipt,) = request_certificates(["d1"], out=tmp_path)
    assert stat.S_IMODE(receipt.key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (["ok", "Bad ID"], "registration ID 'Bad ID'"),
        (["d1", "D1"], "DPS ignores case"),
        ([], "none is given"),
    ],
)
def test_what_can_be_wrong_is_told_before_anything_is_written(tmp_path: Path, ids: list[str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        request_certificates(ids, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_organization_that_no_subject_holds_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="organization"):
        request_certificates(["d1"], out=tmp_path / "out", profile=LeafProfile(organization="x" * 65))
    assert not (tmp_path / "out").exists()


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    (first,) = request_certificates(["d1"], out=tmp_path)
    before = first.key.read_bytes()
    with pytest.raises(InputError, match="it holds d1 already"):
        request_certificates(["d0", "D1"], out=tmp_path)
    assert first.key.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["d1"]


def test_a_place_that_cannot_be_written_to_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        request_certificates(["d1"], out=tmp_path / "file")
