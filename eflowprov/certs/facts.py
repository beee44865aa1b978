"""A certificate's facts, each read on its own, so that one odd extension hides nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts

if TYPE_CHECKING:
    from cryptography import x509

    Value = TypeVar("Value")
    ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_GENERAL_NAMES = {"DNSName": "DNS", "IPAddress": "IP", "UniformResourceIdentifier": "URI", "RFC822Name": "email"}


def certificate_facts(certificate: x509.Certificate, source: str) -> CertificateFacts:
    """Read one certificate; `source` is the place that an InputError names.

    Raises InputError when a part that every certificate must have, or an extension, cannot be decoded.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    def extension(kind: type[ExtensionT]) -> x509.Extension[ExtensionT] | None:
        try:
            return certificate.extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None

    try:
        constraints = extension(x509.BasicConstraints)
        own_id, issuer_id = extension(x509.SubjectKeyIdentifier), extension(x509.AuthorityKeyIdentifier)
        return CertificateFacts(
            subject=_name(certificate.subject),
            common_names=common_names(certificate),
            issuer=_name(certificate.issuer),
            serial=_hexadecimal(certificate.serial_number),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            sha1=certificate.fingerprint(SHA1()).hex().upper(),  # noqa: S303  # DPS and Windows name thumbprints so
            sha256=certificate.fingerprint(SHA256()).hex().upper(),
            key_type=key_type_of(certificate.public_key),
            signature_hash=_signature_hash(certificate),
            is_ca=bool(constraints and constraints.value.ca),
            path_length=constraints.value.path_length if constraints else None,
            basic_constraints_critical=constraints.critical if constraints else None,
            key_usage=_key_usage(extension(x509.KeyUsage)),
            extended_key_usage=_extended_key_usage(extension(x509.ExtendedKeyUsage)),
            san=_san(extension(x509.SubjectAlternativeName)),
            is_self_issued=certificate.subject == certificate.issuer,
            subject_key_id=own_id.value.digest.hex().upper() if own_id else "",
            authority_key_id=(issuer_id.value.key_identifier or b"").hex().upper() if issuer_id else "",
        )
    except Exception as error:  # a hostile file may fail anywhere in the decoder, in a dozen ways
        raise InputError(
            source, f"the certificate cannot be decoded ({_reason(error)})", "Take the file as its issuer gave it"
        ) from error


def common_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Every common name of the subject, in order."""
    from cryptography.x509.oid import NameOID

    return tuple(str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def key_type_of(read: Callable[[], Any]) -> str:
    """Name a public or private key's type, as `EC P-256` or `RSA 2048`; `read` gives the key, or fails at it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = read()
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        oid = re.search(r"\d+(\.\d+)+", str(error))
        return f"unknown ({oid.group()})" if oid else "unknown"
    if hasattr(key, "curve"):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    kind = type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey").lstrip("_")
    return f"{kind} {key.key_size}" if hasattr(key, "key_size") else kind


def _signature_hash(certificate: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return f"unknown ({certificate.signature_algorithm_oid.dotted_string})"
    return algorithm.name.upper() if algorithm else ""


def _key_usage(extension: x509.Extension[x509.KeyUsage] | None) -> tuple[str, ...] | None:
    if extension is None:
        return None
    return tuple(name for attribute, name in _KEY_USAGES.items() if getattr(extension.value, attribute))


def _extended_key_usage(extension: x509.Extension[x509.ExtendedKeyUsage] | None) -> tuple[str, ...] | None:
    if extension is None:
        return None
    known = (usage for usage in extension.value)
    return tuple(u.dotted_string if u._name == "Unknown OID" else u._name for u in known)


def _san(extension: x509.Extension[x509.SubjectAlternativeName] | None) -> tuple[str, ...]:
    if extension is None:
        return ()
    return tuple(f"{_GENERAL_NAMES.get(type(n).__name__, type(n).__name__)}:{_value(n.value)}" for n in extension.value)


def _value(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _hexadecimal(number: int) -> str:
    """Whole bytes, as OpenSSL and Windows print serial numbers."""
    digits = f"{number:X}"
    return digits if len(digits) % 2 == 0 or number < 0 else f"0{digits}"


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def utc(moment: datetime) -> str:
    """Write a moment as people and JSON both read it: `2026-11-22T08:56:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
