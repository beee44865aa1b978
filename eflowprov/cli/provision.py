"""`provision`: Provision-EflowVm with DpsX509, and evidence that it worked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal

if TYPE_CHECKING:
    from eflowprov.workflows.provisioning.preparation import ProvisionRequest
    from eflowprov.workflows.vm.channels import ChannelRequest


def register(app: typer.Typer) -> None:
    app.command(
        "provision",
        epilog="Example: eflowprov provision --scope-id 0ne00112233 --cert out/line4-press2/line4-press2.chain.pem "
        "--key out/line4-press2/line4-press2.key.pem --dry-run",
    )(provision)


def provision(
    scope_id: options.ScopeId,
    cert: Annotated[Path, typer.Option(metavar="CHAIN", help="Full chain: leaf first, then intermediates.")],
    key: Annotated[Path, typer.Option(metavar="KEY", help="The leaf's private key, unencrypted.")],
    registration_id: Annotated[
        str, typer.Option(metavar="ID", help="Must equal the leaf's CN, which it defaults to.")
    ] = "",
    endpoint: Annotated[str, typer.Option(metavar="H", help="Another global endpoint of DPS.")] = "",
    pass_registration_id: Annotated[
        bool,
        typer.Option(
            "--pass-registration-id", help="Give the cmdlet -registrationId too (some releases fail with it)."
        ),
    ] = False,
    host: options.Host = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cmdlet as it would be called; touch nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Provision a VM that is provisioned already, without asking.")
    ] = False,
    remove_key: options.RemoveKey = False,
    force: Annotated[
        bool, typer.Option("--force", help="Go on although certificate or host have a failing finding.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1.0, max=options.DAY_S, help="Deadline of the cmdlet in seconds.")
    ] = 900.0,
    evidence_timeout: Annotated[
        float,
        typer.Option(min=1.0, max=options.DAY_S, help="How long the VM may take to show that it worked, in seconds."),
    ] = 180.0,
    channel: options.Channel = options.ChannelName.AUTO,
    ssh: options.Ssh = "",
    ssh_user: options.SshUser = "iotedge-user",
    ssh_key: options.SshKey = None,
    known_hosts: options.KnownHosts = None,
    accept_new_host_key: options.AcceptNew = False,
    transcript: options.TranscriptFile = None,
    format_: options.Formats = None,
    output: options.Output = None,
) -> None:
    """Check certificate and host, call Provision-EflowVm, and wait for evidence from the VM.

    The cmdlet's OK is not proof: the report rests on identityd's log and on `iotedge list`.
    """
    from eflowprov.bridge.cmdlet_call import DEFAULT_ENDPOINT
    from eflowprov.workflows.provisioning.preparation import ProvisionRequest

    request = ProvisionRequest(
        scope_id=scope_id,
        cert=cert,
        key=key,
        registration_id=registration_id,
        endpoint=endpoint or DEFAULT_ENDPOINT,
        pass_registration_id=pass_registration_id,
        force=force,
        timeout_s=timeout,
        evidence_s=evidence_timeout,
    )
    place = options.delivery(format_, output)
    if dry_run:
        _show_plan(request, host, place)
        return
    way = options.channel_request(channel, ssh, ssh_user, ssh_key, known_hosts, accept_new_host_key)
    _provision(request, host, way, (yes, remove_key), transcript, place)


def _show_plan(request: ProvisionRequest, target: str, place: options.Delivery) -> None:
    """The findings when they forbid it, else the exact cmdlet."""
    from eflowprov.workflows.provisioning.preparation import planned_call, prepare
    from eflowprov.workflows.provisioning.provision import preparation_report
    from eflowprov.workflows.provisioning.staging import staging_folder

    host = options.eflow_host(target)
    prepared = prepare(request, host, progress=terminal.progress)
    if prepared.refused:
        options.show_report(preparation_report(request, prepared, label=options.host_label(target)), place)
    call = planned_call(request, prepared, host, staging_folder())
    terminal.result(call.text())


def _provision(
    request: ProvisionRequest,
    target: str,
    way: ChannelRequest,
    answers: tuple[bool, bool],
    transcript: Path | None,
    place: options.Delivery,
) -> None:
    from eflowprov.workflows.disk.transcript import Transcript
    from eflowprov.workflows.provisioning.provision import provision_and_report

    yes, remove_key = answers
    host, label = options.eflow_host(target), options.host_label(target)
    with Transcript(transcript or options.default_transcript("provision")) as kept:
        terminal.hint(f"transcript: {kept.path}")
        report = provision_and_report(
            request,
            host,
            way,
            confirm=lambda state: yes or _ask(state),
            transcript=kept,
            progress=terminal.progress,
            on_way=terminal.hint,
            remove_key=remove_key,
            label=label,
        )
    options.show_report(report, place)


def _ask(state: str) -> bool:
    """Ask on a terminal; without one, nobody can say yes."""
    return terminal.is_interactive() and typer.confirm(
        f"The VM is provisioned already ({state}). Provision it anew?", err=True
    )
