"""`certs import` on disk: an identity like our own, or nothing at all."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.profiles import key_id, leaf_extensions, sign
from eflowprov.errors import InputError
from eflowprov.model import Secret
from eflowprov.workflows.identities import certificate_import
from eflowprov.workflows.identities.certificate_import import ImportReceipt, import_identity
from eflowprov.workflows.identities.certificate_requests import request_certificates
from eflowprov.workflows.identities.layouts import Layout
from eflowprov.workflows.identities.summary import write_summary
from tests.answers import PASSWORD, answer
from tests.pki import DEVICE, NOW, curve_key, odd_certificate, plain_key

A = answer()


class Place:
    """A folder with an authority's answer and a key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.cert = self.file("answer.p7b", A.p7b())
        self.key = self.file("device.key", A.device.key_bytes())

    def file(self, name: str, data: bytes) -> Path:
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def run(self, *certs: Path, **how: Any) -> ImportReceipt:
        key = how.pop("key", self.key)
        return import_identity(list(certs) or [self.cert], key, out=self.out, now=NOW, **how)

    @property
    def names(self) -> set[str]:
        """What is in `out`, the locks of runs aside."""
        if not self.out.exists():
            return set()
        return {path.name for path in self.out.iterdir() if path.is_dir()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_files_are_as_our_own_and_the_authorities_stand_beside(place: Place) -> None:
    receipt = place.run()
    files = receipt.files
    assert files.leaf.read_bytes() == A.device.pem
    assert files.chain.read_bytes() == A.device.pem + A.issuing.pem + A.policy.pem
    assert files.key.read_bytes() == A.device.key_bytes()
    assert files.issuing.read_bytes() == A.issuing.pem
    assert files.root.read_bytes() == A.root.pem
    document = json.loads(files.document.read_bytes())
    assert document["registration_id"] == DEVICE
    assert document["enrollment_group"]["file"] == f"{DEVICE}.issuing.pem"
    assert document["individual_enrollment"] == f"{DEVICE}.leaf.pem"
    assert (receipt.missing, receipt.foreign, receipt.warnings) == ("", (), ())
    assert [one.subject for one in receipt.chain] == [one.subject.rfc4514_string() for one in A.chain]
    assert receipt.other_key == place.key


def test_the_requests_own_folder_becomes_the_identitys(place: Place) -> None:
    (made,) = request_certificates([DEVICE], out=place.out)
    request = x509.load_pem_x509_csr(made.request.read_bytes())
    issuer = A.issuing.certificate.subject
    extensions = leaf_extensions(DEVICE, request.public_key(), key_id(A.issuing.key.public_key()))  # type: ignore[arg-type]
    times = NOW - timedelta(days=1), NOW + timedelta(days=90)
    signed = sign(request.subject, request.public_key(), issuer, A.issuing.key, times, extensions)  # type: ignore[arg-type]
    cert = place.file("signed.cer", signed.public_bytes(Encoding.DER))
    asked, key = made.request.read_bytes(), made.key.read_bytes()

    receipt = place.run(cert, place.file("i.pem", A.issuing.pem), key=made.key)

    assert receipt.files.request.read_bytes() == asked
    assert receipt.files.key.read_bytes() == key
    assert receipt.missing == "CN=Plant Policy CA"
    assert (receipt.replaced, receipt.other_key) == (None, None)
    assert place.names == {DEVICE}


def test_a_request_of_another_key_is_not_taken_for_this_one(place: Place) -> None:
    request_certificates([DEVICE], out=place.out)
    with pytest.raises(InputError, match="it is there already"):
        place.run()
    kept = place.run(renew=True).replaced
    assert kept is not None
    assert (kept / f"{DEVICE}.csr.pem").exists()


def test_an_identity_that_is_there_is_refused_and_with_renew_kept_aside(place: Place) -> None:
    key = curve_key()
    first = place.run(place.file("own.pem", odd_certificate(key)), key=place.file("own.key", plain_key(key)))
    with pytest.raises(InputError, match="it is there already"):
        place.run()
    second = place.run(renew=True)
    assert second.replaced is not None
    assert (second.replaced / first.files.key.name).read_bytes() == plain_key(key)
    assert second.files.key.read_bytes() == A.device.key_bytes()


def test_the_same_answer_again_writes_nothing(place: Place) -> None:
    first = place.run()
    before = first.files.document.stat().st_mtime_ns
    again = place.run()
    assert (first.kept, again.kept) == (False, True)
    assert again.files.document.stat().st_mtime_ns == before


def test_a_summary_that_is_there_is_brought_up_to_date(place: Place) -> None:
    place.out.mkdir()
    write_summary(place.out, Layout.EFLOWPROV, ())
    leaf = place.run().chain[0]
    assert leaf.serial in (place.out / "identities.csv").read_text(encoding="utf-8")


def test_a_folder_in_other_letter_case_is_the_same_device(place: Place) -> None:
    (place.out / DEVICE.upper()).mkdir(parents=True)
    with pytest.raises(InputError, match="DPS ignores case"):
        place.run(renew=True)


def test_a_missing_issuing_certificate_is_named_and_nothing_written(place: Place) -> None:
    leaf = place.file("leaf.pem", A.device.pem)
    with pytest.raises(InputError, match="the certificate that signed it is missing: CN=Plant Issuing CA"):
        place.run(leaf)
    assert place.names == set()
    receipt = place.run(leaf, enrollment="individual")
    assert (receipt.missing, receipt.has_issuing) == ("CN=Plant Issuing CA", False)
    assert json.loads(receipt.files.document.read_bytes())["enrollment_group"] is None


def test_a_certificate_that_dps_would_refuse_is_not_laid_out(place: Place) -> None:
    late = NOW + timedelta(days=400)
    with pytest.raises(InputError, match="certificate/"):
        import_identity([place.cert], place.key, out=place.out, now=late)
    assert place.names == set()


def test_what_check_would_warn_of_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = NOW + timedelta(days=90)  # it ends after 100
    receipt = import_identity([place.cert], place.key, out=place.out, now=soon)
    assert receipt.warnings
    assert all(one.id.startswith("certificate/") for one in receipt.warnings)


def test_the_device_may_be_named_beforehand(place: Place) -> None:
    with pytest.raises(InputError, match=f"CN={DEVICE}: it is not for 'line4-press3'"):
        place.run(registration_id="line4-press3")
    assert place.run(registration_id=DEVICE.upper()).registration_id == DEVICE


def test_a_passphrase_comes_from_the_file_or_a_person_who_is_asked_once(place: Place) -> None:
    pfx = place.file("all.pfx", A.pfx())
    with pytest.raises(EncryptedKeyError, match=r"all\.pfx: the PFX is encrypted"):
        place.run(pfx, key=None)
    asked: list[str] = []

    def ask(source: str) -> Secret:
        asked.append(source)
        return PASSWORD

    place.run(pfx, key=pfx, ask=ask)
    assert asked == [str(pfx)]
    passphrase = place.file("p", PASSWORD.reveal().encode() + b"\r\n")
    assert place.run(pfx, key=None, passphrase_file=passphrase, renew=True).registration_id == DEVICE


def test_a_write_that_fails_leaves_the_request_as_it_was(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise InputError("disk", "full", "free some")

    (made,) = request_certificates(["d9"], out=place.out)
    monkeypatch.setattr(certificate_import, "write_identity", full)
    before = {path: path.read_bytes() for path in made.key.parent.iterdir()}
    with pytest.raises(InputError, match="full"):
        place.run()
    assert {path: path.read_bytes() for path in made.key.parent.iterdir()} == before


def test_missing_and_huge_files_are_refused(place: Place) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        place.run(place.folder / "none.pem")
    with pytest.raises(InputError, match="it is larger than"):
        place.run(place.file("huge", b"x" * 2_000_000))
