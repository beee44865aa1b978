"""What DPS answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assigned:
    """DPS assigned the device."""

    registration_id: str
    hub: str
    device_id: str
    substatus: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """DPS answered, and refused.

    `http_status` is the status in the answer's topic (401, 404, …; 0 for an MQTT CONNACK refusal, whose code is then in
    `error_code`); `error_code` DPS's own (401002, …), 0 when it gave none; `message` and `tracking_id` its own words.
    """

    registration_id: str
    http_status: int
    error_code: int
    message: str
    tracking_id: str = ""
    duration_s: float = 0.0


Registration = Assigned | Refused
