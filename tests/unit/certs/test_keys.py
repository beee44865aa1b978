"""Private keys: written, read, turned into OpenSSH's form."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.certs.keys import (
    EncryptedKeyError,
    check_new_passphrase,
    is_encrypted,
    load_key,
    openssh_private_key,
    serialise_key,
)
from eflowprov.certs.pem import find_blocks
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.pki import curve_key, plain_key

PASSWORD = Secret("a pass phrase")
FORMS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH]
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _locked(key: Any, form: PrivateFormat) -> bytes:
    encryption = BestAvailableEncryption(PASSWORD.reveal().encode())
    return bytes(key.private_bytes(Encoding.PEM, form, encryption))


def test_a_key_is_written_as_plain_pkcs8_or_encrypted_and_read_back() -> None:
    key = curve_key()
    assert serialise_key(key).startswith(b"-----BEGIN PRIVATE KEY-----\n")
    locked = serialise_key(key, PASSWORD)
    assert locked.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert is_encrypted(locked)
    assert not is_encrypted(serialise_key(key))
    opened = load_key(locked, "k", PASSWORD)
    assert plain_key(opened) == plain_key(key)


@pytest.mark.parametrize("form", FORMS, ids=["pkcs8", "traditional", "openssh"])
@pytest.mark.parametrize("key", [curve_key(), RSA], ids=["ec", "rsa"])
def test_paramiko_loads_every_form_of_key_after_the_turn(key: Any, form: PrivateFormat) -> None:
    kind = paramiko.ECDSAKey if isinstance(key, ec.EllipticCurvePrivateKey) else paramiko.RSAKey
    for data, passphrase in ((plain_key(key, form), None), (_locked(key, form), PASSWORD)):
        text = openssh_private_key(data, passphrase)
        assert text.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        loaded = kind.from_private_key(io.StringIO(text))
        assert plain_key(load_pem_private_key(plain_key(key), None)) == plain_key(load_key(text.encode(), "k"))
        assert loaded.can_sign()


def test_paramiko_loads_ed25519() -> None:
    text = openssh_private_key(plain_key(ed25519.Ed25519PrivateKey.generate()))
    assert paramiko.Ed25519Key.from_private_key(io.StringIO(text)).can_sign()


@pytest.mark.parametrize("form", FORMS, ids=["pkcs8", "traditional", "openssh"])
def test_an_encrypted_key_says_that_its_passphrase_is_missing_or_wrong(form: PrivateFormat) -> None:
    locked = _locked(curve_key(), form)
    assert is_encrypted(locked)
    with pytest.raises(EncryptedKeyError, match="is encrypted"):
        load_key(locked, "k")
    with pytest.raises(EncryptedKeyError, match="cannot be opened"):
        load_key(locked, "k", Secret("wrong"))


@pytest.mark.parametrize("form", FORMS, ids=["pkcs8", "traditional", "openssh"])
def test_a_passphrase_that_is_not_needed_does_no_harm(form: PrivateFormat) -> None:
    key = curve_key()
    assert plain_key(load_key(plain_key(key, form), "k", PASSWORD)) == plain_key(key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        plain_key(curve_key())[:100],
    ],
)
def test_what_is_no_key_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        load_key(data, "k", PASSWORD)


def test_a_torn_initialisation_vector_is_damage_and_no_panic() -> None:
    locked = _locked(curve_key(), PrivateFormat.TraditionalOpenSSL)
    line = next(line for line in locked.splitlines() if line.startswith(b"DEK-Info"))
    with pytest.raises(InputError, match="damaged"):
        load_key(locked.replace(line, line[:-4]), "k", PASSWORD)


def test_a_compressed_point_in_an_openssh_key_is_damage() -> None:
    text = plain_key(curve_key(), PrivateFormat.OpenSSH).decode()
    body = find_blocks(text)[0].body().replace(b"\x00\x00\x00\x41\x04", b"\x00\x00\x00\x41\x02")
    frame = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(InputError, match="damaged"):
        load_key(frame.format(base64.b64encode(body).decode()).encode(), "k")


def test_a_byte_order_mark_and_crlf_do_not_hide_a_key() -> None:
    data = plain_key(curve_key())
    for disguised in (b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"), data.decode().encode("utf-16")):
        assert plain_key(load_key(disguised, "k")) == data


def test_a_key_that_ssh_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="SSH has no keys of this type"):
        openssh_private_key(plain_key(ec.generate_private_key(ec.SECP256K1())))


def test_an_openssh_key_with_endless_rounds_is_refused_at_once() -> None:
    locked = _locked(curve_key(), PrivateFormat.OpenSSH)
    body = bytearray(find_blocks(locked.decode())[0].body())
    at = body.index(b"bcrypt") + len(b"bcrypt") + 4 + 4 + 16  # options, salt's length, salt, then the rounds
    body[at : at + 4] = b"\x7f\xff\xff\xff"
    frame = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(InputError, match="hours of key derivation"):
        load_key(frame.format(base64.b64encode(body).decode()).encode(), "k", PASSWORD)


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_short_passphrase_protects_no_authority(length: int) -> None:
    with pytest.raises(InputError, match="shorter than 12"):
        check_new_passphrase(Secret("x" * length))
    assert check_new_passphrase(PASSWORD) is PASSWORD


@pytest.mark.parametrize("call", [load_key, lambda d, s, p: openssh_private_key(d, p, source=s)])
def test_no_error_shows_the_passphrase(call: Callable[..., object]) -> None:
    with pytest.raises(InputError) as refused:
        call(_locked(curve_key(), PrivateFormat.PKCS8), "k", Secret("hunter2hunter2"))
    assert "hunter2" not in repr(refused.value) + str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([plain_key(curve_key(), form) for form in FORMS]), st.integers(0, 400), st.integers(0, 255))
def test_no_damage_to_a_key_is_more_than_an_input_error(seed: bytes, at: int, value: int) -> None:
    data = bytearray(seed)
    data[at % len(data)] = value
    try:
        load_key(bytes(data), "k", PASSWORD)
    except InputError as error:
        assert error.exit_status == 2
