"""`host`: is this host fit?"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from eflowprov.cli import options, terminal


class FactsFormat(StrEnum):
    JSON = "json"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The Windows side.", epilog="Example: eflowprov host check")
    group.command("check", epilog="Example: eflowprov host check --format json")(check)
    group.command("info", epilog="Example: eflowprov host info --format json > host.json")(info)
    app.add_typer(group, name="host")


def check(
    host: options.Host = "local",
    format_: options.Formats = None,
    output: options.Output = None,
) -> None:
    """Judge elevation, PowerShell, Windows, Hyper-V, space, policy, the EFLOW module and the VM."""
    from eflowprov.workflows.host import host_report

    place = options.delivery(format_, output)
    options.show_report(host_report(options.eflow_host(host), options.host_label(host)), place)


def info(
    host: options.Host = "local",
    _format: Annotated[FactsFormat, typer.Option("--format", help="The facts' form.")] = FactsFormat.JSON,
) -> None:
    """Print the facts alone, as JSON; times are RFC 3339 in UTC, what is unknown is null or empty."""
    facts = options.eflow_host(host).host_facts()
    terminal.result(json.dumps(dataclasses.asdict(facts), indent=2, default=_time))


def _time(value: datetime) -> str:
    """What JSON does not know of the facts: times."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
