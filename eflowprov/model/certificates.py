"""What stands in certificate files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One X.509 certificate, read. Thumbprints and serial are upper-case hexadecimal without separators."""

    subject: str  # RFC 4514
    common_names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    sha1: str
    sha256: str
    key_type: str  # "EC P-256", "RSA 2048", "Ed25519", "EC secp256k1", …
    signature_hash: str  # "SHA256", "SHA1", … ; "" for Ed25519 and the like
    is_ca: bool
    path_length: int | None
    basic_constraints_critical: bool | None  # None: no such extension
    key_usage: tuple[str, ...] | None  # RFC 5280 names; None: no such extension
    extended_key_usage: tuple[str, ...] | None  # names or dotted OIDs; None: no such extension
    san: tuple[str, ...]  # "DNS:name", "IP:…", "URI:…"
    is_self_issued: bool
    subject_key_id: str = ""
    authority_key_id: str = ""
    public_key_sha256: str = ""  # of the SubjectPublicKeyInfo; "" for a key of an unknown kind
    unreadable: tuple[str, ...] = ()  # parts that could not be decoded, each with the reason; their facts are empty


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One private key, without anything secret. `key_type` and `public_key_sha256` are "" while it is not opened."""

    key_type: str
    encrypted: bool
    public_key_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """One PKCS#10 request, read; names and usages are as a certificate's, None where they are not asked for."""

    subject: str
    common_names: tuple[str, ...]
    key_type: str
    signature_hash: str
    signature_valid: bool
    key_usage: tuple[str, ...] | None
    extended_key_usage: tuple[str, ...] | None
    san: tuple[str, ...]
    public_key_sha256: str = ""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What stands in one certificate file, in its order.

    `signed_by_next[i]` tells whether certificate i's signature verifies with the key of certificate i+1. `key_...` are
    about the key that was given with the file, else about the first one in it; `key_matches` is None when there is
    none, or it was not opened. `quirks` are oddities of the file by id (`bom`, `crlf`, `text-before`, `trailing`),
    `key_quirks` those of the file that the key came in.

    `kind` is pem, der, pkcs7 or pfx; `keys`, `requests` and `others` (PEM labels) are what else the file holds;
    `left_out` counts what stands behind the most that is read.
    """

    source: str
    certificates: tuple[CertificateFacts, ...]
    signed_by_next: tuple[bool, ...] = ()
    key_type: str = ""
    key_encrypted: bool | None = None
    key_matches: bool | None = None
    quirks: tuple[str, ...] = ()
    key_quirks: tuple[str, ...] = ()
    kind: str = "pem"
    keys: tuple[KeyFacts, ...] = ()
    requests: tuple[RequestFacts, ...] = ()
    others: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Who can read a file, but its owner, administrators (root) and the system; `shown` is its mode or access list."""

    path: str
    readers: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class EnrollmentTrial:
    """What DPS would answer if this enrollment were the one it has; `http_status` is 0 when it would let the device in.

    `kind` is individual or group; `enrolled` the subject of the certificate in it, `sha1` its thumbprint.
    """

    kind: str
    enrolled: str
    sha1: str
    http_status: int = 0
    error_code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class EnrollmentTrials:
    """The look-up that DPS would do for one file, by the rules that the lab's DPS follows too.

    `trials` are one for each enrollment. `named` tells whether they are those that the operator named; else they are
    those that could match.
    """

    registration_id: str
    trials: tuple[EnrollmentTrial, ...]
    named: bool = False
