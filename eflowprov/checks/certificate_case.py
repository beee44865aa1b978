"""What every certificate rule sees, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from eflowprov.model import BundleFacts, CertificateFacts, EnrollmentTrials, FileAccess, Finding, Outcome

ESF = "esf"
EFLOW_1_1 = "eflow-1.1"
PROFILES = ("eflow", EFLOW_1_1, ESF)
ANEW = "Issue the certificate anew: eflowprov certs device ID --renew."


@dataclass(frozen=True, slots=True)
class Case:
    """One file to judge; `place` is where its device certificate stands.

    `access` and `trials` are None when nobody looked: then their rules do not speak.
    """

    bundle: BundleFacts
    place: int
    registration_id: str | None
    profile: str
    now: datetime
    enrollment: str | None
    expiring_days: int
    access: FileAccess | None = None
    trials: EnrollmentTrials | None = None

    @property
    def leaf(self) -> CertificateFacts:
        return self.bundle.certificates[self.place]

    @property
    def is_ca_given(self) -> bool:
        """No device's certificate is in the file: rules about a device's have nothing to say then.

        One that signed itself may still be what an individual enrollment has.
        """
        return self.leaf.is_ca and not (self.leaf.is_self_issued and self.enrollment == "individual")

    @property
    def path(self) -> Sequence[CertificateFacts]:
        """The device's certificate and those above it, as far as they are in the file; foreign ones are left out."""
        return [self.bundle.certificates[place] for place in self.places]

    @property
    def places(self) -> list[int]:
        """Where the certificates of `path` stand in the file: by names and key identifiers, whatever the order."""
        found = [self.place]
        while (above := self._issuer_of(found)) is not None:
            found.append(above)
        return found

    def _issuer_of(self, found: list[int]) -> int | None:
        certificates, last = self.bundle.certificates, found[-1]
        if certificates[last].is_self_issued:
            return None
        known = {certificates[place].sha256 for place in found}
        candidates = [
            place
            for place, one in enumerate(certificates)
            if one.sha256 not in known and is_named_issuer(certificates[last], one)
        ]
        # Two CAs may share name and key identifier (a renewed one): the one right behind comes first.
        return min(candidates, key=lambda place: (place != last + 1, place), default=None)


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule's decision."""

    outcome: Outcome
    detail: str
    remedy: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A lasting id (behind `certificate/`), a title, the decision, and the profiles that it is for."""

    id: str
    title: str
    decide: Callable[[Case], Judged]
    profiles: tuple[str, ...] = PROFILES

    def finding(self, case: Case) -> Finding:
        """Judge one file; the finding's source is the file's name."""
        judged = self.decide(case)
        return Finding(
            f"certificate/{self.id}",
            self.title,
            judged.outcome,
            judged.detail,
            judged.remedy,
            judged.evidence,
            case.bundle.source,
        )


def is_named_issuer(one: CertificateFacts, other: CertificateFacts) -> bool:
    """Whether `other` has the name and, where both are given, the key identifier that `one` gives its issuer."""
    same_key = not (one.authority_key_id and other.subject_key_id) or one.authority_key_id == other.subject_key_id
    return one.issuer == other.subject and same_key


def passed(detail: str, evidence: str = "") -> Judged:
    return Judged(Outcome.PASS, detail, "", evidence)


def skipped(detail: str) -> Judged:
    return Judged(Outcome.SKIP, detail)


def ca_given() -> Judged:
    """What rules about a device's certificate say of a CA's: what is wrong with it is said once."""
    return skipped("A CA certificate was given as the identity: see certificate/ca-as-identity.")


def warned(detail: str, remedy: str, evidence: str = "") -> Judged:
    return Judged(Outcome.WARN, detail, remedy, evidence)


def failed(detail: str, remedy: str, evidence: str = "") -> Judged:
    return Judged(Outcome.FAIL, detail, remedy, evidence)


# ------------------------------------------------------------------------------------- how rules name what they saw


def whose(case: Case, one: CertificateFacts) -> str:
    return "The device's certificate" if one is case.leaf else f"The authority {one.subject}"


def shown(one: CertificateFacts) -> str:
    kind = "CA certificate" if one.is_ca else "certificate"
    return f"{kind} {one.subject}, serial {one.serial}, issued by {one.issuer}"


def listed(case: Case) -> str:
    """Every certificate of the file with its issuer, in the file's order."""
    return "\n".join(f"{i}. {one.subject}, issued by {one.issuer}" for i, one in enumerate(case.bundle.certificates, 1))


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
