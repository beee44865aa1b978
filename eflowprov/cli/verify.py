"""`verify`: the pass/fail readiness report."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options
from eflowprov.errors import InputError, StorageError

if TYPE_CHECKING:
    from eflowprov.cli.bundling import Bundling
    from eflowprov.model import Report
    from eflowprov.workflows.readiness.verify import VerifyOptions
    from eflowprov.workflows.vm.channels import ChannelRequest


def register(app: typer.Typer) -> None:
    app.command(
        "verify",
        epilog="Example: eflowprov verify --ssh 172.27.120.111 --ssh-key id_ed25519 --format json",
    )(verify)


def verify(
    channel: options.Channel = options.ChannelName.AUTO,
    host: options.Host = "local",
    ssh: options.Ssh = "",
    ssh_user: options.SshUser = "iotedge-user",
    ssh_key: options.SshKey = None,
    known_hosts: options.KnownHosts = None,
    accept_new_host_key: options.AcceptNew = False,
    expect: Annotated[
        options.Expectation | None, typer.Option(help="deployed: a device without a deployment is not ready.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back the logs are read: 30m, 1h, 2d.")] = "1h",
    timeout: Annotated[
        float, typer.Option(min=1.0, max=options.DAY_S, help="Deadline of all commands together, in seconds.")
    ] = 420.0,
    wait: Annotated[
        str, typer.Option(metavar="15m", help="Look again and again until the device is ready, for at most so long.")
    ] = "",
    format_: options.Formats = None,
    output: options.Output = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep what the commands printed.")] = None,
    saved: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Judge saved outputs, without a VM.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with this site's own severities; see docs/report.md.")
    ] = None,
    registration_id: Annotated[
        str, typer.Option(metavar="ID", help="The registration ID that the VM should be provisioned under.")
    ] = "",
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate that the VM should have, leaf first.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier JSON report: show what changed since.")
    ] = None,
    fail_on_new: Annotated[
        bool, typer.Option("--fail-on-new", help="Not ready when something is worse than in the baseline.")
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="F.zip", help="Everything for a ticket in one file, secrets taken out.")
    ] = None,
    support_bundle: Annotated[
        bool, typer.Option("--support-bundle", help="Also iotedge support-bundle from the VM; with --bundle.")
    ] = False,
) -> None:
    """Ask the VM, judge what it says, and print a readiness report.

    Exit status 0 for ready and ready-awaiting-deployment, 1 for not-ready, 3 for unknown.
    """
    from eflowprov.cli.bundling import bundling
    from eflowprov.workflows.readiness.baseline import against, load_baseline
    from eflowprov.workflows.readiness.policy import load_policy
    from eflowprov.workflows.readiness.verify import VerifyOptions, seconds_of
    from eflowprov.workflows.readiness.vm_facts import wanted_identity

    place = options.delivery(format_, output)
    wanted = VerifyOptions(
        since,
        timeout,
        expect.value if expect else "",
        wanted=wanted_identity(cert, registration_id),
        policy=load_policy(policy),
    )
    wanted.journal_since()
    earlier = load_baseline(baseline, fail_on_new=fail_on_new)
    wait_s = seconds_of(wait, where="--wait") if wait else 0.0
    if saved is not None and wait:
        raise InputError("--wait", "saved outputs do not change", "Leave out --wait or --from")
    kept = bundling(
        bundle, support_bundle=support_bundle, since=since, timeout_s=timeout, saved=saved, output=place.output
    )
    unsaved: list[StorageError] = []
    with kept:
        kept.event("begin", command="verify", channel=channel, since=since, wait=wait, source=saved)
        if saved is not None:
            report = _from_saved(saved, wanted, kept)
        else:
            request = options.channel_request(channel, ssh, ssh_user, ssh_key, known_hosts, accept_new_host_key)
            report = _live(request, host, wanted, save, wait_s, unsaved, kept)
        report = against(report, earlier, fail_on_new=fail_on_new)
    try:
        kept.write(report)
    except StorageError as error:
        unsaved.append(error)
    with suppress(typer.Exit) if unsaved else nullcontext():
        options.show_report(report, place)
    raise unsaved[0]


def _from_saved(folder: Path, wanted: VerifyOptions, kept: Bundling) -> Report:
    from eflowprov.workflows.readiness.outputs import read_saved
    from eflowprov.workflows.readiness.verify import report_on

    outputs = read_saved(folder)
    if kept.on_look is not None:
        kept.on_look(None, outputs)
    return report_on(outputs, wanted, vm=str(folder), channel="saved")


def _live(
    request: ChannelRequest,
    host: str,
    wanted: VerifyOptions,
    save: Path | None,
    wait_s: float,
    unsaved: list[StorageError],
    kept: Bundling,
) -> Report:
    """One look, or as many as `wait_s` has time for; why the outputs were not kept goes into `unsaved`."""
    from eflowprov.workflows.readiness.patience import patiently
    from eflowprov.workflows.readiness.until_ready import ReadinessWait
    from eflowprov.workflows.readiness.verify import verify_vm
    from eflowprov.workflows.vm.channels import open_channel

    label = options.host_label(host)
    kept.eflow = eflow = options.eflow_host(host)  # now, so that a wrong --host is told also where SSH is open
    end = time.monotonic() + wait_s
    opened = patiently(  # a VM that is not up yet is what --wait is for
        lambda: open_channel(request, lambda: eflow, kept.progress),
        what="the VM",
        patience_s=wait_s,
        progress=kept.progress,
    )
    kept.hint(opened.told)
    try:
        if not wait_s:
            return verify_vm(
                opened.channel, wanted, host=label, save_to=save, on_unsaved=unsaved.append, on_look=kept.on_look
            )
        return ReadinessWait(
            opened,
            wanted,
            reopen=lambda: open_channel(request, lambda: eflow, kept.progress),
            progress=kept.progress,
            host=label,
            save_to=save,
            on_unsaved=unsaved.append,
            on_look=kept.on_look,
        ).run(max(0.0, end - time.monotonic()))
    finally:
        opened.channel.close()
