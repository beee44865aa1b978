"""`host`: is this host fit?"""

from __future__ import annotations

import dataclasses
import json

import typer

from eflowprov.cli import options, terminal

_TIMEOUT_S = 120.0  # the first import of AzureEFLOW on a cold machine takes half a minute


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The Windows side.", no_args_is_help=True)
    group.command("check", epilog="Example: eflowprov host check --format json")(check)
    group.command("info", epilog="Example: eflowprov host info > host.json")(info)
    app.add_typer(group, name="host")


def check(
    host: options.Host = "local",
    format_: options.Format = options.ReportFormat.CONSOLE,
    output: options.Output = None,
) -> None:
    """Judge elevation, PowerShell, Windows, Hyper-V, space, policy, the EFLOW module and the VM."""
    from eflowprov.workflows.host import host_report

    options.show_report(host_report(options.eflow_host(host), host, timeout_s=_TIMEOUT_S), format_, output)


def info(host: options.Host = "local") -> None:
    """Print the facts alone, as JSON."""
    facts = options.eflow_host(host).host_facts(timeout_s=_TIMEOUT_S)
    terminal.result(json.dumps(dataclasses.asdict(facts), indent=2, default=str))
