"""`certs check` and `certs show`: certificate files looked at and judged."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS
from eflowprov.cli import certs_text, options, terminal
from eflowprov.cli.certs_options import Files, Form, PassphraseFile, json_text

if TYPE_CHECKING:
    from eflowprov.workflows.certificates import SeenFile

_UNUSABLE = 2


class ProfileName(StrEnum):
    EFLOW = "eflow"
    EFLOW_1_1 = "eflow-1.1"
    ESF = "esf"


class EnrollmentName(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"


def register(group: typer.Typer) -> None:
    group.command(
        "check",
        epilog="Example: eflowprov certs check out/line4-press2/line4-press2.chain.pem "
        "out/line4-press2/line4-press2.key.pem --registration-id line4-press2",
    )(check)
    group.command("show", epilog="Example: eflowprov certs show out/line4-press2/line4-press2.chain.pem")(show)


def check(
    files: Files,
    registration_id: Annotated[str | None, typer.Option(metavar="ID", help="What the enrollment says.")] = None,
    profile: Annotated[ProfileName, typer.Option(help="Whose rules.")] = ProfileName.EFLOW,
    enrollment: Annotated[EnrollmentName | None, typer.Option(help="The kind of enrollment that is planned.")] = None,
    expiring_days: Annotated[
        int, typer.Option(min=0, max=MAX_DAYS, metavar="N", help="Warn when fewer days are left.")
    ] = 30,
    passphrase_file: PassphraseFile = None,
    form: Form = options.ReportFormat.CONSOLE,
) -> None:
    """Judge certificate files: would DPS and the runtime take them? Keys among the files are matched with them.

    Exit status 1 when a finding is 'fail', 2 when a file cannot be used at all.
    """
    from eflowprov.workflows.certificates import check_files

    seen = check_files(
        files,
        registration_id=registration_id,
        profile=profile.value,
        enrollment=enrollment.value if enrollment else None,
        expiring_days=expiring_days,
        passphrase_file=passphrase_file,
    )
    if form is options.ReportFormat.JSON:
        terminal.result(json_text(certs_text.check_document(seen)))
    else:
        terminal.result(certs_text.check_text(seen, terminal.width()))
    _tell_unusable(seen)
    raise typer.Exit(1 if any(one.has_failed for one in seen) else 0)


def show(
    files: Files,
    passphrase_file: PassphraseFile = None,
    form: Form = options.ReportFormat.CONSOLE,
) -> None:
    """Show what is in certificate and key files. Private keys are never printed."""
    from eflowprov.workflows.certificates import show_files

    seen = show_files(files, passphrase_file=passphrase_file)
    if form is options.ReportFormat.JSON:
        terminal.result(json_text({"files": [certs_text.file_document(one) for one in seen]}))
    else:
        terminal.result(certs_text.show_text(seen))
    _tell_unusable(seen)


def _tell_unusable(seen: Sequence[SeenFile]) -> None:
    """One line on standard error for each file that cannot be used, and status 2: the others have been shown."""
    errors = [one.error for one in seen if one.error]
    for error in errors:
        typer.echo(f"error: {error}", err=True)
    if errors:
        raise typer.Exit(_UNUSABLE)
