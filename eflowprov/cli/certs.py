"""`certs`: authorities and identities made, looked at and judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS, AuthorityProfile, KeyType, LeafProfile
from eflowprov.cli import certs_check, certs_identity, certs_text, options, terminal
from eflowprov.cli.certs_options import Form, Organization, PassphraseFile, json_text

if TYPE_CHECKING:
    from eflowprov.model import Secret

_AUTHORITY, _LEAF = AuthorityProfile(), LeafProfile()  # what is left out on the command line


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Certificates: make, look at, judge.", epilog="Example: eflowprov certs ca --out pki")
    group.command("ca", epilog="Example: eflowprov certs ca --out pki --organization 'Example Works'")(ca)
    group.command("device", epilog="Example: eflowprov certs device line4-press2 --ca pki --out out")(device)
    certs_check.register(group)
    certs_identity.register(group)
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
        terminal.result(json_text(certs_text.authority_document(receipt)))
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
        terminal.result(json_text({"identities": [certs_text.identity_document(one) for one in receipts]}))
    else:
        terminal.result(certs_text.identity_receipts(receipts))


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
