"""The nouns of the product: frozen values without I/O, shared by every room.

Times are timezone-aware `datetime`s in UTC; durations are seconds (float); sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

# --------------------------------------------------------------------------------------------------- secrets


class Secret:
    """A passphrase, password or key: prints as `***` everywhere; `reveal()` at the one place of its use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is never serialised")


# -------------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that ran: its exit status, standard output and standard error travel together.

    `status` is None when the deadline passed or the wire broke while it ran (`note` says which); what had been
    printed until then is kept. `stdout` and `stderr` hold at most the cap of the call; `dropped` counts the bytes
    beyond it.
    """

    argv: tuple[str, ...]
    status: int | None
    stdout: bytes
    stderr: bytes
    duration_s: float
    note: str = ""
    dropped: int = 0


class VmChannel(Protocol):
    """A way into the VM that is open: one SSH connection, or the EFLOW cmdlets.

    `run` gives a `CommandResult` for every command that was started, whatever its exit status; it raises
    `TransportError` when the command could not be started. Arguments arrive in the VM as data, each one whole; one
    with a NUL in it is refused with `InputError`. Several threads may call `run` at once.
    """

    @property
    def name(self) -> str:
        """`ssh` or `cmdlet`, as the report's `target.channel` says it."""
        ...

    @property
    def vm(self) -> str:
        """The VM as a person knows it: `172.27.120.111:22`, or its name."""
        ...

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 16 * 2**20) -> CommandResult:
        """Run one program with its arguments within `timeout_s` in all, keeping at most `cap` bytes a stream."""
        ...

    def close(self) -> None: ...


# -------------------------------------------------------------------------- what the runtime's commands tell


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


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    NONE = ""  # a line without a level of its own


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One message of a log, continuation lines and `caused by:` lines folded in.

    `service` is the unit's short name (`aziot-identityd`, `edgeAgent`), "" when the line does not tell; `message` has
    neither prefix, time nor level, and keeps a leading `!!! ` out (such an entry has level ERROR: see field-formats
    22). `time` is None when the line has none; text-form times without a year or zone are taken from the message's own
    RFC 3339 stamp where there is one.
    """

    time: datetime | None
    service: str
    level: LogLevel
    message: str
    causes: tuple[str, ...] = ()


LogTime = int | datetime | None  # microseconds since 1970, or as a text form gives it
# place, kind, time, service, level, message, causes: an entry on its way, a plain tuple since a million of them are
# made. The place is its number in its log; the kind is what its reader made of its text.
LogRecord = tuple[int, Any, LogTime, str, LogLevel, str, tuple[str, ...]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = bytes.maketrans(b"123456789", b"000000000")


def as_time(time: LogTime) -> datetime | None:
    """A record's time as everyone else has it."""
    return _EPOCH + timedelta(microseconds=time) if isinstance(time, int) else time


def as_entry(record: LogRecord) -> LogEntry:
    """A record as everyone else has it."""
    _, _, time, service, level, message, causes = record
    return LogEntry(as_time(time), service, level, message, causes)


def without_digits(text: str) -> bytes:
    """The text as UTF-8 with every digit as 0: texts that differ in numbers alone become one. (Bytes, for speed.)"""
    return text.encode("utf-8", "surrogatepass").translate(DIGITS)


@dataclass(frozen=True, slots=True)
class LogCounts:
    """What a pass over a log counted: entries in all, errors and warnings among them, and the span of their times."""

    entries: int = 0
    errors: int = 0
    warnings: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A journal (`iotedge system logs`) or a container's log (`iotedge logs edgeAgent`).

    `lines` counts the lines of the source; `entries` are in the order of the source. No entry at all is a Log with
    `entries == ()` (journalctl's own `-- No entries --`), not a ParseError. `failure` holds the message and causes
    when the command printed an error in place of a log. `torn` is True when a line was cut off, so that something is
    missing. `left_out` says what of the log was not asked for or not read, "" for a whole one.
    """

    entries: tuple[LogEntry, ...] = ()
    lines: int = 0
    failure: tuple[str, ...] = ()
    torn: bool = False
    left_out: str = ""


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


# ------------------------------------------------------------------------------------- what PowerShell tells


@dataclass(frozen=True, slots=True)
class CmdletRecord:
    """One record of a cmdlet's streams: `stream` is output, host, warning, verbose, debug, information or error.

    `text` is what a person would read; for an object on the output stream it is the object's JSON and `is_json` True.
    """

    stream: str
    text: str
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class CmdletAnswer:
    """A cmdlet that ended: its records in order. `error` is the terminating error's message, "" when it returned."""

    records: tuple[CmdletRecord, ...]
    error: str = ""
    error_id: str = ""
    duration_s: float = 0.0

    @property
    def output(self) -> tuple[str, ...]:
        """The texts on the output stream: what the cmdlet returned."""
        return tuple(record.text for record in self.records if record.stream == "output")


@dataclass(frozen=True, slots=True)
class ProvisionVerdict:
    """What `Provision-EflowVm` returned, judged: `ok` for `OK`; else its message without the line number."""

    ok: bool
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The Windows side, as one PowerShell call saw it; None where it could not be told (`problems` says why)."""

    computer: str = ""
    powershell_version: str = ""
    powershell_edition: str = ""
    is_64_bit: bool | None = None
    language_mode: str = ""
    is_elevated: bool | None = None
    os_name: str = ""
    os_build: int | None = None
    hypervisor_present: bool | None = None
    free_memory_bytes: int | None = None
    free_disk_bytes: int | None = None
    execution_policies: Mapping[str, str] = field(default_factory=dict)  # scope -> policy
    module_version: str = ""  # AzureEFLOW's; "" when it is not there
    module_signature: str = ""  # Valid, NotSigned, HashMismatch, … ; "" when not told
    products: tuple[str, ...] = ()  # installed products named Azure IoT Edge *
    wssdagent_not_after: datetime | None = None
    vm_exists: bool | None = None
    vm_power_state: str = ""
    vm_address: str = ""
    utc_now: datetime | None = None
    problems: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------- DPS


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

# ---------------------------------------------------------------------------------------------- certificates


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One X.509 certificate, read. Thumbprints and serial are upper-case hexadecimal without separators."""

    subject: str  # RFC 4514
    common_names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    sha1: str
    sha256: str
    key_type: str  # "EC P-256", "RSA 2048", "Ed25519", "EC secp256k1", …
    signature_hash: str  # "SHA256", "SHA1", … ; "" for Ed25519 and the like
    is_ca: bool
    path_length: int | None
    basic_constraints_critical: bool | None  # None: no such extension
    key_usage: tuple[str, ...] | None  # RFC 5280 names; None: no such extension
    extended_key_usage: tuple[str, ...] | None  # names or dotted OIDs; None: no such extension
    san: tuple[str, ...]  # "DNS:name", "IP:…", "URI:…"
    is_self_issued: bool
    subject_key_id: str = ""
    authority_key_id: str = ""
    public_key_sha256: str = ""  # of the SubjectPublicKeyInfo; "" for a key of an unknown kind
    unreadable: tuple[str, ...] = ()  # parts that could not be decoded, each with the reason; their facts are empty


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One private key, without anything secret. `key_type` and `public_key_sha256` are "" while it is not opened."""

    key_type: str
    encrypted: bool
    public_key_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """One PKCS#10 request, read; names and usages are as a certificate's, None where they are not asked for."""

    subject: str
    common_names: tuple[str, ...]
    key_type: str
    signature_hash: str
    signature_valid: bool
    key_usage: tuple[str, ...] | None
    extended_key_usage: tuple[str, ...] | None
    san: tuple[str, ...]
    public_key_sha256: str = ""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What stands in one certificate file, in its order.

    `signed_by_next[i]` tells whether certificate i's signature verifies with the key of certificate i+1. `key_...` are
    about the key that was given with the file, else about the first one in it; `key_matches` is None when there is
    none, or it was not opened. `quirks` are oddities of the file by id (`bom`, `crlf`, `text-before`, `trailing`),
    `key_quirks` those of the file that the key came in.

    `kind` is pem, der, pkcs7 or pfx; `keys`, `requests` and `others` (PEM labels) are what else the file holds;
    `left_out` counts what stands behind the most that is read.
    """

    source: str
    certificates: tuple[CertificateFacts, ...]
    signed_by_next: tuple[bool, ...] = ()
    key_type: str = ""
    key_encrypted: bool | None = None
    key_matches: bool | None = None
    quirks: tuple[str, ...] = ()
    key_quirks: tuple[str, ...] = ()
    kind: str = "pem"
    keys: tuple[KeyFacts, ...] = ()
    requests: tuple[RequestFacts, ...] = ()
    others: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Who can read a file, but its owner, administrators (root) and the system; `shown` is its mode or access list."""

    path: str
    readers: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class EnrollmentTrial:
    """What DPS would answer if this enrollment were the one it has; `http_status` is 0 when it would let the device in.

    `kind` is individual or group; `enrolled` the subject of the certificate in it, `sha1` its thumbprint.
    """

    kind: str
    enrolled: str
    sha1: str
    http_status: int = 0
    error_code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class EnrollmentTrials:
    """The look-up that DPS would do for one file, by the rules that the lab's DPS follows too.

    `trials` are one for each enrollment. `named` tells whether they are those that the operator named; else they are
    those that could match.
    """

    registration_id: str
    trials: tuple[EnrollmentTrial, ...]
    named: bool = False


# ---------------------------------------------------------------------------------------------------- report


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    EXPECTED = "expected"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


class Verdict(StrEnum):
    READY = "ready"
    READY_AWAITING_DEPLOYMENT = "ready-awaiting-deployment"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


EXIT_STATUS: Mapping[Verdict, int] = {
    Verdict.READY: 0,
    Verdict.READY_AWAITING_DEPLOYMENT: 0,
    Verdict.NOT_READY: 1,
    Verdict.UNKNOWN: 3,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One decision: a lasting id, a title, the outcome, and the evidence it rests on (lines, quoted)."""

    id: str
    title: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""
    evidence: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    host: str = ""
    vm: str = ""
    channel: str = ""  # "ssh" | "cmdlet" | "saved"


@dataclass(frozen=True, slots=True)
class Identity:
    registration_id: str = ""
    device_id: str = ""
    hub: str = ""
    scope_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A known message in the logs: how often, when first and last, and one sample line."""

    id: str
    count: int
    first: datetime | None
    last: datetime | None
    sample: str


@dataclass(frozen=True, slots=True)
class LogSummary:
    lines: int = 0
    first: datetime | None = None
    last: datetime | None = None
    errors: int = 0
    warnings: int = 0
    patterns: tuple[LogPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that was done for a report: `kind` is "step" (of `run`) or "command" (in the VM).

    `begin_s` is seconds after the report's beginning; `note` says how it ended where that was not well.
    """

    name: str
    kind: str
    begin_s: float
    duration_s: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The readiness report: the only place that knows the verdict.

    `timeline` is what was done and when, for people: the HTML form shows it, the JSON document does not have it.
    """

    tool_version: str
    started_at: datetime
    duration_s: float
    target: Target
    identity: Identity
    findings: tuple[Finding, ...]
    modules: tuple[Module, ...] = ()
    logs: LogSummary = LogSummary()
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def summary(self) -> Mapping[Outcome, int]:
        """How many findings have each outcome; every outcome has its count, also 0."""
        return {outcome: sum(finding.outcome is outcome for finding in self.findings) for outcome in Outcome}

    @property
    def verdict(self) -> Verdict:
        """Silence is never a pass: an error, or nothing proved, is `unknown`; a report without evidence is no
        verdict."""
        count = self.summary
        if count[Outcome.ERROR] or not (count[Outcome.PASS] or count[Outcome.EXPECTED] or count[Outcome.FAIL]):
            return Verdict.UNKNOWN
        if count[Outcome.FAIL]:
            return Verdict.NOT_READY
        return Verdict.READY_AWAITING_DEPLOYMENT if count[Outcome.EXPECTED] else Verdict.READY

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.verdict]
