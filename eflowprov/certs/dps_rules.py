"""What a DPS decides about a device: its enrollments, and the rules that match a presented chain to one of them.

Follows Azure's "X.509 certificate attestation" (concepts-x509-attestation) and the messages that users of DPS quote
in public issues (azure-iot-sdk-csharp#1040, iotedge#2739, azure-iot-sdk-python#177). The lab's DPS answers by them, and
`certs check` foretells the answer by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eflowprov.certs.chain import is_signed_by
from eflowprov.certs.facts import common_names

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

UNAUTHORIZED = 401002  # DPS's one code for nearly every refusal of a certificate
NOT_FOUND = 404201  # azure-docs#57082


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One enrollment entry of a DPS.

    `certificate` is PEM: for an individual enrollment the device's leaf, for a group a root or an issuing CA.
    `registration_id` makes the entry an individual one; `device_id` may then differ from it. `hub` overrides the
    service's hub. A disabled entry is found and refuses. `secondary` is the certificate of the other slot, "" for none.
    """

    certificate: str
    registration_id: str = ""
    device_id: str = ""
    hub: str = ""
    enabled: bool = True
    secondary: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal: the status of the answer, DPS's error code and its message."""

    http_status: int
    error_code: int
    message: str


def decide(
    enrollments: Sequence[Enrollment], chain: Sequence[Certificate], registration_id: str, now: datetime
) -> Enrollment | Denial:
    """Find the enrollment that lets `registration_id` in with the chain that it presented (leaf first), or refuse.

    Order of look-up: the individual enrollment of that registration ID, then the group of the nearest issuing CA,
    up to the root. A disabled match refuses, whatever stands above it.
    """
    leaf = chain[0]
    if not is_valid(leaf, now):
        return _unauthorized("Invalid certificate.")
    individual = _individual(enrollments, registration_id)
    if individual is not None:
        same = _thumbprint(leaf) in map(_thumbprint, _load(individual))
        return _admit(individual, individual.enabled and same and _is_named(leaf, registration_id))
    known = [(one, entry) for entry in enrollments if not entry.registration_id for one in _load(entry)]
    groups = {_thumbprint(one): entry for one, entry in known}
    if _thumbprint(leaf) in groups:
        return _unauthorized("Signing certificate info did not match chain elements.")
    for issuer in _issuers(chain, [one for one, _ in known]):
        if not is_valid(issuer, now):
            return _unauthorized("Invalid certificate.")
        if entry := groups.get(_thumbprint(issuer)):
            return _admit(entry, entry.enabled and _is_named(leaf, registration_id))
    return _unauthorized("CA certificate not found.")


def is_valid(certificate: Certificate, now: datetime) -> bool:
    """Whether `now` lies within the certificate's dates."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _admit(entry: Enrollment, fits: bool) -> Enrollment | Denial:
    return entry if fits else _unauthorized("Unauthorized")


def _unauthorized(message: str) -> Denial:
    return Denial(401, UNAUTHORIZED, message)


def _individual(enrollments: Sequence[Enrollment], registration_id: str) -> Enrollment | None:
    """Registration IDs are the same whatever their case (concepts-service)."""
    wanted = registration_id.casefold()
    single = (entry for entry in enrollments if entry.registration_id)
    return next((entry for entry in single if entry.registration_id.casefold() == wanted), None)


def _is_named(leaf: Certificate, registration_id: str) -> bool:
    """The leaf's subject common name is the registration ID."""
    try:
        names = common_names(leaf)
    except ValueError:  # a subject that cannot be decoded names nobody
        return False
    return [name.casefold() for name in names] == [registration_id.casefold()]


def _issuers(chain: Sequence[Certificate], known: Sequence[Certificate]) -> Iterator[Certificate]:
    """The authorities above the leaf, nearest first.

    Each is either presented right behind what it signed, or known to the service; the walk ends where neither is.
    """
    below = chain[0]
    presented = list(chain[1:])
    while True:
        above = next((c for c in presented if is_signed_by(below, c)), None) or next(
            (c for c in known if is_signed_by(below, c)), None
        )
        if above is None or above == below:
            return
        yield above
        presented = [c for c in presented if c != above]
        below = above


def _load(entry: Enrollment) -> list[Certificate]:
    """The certificates of the entry's slots."""
    from cryptography.x509 import load_pem_x509_certificate

    return [load_pem_x509_certificate(pem.encode("ascii")) for pem in (entry.certificate, entry.secondary) if pem]


def _thumbprint(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex().upper()
