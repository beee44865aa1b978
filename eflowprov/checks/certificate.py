"""`certificate/...`: would DPS and EFLOW's runtime take this file as a device's identity?

One finding for each rule and file, a pass included. Sources: DPS documentation (X.509 attestation, TLS support,
rolling certificates), the source of iot-identity-service, the EFLOW article on X.509 at scale, Eurotech's page on X.509
with the ESF connector, and the issues named beside the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from eflowprov.checks.certificate_case import ESF, PROFILES, Case, Judged, failed, passed, skipped, warned
from eflowprov.checks.certificate_chain import chain, issuer_dates
from eflowprov.model import BundleFacts, CertificateFacts, Finding

# DPS's rule for the registration ID of an X.509 device (DPS documentation, "Registration ID"; RFC 5280 for the 64).
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9\-._:]{0,63}[A-Za-z0-9\-]")
_ESF_NAME = re.compile(r"[a-z0-9]+")
_YEAR_2038 = datetime.fromisoformat("2038-01-01T00:00:00+00:00")
_FULL_CHAIN = "eflowprov certs device ID writes it as ID/ID.chain.pem."
_ISSUE_ANEW = "Issue the certificate anew: eflowprov certs device ID --renew."
_GOOD_KEYS = {"EC P-256", "EC P-384"}
_GOOD_HASHES = {"SHA256", "SHA384", "SHA512"}


def judge_certificate(
    bundle: BundleFacts,
    *,
    registration_id: str | None,
    profile: str,
    now: datetime,
    enrollment: str | None = None,
    expiring_days: int = 30,
) -> tuple[Finding, ...]:
    """Judge one certificate file with its key, if one was read with it.

    `registration_id` is what the enrollment says, None when the certificate alone decides; `profile` is `eflow`,
    `eflow-1.1` or `esf`; `enrollment` is `individual`, `group` or None when it is not known. Gives one finding for each
    rule.
    """
    if profile not in PROFILES:
        raise ValueError(f"no such profile: {profile}")
    place = next((i for i, one in enumerate(bundle.certificates) if not one.is_ca), 0)
    case = Case(bundle, place, registration_id, profile, now, enrollment, expiring_days)
    return tuple(rule(case).finding(id_, title, bundle.source) for id_, title, rule, on in _RULES if profile in on)


def _leaf_first(case: Case) -> Judged:
    first = case.bundle.certificates[0]
    if case.leaf.is_ca:
        return skipped("The file holds CA certificates alone: see certificate/ca-as-identity.")
    if case.place == 0:
        return passed("The first certificate is the device's.", _shown(first))
    return failed(
        f"The file begins with a CA certificate; the device's own stands at place {case.place + 1}. The runtime takes "
        "the first certificate for the device's, so DPS sees the wrong name and the wrong key.",
        f"Put the device's certificate first, then the one that signed it, and so on. {_FULL_CHAIN}",
        _shown(first),
    )


def _ca_as_identity(case: Case) -> Judged:
    leaf = case.leaf
    if not leaf.is_ca:
        return passed("The device's certificate is not a CA's.", _shown(leaf))
    own_name = case.registration_id is not None and case.registration_id in leaf.common_names
    if own_name and leaf.is_self_issued and case.enrollment == "individual":
        return warned(
            "The certificate signed itself and is marked as a CA. An individual enrollment finds it by its thumbprint, "
            "but nothing else takes it for a device's.",
            "Issue a proper one when it is renewed: eflowprov certs ca, then eflowprov certs device ID.",
            _shown(leaf),
        )
    return failed(
        "A CA certificate was given as the identity. It is the certificate that signs devices, not a device's: DPS "
        "refuses it, and Provision-EflowVm ends with 'iotedge service not running after provisioning' "
        "(iotedge-eflow#135).",
        f"Give the leaf or full chain of the device, and the key that belongs to it. {_FULL_CHAIN}",
        _shown(leaf),
    )


def _common_name(case: Case) -> Judged:
    names = case.leaf.common_names
    if not names:
        return failed(
            "The subject has no common name. DPS takes the registration ID from it, and there is none.",
            _ISSUE_ANEW,
            _shown(case.leaf),
        )
    if not _REGISTRATION_ID.fullmatch(names[0]):
        return failed(
            f"The common name '{names[0]}' cannot be a registration ID: DPS takes letters, digits, '-', '.', '_' and "
            "':', at most 64, with a letter, a digit or '-' at the end. It would refuse the device.",
            "Issue a certificate whose common name is the registration ID.",
            _shown(case.leaf),
        )
    wanted = case.registration_id
    if wanted is not None and names[0].lower() != wanted.lower():
        return failed(
            f"The common name is '{names[0]}' and the registration ID is '{wanted}'. DPS wants them equal and answers "
            "Unauthorized (401002).",
            "Give the certificate that was issued for this device, or correct the registration ID.",
            _shown(case.leaf),
        )
    return _spelling(case, names, wanted)


def _spelling(case: Case, names: tuple[str, ...], wanted: str | None) -> Judged:
    if wanted is not None and names[0] != wanted:
        return warned(
            f"The common name '{names[0]}' and the registration ID '{wanted}' differ in case. DPS takes them as one, "
            "IoT Hub does not: the device appears under the certificate's spelling.",
            "Use one spelling everywhere, best lower case.",
            _shown(case.leaf),
        )
    if len(names) > 1:
        return warned(
            f"The subject has {len(names)} common names. The runtime takes the first, others may take the last.",
            _ISSUE_ANEW,
            _shown(case.leaf),
        )
    if names[0] != names[0].lower():
        return warned(
            f"The common name '{names[0]}' has upper-case letters. DPS ignores case, IoT Hub's device IDs do not.",
            "Use lower case for new devices, so that portal, enrollment and device agree.",
            _shown(case.leaf),
        )
    return passed(f"The common name is '{names[0]}': DPS's registration ID.", _shown(case.leaf))


def _key_match(case: Case) -> Judged:
    match case.bundle.key_matches:
        case None if case.bundle.key_encrypted:
            return skipped("The private key is encrypted and was not opened.")
        case None:
            return skipped("No private key was given with the certificate.")
        case True:
            return passed(f"The private key ({case.bundle.key_type}) is the certificate's.")
        case _:
            return failed(
                f"The private key ({case.bundle.key_type}) belongs to another certificate. The runtime's service ends "
                "with 'key values mismatch', or the TLS connection to DPS fails before DPS answers (iotedge#3260).",
                "Give the key that was made with this certificate: its name begins with the same registration ID.",
                _shown(case.leaf),
            )


def _key_encrypted(case: Case) -> Judged:
    if case.bundle.key_encrypted is None:
        return skipped("No private key was given with the certificate.")
    if not case.bundle.key_encrypted:
        return passed("The private key needs no passphrase: the runtime can read it unattended.")
    if case.profile == ESF:
        return passed("The private key needs a passphrase: enter it beside the key in ESF's settings.")
    return failed(
        "The private key needs a passphrase. The runtime reads it unattended and has none, so its services do not "
        "start.",
        "Give the key without a passphrase, for the VM alone: openssl pkey -in KEY -out PLAIN-KEY.",
    )


def _expired(case: Case) -> Judged:
    over = [one for one in case.path if case.now >= one.not_after]
    if not over:
        return passed(f"The device's certificate is valid until {_day(case.leaf.not_after)}.")
    return failed(
        f"{_whose(case, over[0])} expired on {_day(over[0].not_after)}. DPS answers 'Invalid certificate' (401002), "
        "or the TLS connection fails.",
        f"{_ISSUE_ANEW} If the authority itself has expired, make a new one and enroll it: eflowprov certs ca.",
        _dates(over[0]),
    )


def _not_yet_valid(case: Case) -> Judged:
    early = [one for one in case.path if case.now < one.not_before]
    if not early:
        return passed("Every certificate of the chain is valid already.")
    return failed(
        f"{_whose(case, early[0])} is not valid before {_moment(early[0].not_before)}; here it is "
        f"{_moment(case.now)}. Until then every TLS connection with it fails.",
        "Set the clock of this machine and of the VM right (a VM's clock lags after its host slept, "
        "iotedge-eflow#236), or wait.",
        _dates(early[0]),
    )


def _expiring(case: Case) -> Judged:
    left = (case.leaf.not_after - case.now).days
    if left < 0:
        return skipped("It has expired: see certificate/expired.")
    if left >= case.expiring_days:
        return passed(f"{left} days are left.")
    return warned(
        f"{left} days are left. Nothing renews a certificate that was given as a file: on {_day(case.leaf.not_after)} "
        "the device loses its connection (iotedge#5787).",
        "Issue a new one in time and provision with it: eflowprov certs device ID --renew, then eflowprov provision.",
        _dates(case.leaf),
    )


def _before_2038(case: Case) -> Judged:
    late = [one for one in case.path if one.not_after >= _YEAR_2038]
    if not late:
        return passed("Every certificate of the chain ends before 2038.")
    return failed(
        f"{_whose(case, late[0])} ends on {_day(late[0].not_after)}. EFLOW 1.1 cannot use certificates that end in "
        "2038 or later.",
        "Issue with fewer days (--days), the authority too.",
        _dates(late[0]),
    )


def _client_auth(case: Case) -> Judged:
    usages = case.leaf.extended_key_usage
    if usages is None:
        return warned(
            "The certificate has no extended key usage. That allows every use; renewal over EST wants clientAuth "
            "written.",
            _ISSUE_ANEW,
        )
    if {"clientAuth", "anyExtendedKeyUsage"} & set(usages):
        return passed(f"It may be used as a TLS client: {', '.join(usages)}.")
    return failed(
        f"The extended key usage is {', '.join(usages) or 'empty'} and lacks clientAuth. The device is a TLS client, "
        "and servers refuse a certificate that is not for that.",
        "Issue a certificate with extended key usage clientAuth: eflowprov certs device ID does.",
    )


def _key_usage(case: Case) -> Judged:
    usages = case.leaf.key_usage
    if usages is None:
        return warned(
            "The certificate has no key usage. That allows every use; a device needs digitalSignature alone.",
            _ISSUE_ANEW,
        )
    if "digitalSignature" in usages:
        return passed(f"Key usage: {', '.join(usages)}.")
    return failed(
        f"The key usage is {', '.join(usages) or 'empty'} and lacks digitalSignature. A TLS client proves its key "
        "with a signature, so servers refuse it.",
        "Issue a certificate with key usage digitalSignature: eflowprov certs device ID does.",
    )


def _key_algorithm(case: Case) -> Judged:
    bad = [one for one in case.path if not _is_good_key(one.key_type)]
    if bad:
        return failed(
            f"{_whose(case, bad[0])} has the key type {bad[0].key_type}. DPS, IoT Hub and the runtime take RSA from "
            "2048 bits and EC P-256 or P-384; with others the TLS connection fails.",
            "Issue with --key-type ec-p256 or rsa-2048. The ca-certs.ps1 script's 'ecc' makes secp256k1: use 'rsa' "
            "there.",
            _shown(bad[0]),
        )
    if case.leaf.key_type == "EC P-384":
        return passed("EC P-384. The runtime's own check recommends P-256 and warns of it.")
    return passed(f"{case.leaf.key_type}.")


def _signature_hash(case: Case) -> Judged:
    # A root's signature on itself proves nothing, so its hash does not matter; a leaf's own is looked at all the same.
    signed = [one for one in case.path if one is case.leaf or not one.is_self_issued]
    bad = [one for one in signed if one.signature_hash not in _GOOD_HASHES]
    if not bad:
        return passed(f"Signed with {case.leaf.signature_hash}.")
    return failed(
        f"{_whose(case, bad[0])} is signed with {bad[0].signature_hash or 'an algorithm without a hash'}. DPS and "
        "current TLS libraries take SHA-256, SHA-384 or SHA-512 alone.",
        f"Have the authority sign with SHA-256. {_ISSUE_ANEW}",
        _shown(bad[0]),
    )


_BLINDING = {
    "pfx": "it is a PFX, and the runtime reads PEM alone",
    "der": "it is DER, and the runtime reads PEM alone",
    "utf-16": "it is UTF-16 text, as PowerShell's > and Out-File write it, and OpenSSL reads none of it",
    "bom": "it begins with a byte order mark, so that OpenSSL skips the first certificate and takes the next one",
    "begin-line": "a BEGIN line does not begin its line (two files glued together?), so that OpenSSL does not see it",
}
_UNTIDY = {
    "key-inside": "it holds the private key too, which would be uploaded along with it",
    "text-before": "text stands before the first dash line",
    "text-between": "text stands between the certificates",
    "crlf": "its lines end in CRLF; OpenSSL takes that, other readers do not",
    "trailing": "something stands behind the last dash line",
}
_CLEAN = (
    "Write it as plain PEM, as certs device does: LF line ends, no byte order mark, nothing around the certificates."
)


def _encoding(case: Case) -> Judged:
    # White space behind the last dash makes the connection of ESF's text box fail (Eurotech's page).
    blinding = _BLINDING | ({"trailing": _UNTIDY["trailing"]} if case.profile == ESF else {})
    worst = [said for quirk, said in blinding.items() if quirk in case.bundle.quirks]
    untidy = [said for quirk, said in _UNTIDY.items() if quirk in case.bundle.quirks and quirk not in blinding]
    said = "; ".join((*worst, *untidy))
    if worst:
        return failed(f"The file cannot be used as it is: {said}.", _CLEAN)
    if untidy:
        return warned(f"The file is untidy: {said}.", _CLEAN)
    return passed("Plain PEM: LF line ends, no byte order mark, nothing around the certificates.")


def _esf_name(case: Case) -> Judged:
    name = case.leaf.common_names[0] if case.leaf.common_names else ""
    if _ESF_NAME.fullmatch(name):
        return passed("The common name is lower-case letters and digits alone.")
    return failed(
        f"The common name '{name}' has other characters than lower-case letters and digits; ESF's connector takes no "
        "other.",
        "Issue a certificate under such a name, and enroll the device with it.",
        _shown(case.leaf),
    )


def _esf_subject(case: Case) -> Judged:
    if "," in case.leaf.subject or "+" in case.leaf.subject:
        return passed("The subject has a field beside the common name.", _shown(case.leaf))
    return warned(
        "The subject is the common name alone. ESF's documentation wants one more field; elsewhere such certificates "
        "work.",
        "If the connection fails, issue with --organization.",
        _shown(case.leaf),
    )


def _is_good_key(key_type: str) -> bool:
    kind, _, size = key_type.partition(" ")
    return key_type in _GOOD_KEYS or (kind == "RSA" and size.isdigit() and int(size) >= 2048)


def _whose(case: Case, one: CertificateFacts) -> str:
    return "The device's certificate" if one is case.leaf else f"The authority {one.subject}"


def _shown(one: CertificateFacts) -> str:
    kind = "CA certificate" if one.is_ca else "certificate"
    return f"{kind} {one.subject}, serial {one.serial}, issued by {one.issuer}"


def _dates(one: CertificateFacts) -> str:
    return f"{one.subject}: {_moment(one.not_before)} to {_moment(one.not_after)}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


_Rule = tuple[str, str, Callable[[Case], Judged], tuple[str, ...]]
# id, title, decision, the profiles it is for; in the order that a person should put things right
_RULES: tuple[_Rule, ...] = (
    ("encoding", "the file is plain PEM", _encoding, PROFILES),
    ("leaf-first", "the device's certificate comes first", _leaf_first, PROFILES),
    ("ca-as-identity", "the identity is a device's, not a CA's", _ca_as_identity, PROFILES),
    ("common-name", "the common name is the registration ID", _common_name, PROFILES),
    ("esf-name", "the common name suits ESF", _esf_name, (ESF,)),
    ("esf-subject", "the subject suits ESF", _esf_subject, (ESF,)),
    ("key-match", "the private key belongs to the certificate", _key_match, PROFILES),
    ("key-encrypted", "the private key can be read where it is needed", _key_encrypted, PROFILES),
    ("chain", "the chain is whole and in order", chain, PROFILES),
    ("expired", "no certificate has expired", _expired, PROFILES),
    ("not-yet-valid", "every certificate is valid already", _not_yet_valid, PROFILES),
    ("expiring", "the device's certificate lasts", _expiring, PROFILES),
    ("issuer-dates", "the issuer lasts as long as the device", issuer_dates, PROFILES),
    ("before-2038", "every certificate ends before 2038", _before_2038, ("eflow-1.1",)),
    ("client-auth", "the certificate is for TLS clients", _client_auth, PROFILES),
    ("key-usage", "the key may sign", _key_usage, PROFILES),
    ("key-algorithm", "the key types are supported", _key_algorithm, PROFILES),
    ("signature-hash", "the signatures are strong", _signature_hash, PROFILES),
)
