"""Provision the VM: certificate and host first, then the cmdlet, then evidence from the VM."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.bridge.eflow import EflowHost
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.reading import read_bundle
from eflowprov.checks.catalogue import explain_cmdlet
from eflowprov.checks.certificate import judge_certificate
from eflowprov.checks.host import judge_host
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, Finding, Identity, Outcome, ProvisionVerdict, Report, Target
from eflowprov.parsers.cmdlet import parse_provision
from eflowprov.redaction import redact_lines
from eflowprov.workflows.channels import ChannelRequest, OpenChannel, open_channel
from eflowprov.workflows.cmdlet_call import CMDLET, DEFAULT_ENDPOINT, ProvisionCall, provision_call
from eflowprov.workflows.device_state import device_state
from eflowprov.workflows.evidence import Evidence, await_evidence, gather
from eflowprov.workflows.files import read_limited, write_new_private
from eflowprov.workflows.staged_names import staged_paths
from eflowprov.workflows.transcript import Transcript
from eflowprov.workflows.verify import assemble

_FILE_LIMIT = 2**20  # a full chain with its key is a few KiB
_ANEW = "Give --yes to provision it anew (for `run`: again = true under [provision] in its file)"
_FACTS_S = 120.0  # the first import of AzureEFLOW on a cold machine takes half a minute

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ProvisionRequest:
    """What to provision with. `timeout_s` is the cmdlet's deadline, `evidence_s` the VM's to show that it worked."""

    scope_id: str
    cert: Path
    key: Path
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
    bundle = read_bundle(
        str(request.cert), read_limited(request.cert, _FILE_LIMIT), key=read_limited(request.key, _FILE_LIMIT)
    )
    names = bundle.certificates[0].common_names
    registration_id = request.registration_id or (names[0] if names else "")
    if request.registration_id:
        check_registration_id(request.registration_id)
    findings = judge_certificate(
        bundle, registration_id=registration_id or None, profile="eflow", now=datetime.now(UTC)
    )
    return registration_id, bundle, findings


def prepare(request: ProvisionRequest, host: EflowHost, *, progress: Progress) -> Prepared:
    """Judge the certificate and, when that holds, the host; nothing is touched."""
    if not request.scope_id.isalnum() or not request.scope_id.isascii():
        raise InputError("--scope-id", f"{request.scope_id!r} is no ID scope", "Copy it from the DPS overview (0ne…)")
    progress("checking the certificate")
    registration_id, bundle, findings = certificate_facts(request)
    if request.force or not _forbids(findings):
        progress("checking the host")
        findings += judge_host(host.host_facts(timeout_s=_FACTS_S), now=datetime.now(UTC))
    leaf = bundle.certificates[0]
    return Prepared(
        registration_id,
        leaf.serial,
        leaf.not_after,
        leaf.sha256,
        findings,
        refused=not request.force and _forbids(findings),
    )


def staged_files(prepared: Prepared, folder: Path) -> tuple[Path, Path]:
    """Where certificate and key are put for the cmdlet; the names bear the certificate's serial."""
    return staged_paths(prepared.registration_id, prepared.serial, folder)


def planned_call(request: ProvisionRequest, prepared: Prepared, host: EflowHost, folder: Path) -> ProvisionCall:
    """The call as it would be made with the two files in `folder`, by this host's own parameter names."""
    cert, key = staged_files(prepared, folder)
    return provision_call(
        host.provision_parameters(timeout_s=_FACTS_S),
        scope_id=request.scope_id,
        cert=cert,
        key=key,
        endpoint=request.endpoint,
        registration_id=prepared.registration_id if request.pass_registration_id else "",
    )


def provision(
    request: ProvisionRequest,
    prepared: Prepared,
    host: EflowHost,
    opened: OpenChannel,
    *,
    confirm: Callable[[str], bool],
    transcript: Transcript,
    progress: Progress,
    on_call: Callable[[], None] = lambda: None,
) -> Provisioned:
    """Call the cmdlet and gather evidence. InputError when `confirm` declines to touch a provisioned VM.

    `opened` stays open; it serves the look before, the polling and the look after. `on_call` is told right before the
    cmdlet, and only then: from there on the VM may have been changed.
    """
    channel = opened.channel
    progress(f"into the VM by {channel.name}: {opened.because}")
    before = device_state(channel)
    transcript.event("before", provisioned_with=before.provisioned_with, channel=channel.name)
    if before.provisioned_with and not confirm(before.provisioned_with):
        why = f"the VM is provisioned already ({before.provisioned_with})"
        raise InputError("provision", why, _ANEW)
    with _staging() as folder:
        call = planned_call(request, prepared, host, folder)
        for source, staged in zip((request.cert, request.key), staged_files(prepared, folder), strict=True):
            write_new_private(staged, read_limited(source, _FILE_LIMIT))
        progress(f"calling {CMDLET} (up to {request.timeout_s:.0f} s)")
        on_call()
        verdict = _call(host, call, request.timeout_s, transcript)
    if verdict.ok:
        evidence = await_evidence(channel, since=before.clock, timeout_s=request.evidence_s, progress=progress)
    else:
        evidence = gather(channel, since=before.clock)
    transcript.event("evidence", assigned=evidence.assigned.detail, agent=evidence.agent.detail)
    return _provisioned(verdict, evidence)


def provision_and_report(
    request: ProvisionRequest,
    host: EflowHost,
    way: ChannelRequest,
    *,
    confirm: Callable[[str], bool],
    transcript: Transcript,
    progress: Progress,
) -> Report:
    """`prepare`, then `provision` over a channel of its own; the report has the findings of both."""
    started_at = datetime.now(UTC)
    prepared = prepare(request, host, progress=progress)
    transcript.event("prepared", findings=[f"{finding.outcome}: {finding.id}" for finding in prepared.findings])
    if prepared.refused:
        return preparation_report(request, prepared, started_at)
    opened = open_channel(way, lambda: host)
    try:
        done = provision(request, prepared, host, opened, confirm=confirm, transcript=transcript, progress=progress)
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


def _provisioned(verdict: ProvisionVerdict, evidence: Evidence) -> Provisioned:
    """The cmdlet's word as a finding, and the VM's; after a failure the VM's only where it says why."""
    if verdict.ok:
        said = Finding(
            "provision/cmdlet",
            f"{CMDLET} returned OK",
            Outcome.PASS,
            "Its OK only says that a service runs.",
            source=CMDLET,
        )
        return Provisioned((said, evidence.assigned, evidence.agent), evidence.hub, evidence.device_id)
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


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder of this user alone for the two files, gone afterwards whatever happens."""
    with tempfile.TemporaryDirectory(prefix="eflowprov-") as name:
        yield Path(name)


def _forbids(findings: tuple[Finding, ...]) -> bool:
    return any(finding.outcome in (Outcome.FAIL, Outcome.ERROR) for finding in findings)
