"""`certs show` reads whatever a file holds: certificates, keys, requests, and the names of the rest."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.certs.contents import read_contents
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.profiles import LeafProfile
from eflowprov.certs.reading import MAX_BYTES, MAX_CERTIFICATES
from eflowprov.certs.requests import make_request
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.pki import DEVICE, identity, new_authority

CHAIN, LEAF, KEY = identity().chain_pem, identity().leaf_pem, identity().key_pem
MADE = make_request(DEVICE, LeafProfile(organization="Works"))
REQUEST = MADE.request_pem
OTHER_KEY = identity("other").key_pem
PASSWORD = Secret("a pass phrase")
DER_KEY = load_pem_private_key(KEY, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
LOCKED = load_pem_private_key(KEY, None).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a pass phrase")
)


def _pfx() -> bytes:
    leaf, issuing = x509.load_pem_x509_certificates(CHAIN)
    key = load_pem_private_key(KEY, None)
    return pkcs12.serialize_key_and_certificates(  # type: ignore[arg-type]
        b"device", key, leaf, [issuing], BestAvailableEncryption(b"a pass phrase")
    )


PFX = _pfx()


def test_everything_in_one_file_is_shown() -> None:
    read = read_contents(
        "f", CHAIN + KEY + OTHER_KEY + REQUEST + b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"
    )
    assert [one.is_ca for one in read.certificates] == [False, True]
    assert [one.key_type for one in read.keys] == ["EC P-256", "EC P-256"]
    assert read.keys[0].public_key_sha256 == read.certificates[0].public_key_sha256
    assert read.keys[1].public_key_sha256 != read.keys[0].public_key_sha256
    assert (len(read.requests), read.others, read.left_out) == (1, ("X509 CRL",), 0)


def test_a_request_is_shown_with_what_it_asks_for() -> None:
    for data in (REQUEST, base64.b64decode(b"".join(REQUEST.splitlines()[1:-1]))):
        (asked,) = read_contents("f", data).requests
        assert asked.common_names == (DEVICE,)
        assert asked.subject == f"CN={DEVICE},O=Works"
        assert asked.signature_valid
        assert asked.key_usage == ("digitalSignature",)
        assert asked.extended_key_usage == ("clientAuth",)
        assert asked.san == (f"DNS:{DEVICE}",)
        assert asked.public_key_sha256 == read_contents("k", MADE.key_pem).keys[0].public_key_sha256


def test_a_request_whose_signature_is_wrong_is_shown_as_such() -> None:
    body = bytearray(base64.b64decode(b"".join(REQUEST.splitlines()[1:-1])))
    at = bytes(body).index(DEVICE.encode())
    body[at : at + 1] = b"L"
    assert not read_contents("f", bytes(body)).requests[0].signature_valid


@pytest.mark.parametrize("data", [KEY, DER_KEY])
def test_a_key_alone_is_shown(data: bytes) -> None:
    read = read_contents("f", data)
    assert (read.certificates, len(read.keys), read.keys[0].encrypted) == ((), 1, False)


def test_an_encrypted_key_stays_closed_without_its_passphrase() -> None:
    assert (read_contents("f", LOCKED).keys[0].key_type, read_contents("f", LOCKED).keys[0].encrypted) == ("", True)
    assert read_contents("f", LOCKED, passphrase=PASSWORD).keys[0].key_type == "EC P-256"
    assert read_contents("f", CHAIN + LOCKED, passphrase=Secret("wrong")).keys[0].key_type == ""


def test_a_pfx_is_shown_with_its_key() -> None:
    read = read_contents("f", PFX, passphrase=PASSWORD)
    assert (read.kind, len(read.certificates), read.keys[0].encrypted) == ("pfx", 2, True)
    with pytest.raises(EncryptedKeyError):
        read_contents("f", PFX)


def test_of_a_long_list_the_beginning_is_shown_and_the_rest_counted() -> None:
    read = read_contents("f", LEAF * (MAX_CERTIFICATES + 7) + KEY * 10 + REQUEST * 12)
    assert (len(read.certificates), len(read.keys), len(read.requests)) == (MAX_CERTIFICATES, 8, 10)
    assert read.left_out == 7 + 2 + 2


@pytest.mark.parametrize("data", [b"", b"hello", b"x" * (MAX_BYTES + 1), LEAF[:300]])
def test_what_cannot_be_shown_is_one_error(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^f"):
        read_contents("f", data)


def test_a_file_full_of_dash_lines_takes_no_time() -> None:
    for line in (b"-----BEGIN X-----\n", b"-----BEGIN CERTIFICATE-----", b"-----BEGIN PRIVATE KEY-----\n\r", b"\r"):
        started = time.monotonic()
        with pytest.raises(InputError):
            read_contents("f", (line * (MAX_BYTES // len(line)))[: MAX_BYTES - 2] + b"\n" + LEAF[:99])
        assert time.monotonic() - started < 10, line


_SEEDS = st.sampled_from([CHAIN + KEY + REQUEST, LOCKED, PFX, DER_KEY, REQUEST, new_authority().chain])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=_SEEDS,
    changes=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 6000),
)
def test_no_damage_is_more_than_an_input_error(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    try:
        read = read_contents("f", bytes(data[: max(cut, 1)] if cut % 3 == 0 else data), passphrase=PASSWORD)
    except InputError:
        return
    assert read.certificates or read.keys or read.requests or read.others
