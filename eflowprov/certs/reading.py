"""Certificate files of any kind, read into facts: PEM, DER, PFX; cut off, hostile, wrongly encoded.

What can be read and is odd becomes a quirk; what cannot be read is an InputError that names the place.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eflowprov.certs.chain import key_matches, signed_by_next
from eflowprov.certs.der import INTEGER, OBJECT_IDENTIFIER, derivation_cost, first_inside
from eflowprov.certs.facts import certificate_facts, key_type_of
from eflowprov.certs.keys import MAX_ITERATIONS, EncryptedKeyError, is_encrypted, load_key
from eflowprov.certs.pem import Block, find_blocks, quirks, to_text
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, CertificateFacts, Secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_BYTES = 2**20  # a chain of RSA-4096 certificates with its key is 12 KiB
MAX_CERTIFICATES = 100  # trust bundles of operating systems have more, chains of devices do not
_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE"}
_OTHER_KINDS = {
    "CERTIFICATE REQUEST": "a certificate request; give the certificate that the authority made from it",
    "NEW CERTIFICATE REQUEST": "a certificate request; give the certificate that the authority made from it",
    "PUBLIC KEY": "a public key alone; give the certificate",
    "TRUSTED CERTIFICATE": "OpenSSL's own trusted form; turn it into PEM with: openssl x509",
    "PKCS7": "a PKCS#7 bundle; turn it into PEM with: openssl pkcs7 -print_certs",
}
_KEY_ALONE = "it holds a private key and no certificate", "Give the certificate; the key goes beside it"
_PFX_VERSION = b"\x03"  # RFC 7292, 4; a private key's version is 0 or 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate file, opened: what other parts of this room work with."""

    certificates: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes | None
    key_encrypted: bool | None
    quirks: tuple[str, ...]


def read_bundle(source: str, data: bytes, *, key: bytes | None = None, passphrase: Secret | None = None) -> BundleFacts:
    """Read a certificate file's facts; there is at least one certificate in them.

    `source` is the name to tell people; `key` the private key file's content, else a key in the file itself is taken.
    `passphrase` opens the key or the PFX; without it an encrypted key is a fact (`key_encrypted`), an encrypted PFX an
    EncryptedKeyError. Raises InputError for what holds no certificate or cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities are told as quirks and findings, not on standard error
        bundle = open_bundle(source, data, key=key, passphrase=passphrase)
        facts = tuple(
            certificate_facts(certificate, f"{source}, certificate {number}")
            for number, certificate in enumerate(bundle.certificates, 1)
        )
        own = bundle.key
        return BundleFacts(
            source=source,
            certificates=facts,
            signed_by_next=signed_by_next(bundle.certificates),
            key_type=key_type_of(own.public_key) if own else "",
            key_encrypted=bundle.key_encrypted,
            key_matches=key_matches(bundle.certificates[_identity(facts)], own) if own else None,
            quirks=bundle.quirks,
        )


def is_key_file(data: bytes) -> bool:
    """Whether a file holds a private key and no certificate."""
    if data[:1] == b"\x30":
        tag, content = first_inside(data)
        return tag == INTEGER and content != _PFX_VERSION
    labels = {block.label for block in find_blocks(to_text(data))}
    return not labels & _CERTIFICATE_LABELS and any(label.endswith("PRIVATE KEY") for label in labels)


def read_key(source: str, data: bytes, *, passphrase: Secret | None = None) -> BundleFacts:
    """Read a key file's facts: `key_type` (`""` while it is encrypted and there is no passphrase) and `key_encrypted`.

    Raises EncryptedKeyError for a wrong passphrase, InputError for what cannot be read.
    """
    key, encrypted = _open_key(source, data, passphrase)
    return BundleFacts(source, (), key_type=key_type_of(key.public_key) if key else "", key_encrypted=encrypted)


def open_bundle(source: str, data: bytes, *, key: bytes | None = None, passphrase: Secret | None = None) -> Bundle:
    """Open a certificate file of any kind, and the key beside or inside it; raises like `read_bundle`."""
    if len(data) > MAX_BYTES:
        raise InputError(source, f"it is larger than {MAX_BYTES} bytes", "Give one device's certificate or chain")
    if not data.strip():
        raise InputError(source, "it is empty", "Give a certificate file")
    bundle = _open_der(source, data, passphrase) if data[:1] == b"\x30" else _open_pem(source, data, passphrase)
    if key is None:
        return bundle
    found, encrypted = _open_key(f"the key for {source}", key, passphrase)
    return Bundle(bundle.certificates, found, encrypted, bundle.quirks)


def _open_pem(source: str, data: bytes, passphrase: Secret | None) -> Bundle:
    blocks = find_blocks(to_text(data))
    wanted = [block for block in blocks if block.label in _CERTIFICATE_LABELS]
    if not wanted:
        raise InputError(source, *_not_a_certificate(blocks))
    if len(wanted) > MAX_CERTIFICATES:
        raise InputError(source, f"it holds {len(wanted)} certificates", "Give one device's certificate or chain")
    certificates = tuple(_load(source, number, block) for number, block in enumerate(wanted, 1))
    odd = quirks(data, blocks)
    keys = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if not keys:
        return Bundle(certificates, None, None, odd)
    key, encrypted = _open_key(source, keys[0].text.encode("ascii", "replace"), passphrase)
    return Bundle(certificates, key, encrypted, (*odd, "key-inside"))


def _open_der(source: str, data: bytes, passphrase: Secret | None) -> Bundle:
    tag, content = first_inside(data)
    if tag == INTEGER and content == _PFX_VERSION:
        return _open_pfx(source, data, passphrase)
    if tag == INTEGER:
        raise InputError(source, *_KEY_ALONE)
    if tag == OBJECT_IDENTIFIER:
        raise InputError(source, f"it is {_OTHER_KINDS['PKCS7']} -inform DER", "Give PEM, DER or PFX")
    return Bundle((_load_der(source, 1, data),), None, None, ("der",))


def _open_pfx(source: str, data: bytes, passphrase: Secret | None) -> Bundle:
    from cryptography.hazmat.primitives.serialization import pkcs12

    if derivation_cost(data) > MAX_ITERATIONS:
        raise InputError(source, "opening it would take hours of key derivation", "Export the PFX anew")
    try:
        pfx = pkcs12.load_pkcs12(data, passphrase.reveal().encode() if passphrase else None)
    except Exception as error:  # ValueError mostly; what is inside may fail in every way that a certificate can
        why = "cannot be opened with this passphrase, or is damaged"
        raise EncryptedKeyError(
            source,
            f"the PFX {why if passphrase else 'is encrypted or damaged'}",
            "Give its passphrase with --passphrase-file",
        ) from error
    certificates = [entry.certificate for entry in (pfx.cert, *pfx.additional_certs) if entry]
    if not certificates or len(certificates) > MAX_CERTIFICATES:
        raise InputError(source, f"the PFX holds {len(certificates)} certificates", "Export one device's certificate")
    return Bundle(tuple(certificates), pfx.key, None if pfx.key is None else passphrase is not None, ("pfx",))


def _open_key(source: str, data: bytes, passphrase: Secret | None) -> tuple[PrivateKeyTypes | None, bool]:
    """The key and whether it is encrypted; no key when it is and no passphrase was given."""
    encrypted = is_encrypted(data)
    if encrypted and passphrase is None:
        return None, True
    return load_key(data, source, passphrase), encrypted


def _load(source: str, number: int, block: Block) -> x509.Certificate:
    place = f"{source}, certificate {number}"
    if not block.complete:
        raise InputError(place, "it is cut off: its END line is missing", "Copy the whole file again")
    body = block.body()
    if not body:
        raise InputError(place, "what stands between its dash lines is not base64", "Copy the whole file again")
    return _load_der(source, number, body)


def _load_der(source: str, number: int, body: bytes) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(body)
    except Exception as error:  # besides ValueError, an exception of its own for a version that X.509 lacks
        raise InputError(
            f"{source}, certificate {number}",
            "it is cut off, damaged or no X.509 certificate",
            "Copy the whole file again",
        ) from error


def _not_a_certificate(blocks: list[Block]) -> tuple[str, str]:
    if not blocks:
        return "it holds no certificate (no BEGIN CERTIFICATE line, no DER)", "Give a PEM, DER or PFX file"
    label = blocks[0].label
    if label.endswith("PRIVATE KEY"):
        return _KEY_ALONE
    return f"it is {_OTHER_KINDS.get(label, f'of the unknown kind {label}')}", "Give a PEM, DER or PFX certificate file"


def _identity(facts: tuple[CertificateFacts, ...]) -> int:
    """The place of the certificate that stands for the device: the first that is no CA, else the first."""
    return next((place for place, one in enumerate(facts) if not one.is_ca), 0)
