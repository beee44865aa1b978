"""Flags that the commands of `dps` for the service side share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eflowprov.cli import options

SERVICE_S = 60.0


class Slot(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"


class Emit(StrEnum):
    """A script in place of the deed: for bash, or for PowerShell."""

    AZ = "az"
    AZ_POWERSHELL = "az-powershell"


class Signer(StrEnum):
    ROOT = "root"
    ISSUING = "issuing"


ConnectionFile = Annotated[
    Path | None,
    typer.Option(
        "--connection-string-file",
        metavar="F",
        help="The service's connection string; else EFLOWPROV_DPS_CONNECTION_STRING, else a question.",
    ),
]
EndpointCa = Annotated[
    Path | None, typer.Option("--endpoint-ca", metavar="FILE", help="PEM; the only CA to trust for the service.")
]
Proxy = Annotated[str, typer.Option(metavar="URL", help="http://HOST:PORT; without it, what the environment says.")]
Timeout = Annotated[float, typer.Option(metavar="S", min=0.1, max=options.DAY_S, help="Seconds for each request.")]
Yes = Annotated[bool, typer.Option("--yes", help="Change or delete what is there without asking.")]
EmitForm = Annotated[Emit | None, typer.Option("--emit", help="Print an Azure CLI script; ask and change nothing.")]
DpsName = Annotated[str, typer.Option("--dps-name", metavar="NAME", help="With --emit: the DPS's name in Azure.")]
ResourceGroup = Annotated[str, typer.Option("--resource-group", metavar="NAME", help="With --emit: where it is.")]
Edge = Annotated[bool, typer.Option("--edge/--no-edge", help="Make it an IoT Edge device, which EFLOW needs.")]
SlotName = Annotated[Slot, typer.Option(help="The certificate's place: secondary to bring in the next one.")]
Hub = Annotated[str, typer.Option(metavar="HOST", help="The hub's host name; else the service's own choice.")]
Group = Annotated[bool, typer.Option("--group", help="ID is an enrollment group.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The registration ID, or with --group the group's name.")]
