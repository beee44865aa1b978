"""`dps status` and `dps unenroll`: what the service side has of a device or a group, and taking it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eflowprov.checks.catalogue import explain_refusal
from eflowprov.checks.enrollment import judge_service_refusal
from eflowprov.errors import InputError
from eflowprov.model import EnrollmentKind, Finding, Refused, ServiceRecord
from eflowprov.transports.dps_service import REGISTRATIONS, DpsService
from eflowprov.workflows.enrolling.records import (
    SLOTS,
    attestation_type,
    certificates,
    collection,
    hubs,
    is_edge,
    part,
    slot_text,
    status_of,
)

_CAP = 300  # characters of a text of DPS's that are shown

STAYS_PLAIN = (
    "A device that DPS made already stays a plain one until it is changed in its hub, or deleted there and registered "
    "again."
)
NO_EDGE = (
    "The enrollment does not make an IoT Edge device, and EFLOW's runtime needs one: run dps enroll again. "
    f"{STAYS_PLAIN}"
)


@dataclass(frozen=True, slots=True)
class Status:
    """What DPS has. `enrollment` and `registration` are its fields by name, as texts, None when there is no such
    record; `faults` are sentences about what keeps the device out; `refusal` is the finding when DPS did not tell."""

    kind: EnrollmentKind
    id: str
    enrollment: Mapping[str, str] | None = None
    registration: Mapping[str, str] | None = None
    faults: tuple[str, ...] = ()
    refusal: Finding | None = None

    @property
    def is_good(self) -> bool:
        """A device that is assigned by a good enrollment; a group that would let devices in."""
        return self.refusal is None and not self.faults


def read_status(service: DpsService, kind: EnrollmentKind, id_: str) -> Status:
    """Ask for the enrollment, and for a device also for its registration. TransportError."""
    record = service.read(collection(kind), id_)
    if isinstance(record, Refused):
        return Status(kind, id_, refusal=judge_service_refusal(record))
    enrollment = _enrollment(record.body) if record else None
    if kind is EnrollmentKind.GROUP:
        return Status(kind, id_, enrollment, faults=_enrollment_faults(kind, id_, record))
    state = service.read(REGISTRATIONS, id_)
    if isinstance(state, Refused):
        return Status(kind, id_, enrollment, refusal=judge_service_refusal(state))
    faults = _registration_faults(state)
    if record or state is None:  # without one of its own, a group's has let it in
        faults = (*_enrollment_faults(kind, id_, record), *faults)
    return Status(kind, id_, enrollment, _registration(state.body) if state else None, faults)


@dataclass(frozen=True, slots=True)
class Removal:
    """What was deleted, nothing when there was no enrollment, and the finding when DPS refused."""

    removed: tuple[str, ...]
    refusal: Finding | None = None


def remove_enrollment(service: DpsService, kind: EnrollmentKind, id_: str, agree: Callable[[], bool]) -> Removal:
    """Delete an enrollment that is there once `agree` says so. InputError when it does not; TransportError."""
    record = service.read(collection(kind), id_)
    if isinstance(record, Refused):
        return Removal((), judge_service_refusal(record))
    if record is None:
        return Removal(())
    if not agree():
        raise InputError(service.where, f"nobody confirmed that the {kind} enrollment {id_} goes", "Give --yes")
    return _remove(service, kind, id_, record.etag)


def _remove(service: DpsService, kind: EnrollmentKind, id_: str, etag: str) -> Removal:
    """Delete a device's registration and its enrollment, or a group's enrollment, that still has `etag`."""
    steps = [("registration", REGISTRATIONS, "*")] if kind is EnrollmentKind.INDIVIDUAL else []
    steps.append((f"{kind} enrollment", collection(kind), etag))
    done: list[str] = []
    for name, where, match in steps:
        refused = service.delete(where, id_, etag=match)
        if refused is not None:
            return Removal(tuple(done), judge_service_refusal(refused))
        done.append(name)
    return Removal(tuple(done))


def _enrollment(body: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "provisioning_status": status_of(body),
        "iot_edge": "yes" if is_edge(body) else "no",
        "attestation": attestation_type(body),
        **{slot: _slot(body, slot) for slot in SLOTS},
        "device_id": body.get("deviceId"),
        "hubs": " ".join(hubs(body)),
        "allocation": body.get("allocationPolicy"),
        "last_update": body.get("lastUpdatedDateTimeUtc"),
    }
    return _texts(told)


def _slot(body: Mapping[str, Any], slot: str) -> str:
    info = part(part(certificates(body), slot), "info")
    until = f", until {info['notAfterUtc']}" if info.get("notAfterUtc") else ""
    held = slot_text(body, slot)
    return "" if held == "none" and slot == "secondary" else held + until


def _registration(body: Mapping[str, Any]) -> dict[str, str]:
    names = {
        "status": "status",
        "assigned_hub": "assignedHub",
        "device_id": "deviceId",
        "substatus": "substatus",
        "error_code": "errorCode",
        "message": "errorMessage",
        "created": "createdDateTimeUtc",
        "last_update": "lastUpdatedDateTimeUtc",
    }
    return _texts({name: body.get(field) for name, field in names.items()})


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    """The fields that say something, as texts of one line."""
    texts = {name: str(value) for name, value in fields.items() if value not in (None, "", 0)}
    return {name: "".join(c if c.isprintable() else " " for c in text[:_CAP]) for name, text in texts.items()}


def _enrollment_faults(kind: EnrollmentKind, id_: str, record: ServiceRecord | None) -> tuple[str, ...]:
    if record is None:
        return (f"There is no {kind} enrollment {id_} in this DPS.",)
    faults = []
    if status_of(record.body) != "enabled":
        faults.append(
            f"The enrollment is {_texts({'status': status_of(record.body)})['status']}: DPS refuses its device."
        )
    if not is_edge(record.body):
        faults.append(NO_EDGE)
    return tuple(faults)


def _registration_faults(state: ServiceRecord | None) -> tuple[str, ...]:
    if state is None:
        return ("The device has not registered yet.",)
    told = _registration(state.body)
    status = told.get("status", "unknown")
    if status == "assigned":
        return ()
    code = state.body.get("errorCode")
    known = explain_refusal(0, code if isinstance(code, int) else 0, told.get("message", ""))
    return (f"The registration's status is {status}." + (f" {known.cause} {known.remedy}" if code else ""),)
