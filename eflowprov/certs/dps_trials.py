"""What DPS would answer to a certificate file, foretold without asking it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from eflowprov.certs.chain import order
from eflowprov.certs.dps_rules import Denial, Enrollment, decide
from eflowprov.certs.reading import quietly
from eflowprov.model import EnrollmentTrial, EnrollmentTrials

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

INDIVIDUAL, GROUP = "individual", "group"


@quietly()
def try_enrollments(
    certificates: Sequence[Certificate],
    *,
    place: int,
    registration_id: str,
    kind: str | None,
    enrolled: Sequence[Certificate],
    now: datetime,
) -> EnrollmentTrials:
    """Look a device up as DPS does, in a DPS with one enrollment at a time.

    `certificates` are what the device would send, in the file's order; `place` is where its own stands, which an
    individual enrollment has unless `enrolled` says another. `kind` is individual, group or None; `enrolled` the
    certificates that are known to be enrolled. What is not said is tried: this certificate, and each
    authority above it. Groups are in the order in which DPS looks for them: that of the nearest authority first.
    """
    leaf = certificates[place]
    above = order([*certificates, *enrolled], leaf)[1:]
    wanted: list[tuple[str, Certificate]] = []
    if kind != GROUP and not (kind is None and enrolled):
        wanted += [(INDIVIDUAL, one) for one in enrolled or [leaf]]
    if kind != INDIVIDUAL:
        nearest_first = sorted(enrolled, key=lambda one: above.index(one) if one in above else len(above))
        wanted += [(GROUP, one) for one in nearest_first or above]
    trials = tuple(_try(kind_, one, certificates, registration_id, now) for kind_, one in wanted)
    return EnrollmentTrials(registration_id, trials, named=bool(enrolled) or kind == INDIVIDUAL)


def _try(
    kind: str, enrolled: Certificate, certificates: Sequence[Certificate], registration_id: str, now: datetime
) -> EnrollmentTrial:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = enrolled.public_bytes(Encoding.PEM).decode("ascii")
    entry = Enrollment(pem, registration_id=registration_id if kind == INDIVIDUAL else "")
    answer = decide([entry], certificates, registration_id, now)
    sha1 = enrolled.fingerprint(SHA1()).hex().upper()  # noqa: S303  # the portal shows enrollments by it
    denial = answer if isinstance(answer, Denial) else Denial(0, 0, "")
    return EnrollmentTrial(kind, _subject(enrolled), sha1, denial.http_status, denial.error_code, denial.message)


def _subject(certificate: Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return "a subject that cannot be decoded"
