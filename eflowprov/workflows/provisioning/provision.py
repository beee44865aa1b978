"""Provision the VM: certificate and host first, then the cmdlet, then evidence from the VM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.bridge.cmdlet_call import CMDLET, DEFAULT_ENDPOINT, ProvisionCall, provision_call
from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.staged_names import staged_paths
from eflowprov.certs.dps_trials import try_enrollments
from eflowprov.certs.names import check_registration_id, is_registration_id
from eflowprov.certs.reading import Bundle, bundle_facts, identity_place, open_bundle
from eflowprov.checks.catalogue import explain_cmdlet
from eflowprov.checks.certificate import judge_certificate
from eflowprov.checks.host import judge_host
from eflowprov.errors import InputError
from eflowprov.model import (
    BundleFacts,
    EnrollmentTrials,
    Finding,
    Identity,
    Outcome,
    ProvisionVerdict,
    Report,
    Target,
    VmChannel,
    Wanted,
)
from eflowprov.parsers.cmdlet import parse_provision
from eflowprov.redaction import redact_lines
from eflowprov.workflows.disk.file_access import read_access
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.provisioning.device_state import DeviceState, device_state
from eflowprov.workflows.provisioning.evidence import Evidence, await_evidence, gather
from eflowprov.workflows.provisioning.identity_in_vm import free_number, in_use, kept_key, remove_host_key
from eflowprov.workflows.provisioning.own_checks import vm_findings
from eflowprov.workflows.provisioning.staging import stage, staging_room, sweep_staging
from eflowprov.workflows.readiness.verify import assemble
from eflowprov.workflows.vm.channels import ChannelRequest, OpenChannel, open_channel

FILE_LIMIT = 2**20  # a full chain with its key is a few KiB
UNPROVED = "the VM does not show that it works with this identity"
ANEW = "Give --yes to provision it anew (for `run`: again = true under [provision] in its file)"
_FACTS_S = 120.0  # the first import of AzureEFLOW on a cold machine takes half a minute

SAID_OK = Finding(
    "provision/cmdlet",
    f"{CMDLET} returned OK",
    Outcome.PASS,
    "Its OK only says that a service runs.",
    source=CMDLET,
)

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


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What the cmdlet and the VM said."""

    findings: tuple[Finding, ...]
    hub: str = ""
    device_id: str = ""


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
    return judge_host(host.host_facts(timeout_s=_FACTS_S), now=datetime.now(UTC))


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
        host.provision_parameters(timeout_s=_FACTS_S),
        scope_id=request.scope_id,
        cert=cert,
        key=key,
        endpoint=request.endpoint,
        registration_id=prepared.registration_id if request.pass_registration_id else "",
    )


def look_before(channel: VmChannel, transcript: Transcript) -> DeviceState:
    """The VM as it is before anything is done to it."""
    state = device_state(channel)
    transcript.event("before", provisioned_with=state.provisioned_with, channel=channel.name)
    return state


def call_cmdlet(
    request: ProvisionRequest,
    prepared: Prepared,
    host: EflowHost,
    channel: VmChannel,
    *,
    transcript: Transcript,
    progress: Progress,
    on_call: Callable[[str], None] = lambda _: None,
) -> tuple[ProvisionVerdict, str]:
    """Call Provision-EflowVm; gives its word, and the name of the certificate's file in the VM.

    The names are such as the VM does not have yet. `on_call` is told the name right before the cmdlet, and only then:
    from there on the VM may have been changed. InputError when the host has the key no more.
    """
    if request.key is None:
        raise key_is_gone(request.cert)
    number = free_number(channel, prepared.registration_id, prepared.serial)
    with staging_room() as folder:
        call = planned_call(request, prepared, host, folder, number)
        staged = staged_files(prepared, folder, number)
        for source, place in zip((request.cert, request.key), staged, strict=True):
            stage(place, read_limited(source, FILE_LIMIT))
        progress(f"calling {CMDLET} (up to {request.timeout_s:.0f} s)")
        on_call(staged[0].name)
        return _call(host, call, request.timeout_s, transcript), staged[0].name


def provision(
    request: ProvisionRequest,
    prepared: Prepared,
    host: EflowHost,
    opened: OpenChannel,
    *,
    confirm: Callable[[str], bool],
    transcript: Transcript,
    progress: Progress,
    remove_key: bool = False,
) -> Provisioned:
    """Call the cmdlet and gather evidence. InputError when `confirm` declines to touch a provisioned VM.

    `opened` stays open; it serves the look before, the polling and the look after. With `remove_key` the host's copy of
    the private key is deleted once everything is proved and the VM proved to hold it.
    """
    channel = opened.channel
    before = look_before(channel, transcript)
    if before.provisioned_with and not confirm(before.provisioned_with):
        raise already_provisioned(before, ANEW)
    verdict, name = call_cmdlet(request, prepared, host, channel, transcript=transcript, progress=progress)
    if not verdict.ok:
        return refused(verdict, gather(channel, since=before.clock), transcript)
    evidence = await_evidence(channel, since=before.clock, timeout_s=request.evidence_s, progress=progress)
    transcript.event("evidence", assigned=evidence.assigned.detail, agent=evidence.agent.detail)
    state = device_state(channel)
    used = in_use(channel, state, request.scope_id, read_limited(request.cert, FILE_LIMIT), name)
    wanted = Wanted(prepared.registration_id, sha256=prepared.fingerprint)
    own = vm_findings(channel, wanted, works=evidence.proved)
    findings: tuple[Finding, ...] = (SAID_OK, evidence.assigned, evidence.agent, used, *own)
    if remove_key and request.key is not None:
        proved = evidence.proved and used.outcome is Outcome.PASS
        findings += (
            remove_host_key(channel, state.config.key, request.key) if proved else kept_key(request.key, UNPROVED),
        )
    return Provisioned(findings, evidence.hub, evidence.device_id)


def key_is_gone(cert: Path) -> InputError:
    """What is said when the cmdlet would need a key that the VM alone has."""
    why = "the host has no private key any more (--remove-key), and the VM is to be provisioned"
    return InputError(str(cert), why, "Issue a new identity: eflowprov certs device ID --renew")


def already_provisioned(state: DeviceState, next_step: str) -> InputError:
    """What is said of a VM that nobody allowed to be provisioned anew."""
    return InputError("provision", f"the VM is provisioned already ({state.provisioned_with})", next_step)


def provision_and_report(
    request: ProvisionRequest,
    host: EflowHost,
    way: ChannelRequest,
    *,
    confirm: Callable[[str], bool],
    transcript: Transcript,
    progress: Progress,
    on_way: Progress = lambda _: None,
    remove_key: bool = False,
) -> Report:
    """`prepare`, then `provision` over a channel of its own; the report has the findings of both.

    `on_way` is told which way into the VM was taken and why.
    """
    started_at = datetime.now(UTC)
    sweep_staging()
    prepared = prepare(request, host, progress=progress)
    transcript.event("prepared", findings=[f"{finding.outcome}: {finding.id}" for finding in prepared.findings])
    if prepared.refused:
        return preparation_report(request, prepared, started_at)
    opened = open_channel(way, lambda: host, progress)
    on_way(opened.told)
    try:
        done = provision(
            request,
            prepared,
            host,
            opened,
            confirm=confirm,
            transcript=transcript,
            progress=progress,
            remove_key=remove_key,
        )
    finally:
        opened.channel.close()
    return assemble(
        None,
        started_at=started_at,
        target=Target("local", opened.channel.vm, opened.channel.name),
        identity=replace(_identity(request, prepared), hub=done.hub, device_id=done.device_id),
        extra=(*prepared.findings, *done.findings),
    )


def preparation_report(request: ProvisionRequest, prepared: Prepared, started_at: datetime | None = None) -> Report:
    """The report of a preparation that forbids to go on; nothing was touched."""
    return assemble(
        None,
        started_at=started_at or datetime.now(UTC),
        target=Target("local"),
        identity=_identity(request, prepared),
        extra=prepared.findings,
    )


def _identity(request: ProvisionRequest, prepared: Prepared) -> Identity:
    return Identity(registration_id=prepared.registration_id, scope_id=request.scope_id, expires_at=prepared.expires_at)


def _call(host: EflowHost, call: ProvisionCall, timeout_s: float, transcript: Transcript) -> ProvisionVerdict:
    transcript.event("cmdlet", text=call.text())
    try:
        answer = host.provision(call.arguments, call.switches, timeout_s=timeout_s)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"and {CMDLET} was under way: the VM may be half provisioned") from None
    texts = redact_lines(record.text for record in answer.records)
    transcript.event(
        "cmdlet-answer",
        records=[{"stream": record.stream, "text": text} for record, text in zip(answer.records, texts, strict=True)],
        error=answer.error,
        duration_s=round(answer.duration_s, 3),
    )
    return parse_provision(answer)


def refused(verdict: ProvisionVerdict, evidence: Evidence, transcript: Transcript) -> Provisioned:
    """The cmdlet's failure as a finding, and the VM's own words where they say why."""
    transcript.event("evidence", assigned=evidence.assigned.detail, agent=evidence.agent.detail)
    known = explain_cmdlet(verdict.message)
    failed = Finding(
        "provision/cmdlet",
        f"{CMDLET} failed",
        Outcome.FAIL,
        f"{verdict.message}." + (f" {known.cause}" if known else ""),
        known.remedy if known else "Look at what the VM says below, and run `eflowprov verify`",
        "\n".join(redact_lines(verdict.lines)[-20:]),
        CMDLET,
    )
    told = (evidence.assigned,) if evidence.assigned.outcome is Outcome.FAIL else ()
    return Provisioned((failed, *told))


def forbids(findings: tuple[Finding, ...]) -> bool:
    return any(finding.outcome in (Outcome.FAIL, Outcome.ERROR) for finding in findings)
