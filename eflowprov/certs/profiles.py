"""What a certificate of each kind looks like: keys, names, validity, extensions (RFC 5280).

Root, then issuing authority, then leaf. The leaf's subject is `CN=registration ID`, as DPS wants it
(DPS documentation, "X.509 certificate attestation").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from eflowprov.certs.names import is_host_label
from eflowprov.errors import InputError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    Extension = tuple[x509.ExtensionType, bool]  # the extension, and whether it is critical

# A VM whose host slept has a clock that lags (iotedge-eflow#236): a certificate is good from an hour before its making.
BACKDATED = timedelta(hours=1)
MAX_DAYS = 36_500  # a century: beyond it a slip of the keyboard is likelier than a wish
MAX_ORGANIZATION = 64  # RFC 5280, ub-organization-name


class KeyType(StrEnum):
    """The key types that DPS, EFLOW's runtime and .NET all take."""

    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"


@dataclass(frozen=True, slots=True)
class AuthorityProfile:
    """A root and, with `intermediate`, an issuing authority below it; `days` is the root's life."""

    key_type: KeyType = KeyType.EC_P384
    days: int = 3650
    organization: str = ""
    intermediate: bool = True


@dataclass(frozen=True, slots=True)
class LeafProfile:
    """A device's identity; `days` is clamped to the life of its issuer."""

    key_type: KeyType = KeyType.EC_P256
    days: int = 365
    organization: str = ""


def generate_key(key_type: KeyType) -> PrivateKey:
    """Make a new private key."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    match key_type:
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.removeprefix("rsa-")))


def signing_key(key: PrivateKeyTypes, source: str) -> PrivateKey:
    """Give `key` back when it is of a kind that may sign here; raises InputError, naming `source`."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        return key
    raise InputError(source, "its private key is neither RSA nor EC, and DPS takes no other", "Make a new authority")


def subject(common_name: str, organization: str = "") -> x509.Name:
    """Give the subject `O=organization, CN=common_name`, the organization only when there is one."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    if len(organization) > MAX_ORGANIZATION or not organization.isprintable():
        raise InputError(
            "organization",
            f"a certificate's subject holds {MAX_ORGANIZATION} printable characters for it",
            "Give a shorter name",
        )
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization.strip() else []
    return x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def validity(now: datetime, days: int, issuer: x509.Certificate | None) -> tuple[datetime, datetime]:
    """Give not-before and not-after: an hour ago to `days` from now, both within the issuer's own.

    Raises InputError when `days` is no sensible number or the issuer is not valid now.
    """
    if not 1 <= days <= MAX_DAYS:
        raise InputError("days", f"{days} is not between 1 and {MAX_DAYS}", "Give the days of validity within that")
    now = now.replace(microsecond=0)
    wanted = now - BACKDATED, now + timedelta(days=days)
    if issuer is None:
        return wanted
    first, last = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    if not first <= now < last:
        name = issuer.subject.rfc4514_string()
        raise InputError(
            f"authority {name}",
            f"it is valid from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, and now is {now:%Y-%m-%d %H:%M}",
            "Set this machine's clock right, or make a new authority with 'eflowprov certs ca'",
        )
    return max(wanted[0], first), min(wanted[1], last)


def authority_extensions(key: PublicKey, path_length: int, issuer_key_id: bytes) -> list[Extension]:
    """Extensions of a root (`issuer_key_id` its own) or of an issuing authority."""
    from cryptography import x509

    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (_key_usage("key_cert_sign", "crl_sign"), True),
        *_key_identifiers(key, issuer_key_id),
    ]


def leaf_extensions(registration_id: str, key: PublicKey, issuer_key_id: bytes) -> list[Extension]:
    """Extensions of a device's identity: an end entity that may open TLS connections as a client."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usages = ("digital_signature", "key_encipherment") if isinstance(key, rsa.RSAPublicKey) else ("digital_signature",)
    extensions: list[Extension] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(*usages), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        *_key_identifiers(key, issuer_key_id),
    ]
    if is_host_label(registration_id):
        extensions.append((x509.SubjectAlternativeName([x509.DNSName(registration_id)]), False))
    return extensions


def sign(
    name: x509.Name,
    key: PublicKey,
    issuer: x509.Name,
    issuer_key: PrivateKey,
    times: tuple[datetime, datetime],
    extensions: list[Extension],
) -> x509.Certificate:
    """Sign a certificate with a random serial number."""
    from cryptography import x509

    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(times[0])
        .not_valid_after(times[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, _hash_for(issuer_key))


def sign_request(name: x509.Name, key: PrivateKey, extensions: list[Extension]) -> x509.CertificateSigningRequest:
    """Sign a request (PKCS#10) for a certificate with this subject, key and these extensions."""
    from cryptography import x509

    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, _hash_for(key))


def key_id(key: PublicKey) -> bytes:
    """Give the subject key identifier: SHA-1 of the public key (RFC 5280, 4.2.1.2, method 1)."""
    from cryptography import x509

    return x509.SubjectKeyIdentifier.from_public_key(key).digest


def _hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """SHA-256, and SHA-384 with a P-384 key, whose strength it matches."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    is_p384 = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size == 384  # bits
    return hashes.SHA384() if is_p384 else hashes.SHA256()


def _key_identifiers(key: PublicKey, issuer_key_id: bytes) -> list[Extension]:
    from cryptography import x509

    return [
        (x509.SubjectKeyIdentifier(key_id(key)), False),
        (x509.AuthorityKeyIdentifier(issuer_key_id, None, None), False),
    ]


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _key_usage(*usages: str) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(**{usage: usage in usages for usage in _USAGES})
