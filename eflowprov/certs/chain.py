"""Which certificate signed which, in what order they belong, and whose key a private key is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` has the name that `certificate` gives its issuer, and its key verifies the signature."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def signed_by_next(certificates: Sequence[x509.Certificate]) -> tuple[bool, ...]:
    """For each certificate but the last: whether the one behind it signed it."""
    return tuple(is_signed_by(certificate, issuer) for certificate, issuer in pairwise(certificates))


def order(certificates: Sequence[x509.Certificate], leaf: x509.Certificate) -> list[x509.Certificate]:
    """Give the chain from `leaf` upwards as far as the certificates reach, each once; others are left out."""
    chain = [leaf]
    rest = [certificate for certificate in dict.fromkeys(certificates) if certificate != leaf]
    while issuer := next((one for one in rest if is_signed_by(chain[-1], one)), None):
        chain.append(issuer)
        rest.remove(issuer)
    return chain


def key_matches(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether the private key belongs to the certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        theirs = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        own = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001  # a key of a kind that cannot be written so is no match; the kind has its own rule
        return False
    return theirs == own
