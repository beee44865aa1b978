"""`certificate/...`: would DPS and EFLOW's runtime take this file as a device's identity?

One finding for each rule and file, a pass included; every id is described in docs/certificate-findings.md. Sources: DPS
documentation (X.509 attestation, TLS support, rolling certificates), the source of iot-identity-service, the EFLOW
article on X.509 at scale, Eurotech's page on X.509 with the ESF connector, and the issues named beside the rules.
"""

from __future__ import annotations

from datetime import datetime

from eflowprov.checks import (
    certificate_chain,
    certificate_dates,
    certificate_file,
    certificate_identity,
    certificate_key,
    certificate_strength,
)
from eflowprov.checks.certificate_case import PROFILES, Case, Rule
from eflowprov.checks.certificate_dps import ANSWER
from eflowprov.checks.certificate_key import ACCESS, UNUSED
from eflowprov.model import BundleFacts, EnrollmentTrials, FileAccess, Finding

# In the order that a person should put things right.
_RULES: tuple[Rule, ...] = (
    *certificate_file.RULES,
    *certificate_identity.FIRST_RULES,
    *certificate_key.RULES,
    *certificate_chain.RULES,
    *certificate_dates.RULES,
    *certificate_strength.RULES,
    *certificate_identity.LAST_RULES,
)
_KEY_FILE_RULES = ("key-file", "key-count")
# Every lasting id, without `certificate/`; `key-access` and `dps-answer` when somebody looked, `key-unused` for keys.
IDS = (*(rule.id for rule in _RULES), ACCESS.id, ANSWER.id, UNUSED.id)


def judge_certificate(
    bundle: BundleFacts,
    *,
    registration_id: str | None,
    profile: str,
    now: datetime,
    enrollment: str | None = None,
    expiring_days: int = 30,
    access: FileAccess | None = None,
    trials: EnrollmentTrials | None = None,
) -> tuple[Finding, ...]:
    """Judge one certificate file with its key, if one was read with it.

    `registration_id` is what the enrollment says, None when the certificate alone decides; `profile` is `eflow`,
    `eflow-1.1` or `esf`; `enrollment` is `individual`, `group` or None when it is not known. `access` tells who can
    read the key's file, `trials` what DPS would answer; without them their rules do not speak. Gives one finding for
    each rule.
    """
    if profile not in PROFILES:
        raise ValueError(f"no such profile: {profile}")
    place = next((i for i, one in enumerate(bundle.certificates) if not one.is_ca), 0)
    case = Case(bundle, place, registration_id, profile, now, enrollment, expiring_days, access, trials)
    rules = [rule for rule in _RULES if profile in rule.profiles]
    rules += [ACCESS] if access else []
    rules += [ANSWER] if trials else []
    return tuple(rule.finding(case) for rule in rules)


def judge_unused_key(
    bundle: BundleFacts, *, profile: str, access: FileAccess | None, now: datetime
) -> tuple[Finding, ...]:
    """Judge a private key's file that belongs to no certificate; `bundle` is the key's own."""
    case = Case(bundle, 0, None, profile, now, None, 0, access)
    rules = [UNUSED, *(rule for rule in _RULES if rule.id in _KEY_FILE_RULES), *([ACCESS] if access else [])]
    return tuple(rule.finding(case) for rule in rules)
