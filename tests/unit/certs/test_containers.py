"""Files with certificates and keys, told by their content and not by their names."""

from __future__ import annotations

import base64
import time
import warnings

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.certs.containers import MAX_BYTES, Container, open_container, open_key
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.answers import PASSWORD, answer

A = answer()
DEVICE_KEY = A.device.key_bytes()
FOUR = set(A.chain)


def locked(_source: str) -> None:
    """Nobody who knows the passphrase."""
    return


def knows(_source: str) -> Secret:
    return PASSWORD


def never(source: str) -> Secret:
    raise AssertionError(f"nobody was to be asked about {source}")


def framed(label: str, body: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), base64.encodebytes(body), label.encode())


@pytest.mark.parametrize(
    "data",
    [
        A.p7b(),
        A.p7b(Encoding.PEM),
        framed("CERTIFICATE", A.p7b()),  # as certutil -encode writes it
        framed("CMS", A.p7b()),
        b"".join(one.pem for one in (A.root, A.device, A.policy, A.issuing)),
        b"subject: x\r\n" + A.root.pem.replace(b"\n", b"\r\n") + A.p7b(Encoding.PEM),
        A.p7b(Encoding.PEM).decode().encode("utf-16"),
        A.pfx(None),
    ],
)
def test_all_certificates_are_found_whatever_the_form(data: bytes) -> None:
    assert set(open_container("f", data, never).certificates) == FOUR


def test_one_certificate_in_der_is_one_certificate() -> None:
    assert open_container("f", A.device.der, never).certificates == (A.device.certificate,)


@pytest.mark.parametrize(
    ("data", "unlock"),
    [
        (A.device.pem + DEVICE_KEY, never),
        (A.device.pem + A.device.key_bytes(passphrase=PASSWORD), knows),
        (A.pfx(), knows),
        (A.pfx(None), never),
        (A.device.key_bytes(Encoding.DER), never),
    ],
)
def test_a_key_among_the_certificates_is_found(data: bytes, unlock: object) -> None:
    key = open_container("f", data, unlock).key  # type: ignore[arg-type]
    assert key is not None
    assert key.public_key() == A.device.key.public_key()


def test_nobody_is_asked_about_a_key_that_is_not_wanted() -> None:
    both = A.device.pem + A.device.key_bytes(passphrase=PASSWORD)
    assert open_container("f", both, never, need_key=False).key is None


@pytest.mark.parametrize(
    "data",
    [
        DEVICE_KEY,
        A.device.key_bytes(Encoding.DER),
        A.device.key_bytes(passphrase=PASSWORD),
        A.device.key_bytes(Encoding.DER, PASSWORD),
        A.pfx(),
    ],
)
def test_a_key_file_may_have_any_form(data: bytes) -> None:
    key = open_key("k", data, knows).key
    assert key is not None
    assert key.public_key() == A.device.key.public_key()


def test_a_pfx_given_as_key_brings_its_certificates_along() -> None:
    assert set(open_key("k", A.pfx(), knows).certificates) == FOUR


@pytest.mark.parametrize("data", [A.pfx(), A.device.key_bytes(passphrase=PASSWORD)])
def test_a_missing_and_a_wrong_passphrase_are_told_and_not_shown(data: bytes) -> None:
    with pytest.raises(EncryptedKeyError, match="encrypted"):
        open_key("k", data, locked)
    with pytest.raises(EncryptedKeyError, match="passphrase") as refused:
        open_key("k", data, lambda _source: Secret("not this one"))
    assert "not this one" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"hello", "holds no certificate"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "a certificate request"),
        (b"-----BEGIN PGP-----\nAAAA\n-----END PGP-----\n", "unknown kind PGP"),
        (A.device.pem[:200], "cut off"),
        (framed("CERTIFICATE", b""), "not base64"),
        (A.p7b()[:-300], "no PKCS#7"),
        (A.device.der[:-9], "no X.509 certificate"),
        (A.device.pem + DEVICE_KEY + A.root.key_bytes(), "2 private keys"),
        (A.device.pem * 201, "201 certificates"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why) as refused:
        open_container("answer.p7b", data, locked)
    assert str(refused.value).startswith("answer.p7b")
    assert "\n" not in str(refused.value)


def test_a_pfx_without_a_key_is_no_key_file() -> None:
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    data = pkcs12.serialize_key_and_certificates(None, None, None, A.chain, NoEncryption())
    with pytest.raises(InputError, match="holds no private key"):
        open_key("k", data, locked)
    assert set(open_container("k", data, locked).certificates) == FOUR


def _dear(rounds: int) -> bytes:
    """The PFX with another count in its last place, the MAC's, and the two lengths around it two bytes longer."""
    data = A.pfx()
    assert data.endswith(b"\x02\x02\x08\x00")
    mac = data.rindex(b"\x30\x41\x30\x31")  # MacData, then its DigestInfo
    inside = data[4:mac] + b"\x30\x43" + data[mac + 2 : -4] + b"\x02\x04" + rounds.to_bytes(4, "big")
    return b"\x30\x82" + len(inside).to_bytes(2, "big") + inside


def test_a_pfx_that_asks_for_hours_is_refused_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match="hours of key derivation"):
        open_container("f", _dear(2**31 - 1), knows)
    assert time.monotonic() - started < 1


def test_a_pfx_with_a_key_that_takes_minutes_to_check_is_refused_at_once() -> None:
    data, number = A.pfx(None), b"\x02\x82\x10\x00" + b"\x7f" * 4096
    inside = data[4:] + number
    with pytest.raises(InputError, match="larger than RSA's with 8192 bits"):
        open_container("f", b"\x30\x82" + len(inside).to_bytes(2, "big") + inside, never)


_SEEDS = st.sampled_from(
    [A.p7b(), A.p7b(Encoding.PEM), A.pfx(), A.pfx(None), A.device.pem + DEVICE_KEY, A.device.der, DEVICE_KEY]
)
_CHANGES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SEEDS, _CHANGES, st.integers(0, 5000), st.booleans())
def test_no_damage_is_more_than_an_input_error(
    seed: bytes, changes: list[tuple[int, int]], cut: int, as_key: bool
) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    _open_or_refuse(bytes(data[: max(cut, 1)] if cut % 3 == 0 else data), as_key)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(A.p7b()) - 1), st.integers(0, 255))
def test_no_changed_byte_of_a_pkcs7_is_more_than_an_input_error(at: int, value: int) -> None:
    _open_or_refuse(A.p7b()[:at] + bytes([value]) + A.p7b()[at + 1 :], as_key=False)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(A.pfx(None)) - 1), st.integers(0, 255))
def test_no_changed_byte_of_an_open_pfx_is_more_than_an_input_error(at: int, value: int) -> None:
    _open_or_refuse(A.pfx(None)[:at] + bytes([value]) + A.pfx(None)[at + 1 :], as_key=True)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["CERTIFICATE", "PKCS7", "PRIVATE KEY", ""]), st.booleans())
def test_random_bytes_are_never_more_than_an_input_error(data: bytes, label: str, as_key: bool) -> None:
    _open_or_refuse(framed(label, data) if label else b"\x30" + data, as_key)


def _open_or_refuse(data: bytes, as_key: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = open_key("f", data, knows) if as_key else open_container("f", data, knows)
        except InputError:
            return
    assert isinstance(read, Container)
