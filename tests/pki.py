"""Certificates for tests: good ones from the product's own code, odd ones built by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from eflowprov.certs.authority import Authority, NewAuthority, load_authority, make_authority
from eflowprov.certs.issuing import Identity, issue
from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.model import BundleFacts, CertificateFacts

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DEVICE = "line4-press2"


def new_authority(number: int = 0) -> NewAuthority:
    """An authority without a passphrase; each number another one."""
    return _new_authority(number)


@cache
def _new_authority(number: int) -> NewAuthority:
    return make_authority(AuthorityProfile(key_type=KeyType.EC_P256), NOW)


@cache
def authority(number: int = 0) -> Authority:
    made = new_authority(number)
    return load_authority(made.chain, made.issuing_key, "pki")


@cache
def identity(registration_id: str = DEVICE, number: int = 0) -> Identity:
    return issue(authority(number), registration_id, LeafProfile(), NOW)


def odd_certificate(
    key: Any,
    *,
    name: str = DEVICE,
    signer: Any = None,
    algorithm: Any = "sha256",
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> bytes:
    """A certificate as no product of ours would make it; signed by itself, or by `signer`. PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=30))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(signer or key, hashes.SHA256() if algorithm == "sha256" else algorithm)
    return certificate.public_bytes(Encoding.PEM)


def plain_key(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))


def curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def facts(**changes: Any) -> CertificateFacts:
    """A good leaf's facts, with changes."""
    values: dict[str, Any] = {
        "subject": f"CN={DEVICE}",
        "common_names": (DEVICE,),
        "issuer": "CN=Issuing",
        "serial": "0A",
        "not_before": NOW - timedelta(hours=1),
        "not_after": NOW + timedelta(days=365),
        "sha1": "AA",
        "sha256": changes.get("subject", "leaf"),
        "key_type": "EC P-256",
        "signature_hash": "SHA256",
        "is_ca": False,
        "path_length": None,
        "basic_constraints_critical": True,
        "key_usage": ("digitalSignature",),
        "extended_key_usage": ("clientAuth",),
        "san": (f"DNS:{DEVICE}",),
        "is_self_issued": False,
    }
    return CertificateFacts(**{**values, **changes})


def issuing_facts(**changes: Any) -> CertificateFacts:
    """A good issuing authority's facts, with changes."""
    values: dict[str, Any] = {
        "subject": "CN=Issuing",
        "common_names": ("Issuing",),
        "issuer": "CN=Root",
        "is_ca": True,
        "path_length": 0,
        "key_usage": ("keyCertSign", "cRLSign"),
        "extended_key_usage": None,
        "san": (),
        "not_after": NOW + timedelta(days=1000),
    }
    return facts(**{**values, **changes})


def root_facts(**changes: Any) -> CertificateFacts:
    """A good root's facts, with changes."""
    values = {"subject": "CN=Root", "common_names": ("Root",), "issuer": "CN=Root", "is_self_issued": True}
    return issuing_facts(**{**values, "path_length": 1, **changes})


def bundle(*certificates: CertificateFacts, **changes: Any) -> BundleFacts:
    """A file with these certificates, each signed by the next, and a key that matches."""
    found = certificates or (facts(), issuing_facts())
    values: dict[str, Any] = {
        "signed_by_next": (True,) * (len(found) - 1),
        "key_type": "EC P-256",
        "key_encrypted": False,
        "key_matches": True,
    }
    return BundleFacts("device.chain.pem", found, **{**values, **changes})
