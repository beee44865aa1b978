"""The service side of DPS: who asks, and what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from eflowprov.model.commands import Secret


class EnrollmentKind(StrEnum):
    """One device, or every device whose certificate an authority issued."""

    INDIVIDUAL = "individual"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """What a connection string of DPS says: the service's host and port, the policy's name, and its key (base64)."""

    host: str
    port: int
    policy: str
    key: Secret


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A record that DPS keeps: its JSON as DPS gave it, and the ETag that a change of it must name."""

    body: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
