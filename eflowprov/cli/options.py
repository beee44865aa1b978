"""Flags that several commands share, and what they turn into."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import terminal
from eflowprov.errors import InputError, StorageError
from eflowprov.reports.formats import ReportFormat, Screen, render

if TYPE_CHECKING:
    from eflowprov.bridge.eflow import EflowHost
    from eflowprov.lab.site import Started
    from eflowprov.model import Report
    from eflowprov.workflows.vm.channels import ChannelRequest


LAB_VARIABLE = "EFLOWPROV_LAB"  # lab.control has it too, and is too heavy for every start
DAY_S = 86400.0  # the longest deadline: a runtime's thread waits no longer than some weeks, a technician no day


class ChannelName(StrEnum):
    AUTO = "auto"
    SSH = "ssh"
    CMDLET = "cmdlet"


class AnswerFormat(StrEnum):
    """The forms of what is an answer and no report."""

    CONSOLE = "console"
    JSON = "json"


class Expectation(StrEnum):
    NEW = "new"
    DEPLOYED = "deployed"


Channel = Annotated[
    ChannelName, typer.Option(help="The way into the VM; auto takes SSH where this EFLOW has it, else the cmdlets.")
]
Host = Annotated[str, typer.Option(help="Where the EFLOW cmdlets are: local.")]
Ssh = Annotated[
    str,
    typer.Option(
        metavar="HOST[:PORT]|hvsocket:VMID[:PORT]",
        help="The VM's SSH server: over TCP with EFLOW 1.1, over a Hyper-V socket later.",
    ),
]
SshUser = Annotated[str, typer.Option(help="The VM's user.")]
SshKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Private key for SSH; only this one is offered.")]
KnownHosts = Annotated[Path | None, typer.Option(metavar="FILE", help="Where the VM's host key is pinned.")]
AcceptNew = Annotated[bool, typer.Option("--accept-new-host-key", help="Pin an unknown host key at this connection.")]
Format = Annotated[AnswerFormat, typer.Option("--format", help="For people, or one JSON document.")]
Formats = Annotated[
    list[ReportFormat] | None,
    typer.Option("--format", help="The report's form; several with --output DIR, a file for each."),
]
Output = Annotated[Path | None, typer.Option(metavar="FILE|DIR", help="Write the report here, not to standard output.")]
RemoveKey = Annotated[
    bool,
    typer.Option("--remove-key", help="Delete the host's private key once the VM proved to hold it."),
]
ScopeId = Annotated[str, typer.Option("--scope-id", metavar="S", help="The DPS ID scope, 0ne….")]
TranscriptFile = Annotated[
    Path | None, typer.Option("--transcript", metavar="FILE", help="Where what happened is kept.")
]


def channel_request(
    channel: ChannelName, ssh: str, ssh_user: str, ssh_key: Path | None, known_hosts: Path | None, accept_new: bool
) -> ChannelRequest:
    """The channel flags as one value."""
    from eflowprov.workflows.vm.channels import ChannelRequest

    return ChannelRequest(channel.value, ssh, ssh_user, ssh_key, known_hosts or default_known_hosts(), accept_new)


def default_known_hosts() -> Path:
    """The user's own pin file: beside no other tool's."""
    from platformdirs import user_config_path

    return user_config_path("eflowprov", appauthor=False) / "known_hosts"


def default_transcript(name: str) -> Path:
    """A new file in the user's state folder for what happens now."""
    from datetime import UTC, datetime

    from platformdirs import user_state_path

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return user_state_path("eflowprov", appauthor=False) / "transcripts" / f"{name}-{stamp}.jsonl"


def eflow_host(target: str) -> EflowHost:
    """The EFLOW cmdlets of `--host`. InputError for a target that is not `local`; TransportError without a
    PowerShell."""
    from eflowprov.bridge.eflow import EflowHost
    from eflowprov.bridge.session import PowerShellSession

    if target != "local":
        raise InputError(
            "--host", f"{target!r} is not supported yet", "Run eflowprov on the host itself, with --host local"
        )
    if file := os.environ.get(LAB_VARIABLE):
        return _lab(file).host
    return EflowHost(PowerShellSession())


def host_label(target: str) -> str:
    """What a report calls the host of `--host`: a simulated one never passes for this machine."""
    file = os.environ.get(LAB_VARIABLE)
    return _lab(file).label if file and target == "local" else target


@cache
def _lab(_file: str) -> Started:
    """The started lab that takes this machine's place, as EFLOWPROV_LAB says; told once. TransportError when it does
    not run."""
    from eflowprov.lab.site import started_lab

    lab = started_lab(os.environ)
    terminal.hint(f"{LAB_VARIABLE} is set: this is a simulated machine, {lab.label}")
    return lab


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a report goes: to standard output, to the file `output`, or each form into the folder `output`."""

    forms: tuple[ReportFormat, ...]
    output: Path | None = None
    folder: bool = False


def delivery(forms: list[ReportFormat] | None, output: Path | None, *, folder: bool = False) -> Delivery:
    """The two flags as one value, before anything is touched.

    With `folder` the command always writes into a folder; else several forms do, and one does where `output` is a
    folder already; `-` is standard output. InputError when they do not fit together, or nothing can be written there.
    """
    wanted = tuple(dict.fromkeys(forms or ())) or (ReportFormat.CONSOLE,)
    several = len(wanted) > 1
    if output == Path("-") and not folder:
        output = None
    if several and output is None:
        raise InputError("--format", "several forms do not fit into one stream", "Name a folder for them with --output")
    if output is None:
        return Delivery(wanted)
    place = Delivery(wanted, output, folder or several or os.path.isdir(output))  # noqa: PTH112
    _refuse_place(output, place.folder)
    return place


def _refuse_place(output: Path, folder: bool) -> None:
    """A run takes minutes: what cannot take its report is told before, not after."""
    # os.path says False for a path that no disk takes, where Path raises.
    there, is_file = os.path.exists(output), os.path.isfile(output)  # noqa: PTH110, PTH113
    if folder and there and not os.path.isdir(output):  # noqa: PTH112
        raise InputError("--output", f"{output} is a file, and a folder is needed here", "Name a folder")
    if not folder and there and not is_file:
        raise InputError(
            "--output", f"{output} is no plain file", "Name a file, or leave --output out for standard output"
        )
    if not folder and not os.path.isdir(output.parent):  # noqa: PTH112
        raise InputError("--output", f"there is no folder {output.parent}", "Make it first, or name another file")


def show_report(report: Report, place: Delivery) -> None:
    """Print the report, or write it whole and say so; end with its exit status.

    StorageError when it cannot be written; it has been printed then, so that what was found out is not lost.
    """
    try:
        written = ", ".join(map(str, _write(report, place)))
    except StorageError:
        _print(report, ReportFormat.CONSOLE)
        raise
    if written:
        terminal.hint(f"{report.verdict}: the report is in {written}")
    else:
        _print(report, place.forms[0])
    raise typer.Exit(report.exit_status)


def _print(report: Report, form: ReportFormat) -> None:
    screen = Screen(terminal.width(), terminal.color(), terminal.unicode_marks(), terminal.SETTINGS.verbose)
    terminal.result(render(report, form, screen))


def _write(report: Report, place: Delivery) -> tuple[Path, ...]:
    """The files that were written; none when the report goes to standard output."""
    if place.output is None:
        return ()
    if place.folder:
        from eflowprov.workflows.readiness.report_files import write_reports

        return write_reports(report, place.output, place.forms)
    from eflowprov.workflows.disk.files import write_whole

    write_whole(place.output, render(report, place.forms[0]).encode("utf-8"))
    return (place.output,)
