"""Authorities: a root and an issuing one made in memory, and one loaded to sign with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from eflowprov.certs.chain import key_matches, signed_by_next
from eflowprov.certs.keys import load_key, serialise_key
from eflowprov.certs.profiles import (
    AuthorityProfile,
    authority_extensions,
    generate_key,
    key_id,
    sign,
    signing_key,
    subject,
    validity,
)
from eflowprov.certs.reading import open_bundle
from eflowprov.errors import InputError
from eflowprov.model import Secret

if TYPE_CHECKING:
    from cryptography import x509

    from eflowprov.certs.profiles import PrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """What signs: the issuing certificate first in `chain`, then those above it; `key` is the first one's."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that signs."""
        return self.chain[0]

    @property
    def key_id(self) -> bytes:
        """The signing certificate's own subject key identifier, which other makers may compute in other ways."""
        from cryptography import x509

        try:
            return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            return key_id(self.key.public_key())


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """A new authority's files. Certificates are PEM; keys PKCS#8 PEM, encrypted when a passphrase was given.

    Without an issuing authority its two fields are `b""`; `chain` is issuing, then root, or the root alone.
    """

    root_certificate: bytes
    root_key: bytes = field(repr=False)
    issuing_certificate: bytes
    issuing_key: bytes = field(repr=False)
    chain: bytes


def make_authority(profile: AuthorityProfile, now: datetime, passphrase: Secret | None = None) -> NewAuthority:
    """Make a root (path length 1) and an issuing authority (path length 0, half the root's life), or the root alone.

    Raises InputError when the days or the organization cannot be used.
    """
    root_key = generate_key(profile.key_type)
    root = _self_signed(profile, root_key, now)
    chain: tuple[x509.Certificate, ...] = (root,)
    issuing_key = None
    if profile.intermediate:
        issuing_key = generate_key(profile.key_type)
        chain = (_issuing(profile, issuing_key, root, root_key, now), root)
    return NewAuthority(
        root_certificate=pem(root),
        root_key=serialise_key(root_key, passphrase),
        issuing_certificate=pem(chain[0]) if issuing_key else b"",
        issuing_key=serialise_key(issuing_key, passphrase) if issuing_key else b"",
        chain=b"".join(map(pem, chain)),
    )


def load_authority(chain: bytes, key: bytes, source: str, passphrase: Secret | None = None) -> Authority:
    """Load an authority to sign with: its chain (PEM, the signing certificate first) and that certificate's key.

    Raises EncryptedKeyError when the passphrase is missing or wrong, InputError when the files are no authority.
    """
    certificates = open_bundle(source, chain).certificates
    private = signing_key(load_key(key, source, passphrase), source)
    if not may_sign(certificates[0]):
        raise InputError(source, "its first certificate is no CA certificate", "Give the folder that 'certs ca' made")
    if not key_matches(certificates[0], private):
        raise InputError(source, "the private key is not that of the first certificate", "Put the right key back")
    if not all(signed_by_next(certificates)):
        raise InputError(source, "its certificates did not sign each other in order", "Put issuing first, root last")
    return Authority(certificates, private)


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a CA's: basicConstraints says so, and keyUsage, if any, has keyCertSign."""
    from cryptography import x509

    def value(kind: type[x509.BasicConstraints] | type[x509.KeyUsage], attribute: str, absent: bool) -> bool:
        try:
            return bool(getattr(certificate.extensions.get_extension_for_class(kind).value, attribute))
        except x509.ExtensionNotFound:
            return absent

    try:
        return value(x509.BasicConstraints, "ca", absent=False) and value(x509.KeyUsage, "key_cert_sign", absent=True)
    except ValueError:
        return False


def pem(certificate: x509.Certificate) -> bytes:
    """Give a certificate as PEM: LF line ends, one final newline."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _self_signed(profile: AuthorityProfile, key: PrivateKey, now: datetime) -> x509.Certificate:
    public = key.public_key()
    name = subject(_named("EFLOW Root CA", key), profile.organization)
    extensions = authority_extensions(public, 1 if profile.intermediate else 0, key_id(public))
    return sign(name, public, name, key, validity(now, profile.days, None), extensions)


def _issuing(
    profile: AuthorityProfile, key: PrivateKey, root: x509.Certificate, root_key: PrivateKey, now: datetime
) -> x509.Certificate:
    name = subject(_named("EFLOW Issuing CA", key), profile.organization)
    times = validity(now, max(1, profile.days // 2), root)
    extensions = authority_extensions(key.public_key(), 0, key_id(root_key.public_key()))
    return sign(name, key.public_key(), root.subject, root_key, times, extensions)


def _named(role: str, key: PrivateKey) -> str:
    """A name that no other authority has, so that portals and certificate stores do not show two alike."""
    return f"{role} {key_id(key.public_key())[:4].hex().upper()}"
