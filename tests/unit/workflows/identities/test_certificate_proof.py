"""`certs proof` on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.profiles import AuthorityProfile, KeyType
from eflowprov.errors import InputError
from eflowprov.model import Secret
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.certificate_proof import prove_possession

CODE = "106A5BC5BC2D1B1B"
PASSPHRASE = Secret("correct horse battery")


def authority(folder: Path, *, intermediate: bool = True, passphrase: Secret | None = None) -> Path:
    create_authority(folder, AuthorityProfile(KeyType.EC_P256, intermediate=intermediate), passphrase=passphrase)
    return folder


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize(("by", "file"), [("root", "root.ca.cert.pem"), ("issuing", "issuing.ca.cert.pem")])
def test_the_certificate_that_is_to_be_verified_signs(tmp_path: Path, by: str, file: str) -> None:
    pki = authority(tmp_path / "pki")
    receipt = prove_possession(f" {CODE}\n", ca=pki, out=tmp_path / "proofs", by=by)
    proof = certificate(receipt.path)
    assert proof.subject.rfc4514_string() == f"CN={CODE}"
    proof.verify_directly_issued_by(certificate(pki / file))
    assert (receipt.by, receipt.verified, receipt.code) == (by, pki / file, CODE)


def test_without_a_word_the_issuing_one_signs_and_the_root_where_it_is_alone(tmp_path: Path) -> None:
    assert prove_possession(CODE, ca=authority(tmp_path / "two"), out=tmp_path).by == "issuing"
    alone = authority(tmp_path / "one", intermediate=False)
    assert prove_possession(CODE, ca=alone, out=tmp_path / "o").by == "root"
    with pytest.raises(InputError, match="no issuing authority below it"):
        prove_possession(CODE, ca=alone, out=tmp_path / "o", by="issuing")


def test_only_the_key_that_signs_is_needed(tmp_path: Path) -> None:
    pki = authority(tmp_path / "pki")
    (pki / "private" / "root.ca.key.pem").unlink()
    prove_possession(CODE, ca=pki, out=tmp_path, by="issuing")
    with pytest.raises(InputError, match=r"root\.ca\.key\.pem"):
        prove_possession(CODE, ca=pki, out=tmp_path, by="root")


def test_an_encrypted_key_is_opened_by_file_or_by_a_person(tmp_path: Path) -> None:
    pki = authority(tmp_path / "pki", passphrase=PASSPHRASE)
    with pytest.raises(EncryptedKeyError):
        prove_possession(CODE, ca=pki, out=tmp_path)
    asked: list[str] = []
    prove_possession(CODE, ca=pki, out=tmp_path, ask=lambda source: asked.append(source) or PASSPHRASE)
    assert asked == [str(pki / "private" / "issuing.ca.key.pem")]
    (tmp_path / "p").write_text(PASSPHRASE.reveal(), encoding="utf-8")
    prove_possession(CODE, ca=pki, out=tmp_path, by="root", passphrase_file=tmp_path / "p")


def test_nothing_is_overwritten_and_another_code_has_another_name(tmp_path: Path) -> None:
    pki = authority(tmp_path / "pki")
    first = prove_possession(CODE, ca=pki, out=tmp_path).path
    before = first.read_bytes()
    with pytest.raises(InputError, match="it is there already"):
        prove_possession(CODE, ca=pki, out=tmp_path)
    assert first.read_bytes() == before
    assert prove_possession("FFFF" + CODE, ca=pki, out=tmp_path).path != first
    odd = prove_possession("..\\../:*", ca=pki, out=tmp_path / "odd").path
    assert odd.parent == tmp_path / "odd"


def test_a_bad_code_or_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it holds no authority"):
        prove_possession(CODE, ca=tmp_path, out=tmp_path / "out")
    with pytest.raises(InputError, match="verification code"):
        prove_possession("A B", ca=authority(tmp_path / "pki"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
