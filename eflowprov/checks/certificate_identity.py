"""The rules about whose certificate it is: a device's, under its registration ID."""

from __future__ import annotations

import re

from eflowprov.checks.certificate_case import (
    ANEW,
    ESF,
    Case,
    Judged,
    Rule,
    ca_given,
    failed,
    passed,
    shown,
    skipped,
    warned,
)
from eflowprov.model import CertificateFacts

# DPS's rule for the registration ID of an X.509 device (DPS documentation, "Registration ID"; RFC 5280 for the 64).
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9\-._:]{0,63}[A-Za-z0-9\-]")
_ESF_NAME = re.compile(r"[a-z0-9]+")
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_FULL_CHAIN = "eflowprov certs device ID writes it as ID/ID.chain.pem."
_MAX_SERIAL = 40  # hexadecimal digits: RFC 5280, 4.1.2.2, 20 octets


def _leaf_first(case: Case) -> Judged:
    first = case.bundle.certificates[0]
    if case.leaf.is_ca:
        return skipped("The file holds CA certificates alone: see certificate/ca-as-identity.")
    if case.place == 0:
        return passed("The first certificate is the device's.", shown(first))
    return failed(
        f"The file begins with a CA certificate; the device's own stands at place {case.place + 1}. The runtime takes "
        "the first certificate for the device's, so that DPS sees the wrong name, and the key does not match.",
        f"Put the device's certificate first, then the one that signed it, and so on. {_FULL_CHAIN}",
        shown(first),
    )


def _ca_as_identity(case: Case) -> Judged:
    leaf = case.leaf
    if not leaf.is_ca:
        return passed("The device's certificate is not a CA's.", shown(leaf))
    own_name = case.registration_id is not None and case.registration_id in leaf.common_names
    if own_name and leaf.is_self_issued and case.enrollment == "individual":
        return warned(
            "The certificate signed itself and is marked as a CA. An individual enrollment finds it by its thumbprint, "
            "but nothing else takes it for a device's.",
            "Issue a proper one when it is renewed: eflowprov certs ca, then eflowprov certs device ID.",
            shown(leaf),
        )
    return failed(
        "A CA certificate was given as the identity. It is the certificate that signs devices, not a device's: DPS "
        "refuses it, and Provision-EflowVm ends with 'iotedge service not running after provisioning' "
        "(iotedge-eflow#135).",
        f"Give the leaf or full chain of the device, and the key that belongs to it. {_FULL_CHAIN}",
        shown(leaf),
    )


def _common_name(case: Case) -> Judged:
    names, wanted = case.leaf.common_names, case.registration_id
    if not names:
        return skipped("There is no common name: see certificate/common-name-form.")
    if wanted is None:
        return passed(f"The common name '{names[0]}' is taken for the registration ID.", shown(case.leaf))
    if names[0].lower() != wanted.lower():
        return failed(
            f"The common name is '{names[0]}' and the registration ID is '{wanted}'. DPS wants them equal and answers "
            "'Unauthorized' (401002).",
            "Give the certificate that was issued for this device, or correct the registration ID.",
            shown(case.leaf),
        )
    if names[0] != wanted:
        return warned(
            f"The common name '{names[0]}' and the registration ID '{wanted}' differ in case. DPS takes them as one, "
            "IoT Hub does not: the device appears under the spelling that registered.",
            "Use one spelling everywhere, best lower case.",
            shown(case.leaf),
        )
    return passed(f"The common name is '{names[0]}': DPS's registration ID.", shown(case.leaf))


def _common_name_form(case: Case) -> Judged:
    if case.is_ca_given:
        return ca_given()
    names = case.leaf.common_names
    if not names:
        return failed(
            "The subject has no common name. DPS takes the registration ID from it and answers 'Unauthorized' "
            "(401002).",
            ANEW,
            shown(case.leaf),
        )
    if not _REGISTRATION_ID.fullmatch(names[0]):
        return failed(
            f"The common name '{names[0]}' cannot be a registration ID: DPS takes letters, digits, '-', '.', '_' and "
            "':', at most 64, with a letter, a digit or '-' at the end. No enrollment can have this name.",
            "Issue a certificate whose common name is the registration ID.",
            shown(case.leaf),
        )
    if len(names) > 1:
        return warned(
            f"The subject has {len(names)} common names. The runtime takes the first, DPS may take another and answer "
            "'Unauthorized' (401002).",
            ANEW,
            shown(case.leaf),
        )
    if names[0] != names[0].lower():
        return warned(
            f"The common name '{names[0]}' has upper-case letters. DPS ignores case, IoT Hub's device IDs do not.",
            "Use lower case for new devices, so that portal, enrollment and device agree.",
            shown(case.leaf),
        )
    return passed(f"'{names[0]}' can be a registration ID.")


def _esf_name(case: Case) -> Judged:
    name = case.leaf.common_names[0] if case.leaf.common_names else ""
    if _ESF_NAME.fullmatch(name):
        return passed("The common name is lower-case letters and digits alone.")
    return failed(
        f"The common name '{name}' has other characters than lower-case letters and digits. ESF's connector takes no "
        "other, so that it does not register with DPS.",
        "Issue a certificate under such a name, and enroll the device with it.",
        shown(case.leaf),
    )


def _esf_subject(case: Case) -> Judged:
    if "," in case.leaf.subject or "+" in case.leaf.subject:
        return passed("The subject has a field beside the common name.", shown(case.leaf))
    return warned(
        "The subject is the common name alone. ESF's documentation wants one more field, or else the authentication "
        "may fail; elsewhere DPS takes such certificates.",
        "If the connection fails, issue with --organization.",
        shown(case.leaf),
    )


def _serial_number(case: Case) -> Judged:
    odd = [one for one in case.path if _is_odd_serial(one.serial)]
    if not odd:
        return passed(f"The serial number is {case.leaf.serial}.")
    return warned(
        f"The serial number of {odd[0].subject} is {odd[0].serial}; RFC 5280 wants a positive one of at most 20 bytes. "
        "DPS finds certificates by their thumbprint and takes it, but two certificates of one authority cannot be told "
        "apart by it, and strict readers refuse it.",
        "Have the authority give random serial numbers, as certs device does.",
        shown(odd[0]),
    )


def _is_odd_serial(serial: str) -> bool:
    return serial.startswith("-") or not serial.strip("0") or len(serial.lstrip("0")) > _MAX_SERIAL


def _alternative_names(case: Case) -> Judged:
    odd = _odd_names(case.leaf)
    if not odd:
        names = ", ".join(case.leaf.san)
        return passed(f"Alternative names: {names}." if names else "No alternative names, and DPS needs none.")
    return warned(
        f"Among the alternative names {'is' if len(odd) == 1 else 'are'} {', '.join(odd)}. DPS reads the common name "
        "alone and takes the certificate; servers and modules that read alternative names may refuse it.",
        "Issue with the registration ID as the one DNS name, or with none: eflowprov certs device ID does so.",
        "\n".join(case.leaf.san),
    )


def _odd_names(leaf: CertificateFacts) -> list[str]:
    """What no device's certificate has: wildcards, DNS names that cannot be one, empty names, names given twice."""
    found: list[str] = []
    for name in dict.fromkeys(leaf.san):
        kind, _, value = name.partition(":")
        if leaf.san.count(name) > 1:
            found.append(f"'{name}' twice")
        elif not value:
            found.append(f"an empty {kind} name")
        elif kind == "DNS" and not _HOST_NAME.fullmatch(value):
            found.append(f"'{name}', which is no host name")
    return found


FIRST_RULES = (
    Rule("leaf-first", "the device's certificate comes first", _leaf_first),
    Rule("ca-as-identity", "the identity is a device's, not a CA's", _ca_as_identity),
    Rule("common-name", "the common name is the registration ID", _common_name),
    Rule("common-name-form", "the common name can be a registration ID", _common_name_form),
    Rule("esf-name", "the common name suits ESF", _esf_name, (ESF,)),
    Rule("esf-subject", "the subject suits ESF", _esf_subject, (ESF,)),
)
LAST_RULES = (
    Rule("serial-number", "the serial numbers are good", _serial_number),
    Rule("alternative-names", "the alternative names are good", _alternative_names),
)
