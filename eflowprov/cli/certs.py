"""`certs`: authorities and identities made, looked at and judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS, AuthorityProfile, KeyType
from eflowprov.cli import certs_check, certs_device, certs_identity, certs_text, options, terminal
from eflowprov.cli.certs_options import Form, Organization, PassphraseFile, json_text

if TYPE_CHECKING:
    from eflowprov.model import Secret

_AUTHORITY = AuthorityProfile()  # what is left out on the command line


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Certificates: make, look at, judge.", epilog="Example: eflowprov certs ca --out pki")
    group.command("ca", epilog='Example: eflowprov certs ca --out pki --organization "Example Works"')(ca)
    certs_device.register(group)
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
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Make a root and an issuing authority.

    Their private keys are encrypted with a passphrase of at least 12 characters, asked for on a terminal. Where
    nobody can be asked and no --passphrase-file is given, they are stored in the clear, as with --no-passphrase.
    """
    from eflowprov.workflows.identities.authority_files import create_authority

    passphrase = _new_passphrase(passphrase_file, no_passphrase)
    profile = AuthorityProfile(key_type, days, organization, intermediate=not no_intermediate)
    receipt = create_authority(out, profile, passphrase=passphrase)
    if not receipt.encrypted:
        terminal.hint(certs_text.UNPROTECTED)
    if form is options.AnswerFormat.JSON:
        terminal.result(json_text(certs_text.authority_document(receipt)))
    else:
        terminal.result(certs_text.authority_receipt(receipt))


def _new_passphrase(file: Path | None, none_wanted: bool) -> Secret | None:
    """The new authority's passphrase: from the file, asked for twice, or none."""
    from eflowprov.certs.keys import check_new_passphrase
    from eflowprov.errors import InputError
    from eflowprov.model import Secret
    from eflowprov.workflows.disk.files import read_passphrase

    if file and none_wanted:
        raise InputError("--no-passphrase", "--passphrase-file is given too", "Give one of them")
    if file:
        return read_passphrase(file)
    if none_wanted or not terminal.is_interactive():
        return None
    # Not in a variable: some tools print those with a traceback.
    return check_new_passphrase(
        Secret(typer.prompt("Passphrase for the authority's keys", hide_input=True, confirmation_prompt=True, err=True))
    )
