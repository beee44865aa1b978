"""Identities in the forms that other machines take."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.certs.export import check_password, to_pfx, without_line_end
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.pki import DEVICE, identity

PASSWORD = Secret("correct horse 1")
# Object identifiers in DER: PBES2 with AES-256-CBC, and PKCS#12's own 3DES with SHA-1.
AES_256, TRIPLE_DES = bytes.fromhex("60864801650304012a"), bytes.fromhex("2a864886f70d010c0103")


def pfx(*, legacy: bool = False) -> bytes:
    key = load_pem_private_key(identity().key_pem, None)
    chain = x509.load_pem_x509_certificates(identity().chain_pem)
    return to_pfx(DEVICE, chain, key, PASSWORD, legacy=legacy)  # type: ignore[arg-type]


@pytest.mark.parametrize("legacy", [False, True])
def test_key_leaf_and_those_above_come_back_with_the_devices_name(legacy: bool) -> None:
    read = pkcs12.load_pkcs12(pfx(legacy=legacy), PASSWORD.reveal().encode())
    leaf, issuing = x509.load_pem_x509_certificates(identity().chain_pem)
    assert read.cert is not None
    assert (read.cert.certificate, read.cert.friendly_name) == (leaf, DEVICE.encode())
    assert [one.certificate for one in read.additional_certs] == [issuing]
    assert read.key is not None
    assert read.key.public_key() == leaf.public_key()


def test_encryption_is_aes_256_unless_an_old_windows_is_to_read_it() -> None:
    assert AES_256 in pfx()
    assert TRIPLE_DES not in pfx()
    assert TRIPLE_DES in pfx(legacy=True)
    assert AES_256 not in pfx(legacy=True)


def test_another_password_does_not_open_it() -> None:
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(pfx(), b"wrong")


@pytest.mark.parametrize("text", ["", "pass\u00e9", "tab\tbed", "line\n"])
def test_a_password_that_programs_read_differently_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(InputError, match="password of the PFX") as refused:
        check_password(Secret(text))
    assert not text.strip() or text not in str(refused.value)


@given(st.binary(max_size=20))
def test_nothing_stands_behind_the_last_dash(behind: bytes) -> None:
    text = b"-----END CERTIFICATE-----"
    assert without_line_end(text + b" \r\n\t\n") == text
    assert not without_line_end(behind).endswith((b" ", b"\n", b"\r", b"\t"))
