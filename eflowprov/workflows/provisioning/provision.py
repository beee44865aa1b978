"""Provision the VM: certificate and host first, then the cmdlet, then evidence from the VM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from eflowprov.bridge.cmdlet_call import CMDLET, ProvisionCall
from eflowprov.bridge.eflow import EflowHost
from eflowprov.checks.catalogue import explain_cmdlet
from eflowprov.errors import InputError
from eflowprov.model import Finding, Identity, Outcome, ProvisionVerdict, Report, Target, VmChannel, Wanted
from eflowprov.parsers.cmdlet import parse_provision
from eflowprov.redaction import redact_lines
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.provisioning.device_state import DeviceState, device_state
from eflowprov.workflows.provisioning.evidence import Evidence, await_evidence, gather
from eflowprov.workflows.provisioning.identity_in_vm import free_number, in_use, kept_key, remove_host_key
from eflowprov.workflows.provisioning.own_checks import vm_findings
from eflowprov.workflows.provisioning.preparation import (
    FILE_LIMIT,
    Prepared,
    Progress,
    ProvisionRequest,
    planned_call,
    prepare,
    staged_files,
)
from eflowprov.workflows.provisioning.staging import stage, staging_room, sweep_staging
from eflowprov.workflows.readiness.timeline import Begun
from eflowprov.workflows.readiness.verify import assemble
from eflowprov.workflows.vm.channels import ChannelRequest, OpenChannel, open_channel

UNPROVED = "the VM does not show that it works with this identity"
_ANEW = "Is it the right machine? Then give --yes to provision it anew"

SAID_OK = Finding(
    "provision/cmdlet",
    f"{CMDLET} returned OK",
    Outcome.PASS,
    "Its OK only says that a service runs.",
    source=CMDLET,
)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What the cmdlet and the VM said."""

    findings: tuple[Finding, ...]
    hub: str = ""
    device_id: str = ""


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
        raise already_provisioned(before, _ANEW)
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
    label: str = "local",
) -> Report:
    """`prepare`, then `provision` over a channel of its own; the report has the findings of both.

    `on_way` is told which way into the VM was taken and why; `label` is the report's name for the host.
    """
    begun = Begun.now()
    sweep_staging()
    prepared = prepare(request, host, progress=progress)
    transcript.event("prepared", findings=[f"{finding.outcome}: {finding.id}" for finding in prepared.findings])
    if prepared.refused:
        return preparation_report(request, prepared, begun, label=label)
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
        begun=begun,
        target=Target(label, opened.channel.vm, opened.channel.name),
        identity=replace(_identity(request, prepared), hub=done.hub, device_id=done.device_id),
        extra=(*prepared.findings, *done.findings),
    )


def preparation_report(
    request: ProvisionRequest, prepared: Prepared, begun: Begun | None = None, *, label: str = "local"
) -> Report:
    """The report of a preparation that forbids to go on; nothing was touched."""
    return assemble(
        None,
        begun=begun or Begun.now(),
        target=Target(label),
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
