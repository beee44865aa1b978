"""What the runtime's commands tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from eflowprov.model.certificates import CertificateFacts
from eflowprov.model.logs import Log


@dataclass(frozen=True, slots=True)
class Module:
    """One row of `iotedge list`; `status` is running, stopped, failed, dead or unknown."""

    name: str
    status: str
    description: str
    image: str


@dataclass(frozen=True, slots=True)
class ModuleList:
    """`iotedge list`: its rows, or, when the runtime did not answer it, the message and its causes in `failure`."""

    modules: tuple[Module, ...] = ()
    failure: tuple[str, ...] = ()


class CheckOutcome(StrEnum):
    """The words of `iotedge check --output json` for one check."""

    OK = "ok"
    WARNING = "warning"
    IGNORED = "ignored"
    SKIPPED = "skipped"
    FATAL = "fatal"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `details` is the headline and then its causes, each once.

    In the text form, `id` is mapped from `title` (unknown titles become a slug); in the JSON form `title` comes from
    the id (unknown ids keep the id as title). A skip's reason, where the text form gives one, is `details[0]`.
    """

    id: str
    title: str
    outcome: CheckOutcome
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """One file system of the VM as `iotedge check` reports it; `size` in bytes, `percent_free` from 0 to 100."""

    name: str
    size: float
    percent_free: float


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """The VM's memory (bytes; None where it is not told) and its disks, from check's `additional_info`."""

    used_ram: float | None = None
    total_ram: float | None = None
    disks: tuple[Disk, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """`iotedge check`, from JSON or text.

    `totals` are the text form's own counts by outcome (empty for JSON); `complete` is False when the text form has no
    totals or its totals disagree with its lines, so that something was cut off. `skipped_unlisted` counts the checks
    that the text form skipped without a line. `versions` holds `aziot_edged_version`, `docker_version` and the like
    (JSON only); `now` the VM's clock.
    """

    checks: tuple[Check, ...]
    form: str  # "json" | "text"
    totals: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    skipped_unlisted: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    now: datetime | None = None
    system: SystemInfo | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One row of `iotedge system status`: `state` is Running, Ready or Down; `detail` systemctl's word behind Down."""

    name: str
    state: str
    detail: str = ""
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands in the place of facts that could not be had.

    `missing` is True when nothing was asked or nothing is there (an optional saved file, a command that this version
    does not have); False when an answer came and could not be read, or none came in time. `why` is one line, `seen`
    the text seen.
    """

    why: str
    missing: bool = False
    seen: str = ""


@dataclass(frozen=True, slots=True)
class VmProbe:
    """What the VM told about itself: its clock, and the identity that its configuration names.

    `clock` is seconds since 1970. `certificates` is the PEM text of the certificate file, "" when none can be read;
    `key` is readable, unreadable, missing, unknown (nobody could be asked), or "" when no key file is named.
    """

    clock: int
    provisioned: bool = False
    registration_id: str = ""
    id_scope: str = ""
    certificate_path: str = ""
    certificates: str = ""
    key_path: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class VmFacts:
    """The probe, read: `certificate` is the identity's leaf, or why there is none.

    `asked_at` is this host's time (seconds since 1970) when the VM was asked and `took_s` how long its answer took;
    `asked_at` is None for a saved answer that does not tell.
    """

    probe: VmProbe
    certificate: CertificateFacts | Problem
    asked_at: float | None = None
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the VM's identity should be, as far as it is known; "" for what is not. `sha256` is the issued leaf's."""

    registration_id: str = ""
    hub: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What the five commands told, each read or a `Problem`: the input of every judgement about the VM.

    `vm` is the VM's own answer; None when it was not asked.
    """

    modules: ModuleList | Problem
    checks: CheckReport | Problem
    logs: Log | Problem
    services: ServiceStatus | Problem
    agent: Log | Problem
    hub_asked: str = ""  # the hub's name that check was given; "" when none was
    vm: VmFacts | Problem | None = None
    wanted: Wanted = Wanted()
