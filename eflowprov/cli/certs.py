"""`certs`: authorities and identities made, looked at and judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS, AuthorityProfile, KeyType, LeafProfile
from eflowprov.cli import certs_text, options, terminal

if TYPE_CHECKING:
    from eflowprov.model import Secret
    from eflowprov.workflows.certificates import SeenFile

_UNUSABLE = 2
_AUTHORITY, _LEAF = AuthorityProfile(), LeafProfile()  # what is left out on the command line


class ProfileName(StrEnum):
    EFLOW = "eflow"
    EFLOW_1_1 = "eflow-1.1"
    ESF = "esf"


class EnrollmentName(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"


Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="PEM, DER or PFX files; keys beside them.")]
Form = Annotated[options.ReportFormat, typer.Option("--format", help="For people, or one JSON document.")]
Organization = Annotated[str, typer.Option(metavar="O", help="The organization (O) in the subject.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(metavar="F", help="A file whose one line is the passphrase; never given on the command line."),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Certificates: make, look at, judge.", epilog="Example: eflowprov certs ca --out pki")
    group.command("ca", epilog="Example: eflowprov certs ca --out pki --organization 'Example Works'")(ca)
    group.command("device", epilog="Example: eflowprov certs device line4-press2 --ca pki --out out")(device)
    group.command(
        "check",
        epilog="Example: eflowprov certs check out/line4-press2/line4-press2.chain.pem "
        "out/line4-press2/line4-press2.key.pem --registration-id line4-press2",
    )(check)
    group.command("show", epilog="Example: eflowprov certs show out/line4-press2/line4-press2.chain.pem")(show)
    app.add_typer(group, name="certs")


def ca(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder without an authority in it.")],
    key_type: Annotated[KeyType, typer.Option(help="Type of both keys.")] = _AUTHORITY.key_type,
    days: Annotated[
        int,
        typer.Option(min=1, max=MAX_DAYS, metavar="N", help="Days that the root lives; the issuing one half of it."),
    ] = _AUTHORITY.days,
    organization: Organization = "",
    no_intermediate: Annotated[
        bool, typer.Option("--no-intermediate", help="A root alone, which then signs the devices itself.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Store the keys in the clear: whoever reads them can make devices.")
    ] = False,
    form: Form = options.ReportFormat.CONSOLE,
) -> None:
    """Make a root and an issuing authority.

    Their private keys are encrypted with a passphrase of at least 12 characters, asked for on a terminal. Where
    nobody can be asked and no --passphrase-file is given, they are stored in the clear, as with --no-passphrase.
    """
    from eflowprov.workflows.issue import create_authority

    passphrase = _new_passphrase(passphrase_file, no_passphrase)
    profile = AuthorityProfile(key_type, days, organization, intermediate=not no_intermediate)
    receipt = create_authority(out, profile, passphrase=passphrase)
    if not receipt.encrypted:
        terminal.hint(certs_text.UNPROTECTED)
    if form is options.ReportFormat.JSON:
        terminal.result(_json(certs_text.authority_document(receipt)))
    else:
        terminal.result(certs_text.authority_receipt(receipt))


def device(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Registration IDs, one for each device.")],
    ca: Annotated[Path, typer.Option(metavar="DIR", help="The authority's folder, as 'certs ca' made it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Each identity gets a folder of its ID's name in it.")],
    key_type: Annotated[KeyType, typer.Option(help="Type of the devices' keys.")] = _LEAF.key_type,
    days: Annotated[
        int, typer.Option(min=1, max=MAX_DAYS, metavar="N", help="Days of validity, at most the authority's.")
    ] = _LEAF.days,
    organization: Organization = "",
    renew: Annotated[
        bool, typer.Option("--renew", help="Issue anew what is there; the old files are moved aside and kept.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    form: Form = options.ReportFormat.CONSOLE,
) -> None:
    """Issue one identity for each registration ID. One that is there, complete and valid is kept."""
    from eflowprov.workflows.issue import issue_identities

    receipts = list(
        issue_identities(
            ids,
            ca=ca,
            out=out,
            profile=LeafProfile(key_type, days, organization),
            renew=renew,
            passphrase_file=passphrase_file,
            ask=_ask if terminal.is_interactive() else None,
        )
    )
    if receipts[0].test_only:
        terminal.hint(certs_text.TEST_ONLY)
    if form is options.ReportFormat.JSON:
        terminal.result(_json({"identities": [certs_text.identity_document(one) for one in receipts]}))
    else:
        terminal.result(certs_text.identity_receipts(receipts))


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
        terminal.result(_json(certs_text.check_document(seen)))
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
        terminal.result(_json({"files": [certs_text.file_document(one) for one in seen]}))
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


def _new_passphrase(file: Path | None, none_wanted: bool) -> Secret | None:
    """The new authority's passphrase: from the file, asked for twice, or none."""
    from eflowprov.certs.keys import check_new_passphrase
    from eflowprov.errors import InputError
    from eflowprov.model import Secret
    from eflowprov.workflows.files import read_passphrase

    if file and none_wanted:
        raise InputError("--no-passphrase", "--passphrase-file is given too", "Give one of them")
    if file:
        return read_passphrase(file)
    if none_wanted or not terminal.is_interactive():
        return None
    text = typer.prompt("Passphrase for the authority's keys", hide_input=True, confirmation_prompt=True, err=True)
    return check_new_passphrase(Secret(text))


def _ask() -> Secret:
    from eflowprov.model import Secret

    return Secret(typer.prompt("Passphrase of the authority's key", hide_input=True, err=True))


def _json(document: object) -> str:
    return json.dumps(document, indent=2)
