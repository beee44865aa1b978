"""Certificate and key files of every kind, whole and broken."""

from __future__ import annotations

import base64
import contextlib
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.certs.chain import order
from eflowprov.certs.der import derivation_cost
from eflowprov.certs.facts import certificate_facts
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.kinds import NoCertificateError
from eflowprov.certs.pem import find_blocks
from eflowprov.certs.profiles import LeafProfile
from eflowprov.certs.reading import MAX_BYTES, is_key_file, read_bundle, read_key
from eflowprov.certs.requests import make_request
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.pki import DEVICE, NOW, curve_key, identity, new_authority, odd_certificate

CHAIN, LEAF, KEY = identity().chain_pem, identity().leaf_pem, identity().key_pem
ROOT = new_authority().root_certificate
DER = x509.load_pem_x509_certificate(LEAF).public_bytes(Encoding.DER)
PASSWORD = Secret("a pass phrase")


def _pfx(password: bytes | None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key = load_pem_private_key(KEY, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf, issuing = x509.load_pem_x509_certificates(CHAIN)
    return pkcs12.serialize_key_and_certificates(b"device", key, leaf, [issuing], encryption)


def _pem(label: str, body: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(body) + f"-----END {label}-----\n".encode()


PFX, OPEN_PFX = _pfx(b"a pass phrase"), _pfx(None)
PKCS7 = serialize_certificates(x509.load_pem_x509_certificates(CHAIN), Encoding.DER)
REQUEST = x509.load_pem_x509_csr(make_request(DEVICE, LeafProfile()).request_pem).public_bytes(Encoding.DER)


def test_a_chain_is_read_in_its_order_with_its_key() -> None:
    read = read_bundle("f", CHAIN, key=KEY)
    assert [one.is_ca for one in read.certificates] == [False, True]
    assert read.signed_by_next == (True,)
    assert (read.key_matches, read.key_encrypted, read.key_type) == (True, False, "EC P-256")
    assert read.quirks == ()


def test_a_certificates_facts_are_those_that_openssl_shows() -> None:
    facts = read_bundle("f", LEAF).certificates[0]
    certificate = x509.load_pem_x509_certificate(LEAF)
    assert facts.common_names == (DEVICE,)
    assert int(facts.serial, 16) == certificate.serial_number
    assert len(facts.serial) % 2 == 0
    assert (len(facts.sha1), len(facts.sha256)) == (40, 64)
    assert facts.key_usage == ("digitalSignature",)
    assert facts.extended_key_usage == ("clientAuth",)
    assert (facts.not_before, facts.signature_hash) == (certificate.not_valid_before_utc, "SHA256")


def test_without_a_key_nothing_is_said_about_one() -> None:
    read = read_bundle("f", CHAIN)
    assert (read.key_matches, read.key_encrypted, read.key_type) == (None, None, "")


def test_another_devices_key_does_not_match() -> None:
    assert read_bundle("f", CHAIN, key=identity("other").key_pem).key_matches is False


def test_the_key_is_compared_with_the_device_also_behind_its_issuer() -> None:
    turned = new_authority().issuing_certificate + LEAF
    read = read_bundle("f", turned, key=KEY)
    assert read.key_matches is True
    assert read.signed_by_next == (False,)


def test_an_encrypted_key_is_a_fact_without_its_passphrase_and_opens_with_it() -> None:
    key = load_pem_private_key(KEY, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a pass phrase"))
    read = read_bundle("f", CHAIN, key=locked)
    assert (read.key_encrypted, read.key_matches) == (True, None)
    opened = read_bundle("f", CHAIN, key=locked, passphrase=PASSWORD)
    assert (opened.key_encrypted, opened.key_matches) == (True, True)
    with pytest.raises(EncryptedKeyError):
        read_bundle("f", CHAIN, key=locked, passphrase=Secret("wrong"))


@pytest.mark.parametrize(
    ("data", "quirk"),
    [
        (b"\xef\xbb\xbf" + CHAIN, "bom"),
        (CHAIN.decode().encode("utf-16"), "utf-16"),
        (CHAIN.replace(b"\n", b"\r\n"), "crlf"),
        (b"subject=CN = x\n" + CHAIN, "text-before"),
        (LEAF + b"issuer\n" + ROOT, "text-between"),
        (CHAIN + b"\n", "trailing"),
        (CHAIN[:-1] + b"  ", "trailing"),
        (CHAIN + b"\0", "trailing"),
        (CHAIN + b"bye\n", "text-after"),
        (CHAIN.replace(b"\n", b"\r"), "cr"),
        (CHAIN.replace(b"\n", b"\r\r\n"), "crlf"),
        (LEAF[:-1] + ROOT, "dash-line"),
        (b"  " + LEAF, "dash-line"),
        (LEAF.replace(b"-----\n", b"-----", 1), "dash-line"),
        (LEAF.replace(b"\n-----END", b"-----END"), "dash-line"),
        (LEAF.replace(b"-----END", b" -----END"), "dash-line"),
        (LEAF.replace(b"\n", b"\n\n")[:-1], "blank-line"),
        (LEAF.replace(b"\n-----END", b"\n\n-----END"), "blank-line"),
        (LEAF.replace(b"-----\n", b"-----\nProc-Type: x\n\n", 1), "blank-line"),
        (LEAF.replace(b"-----\nMII", b"-----\n\nM\nII", 1), "blank-line"),
        (CHAIN + KEY, "key-inside"),
    ],
)
def test_what_is_odd_about_a_file_is_named_and_the_file_is_read(data: bytes, quirk: str) -> None:
    read = read_bundle("f", data)
    assert read.quirks == (quirk,)
    assert read.certificates[0].common_names == (DEVICE,)


@pytest.mark.parametrize(
    "data",
    [
        CHAIN[:-1],
        CHAIN.replace(b"-----\n", b"-----  \n", 2),
        LEAF.replace(b"-----\n", b"-----\n\n", 1),
        LEAF.replace(b"\nMII", b"\n  MII"),
        CHAIN.replace(LEAF, LEAF + b"\n"),
    ],
)
def test_what_harms_nobody_is_not_odd(data: bytes) -> None:
    assert read_bundle("f", data).quirks == ()


_DAMAGE = st.lists(
    st.tuples(
        st.integers(0, len(LEAF)), st.sampled_from([b"\n", b"\r", b" ", b"\t", b"\n\n", b"-----", b"x\n", b"\r\n"])
    ),
    max_size=3,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=_DAMAGE)
def test_what_openssl_cannot_read_is_never_called_clean(damage: list[tuple[int, bytes]], tmp_path: Path) -> None:
    data = LEAF
    for at, what in damage:
        data = data[:at] + what + data[at:]
    (tmp_path / "c.pem").write_bytes(data)
    (tmp_path / "k.pem").write_bytes(KEY)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    except ssl.SSLError:
        with contextlib.suppress(InputError):
            assert {"cr", "dash-line", "blank-line"} & set(read_bundle("f", data).quirks)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (DER, "der"),
        (OPEN_PFX, "pfx"),
        (PKCS7, "pkcs7"),
        (_pem("PKCS7", PKCS7), "pkcs7"),
        (_pem("CERTIFICATE", PKCS7), "pkcs7"),  # as Windows' certificate services answer
    ],
)
def test_other_kinds_are_read_and_named(data: bytes, kind: str) -> None:
    read = read_bundle("f", data)
    assert (read.kind, read.quirks) == (kind, ())
    assert DEVICE in {name for one in read.certificates for name in one.common_names}


def test_a_pkcs7_without_certificates_is_of_another_kind() -> None:
    with pytest.raises(InputError):
        read_bundle("f", _sequence(bytes.fromhex("06092a864886f70d010702")))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xfe\xed\xfe\xed\0\0\0\2", "a Java key store"),
        (b"PuTTY-User-Key-File-3: ssh-rsa", "PuTTY"),
        (b"ssh-rsa AAAA me", "an SSH public key"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "a list of revoked certificates"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "a certificate request"),
        (b"-----BEGIN STRANGE-----\nAAAA\n-----END STRANGE-----\n", "of the unknown kind STRANGE"),
        (KEY, "a private key"),
        (REQUEST, "a certificate request"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_content(data: bytes, said: str) -> None:
    with pytest.raises(NoCertificateError, match=said):
        read_bundle("f", data)


def test_text_that_begins_with_a_zero_is_no_der() -> None:
    assert read_bundle("f", b"0 s:CN = press\n" + LEAF).quirks == ("text-before",)


def test_what_is_odd_about_a_keys_file_is_named() -> None:
    for data, quirk in ((KEY + KEY, "several-keys"), (b"\xef\xbb\xbf" + KEY, "bom"), (b"x" + KEY, "dash-line")):
        assert quirk in read_bundle("f", CHAIN, key=data).key_quirks
        assert quirk in read_key("k", data).quirks
    assert read_bundle("f", CHAIN + KEY + KEY).key_quirks == ("several-keys",)
    assert read_bundle("f", CHAIN, key=KEY).key_quirks == ()
    key = load_pem_private_key(KEY, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert read_bundle("f", CHAIN, key=key).key_quirks == ("der",)


def test_an_encrypted_key_in_der_is_a_fact_too() -> None:
    key = load_pem_private_key(KEY, None)
    locked = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"a pass phrase"))
    read = read_bundle("f", CHAIN, key=locked)
    assert (read.key_encrypted, read.key_matches) == (True, None)
    assert read_bundle("f", CHAIN, key=locked, passphrase=PASSWORD).key_matches is True


def test_a_certificate_and_its_key_share_the_public_keys_digest() -> None:
    read = read_bundle("f", CHAIN)
    assert read.certificates[0].public_key_sha256 == read_key("k", KEY).keys[0].public_key_sha256
    assert len({one.public_key_sha256 for one in read.certificates}) == 2


def test_an_extension_that_cannot_be_decoded_hides_nothing_else() -> None:
    body = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x05\x82\x10")
    read = read_bundle("f", odd_certificate(curve_key(), extensions=((body, False),))).certificates[0]
    assert read.common_names == (DEVICE,)
    assert len(read.unreadable) == 1
    assert read.unreadable[0].startswith("extensions: ")


def test_a_strict_reading_refuses_what_cannot_be_decoded() -> None:
    body = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x05\x82\x10")
    odd = x509.load_pem_x509_certificate(odd_certificate(curve_key(), extensions=((body, False),)))
    with pytest.raises(InputError, match="cannot be decoded"):
        certificate_facts(odd, "f")


def test_a_pfx_opens_with_its_passphrase_alone() -> None:
    read = read_bundle("f", PFX, passphrase=PASSWORD)
    assert len(read.certificates) == 2
    assert (read.key_matches, read.key_encrypted) == (True, True)
    for wrong in (None, Secret("wrong")):
        with pytest.raises(EncryptedKeyError, match="PFX"):
            read_bundle("f", PFX, passphrase=wrong)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"hello", "it holds no certificate"),
        (KEY, "private key and no certificate"),
        (CHAIN[:400], "certificate 1: it is cut off"),
        (LEAF + CHAIN[len(LEAF) : -40], "certificate 2: it is cut off"),
        (LEAF.replace(b"\n", b"\n!", 3), "not base64"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "certificate request"),
        (b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "no X.509 certificate"),
        (_pem("PKCS7", PKCS7[:200]), "no PKCS#7 with certificates"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "public key alone"),
        (b"0" + b"\0" * MAX_BYTES, "larger than"),
        (LEAF * 101, "it holds 101 certificates"),
        (
            serialize_certificates(x509.load_pem_x509_certificates(LEAF) * 101, Encoding.DER),
            "it holds 101 certificates",
        ),
        (DER[:100], "no X.509 certificate"),
        (PFX[:100], "PFX is encrypted or damaged"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_names_the_place(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_bundle("device.pem", data)
    assert said in str(refused.value)
    assert str(refused.value).startswith("device.pem")


def test_a_key_in_der_is_seen_as_a_key() -> None:
    key = load_pem_private_key(KEY, None)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        data = key.private_bytes(Encoding.DER, form, NoEncryption())
        assert is_key_file(data)
        assert read_key("k", data).key_type == "EC P-256"
        with pytest.raises(InputError, match="private key and no certificate"):
            read_bundle("f", data)
    assert is_key_file(KEY)
    assert not is_key_file(CHAIN + KEY)
    assert not is_key_file(PFX)
    assert not is_key_file(DER)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ec.generate_private_key(ec.SECP256K1()), "EC secp256k1"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "EC P-521"),
        (lambda: dsa.generate_private_key(2048), "DSA 2048"),
    ],
)
def test_unusual_key_types_are_read_and_named(make: Callable[[], object], named: str) -> None:
    assert read_bundle("f", odd_certificate(make())).certificates[0].key_type == named


def test_ed25519_has_no_hash_of_its_own() -> None:
    facts = read_bundle("f", odd_certificate(ed25519.Ed25519PrivateKey.generate(), algorithm=None)).certificates[0]
    assert (facts.key_type, facts.signature_hash) == ("Ed25519", "")


def test_a_certificate_without_extensions_is_read() -> None:
    facts = read_bundle("f", odd_certificate(curve_key())).certificates[0]
    assert (facts.is_ca, facts.basic_constraints_critical, facts.key_usage, facts.extended_key_usage) == (
        False, None, None, None,
    )  # fmt: skip
    assert facts.is_self_issued


def test_a_negative_serial_number_is_read_without_a_warning_on_the_terminal() -> None:
    body = (
        find_blocks(odd_certificate(curve_key()).decode())[0].body().replace(b"\x02\x02\x12\x67", b"\x02\x02\x92\x67")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_bundle("f", body).certificates[0].serial.startswith("-")


def test_alternative_names_of_every_kind_are_shown() -> None:
    import ipaddress

    names = [
        x509.DNSName("a"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.UniformResourceIdentifier("urn:x"),
    ]
    pem = odd_certificate(curve_key(), extensions=((x509.SubjectAlternativeName(names), False),))
    assert read_bundle("f", pem).certificates[0].san == ("DNS:a", "IP:10.0.0.1", "URI:urn:x")


def test_an_impostor_of_the_issuers_name_did_not_sign() -> None:
    key, impostor = curve_key(), curve_key()
    pair = odd_certificate(key, name="ca", signer=curve_key()) + odd_certificate(impostor, name="ca")
    assert read_bundle("f", pair).signed_by_next == (False,)


def test_order_goes_from_the_leaf_upwards_and_leaves_the_rest_out() -> None:
    leaf, issuing, root = x509.load_pem_x509_certificates(LEAF + new_authority().chain)
    foreign = x509.load_pem_x509_certificate(new_authority(1).root_certificate)
    assert order([root, foreign, issuing, leaf, root], leaf) == [leaf, issuing, root]


def test_a_file_that_asks_for_years_of_key_derivation_is_refused_at_once() -> None:
    assert 0 < derivation_cost(PFX) < 10**6
    parameters = b"\x04\x04salt" + b"\x02\x04\x7f\xff\xff\xff"
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%b\n-----END ENCRYPTED PRIVATE KEY-----\n"
    with pytest.raises(InputError, match="hours of key derivation"):
        read_key("k", locked % base64.b64encode(_sequence(_sequence(parameters))), passphrase=PASSWORD)
    with pytest.raises(InputError, match="hours of key derivation"):
        read_bundle("f", _sequence(b"\x02\x01\x03" + _octets(_sequence(parameters))), passphrase=PASSWORD)


def test_a_key_too_large_to_be_checked_in_time_is_refused_at_once() -> None:
    """An RSA key of 16,384 bits keeps the machine for a minute; the time grows with the cube of the size."""
    number = b"\x02\x82\x20\x00" + b"\x7f" * 8192
    for data in (
        b"\x30\x82\x20\x07\x02\x01\x00" + number,
        _pem("RSA PRIVATE KEY", b"\x30\x82\x20\x07\x02\x01\x00" + number),
    ):
        with pytest.raises(InputError, match="larger than RSA's with 8192 bits"):
            read_key("k", data)


def test_ciphertext_that_looks_like_parameters_is_no_reason_to_refuse() -> None:
    parameters = b"\x04\x04salt" + b"\x02\x04\x7f\xff\xff\xff"
    assert derivation_cost(_sequence(_octets(parameters))) == 0
    assert derivation_cost(_sequence(_octets(_sequence(parameters) + b"more"))) == 0


def _sequence(content: bytes) -> bytes:
    return bytes([0x30, len(content)]) + content


def _octets(content: bytes) -> bytes:
    return bytes([0x04, len(content)]) + content


_SEEDS = st.sampled_from([CHAIN, CHAIN + KEY, DER, PFX, OPEN_PFX, CHAIN.decode().encode("utf-16")])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SEEDS, st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6), st.integers(0, 4000))
def test_no_damage_to_a_file_is_more_than_an_input_error(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    _read_or_refuse(bytes(data[: max(cut, 1)] if cut % 3 == 0 else data))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_no_changed_byte_of_a_certificate_is_more_than_an_input_error(at: int, value: int) -> None:
    _read_or_refuse(DER[:at] + bytes([value]) + DER[at + 1 :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_never_more_than_an_input_error(data: bytes, framed: bool) -> None:
    frame = b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n"
    _read_or_refuse(frame % data if framed else data)


def _read_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read = read_bundle("f", data, key=KEY, passphrase=PASSWORD)
        except InputError:
            return
    assert read.certificates
    assert NOW.year
