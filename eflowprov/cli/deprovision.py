"""`deprovision`: the device's identity away from the VM, and what is left to do in Azure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal
from eflowprov.errors import InputError

if TYPE_CHECKING:
    from eflowprov.model import VmChannel
    from eflowprov.workflows.runs.journal import Journal
    from eflowprov.workflows.vm.channels import ChannelRequest


def register(app: typer.Typer) -> None:
    app.command("deprovision", epilog="Example: eflowprov deprovision --config line4-press2.toml --dry-run")(
        deprovision
    )


def deprovision(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The machine's TOML file of `run`: its way into the VM, and its journal."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look into the VM and print what would be done; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    channel: options.Channel = options.ChannelName.AUTO,
    host: options.Host = "local",
    ssh: options.Ssh = "",
    ssh_user: options.SshUser = "iotedge-user",
    ssh_key: options.SshKey = None,
    known_hosts: options.KnownHosts = None,
    accept_new_host_key: options.AcceptNew = False,
    form: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Stop the services in the VM, remove the identity's files and the configuration, and prove that they are gone.

    Registration, enrollment and the device in IoT Hub are the service's side: the commands for them are printed. The
    host's own files stay.
    """
    from contextlib import ExitStack

    from eflowprov.workflows.provisioning.staging import sweep_staging
    from eflowprov.workflows.runs.journal import Journal, alone, journal_path
    from eflowprov.workflows.vm.channels import open_channel

    request = options.channel_request(channel, ssh, ssh_user, ssh_key, known_hosts, accept_new_host_key)
    if config is not None:
        _refuse_two_ways(channel=channel.value, ssh=ssh, ssh_key=ssh_key, known_hosts=known_hosts)
    sweep_staging()
    with ExitStack() as stack:
        journal = None
        if config is not None:
            request, path = _configured(config), journal_path(config)
            stack.enter_context(alone(path))
            journal = Journal.load(path)
        eflow = options.eflow_host(host)
        opened = open_channel(request, lambda: eflow, terminal.progress)
        stack.callback(opened.channel.close)
        terminal.hint(opened.told)
        _carry_out(opened.channel, journal, yes=yes, dry_run=dry_run, form=form)


def _refuse_two_ways(**flags: object) -> None:
    """Two ways may lead into two machines, and one of them loses its identity."""
    for name, value in flags.items():
        if value not in (None, "", options.ChannelName.AUTO):
            flag = f"--{name.replace('_', '-')}"
            raise InputError(flag, "--config names the way into the VM already", f"Leave out {flag} or --config")


def _configured(config: Path) -> ChannelRequest:
    from eflowprov.workflows.config import load_config
    from eflowprov.workflows.vm.channels import configured_request

    return configured_request(load_config(config).vm, options.default_known_hosts())


def _carry_out(
    channel: VmChannel, journal: Journal | None, *, yes: bool, dry_run: bool, form: options.AnswerFormat
) -> None:
    from eflowprov.workflows.provisioning import deprovision as work
    from eflowprov.workflows.provisioning.device_state import device_state
    from eflowprov.workflows.runs.run import resumable

    state = device_state(channel)
    if not state.path or not state.provisioned_with:
        _show(form, channel.vm, "", "not provisioned: nothing to do", (), ())
        return
    registration_id = work.registration_id_in(channel, state)
    known = journal.last("wait") if journal else {}
    left = work.service_side(registration_id, known.get("hub", ""), known.get("device_id", ""))
    if dry_run:
        commands = tuple(step.text() for step in work.vm_steps(state))
        _show(form, channel.vm, registration_id, "would do in the VM", commands, left)
        return
    if not (yes or _ask(channel.vm, state.provisioned_with)):
        raise InputError(
            "deprovision", f"nobody confirmed it for {channel.vm}", "Give --yes; --dry-run shows the steps"
        )
    if journal is not None:
        journal.forget(resumable("register"))
    steps = work.deprovision(channel, state, terminal.progress)
    _show(form, channel.vm, registration_id, "done in the VM", tuple(step.text() for step in steps), left)


def _ask(vm: str, state: str) -> bool:
    """Ask on a terminal; without one, nobody can say yes."""
    return terminal.is_interactive() and typer.confirm(
        f"Remove the identity ({state}) from {vm}? Its private key there may be the only copy.", err=True
    )


def _show(
    form: options.AnswerFormat,
    vm: str,
    registration_id: str,
    what: str,
    commands: tuple[str, ...],
    left: tuple[str, ...],
) -> None:
    if form is options.AnswerFormat.JSON:
        document = {"vm": vm, "registration_id": registration_id, "result": what, "commands": commands, "left": left}
        terminal.result(json.dumps(document, indent=2))
        return
    lines = [f"{vm}: {what}", *(f"  {command}" for command in commands)]
    lines += ["left to do in Azure, in this order:", *(f"  {command}" for command in left)] if left else []
    terminal.result("\n".join(lines))
