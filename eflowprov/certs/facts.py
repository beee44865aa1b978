"""A certificate's facts, each read on its own, so that one odd extension hides nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts, RequestFacts

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


def certificate_facts(certificate: x509.Certificate, source: str, *, lenient: bool = False) -> CertificateFacts:
    """Read one certificate; `source` is the place that an InputError names.

    Raises InputError when a part that every certificate must have, or an extension, cannot be decoded. A `lenient`
    reading puts what it can do without into `unreadable`, and raises only when the dates are not to be had.
    """
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    read = _Reader()
    extensions = read.extensions(certificate)
    constraints, own_id, issuer_id = extensions.constraints, extensions.own_id, extensions.issuer_id
    try:
        facts = CertificateFacts(
            subject=read("subject", lambda: _name(certificate.subject), ""),
            common_names=read("common name", lambda: common_names(certificate), ()),
            issuer=read("issuer", lambda: _name(certificate.issuer), ""),
            serial=hexadecimal(certificate.serial_number),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            sha1=certificate.fingerprint(SHA1()).hex().upper(),  # noqa: S303  # DPS and Windows name thumbprints so
            sha256=certificate.fingerprint(SHA256()).hex().upper(),
            key_type=key_type_of(certificate.public_key),
            signature_hash=read("signature algorithm", lambda: _signature_hash(certificate), "unknown"),
            is_ca=bool(constraints and constraints.value.ca),
            path_length=constraints.value.path_length if constraints else None,
            basic_constraints_critical=constraints.critical if constraints else None,
            key_usage=extensions.key_usage,
            extended_key_usage=extensions.extended_key_usage,
            san=extensions.san,
            is_self_issued=read("names", lambda: certificate.subject == certificate.issuer, False),
            subject_key_id=own_id.value.digest.hex().upper() if own_id else "",
            authority_key_id=(issuer_id.value.key_identifier or b"").hex().upper() if issuer_id else "",
            public_key_sha256=public_key_sha256(certificate.public_key),
        )
    except Exception as error:  # a hostile file may fail anywhere in the decoder, in a dozen ways
        raise _undecodable(source, reason_of(error)) from error
    if read.failed and not lenient:
        raise _undecodable(source, read.failed[0])
    return replace(facts, unreadable=tuple(read.failed))


def _undecodable(source: str, reason: str) -> InputError:
    return InputError(source, f"the certificate cannot be decoded ({reason})", "Take the file as its issuer gave it")


@dataclass(frozen=True, slots=True)
class _Extensions:
    """The extensions that matter here; None or empty where there is none, or where it cannot be decoded."""

    constraints: x509.Extension[x509.BasicConstraints] | None
    own_id: x509.Extension[x509.SubjectKeyIdentifier] | None
    issuer_id: x509.Extension[x509.AuthorityKeyIdentifier] | None
    key_usage: tuple[str, ...] | None
    extended_key_usage: tuple[str, ...] | None
    san: tuple[str, ...]


class _Reader:
    """Reads parts; keeps the name and the reason of each that fails."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def __call__(self, name: str, read: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return read()
        except Exception as error:  # noqa: BLE001  # a hostile file may fail in a dozen ways
            self.failed.append(f"{name}: {reason_of(error)}")
            return otherwise

    def extensions(self, holder: x509.Certificate | x509.CertificateSigningRequest) -> _Extensions:
        """`cryptography` decodes all extensions at once, so that one bad one hides them all: it is said once."""
        from cryptography import x509

        every = self("extensions", lambda: holder.extensions, x509.Extensions([]))

        def find(kind: type[ExtensionT]) -> x509.Extension[ExtensionT] | None:
            try:
                return every.get_extension_for_class(kind)
            except x509.ExtensionNotFound:
                return None

        return _Extensions(
            find(x509.BasicConstraints),
            find(x509.SubjectKeyIdentifier),
            find(x509.AuthorityKeyIdentifier),
            _key_usage(find(x509.KeyUsage)),
            _extended_key_usage(find(x509.ExtendedKeyUsage)),
            _san(find(x509.SubjectAlternativeName)),
        )


def request_facts(request: x509.CertificateSigningRequest) -> RequestFacts:
    """Read one PKCS#10 request; what cannot be decoded is left empty."""
    read = _Reader()
    extensions = read.extensions(request)
    return RequestFacts(
        subject=read("subject", lambda: _name(request.subject), ""),
        common_names=read("common name", lambda: common_names(request), ()),
        key_type=key_type_of(request.public_key),
        signature_hash=read("signature algorithm", lambda: _signature_hash(request), "unknown"),
        signature_valid=read("signature", lambda: request.is_signature_valid, False),
        key_usage=extensions.key_usage,
        extended_key_usage=extensions.extended_key_usage,
        san=extensions.san,
        public_key_sha256=public_key_sha256(request.public_key),
    )


def public_key_sha256(read: Callable[[], Any]) -> str:
    """The SHA-256 of a public key's SubjectPublicKeyInfo, which a certificate, its key and its request share.

    `read` gives the key, or fails at it; "" for a key of an unknown kind.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        body = read().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001  # kinds that cannot be read or written have a rule of their own
        return ""
    return hashlib.sha256(body).hexdigest().upper()


def common_names(certificate: x509.Certificate | x509.CertificateSigningRequest) -> tuple[str, ...]:
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


def _signature_hash(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
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


def hexadecimal(number: int) -> str:
    """Whole bytes, as OpenSSL and Windows print serial numbers."""
    digits = f"{number:X}"
    return digits if len(digits) % 2 == 0 or number < 0 else f"0{digits}"


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()


def reason_of(error: Exception) -> str:
    """What a decoder said, in one line of bounded length."""
    return " ".join(str(error).split())[:120] or type(error).__name__


def utc(moment: datetime) -> str:
    """Write a moment as people and JSON both read it: `2026-11-22T08:56:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
