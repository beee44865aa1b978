"""`dps register`: would DPS take this identity? A real registration from this machine, and the judgement on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eflowprov.certs.names import check_registration_id
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.checks.dps import judge_registration
from eflowprov.errors import InputError
from eflowprov.model import Assigned, Finding, Registration
from eflowprov.transports.dps import GLOBAL_ENDPOINT, MQTT_PORT, RegistrationRequest, register
from eflowprov.workflows.addresses import split_address
from eflowprov.workflows.disk.files import read_limited, read_passphrase

REGISTER_S = 120.0  # an allocation can take a minute; the first connection of an ESF gateway was seen to take two


@dataclass(frozen=True, slots=True)
class DeviceRegistration:
    """What to register: files, names, and where.

    `cert` holds the chain, leaf first. An empty `registration_id` is taken from the leaf's common name. `endpoint` is
    HOST or HOST:PORT, MQTT's port 8883 unless said; `endpoint_ca` names a PEM file that replaces the trusted CAs.
    """

    scope_id: str
    cert: Path
    key: Path
    registration_id: str = ""
    endpoint: str = GLOBAL_ENDPOINT
    endpoint_ca: Path | None = None
    passphrase_file: Path | None = None
    timeout_s: float = REGISTER_S


@dataclass(frozen=True, slots=True)
class Registered:
    """DPS's answer and what it means; `hub` and `device_id` are "" when it refused."""

    registration: Registration
    finding: Finding

    @property
    def hub(self) -> str:
        return self.registration.hub if isinstance(self.registration, Assigned) else ""

    @property
    def device_id(self) -> str:
        return self.registration.device_id if isinstance(self.registration, Assigned) else ""


def register_device(device: DeviceRegistration) -> Registered:
    """Register once with DPS and judge the answer.

    Raises InputError for files and names that cannot be used (nothing was sent), TransportError or DeadlineError when
    there was no answer.
    """
    registration = register(_request(device))
    return Registered(registration, judge_registration(registration))


def _request(device: DeviceRegistration) -> RegistrationRequest:
    host, port = split_address(device.endpoint, MQTT_PORT, where="--endpoint", example=GLOBAL_ENDPOINT)
    return RegistrationRequest(
        scope_id=device.scope_id,
        registration_id=check_registration_id(device.registration_id or common_name(device.cert)),
        cert_file=device.cert,
        key_file=device.key,
        key_passphrase=read_passphrase(device.passphrase_file) if device.passphrase_file else None,
        endpoint=host,
        port=port,
        server_ca=_text(device.endpoint_ca) if device.endpoint_ca else None,
        timeout_s=device.timeout_s,
    )


def common_name(cert: Path) -> str:
    """The common name of the first certificate, which identityd takes for the registration ID too."""
    first = read_bundle(str(cert), read_limited(cert, MAX_BYTES)).certificates[0]
    if not first.common_names:
        raise InputError(str(cert), "its first certificate has no common name", "Give --registration-id")
    return first.common_names[0]


def _text(path: Path) -> str:
    """A PEM file as text; bytes that are no ASCII cannot be part of a certificate and are replaced."""
    return read_limited(path, MAX_BYTES).decode("ascii", "replace")
