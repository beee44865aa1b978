"""Flags that several commands share, and what they turn into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import terminal
from eflowprov.errors import InputError
from eflowprov.reports.formats import ReportFormat, Screen, render

if TYPE_CHECKING:
    from eflowprov.bridge.eflow import EflowHost
    from eflowprov.model import Report
    from eflowprov.workflows.vm.channels import ChannelRequest


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


Channel = Annotated[ChannelName, typer.Option(help="The way into the VM; auto prefers ssh, then the cmdlets.")]
Host = Annotated[str, typer.Option(help="Where the EFLOW cmdlets are: local.")]
Ssh = Annotated[
    str,
    typer.Option(
        metavar="HOST[:PORT]|hvsocket:VMID[:PORT]",
        help="The VM's SSH server: over TCP up to EFLOW 1.1, over a Hyper-V socket later.",
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
    return EflowHost(PowerShellSession())


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a report goes: one form to standard output or to the file `output`, or several into the folder `output`."""

    forms: tuple[ReportFormat, ...]
    output: Path | None = None


def delivery(forms: list[ReportFormat] | None, output: Path | None) -> Delivery:
    """The two flags as one value, before anything is touched. InputError when they do not fit together."""
    wanted = tuple(dict.fromkeys(forms or ())) or (ReportFormat.CONSOLE,)
    if len(wanted) > 1 and output is None:
        raise InputError("--format", "several forms do not fit into one stream", "Name a folder for them with --output")
    if len(wanted) > 1 and output is not None and output.is_file():
        raise InputError("--output", f"{output} is a file, and several forms need a folder", "Name a folder")
    return Delivery(wanted, output)


def show_report(report: Report, place: Delivery) -> None:
    """Print the report, or write it whole and say so; end with its exit status."""
    if place.output is None:
        screen = Screen(terminal.width(), terminal.color(), terminal.unicode_marks(), terminal.SETTINGS.verbose)
        terminal.result(render(report, place.forms[0], screen))
    else:
        written = ", ".join(map(str, _write(report, place.forms, place.output)))
        terminal.hint(f"{report.verdict}: the report is in {written}")
    raise typer.Exit(report.exit_status)


def _write(report: Report, forms: tuple[ReportFormat, ...], output: Path) -> tuple[Path, ...]:
    if len(forms) > 1:
        from eflowprov.workflows.readiness.report_files import write_reports

        return write_reports(report, output, forms)
    from eflowprov.workflows.disk.files import write_whole

    write_whole(output, render(report, forms[0]).encode("utf-8"))
    return (output,)
