"""Certificate files of any kind, read into facts: PEM, DER, PKCS#7, PFX; cut off, hostile, wrongly encoded.

What can be read and is odd becomes a quirk; what cannot be read is an InputError that names the place.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eflowprov.certs.chain import signed_by_next
from eflowprov.certs.containers import open_container
from eflowprov.certs.der import INTEGER, OBJECT_IDENTIFIER, first_inside, is_der
from eflowprov.certs.facts import certificate_facts, key_type_of, public_key_sha256
from eflowprov.certs.keys import EncryptedKeyError, is_encrypted, load_key
from eflowprov.certs.kinds import CERTIFICATE_LABELS, PKCS7_LABELS, is_key_label, no_certificate
from eflowprov.certs.pem import Block, find_blocks, quirks, to_text
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, CertificateFacts, KeyFacts, Secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_BYTES = 2**20  # a chain of RSA-4096 certificates with its key is 12 KiB
MAX_CERTIFICATES = 100  # trust bundles of operating systems have more, chains of devices do not
_PFX_VERSION = b"\x03"  # RFC 7292, 4; a private key's version is 0 or 1
_TOO_MANY = "Give one device's certificate or chain"
_AGAIN = "Copy the whole file again"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate file, opened: what other parts of this room work with. `kind` is pem, der, pkcs7 or pfx."""

    certificates: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes | None = field(default=None, repr=False)
    key_encrypted: bool | None = None
    quirks: tuple[str, ...] = ()
    key_quirks: tuple[str, ...] = ()
    kind: str = "pem"


@contextmanager
def quietly() -> Iterator[None]:
    """Oddities are told as quirks and findings, not as warnings on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_bundle(source: str, data: bytes, *, key: bytes | None = None, passphrase: Secret | None = None) -> BundleFacts:
    """Read a certificate file's facts; there is at least one certificate in them.

    `source` is the name to tell people; `key` the private key file's content, else a key in the file itself is taken.
    `passphrase` opens the key or the PFX; without it an encrypted key is a fact (`key_encrypted`), an encrypted PFX an
    EncryptedKeyError. Raises InputError for what cannot be decoded, and the NoCertificateError among them for what is
    of another kind.
    """
    return bundle_facts(source, open_bundle(source, data, key=key, passphrase=passphrase))


@quietly()
def open_bundle(source: str, data: bytes, *, key: bytes | None = None, passphrase: Secret | None = None) -> Bundle:
    """Open a certificate file of any kind, and the key beside or inside it; raises like `read_bundle`."""
    refuse_size(source, data)
    bundle = (open_der if is_der(data) else _open_pem)(source, data, passphrase)
    if not bundle.certificates:
        raise no_certificate(source, data)
    if len(bundle.certificates) > MAX_CERTIFICATES:
        raise InputError(source, f"it holds {len(bundle.certificates)} certificates", _TOO_MANY)
    if key is None:
        return bundle
    found, encrypted = open_key(f"the key for {source}", key, passphrase)
    return replace(bundle, key=found, key_encrypted=encrypted, key_quirks=_key_quirks(key))


@quietly()
def bundle_facts(source: str, bundle: Bundle) -> BundleFacts:
    """Read the facts of an opened file. Raises InputError when a certificate has no dates that can be read."""
    facts = tuple(
        certificate_facts(certificate, f"{source}, certificate {number}", lenient=True)
        for number, certificate in enumerate(bundle.certificates, 1)
    )
    read = BundleFacts(
        source,
        facts,
        signed_by_next=signed_by_next(bundle.certificates),
        quirks=bundle.quirks,
        kind=bundle.kind,
    )
    if bundle.key_encrypted is None:
        return read
    return with_key(read, key_facts(bundle.key, bundle.key_encrypted), bundle.key_quirks)


def with_key(bundle: BundleFacts, key: KeyFacts, key_quirks: tuple[str, ...]) -> BundleFacts:
    """Put a key's facts beside a certificate file's; whether they belong together shows in their public keys."""
    leaf = bundle.certificates[identity_place(bundle.certificates)]
    matches = bool(key.public_key_sha256) and key.public_key_sha256 == leaf.public_key_sha256
    return replace(
        bundle,
        key_type=key.key_type,
        key_encrypted=key.encrypted,
        key_matches=matches if key.key_type else None,
        key_quirks=key_quirks,
    )


def identity_place(certificates: Sequence[CertificateFacts]) -> int:
    """The place of the certificate that stands for the device: the first that is no CA, else the first."""
    return next((place for place, one in enumerate(certificates) if not one.is_ca), 0)


def is_key_file(data: bytes) -> bool:
    """Whether a file holds a private key and no certificate."""
    if is_der(data):
        tag, content = first_inside(data)
        return tag == INTEGER and content != _PFX_VERSION
    labels = {block.label for block in find_blocks(to_text(data))}
    return not labels & (CERTIFICATE_LABELS | PKCS7_LABELS) and any(map(is_key_label, labels))


@quietly()
def read_key(source: str, data: bytes, *, passphrase: Secret | None = None) -> BundleFacts:
    """Read a key file's facts: `key_type` (`""` while it is encrypted and there is no passphrase), `key_encrypted`,
    and the same in `keys`.

    Raises EncryptedKeyError for a wrong passphrase, InputError for what cannot be read.
    """
    refuse_size(source, data)
    facts = key_facts(*open_key(source, data, passphrase))
    odd = _key_quirks(data)
    return BundleFacts(
        source,
        (),
        key_type=facts.key_type,
        key_encrypted=facts.encrypted,
        quirks=odd,
        key_quirks=odd,
        kind="der" if is_der(data) else "pem",
        keys=(facts,),
    )


def refuse_size(source: str, data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise InputError(source, f"it is larger than {MAX_BYTES} bytes", _TOO_MANY)
    if not data.strip():
        raise InputError(source, "it is empty", "Give a certificate file")


# --------------------------------------------------------------------------------------------------------- PEM


def _open_pem(source: str, data: bytes, passphrase: Secret | None) -> Bundle:
    blocks = find_blocks(to_text(data))
    wanted = [block for block in blocks if block.label in CERTIFICATE_LABELS | PKCS7_LABELS]
    certificates, kind = certificates_in(source, wanted)
    bundle = Bundle(certificates, quirks=quirks(data, blocks), kind=kind)
    keys = [block for block in blocks if is_key_label(block.label)]
    if not keys or not wanted:
        return bundle
    key, encrypted = open_key(source, keys[0].text.encode("ascii", "replace"), passphrase)
    several = ("several-keys",) if len(keys) > 1 else ()
    return replace(bundle, key=key, key_encrypted=encrypted, quirks=(*bundle.quirks, "key-inside"), key_quirks=several)


def certificates_in(source: str, blocks: Sequence[Block]) -> tuple[tuple[x509.Certificate, ...], str]:
    """The certificates of PEM blocks, and the kind of file that they make. A PKCS#7 may have the label CERTIFICATE."""
    found: list[x509.Certificate] = []
    kind = "pem"
    for number, block in enumerate(blocks, 1):
        place = f"{source}, certificate {number}"
        body = body_of(place, block)
        if first_inside(body)[0] == OBJECT_IDENTIFIER:
            found += open_container(place, body, lambda _: None).certificates
            kind = "pkcs7"
        else:
            found.append(_load_der(place, body))
    return tuple(found), kind


def body_of(place: str, block: Block) -> bytes:
    if not block.complete:
        raise InputError(place, "it is cut off: its END line is missing", _AGAIN)
    body = block.body()
    if not body:
        raise InputError(place, "what stands between its dash lines is not base64", _AGAIN)
    return body


def _load_der(place: str, body: bytes) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(body)
    except Exception as error:  # besides ValueError, an exception of its own for a version that X.509 lacks
        raise InputError(place, "it is cut off, damaged or no X.509 certificate", _AGAIN) from error


# --------------------------------------------------------------------------------------------------------- DER


def open_der(source: str, data: bytes, passphrase: Secret | None) -> Bundle:
    tag, content = first_inside(data)
    kind = "pkcs7" if tag == OBJECT_IDENTIFIER else "pfx" if (tag, content) == (INTEGER, _PFX_VERSION) else "der"
    if kind == "der" and (tag == INTEGER or is_request(data)):
        raise no_certificate(source, data)
    asked: list[str] = []

    def unlock(place: str) -> Secret | None:
        asked.append(place)
        return passphrase

    opened = open_container(source, data, unlock)
    return Bundle(opened.certificates, opened.key, bool(asked) if opened.key else None, kind=kind)


def is_request(data: bytes) -> bool:
    from cryptography import x509

    try:
        x509.load_der_x509_csr(data)
    except Exception:  # noqa: BLE001  # whatever it is, it is no request
        return False
    return True


# -------------------------------------------------------------------------------------------------------- keys


def open_key(source: str, data: bytes, passphrase: Secret | None) -> tuple[PrivateKeyTypes | None, bool]:
    """The key and whether it is encrypted; no key when it is and no passphrase was given."""
    encrypted = is_encrypted(data)
    if encrypted and passphrase is None:
        return None, True
    try:
        return load_key(data, source), encrypted
    except EncryptedKeyError:  # DER does not tell before it is opened
        return (load_key(data, source, passphrase) if passphrase else None), True


def key_facts(key: PrivateKeyTypes | None, encrypted: bool) -> KeyFacts:
    if key is None:
        return KeyFacts("", encrypted)
    return KeyFacts(key_type_of(key.public_key), encrypted, public_key_sha256(key.public_key))


def _key_quirks(data: bytes) -> tuple[str, ...]:
    if is_der(data):
        return ("der",)
    blocks = find_blocks(to_text(data))
    several = sum(is_key_label(block.label) for block in blocks) > 1
    return (*quirks(data, blocks), *(["several-keys"] if several else []))
