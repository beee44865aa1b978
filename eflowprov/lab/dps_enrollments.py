"""The enrollments of the lab's DPS, as its service side keeps them and as its device side decides by them.

A stand-in, after "Individual Enrollment" and "Enrollment Group" of the DPS REST API, data plane 2021-10-01. Like a
careful service it never gives a certificate back, only what is known about it (`info`).
"""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eflowprov.certs.dps_rules import Enrollment
from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError

INDIVIDUAL, GROUP = "enrollments", "enrollmentGroups"
_IDS = {INDIVIDUAL: "registrationId", GROUP: "enrollmentGroupId"}
_SLOTS = {INDIVIDUAL: "clientCertificates", GROUP: "signingCertificates"}


class RecordError(Exception):
    """What the service says no to: the HTTP status, DPS's code and message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass
class _Record:
    body: dict[str, Any]
    pems: dict[str, str] = field(default_factory=dict)  # by slot


class EnrollmentBook:
    """Every enrollment of one DPS. `entries` is the list that the device side decides by; it changes in place."""

    def __init__(self, preset: Iterable[Enrollment] = ()) -> None:
        self._preset = list(preset)
        self._records: dict[tuple[str, str], _Record] = {}
        self._lock = threading.Lock()
        self.entries: list[Enrollment] = list(self._preset)

    def get(self, kind: str, id_: str) -> dict[str, Any]:
        with self._lock:
            return copy.deepcopy(self._find(kind, id_).body)

    def put(self, kind: str, id_: str, body: dict[str, Any], if_match: str) -> dict[str, Any]:
        """Make a record (409 when it is there), or change the one with that ETag (412 when it is another)."""
        with self._lock:
            there = self._records.get((kind, id_.casefold()))
            if there is None and if_match:
                raise RecordError(412, 412001, "Precondition failed.")
            if there is not None:
                self._match(there, if_match, 409)
            self._records[kind, id_.casefold()] = made = _made(kind, id_, body, there)
            self._publish()
            return copy.deepcopy(made.body)

    def delete(self, kind: str, id_: str, if_match: str) -> None:
        with self._lock:
            self._match(self._find(kind, id_), if_match or "*", 412)
            del self._records[kind, id_.casefold()]
            self._publish()

    def _find(self, kind: str, id_: str) -> _Record:
        try:
            return self._records[kind, id_.casefold()]
        except KeyError:
            raise RecordError(404, 404201, "Enrollment not found.") from None

    @staticmethod
    def _match(record: _Record, if_match: str, missing: int) -> None:
        if not if_match:
            raise RecordError(missing, missing * 1000 + 1, "Enrollment already exists.")
        if if_match not in ("*", record.body["etag"]):
            raise RecordError(412, 412001, "ETag is invalid.")

    def _publish(self) -> None:
        made = [_entry(kind, record) for (kind, _), record in self._records.items() if record.pems]
        self.entries[:] = [*self._preset, *made]


def _made(kind: str, id_: str, body: dict[str, Any], there: _Record | None) -> _Record:
    """The record that a PUT makes. RecordError (400) for one that DPS would not take."""
    named = body.get(_IDS[kind])
    slots = _slots(kind, body)
    if not isinstance(named, str) or named.casefold() != id_.casefold() or not slots:
        raise RecordError(400, 400001, "The enrollment is not valid.")
    record = _Record(copy.deepcopy(body))
    for slot, held in slots.items():
        record.pems[slot] = held.get("certificate") or _kept(there, slot, held)
    infos = {slot: {"info": _info(pem)} for slot, pem in record.pems.items()}
    now = _stamp()
    record.body |= {
        "attestation": {"type": "x509", "x509": {_SLOTS[kind]: infos}},
        "etag": f'"{uuid.uuid4()}"',
        "createdDateTimeUtc": there.body["createdDateTimeUtc"] if there else now,
        "lastUpdatedDateTimeUtc": now,
    }
    return record


def _slots(kind: str, body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        held = body["attestation"]["x509"][_SLOTS[kind]]
        return {slot: held[slot] for slot in ("primary", "secondary") if isinstance(held.get(slot), dict)}
    except (KeyError, TypeError, AttributeError):
        return {}


def _kept(there: _Record | None, slot: str, held: dict[str, Any]) -> str:
    """The certificate that a slot keeps, named by its own `info`."""
    pem = there.pems.get(slot, "") if there else ""
    if not pem or held.get("info") != _info(pem):
        raise RecordError(400, 400001, f"The {slot} certificate is missing.")
    return pem


def _info(pem: str) -> dict[str, Any]:
    try:
        (facts, *_) = read_bundle("enrollment", pem.encode("ascii")).certificates
    except (EflowprovError, ValueError, AttributeError):
        raise RecordError(400, 400003, "The certificate is not valid.") from None
    return {
        "subjectName": facts.subject,
        "issuerName": facts.issuer,
        "sha1Thumbprint": facts.sha1,
        "sha256Thumbprint": facts.sha256,
        "serialNumber": facts.serial,
        "notBeforeUtc": facts.not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "notAfterUtc": facts.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "version": 3,
    }


def _entry(kind: str, record: _Record) -> Enrollment:
    """The record as the device side sees it."""
    body = record.body
    hubs = body.get("iotHubs") or []
    first, *others = record.pems.values()
    return Enrollment(
        first,
        registration_id=body["registrationId"] if kind == INDIVIDUAL else "",
        device_id=body.get("deviceId") or "",
        hub=hubs[0] if hubs else "",
        enabled=body.get("provisioningStatus", "enabled") == "enabled",
        secondary=next(iter(others), ""),
    )


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
