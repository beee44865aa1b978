"""`dps enroll` and the enroll step of `run`: look at the enrollment that is there, then make or change it.

The two are apart so that a person can be asked in between. What is written names the ETag of what was read: a change
by somebody else in between is refused by DPS (412), and never overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eflowprov.certs.authority import pem
from eflowprov.certs.facts import certificate_facts
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.reading import MAX_BYTES, open_bundle
from eflowprov.checks.enrollment import judge_enrollment, judge_service_refusal
from eflowprov.errors import InputError
from eflowprov.model import EnrollmentKind, Finding, Refused, ServiceAccess, ServiceRecord
from eflowprov.transports.dps_service import DpsService
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.enrolling.access import service_access
from eflowprov.workflows.enrolling.records import SLOTS, Difference, Wanted, changed_body, differences, new_body
from eflowprov.workflows.identities.authority_files import ISSUING, ROOT

SERVICE_S = 60.0
_GROUP_ID = re.compile(r"[A-Za-z0-9\-._:]{0,127}[A-Za-z0-9\-]")
_DEVICE_ID = re.compile(r"[A-Za-z0-9\-.%_*?!(),:=@$']{1,128}")  # IoT Hub's identity registry
_HUB = re.compile(r"[A-Za-z0-9\-]{1,63}(\.[A-Za-z0-9\-]{1,63})+")
CREATED, CHANGED, SAME = "created", "changed", "nothing to do"


@dataclass(frozen=True, slots=True)
class EnrollmentRequest:
    """The enrollment by its files and names.

    `cert` is the device's chain or leaf, or the group's authority (the first certificate counts); `group_id` names the
    group. `slot` is primary or secondary; an empty `device_id` or `hub` leaves it to DPS.
    """

    kind: EnrollmentKind
    cert: Path
    group_id: str = ""
    slot: str = "primary"
    edge: bool = True
    device_id: str = ""
    hub: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How to get to the service: files, not their contents. `timeout_s` is for each request."""

    connection_string_file: Path | None = None
    endpoint_ca: Path | None = None
    proxy: str = ""
    timeout_s: float = SERVICE_S


@dataclass(frozen=True, slots=True)
class Found:
    """What DPS has of the wanted enrollment: `record` is None when it has none."""

    wanted: Wanted
    record: ServiceRecord | None
    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        return self.record is not None and not self.differences


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How it ended: `result` is CREATED, CHANGED, SAME, or "" when DPS refused; the finding tells it."""

    wanted: Wanted
    result: str
    finding: Finding
    differences: tuple[Difference, ...] = ()


def wanted_enrollment(request: EnrollmentRequest) -> Wanted:
    """Read the certificate and check the names. InputError for what DPS, or the device later, would refuse."""
    source = str(request.cert)
    (first, *_) = open_bundle(source, read_limited(request.cert, MAX_BYTES)).certificates or (None,)
    if first is None:
        raise InputError(source, "it holds no certificate", "Give the PEM file with the certificate")
    facts = certificate_facts(first, source)
    if request.slot not in SLOTS:
        raise InputError("--slot", f"there is no slot {request.slot!r}", f"Choose one of {', '.join(SLOTS)}")
    is_group = request.kind is EnrollmentKind.GROUP
    if is_group and not facts.is_ca:
        why = "its first certificate is no authority's, and a group has an issuing or root CA"
        raise InputError(source, why, "Give the CA's file: issuing.ca.cert.pem")
    if not is_group and facts.is_ca:
        why = "its first certificate is an authority's, and an individual enrollment has the device's own"
        raise InputError(source, why, "Give ID.leaf.pem or ID.chain.pem; for the CA make a group: dps enroll group")
    if not is_group and not facts.common_names:
        raise InputError(source, "the certificate has no common name", "Issue it with the registration ID as its CN")
    id_ = check_group_id(request.group_id) if is_group else check_registration_id(facts.common_names[0])
    return Wanted(
        request.kind,
        id_,
        pem(first).decode("ascii"),
        facts.sha1,
        facts.sha256,
        request.slot,
        request.edge,
        _named("--device-id", request.device_id, _DEVICE_ID, "IoT Hub's device IDs have up to 128 ASCII characters"),
        _named("--hub", request.hub, _HUB, "Give its host name: NAME.azure-devices.net"),
    )


def open_service(
    settings: ServiceSettings, environ: Mapping[str, str], access: ServiceAccess | None = None
) -> DpsService:
    """The service, with the rights that a file or the environment gives, or `access`. InputError."""
    if settings.endpoint_ca is not None:
        read_limited(settings.endpoint_ca, MAX_BYTES)  # a missing file is told before anything is asked
    return DpsService(
        access or service_access(settings.connection_string_file, environ),
        ca_file=settings.endpoint_ca,
        proxy=settings.proxy,
        timeout_s=settings.timeout_s,
    )


def make_enrollment(service: DpsService, wanted: Wanted, agree: Callable[[Found], bool], otherwise: str) -> Enrolled:
    """Have the enrollment as it is wanted; `agree` decides about changing one that is there and differs.

    InputError, with `otherwise` as its next step, when it does not agree: then nothing has changed. TransportError.
    """
    found = look(service, wanted)
    if isinstance(found, Enrolled):
        return found
    if found.differences and not agree(found):
        told = ", ".join(map(str, found.differences))
        why = f"the {wanted.kind} enrollment {wanted.id} is there and differs ({told})"
        raise InputError(service.where, why, otherwise)
    return carry_out(service, found)


def look(service: DpsService, wanted: Wanted) -> Found | Enrolled:
    """Ask DPS what it has; `Enrolled` with a failing finding when it does not tell. TransportError."""
    record = service.read(wanted.collection, wanted.id)
    if isinstance(record, Refused):
        return _refused(wanted, record)
    return Found(wanted, record, differences(wanted, record.body) if record else ())


def carry_out(service: DpsService, found: Found) -> Enrolled:
    """Make the enrollment, or change it to what is wanted. TransportError when DPS did not answer."""
    wanted, record = found.wanted, found.record
    if found.is_same:
        return Enrolled(wanted, SAME, judge_enrollment(wanted.kind, wanted.id, SAME, ()))
    body = new_body(wanted) if record is None else changed_body(wanted, record.body)
    answer = service.write(wanted.collection, wanted.id, body, etag=record.etag if record else "")
    if isinstance(answer, Refused):
        return _refused(wanted, answer)
    result = CHANGED if record else CREATED
    told = tuple(map(str, found.differences))
    return Enrolled(wanted, result, judge_enrollment(wanted.kind, wanted.id, result, told), found.differences)


def _refused(wanted: Wanted, refused: Refused) -> Enrolled:
    return Enrolled(wanted, "", judge_service_refusal(refused))


def authority_certificate(folder: Path, role: str) -> str:
    """PEM of the `root` or `issuing` authority in a folder of `certs ca`. InputError."""
    path = folder / (ISSUING if role == "issuing" else ROOT)
    certificate = open_bundle(str(path), read_limited(path, MAX_BYTES)).certificates[0]
    return pem(certificate).decode("ascii")


def checked_id(kind: EnrollmentKind, text: str) -> str:
    """Give a registration ID, or a group's name, back. InputError when it cannot be one."""
    return check_group_id(text) if kind is EnrollmentKind.GROUP else check_registration_id(text)


def check_group_id(text: str) -> str:
    """Give a group's name back. InputError when it cannot be one."""
    if not text:
        raise InputError("--group-id", "a group needs a name", "Give for example --group-id line4")
    return _named(
        "--group-id", text, _GROUP_ID, "Use up to 128 letters, digits and - . _ : with a letter, digit or - last"
    )


def _named(flag: str, text: str, pattern: re.Pattern[str], next_step: str) -> str:
    if text and not pattern.fullmatch(text):
        raise InputError(flag, f"{text!r} cannot be one", next_step)
    return text
