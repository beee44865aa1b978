"""The lab's DPS as a service without a wire: requests in, replies out, registrations kept.

Follows "Communicate with DPS using the MQTT protocol" (iot-mqtt-connect-to-iot-dps) and the Device Registration REST
API 2019-03-31 for the bodies.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eflowprov.certs.dps_rules import NOT_FOUND, Denial, Enrollment, decide

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

THROTTLED = 429001
ALLOCATION_FAILED = 400207  # iotedge#3233
FOREVER = -1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the service answers; the default is a healthy one.

    `connack` refuses the MQTT connection with that code. `throttle` answers so many registrations of an ID with 429
    first, `polls` says how many times a new ID must ask before it is decided (0: at once; `FOREVER` for either:
    without end); `retry_after` is the number of seconds asked for in both. `outcome` is `assigned`, `failed` or
    `disabled`; `omit` leaves fields out of the registration state. `fault` breaks the wire: `no-tls` (accepts TCP, says
    nothing), `no-connack`, `silent` (takes the registration, never answers), `drop` (hangs up on it), `garbage`
    (answers with no JSON) or `malformed` (answers with no MQTT).
    """

    connack: int = 0
    throttle: int = 0
    polls: int = 1
    retry_after: int | None = 1
    outcome: str = "assigned"
    omit: frozenset[str] = frozenset()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is connected: what the MQTT user name and the TLS handshake told."""

    scope_id: str
    registration_id: str
    chain: Sequence[Certificate]

    @property
    def fingerprint(self) -> str:
        """The leaf's SHA-256 thumbprint, upper-case hexadecimal."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.chain[0].fingerprint(SHA256()).hex().upper()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: the status in its topic, its JSON body, and the seconds asked for before the next request."""

    http_status: int
    body: dict[str, Any]
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class LabRegistration:
    """A device that the lab assigned: when, with which leaf (SHA-256), and as which device of which hub."""

    registration_id: str
    device_id: str
    hub: str
    at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class LabRefusal:
    """A registration that the lab refused, and with what."""

    registration_id: str
    http_status: int
    error_code: int
    message: str
    at: datetime
    fingerprint: str


@dataclass
class _Operation:
    """A registration that is being worked on: how many more polls it takes, and what it will end in."""

    entry: Enrollment
    polls: int


class Service:
    """Enrollments, registrations and the operations between them. Used from one thread."""

    def __init__(
        self,
        enrollments: Sequence[Enrollment],
        scope_id: str,
        hub: str,
        behaviour: Behaviour,
        clock: Callable[[], datetime],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.behaviour = behaviour
        self.registrations: list[LabRegistration] = []
        self.refusals: list[LabRefusal] = []
        self._enrollments = enrollments
        self._scope_id = scope_id
        self._hub = hub
        self._clock = clock
        self._tell = tell
        self._operations: dict[str, _Operation] = {}
        self._throttled: Counter[str] = Counter()

    def register(self, caller: Caller) -> Reply:
        """Answer a registration: 200 assigned at once for a known device, 202 for a new one, or a refusal."""
        if self._throttled[caller.registration_id] != self.behaviour.throttle:
            self._throttled[caller.registration_id] += 1
            return self._error(Denial(429, THROTTLED, "Operations are being throttled by the service."))
        if caller.scope_id != self._scope_id:
            return self._refuse(caller, Denial(404, NOT_FOUND, "Resource not found."))
        found = decide(self._enrollments, caller.chain, caller.registration_id, self._clock())
        if isinstance(found, Denial):
            return self._refuse(caller, found)
        operation_id = f"5.{uuid.uuid4().hex[:16]}/+=.{uuid.uuid4()}"  # needs percent-coding, as opaque IDs may
        is_known = any(seen.registration_id == caller.registration_id for seen in self.registrations)
        if is_known or not self.behaviour.polls:
            return self._finish(caller, operation_id, found)
        self._operations[operation_id] = _Operation(found, self.behaviour.polls)
        return self._assigning(operation_id)

    def poll(self, caller: Caller, operation_id: str) -> Reply:
        """Answer a question after a registration's state."""
        operation = self._operations.get(operation_id)
        if operation is None:
            return self._refuse(caller, Denial(404, NOT_FOUND, "Operation not found."))
        operation.polls -= operation.polls > 0
        if operation.polls:
            return self._assigning(operation_id)
        del self._operations[operation_id]
        return self._finish(caller, operation_id, operation.entry)

    def _assigning(self, operation_id: str) -> Reply:
        return Reply(202, {"operationId": operation_id, "status": "assigning"}, self.behaviour.retry_after)

    def _finish(self, caller: Caller, operation_id: str, entry: Enrollment) -> Reply:
        status = self.behaviour.outcome
        state = self._state(caller, entry, status)
        if status == "assigned":
            seen = LabRegistration(
                caller.registration_id, state["deviceId"], state["assignedHub"], self._clock(), caller.fingerprint
            )
            self.registrations.append(seen)
            self._tell(f"DPS assigned {seen.registration_id} to {seen.hub} as {seen.device_id}")
        kept = {name: value for name, value in state.items() if name not in self.behaviour.omit}
        return Reply(200, {"operationId": operation_id, "status": status, "registrationState": kept})

    def _state(self, caller: Caller, entry: Enrollment, status: str) -> dict[str, Any]:
        stamp = self._stamp()
        state: dict[str, Any] = {
            "registrationId": caller.registration_id,
            "createdDateTimeUtc": stamp,
            "lastUpdatedDateTimeUtc": stamp,
            "etag": f'"{uuid.uuid4()}"',
            "status": status,
        }
        if status == "assigned":
            state["assignedHub"] = entry.hub or self._hub
            state["deviceId"] = entry.device_id or caller.registration_id
            state["substatus"] = "initialAssignment"
        elif status == "failed":
            state["errorCode"] = ALLOCATION_FAILED
            state["errorMessage"] = "Custom allocation failed with status code: 404"
        return state

    def _refuse(self, caller: Caller, denial: Denial) -> Reply:
        refusal = LabRefusal(
            caller.registration_id,
            denial.http_status,
            denial.error_code,
            denial.message,
            self._clock(),
            caller.fingerprint,
        )
        self.refusals.append(refusal)
        self._tell(f"DPS refused {refusal.registration_id}: {refusal.error_code} {refusal.message}")
        return self._error(denial)

    def _error(self, denial: Denial) -> Reply:
        body = {
            "errorCode": denial.error_code,
            "trackingId": str(uuid.uuid4()),
            "message": denial.message,
            "timestampUtc": self._stamp(),
        }
        return Reply(denial.http_status, body, self.behaviour.retry_after if denial.http_status == 429 else None)

    def _stamp(self) -> str:
        """The clock as DPS writes it: seven decimals and a Z."""
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
