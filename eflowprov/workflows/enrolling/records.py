"""Enrollment records: what is wanted, what is there, and what differs. No I/O.

The fields are those of "Individual Enrollment" and "Enrollment Group" of the DPS REST API, data plane 2021-10-01. DPS
keeps an X.509 certificate as `info` with its thumbprints and need not give it back; a slot is changed by a certificate
in it, and kept by giving its `info` back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError
from eflowprov.model import EnrollmentKind
from eflowprov.transports.dps_service import ENROLLMENTS, GROUPS

SLOTS = ("primary", "secondary")
_OWN = ("etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState")  # DPS writes them itself
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The enrollment that is to be.

    `id` is the registration ID or the group's; `certificate` PEM of the leaf, or of the group's authority, and `sha1`
    and `sha256` its thumbprints. `edge` makes the device an IoT Edge device. An empty `device_id` or `hub` leaves to
    DPS what it is.
    """

    kind: EnrollmentKind
    id: str
    certificate: str
    sha1: str
    sha256: str
    slot: str = "primary"
    edge: bool = True
    device_id: str = ""
    hub: str = ""

    @property
    def collection(self) -> str:
        """The part of the API's path that such records live under."""
        return collection(self.kind)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: as it is, and as it is wanted."""

    field: str
    is_: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.field}: {self.is_} -> {self.wanted}"


def collection(kind: EnrollmentKind) -> str:
    return GROUPS if kind is EnrollmentKind.GROUP else ENROLLMENTS


def new_body(wanted: Wanted) -> dict[str, Any]:
    """The record to make."""
    named = "enrollmentGroupId" if wanted.kind is EnrollmentKind.GROUP else "registrationId"
    body: dict[str, Any] = {
        named: wanted.id,
        "attestation": _attestation(wanted, {}),
        "capabilities": {"iotEdge": wanted.edge},
        "provisioningStatus": "enabled",
        # What the portal and the Azure CLI set: a device that registers anew may go to another hub, with its data.
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
    }
    return body | _chosen(wanted)


def changed_body(wanted: Wanted, body: Mapping[str, Any]) -> dict[str, Any]:
    """The record that is there, with what is wanted put in; all else stays."""
    kept = {name: value for name, value in body.items() if name not in _OWN}
    if wanted.hub:
        kept.pop("iotHubHostName", None)  # the older name of the same thing
    return {
        **kept,
        "attestation": _attestation(wanted, certificates(body)),
        "capabilities": {**part(body, "capabilities"), "iotEdge": wanted.edge},
        "provisioningStatus": "enabled",
        **_chosen(wanted),
    }


def differences(wanted: Wanted, body: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What of a record is not as wanted; nothing when it is all there."""
    found = []
    kind = attestation_type(body)
    if kind != "x509":
        found.append(Difference("attestation", kind or _NONE, "x509"))
    held = slot_text(body, wanted.slot)
    if not _holds(wanted, body):
        found.append(Difference(f"{wanted.slot} certificate", held, f"SHA-1 {wanted.sha1}"))
    pairs = [
        ("IoT Edge device", _yes_no(is_edge(body)), _yes_no(wanted.edge)),
        ("provisioning status", status_of(body), "enabled"),
    ]
    if wanted.device_id:
        pairs.append(("device ID", str(body.get("deviceId") or _NONE), wanted.device_id))
    if wanted.hub:
        pairs.append(("hub", " ".join(hubs(body)) or "by the service's policy", wanted.hub))
    return (*found, *(Difference(*pair) for pair in pairs if pair[1] != pair[2]))


# ---------------------------------------------------------------------------------------------- what a record says


def is_edge(body: Mapping[str, Any]) -> bool:
    return part(body, "capabilities").get("iotEdge") is True


def status_of(body: Mapping[str, Any]) -> str:
    """`enabled` unless it says otherwise: the field's default."""
    return str(body.get("provisioningStatus") or "enabled")


def hubs(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The hubs that the record names; none leaves it to the service."""
    listed = body.get("iotHubs")
    found = listed if isinstance(listed, list) and listed else [body.get("iotHubHostName")]
    return tuple(str(hub) for hub in found if hub)


def attestation_type(body: Mapping[str, Any]) -> str:
    return str(part(body, "attestation").get("type") or "")


def certificates(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record's slots: `primary` and `secondary`."""
    x509 = part(part(body, "attestation"), "x509")
    return part(x509, "clientCertificates") or part(x509, "signingCertificates")


def slot_text(body: Mapping[str, Any], slot: str) -> str:
    """What a slot holds, for people: the certificate's SHA-1 thumbprint, a CA by its name in DPS, or none."""
    named = part(part(part(body, "attestation"), "x509"), "caReferences").get(slot)
    if named:
        return f"the service's CA {named}"
    sha1, sha256 = _thumbprints(part(certificates(body), slot))
    return f"SHA-1 {sha1}" if sha1 else f"SHA-256 {sha256}" if sha256 else _NONE


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside an object; an empty one for anything else."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _attestation(wanted: Wanted, slots: Mapping[str, Any]) -> dict[str, Any]:
    others = {slot: slots[slot] for slot in SLOTS if slot != wanted.slot and isinstance(slots.get(slot), dict)}
    name = "signingCertificates" if wanted.kind is EnrollmentKind.GROUP else "clientCertificates"
    return {"type": "x509", "x509": {name: {**others, wanted.slot: {"certificate": wanted.certificate}}}}


def _chosen(wanted: Wanted) -> dict[str, Any]:
    chosen: dict[str, Any] = {"deviceId": wanted.device_id} if wanted.device_id else {}
    return chosen | ({"iotHubs": [wanted.hub], "allocationPolicy": "static"} if wanted.hub else {})


def _holds(wanted: Wanted, body: Mapping[str, Any]) -> bool:
    sha1, sha256 = _thumbprints(part(certificates(body), wanted.slot))
    return sha256 == wanted.sha256 if sha256 else bool(sha1) and sha1 == wanted.sha1


def _thumbprints(slot: Mapping[str, Any]) -> tuple[str, str]:
    """SHA-1 and SHA-256 of a slot's certificate, upper case without separators; "" for what it does not tell."""
    info = part(slot, "info")
    sha1, sha256 = (_hexadecimal(info.get(name)) for name in ("sha1Thumbprint", "sha256Thumbprint"))
    text = slot.get("certificate")
    if not (sha1 or sha256) and isinstance(text, str):
        try:
            facts = read_bundle("certificate", text.encode("ascii", "replace")).certificates[0]
        except (EflowprovError, IndexError):
            return "", ""
        return facts.sha1, facts.sha256
    return sha1, sha256


def _hexadecimal(value: object) -> str:
    return re.sub(r"[^0-9A-F]", "", value.upper()) if isinstance(value, str) else ""


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
