"""What is known before the VM is touched: the certificate with its key, the host, and the call as it would be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.bridge.cmdlet_call import DEFAULT_ENDPOINT, ProvisionCall, provision_call
from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.staged_names import staged_paths
from eflowprov.certs.dps_trials import try_enrollments
from eflowprov.certs.names import check_registration_id, is_registration_id
from eflowprov.certs.reading import Bundle, bundle_facts, identity_place, open_bundle
from eflowprov.checks.certificate import judge_certificate
from eflowprov.checks.host import judge_host
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, EnrollmentTrials, Finding, Outcome
from eflowprov.workflows.disk.file_access import read_access
from eflowprov.workflows.disk.files import read_limited

FILE_LIMIT = 2**20  # a full chain with its key is a few KiB

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ProvisionRequest:
    """What to provision with. `timeout_s` is the cmdlet's deadline, `evidence_s` the VM's to show that it worked."""

    scope_id: str
    cert: Path
    key: Path | None  # None: the host has it no more, the VM proved to hold it
    registration_id: str = ""
    endpoint: str = DEFAULT_ENDPOINT
    pass_registration_id: bool = False
    force: bool = False
    timeout_s: float = 900.0
    evidence_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything known before the VM is touched. `refused` when a finding forbids it (and --force was not given)."""

    registration_id: str
    serial: str
    expires_at: datetime
    fingerprint: str
    findings: tuple[Finding, ...]
    refused: bool


def certificate_facts(request: ProvisionRequest) -> tuple[str, BundleFacts, tuple[Finding, ...]]:
    """The registration ID (the leaf's CN unless given), the bundle, and the findings about both."""
    key = read_limited(request.key, FILE_LIMIT) if request.key else None
    opened = open_bundle(str(request.cert), read_limited(request.cert, FILE_LIMIT), key=key)
    bundle = bundle_facts(str(request.cert), opened)
    names = bundle.certificates[0].common_names
    registration_id = request.registration_id or (names[0] if names else "")
    if request.registration_id:
        check_registration_id(request.registration_id)
    now = datetime.now(UTC)
    findings = judge_certificate(
        bundle,
        registration_id=registration_id or None,
        profile="eflow",
        now=now,
        access=read_access(request.key) if request.key else None,
        trials=_trials(opened, bundle, registration_id, now),
    )
    return registration_id, bundle, findings


def _trials(opened: Bundle, bundle: BundleFacts, registration_id: str, now: datetime) -> EnrollmentTrials | None:
    """What DPS would answer, whichever enrollment it has; None when the device has no name to register under."""
    if not is_registration_id(registration_id):
        return None
    place = identity_place(bundle.certificates)
    return try_enrollments(
        opened.certificates, place=place, registration_id=registration_id, kind=None, enrolled=(), now=now
    )


def check_certificate(request: ProvisionRequest, progress: Progress) -> Prepared:
    """Judge the certificate with its key. InputError for files, names or an ID scope that cannot be used."""
    if not request.scope_id.isalnum() or not request.scope_id.isascii():
        raise InputError("--scope-id", f"{request.scope_id!r} is no ID scope", "Copy it from the DPS overview (0ne…)")
    progress("checking the certificate")
    registration_id, bundle, findings = certificate_facts(request)
    leaf = bundle.certificates[0]
    return Prepared(
        registration_id,
        leaf.serial,
        leaf.not_after,
        leaf.sha256,
        findings,
        refused=not request.force and forbids(findings),
    )


def check_host(host: EflowHost, progress: Progress) -> tuple[Finding, ...]:
    """Judge the Windows side."""
    progress("checking the host")
    return judge_host(host.host_facts(), now=datetime.now(UTC))


def prepare(request: ProvisionRequest, host: EflowHost, *, progress: Progress) -> Prepared:
    """Judge the certificate and, when that holds, the host; nothing is touched."""
    prepared = check_certificate(request, progress)
    if prepared.refused:
        return prepared
    findings = prepared.findings + check_host(host, progress)
    return replace(prepared, findings=findings, refused=not request.force and forbids(findings))


def staged_files(prepared: Prepared, folder: Path, number: int = 1) -> tuple[Path, Path]:
    """Where certificate and key are put for the cmdlet; the names bear the certificate's serial."""
    return staged_paths(prepared.registration_id, prepared.serial, folder, number)


def planned_call(
    request: ProvisionRequest, prepared: Prepared, host: EflowHost, folder: Path, number: int = 1
) -> ProvisionCall:
    """The call as it would be made with the two files in `folder`, by this host's own parameter names."""
    cert, key = staged_files(prepared, folder, number)
    return provision_call(
        host.provision_parameters(),
        scope_id=request.scope_id,
        cert=cert,
        key=key,
        endpoint=request.endpoint,
        registration_id=prepared.registration_id if request.pass_registration_id else "",
    )


def forbids(findings: tuple[Finding, ...]) -> bool:
    return any(finding.outcome in (Outcome.FAIL, Outcome.ERROR) for finding in findings)
