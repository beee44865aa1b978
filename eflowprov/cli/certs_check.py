"""`certs check` and `certs show`: certificate files looked at and judged."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS
from eflowprov.cli import options, terminal
from eflowprov.cli.certs_options import Files, Form, PassphraseFile, json_text

if TYPE_CHECKING:
    from eflowprov.workflows.identities.certificates import SeenFile

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
        "out/line4-press2/line4-press2.key.pem --registration-id line4-press2 --enrollment group "
        "--enrolled-ca pki/issuing.ca.cert.pem",
    )(check)
    group.command("show", epilog="Example: eflowprov certs show out/line4-press2/line4-press2.chain.pem")(show)


def check(
    files: Files,
    registration_id: Annotated[str | None, typer.Option(metavar="ID", help="What the enrollment says.")] = None,
    profile: Annotated[ProfileName, typer.Option(help="Whose rules.")] = ProfileName.EFLOW,
    enrollment: Annotated[EnrollmentName | None, typer.Option(help="The kind of enrollment that is planned.")] = None,
    enrolled_ca: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="F",
            help="The certificate that the enrollment has: a group's CA, or with '--enrollment individual' the leaf. "
            "May be given several times.",
        ),
    ] = None,
    expiring_days: Annotated[
        int,
        typer.Option(
            "--expiring-days", "--days-left", min=0, max=MAX_DAYS, metavar="N", help="Warn when fewer days are left."
        ),
    ] = 30,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Judge certificate files: would DPS and the runtime take them? Keys among the files are matched with them.

    DPS's answer is foretold for the enrollment that is named, else for those that could match. Exit status 1 when a
    finding is 'fail', 2 when a file cannot be used at all. Every finding: docs/certificate-findings.md.
    """
    from datetime import UTC, datetime

    from eflowprov.cli.certs_check_text import Look, check_document, check_text
    from eflowprov.workflows.identities.certificates import Asked, check_files

    now = datetime.now(UTC)
    asked = Asked(
        registration_id=registration_id,
        profile=profile.value,
        enrollment=enrollment.value if enrollment else None,
        enrolled=tuple(enrolled_ca or ()),
        expiring_days=expiring_days,
        passphrase_file=passphrase_file,
    )
    seen = check_files(files, asked, now=now)
    if form is options.AnswerFormat.JSON:
        terminal.result(json_text(check_document(seen)))
    else:
        look = Look(terminal.width(), terminal.color(), terminal.SETTINGS.verbose)
        terminal.result(check_text(seen, now, look))
    _tell_unusable(seen)
    raise typer.Exit(1 if any(one.has_failed for one in seen) else 0)


def show(
    files: Files,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Show what is in certificate, key and request files: PEM, DER, PKCS#7, PFX. Private keys are never printed."""
    from eflowprov.cli.certs_show_text import show_document, show_text
    from eflowprov.workflows.identities.certificates import show_files

    seen = show_files(files, passphrase_file=passphrase_file)
    if form is options.AnswerFormat.JSON:
        terminal.result(json_text(show_document(seen)))
    elif text := show_text(seen, terminal.width()):
        terminal.result(text)
    _tell_unusable(seen)


def _tell_unusable(seen: Sequence[SeenFile]) -> None:
    """One line on standard error for each file that cannot be used, and status 2: the others have been shown."""
    errors = [one.error for one in seen if one.error]
    for error in errors:
        terminal.say_error(error)
    if errors:
        raise typer.Exit(_UNUSABLE)
