"""`certs device`: identities for one device and for thousands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.certs.profiles import MAX_DAYS, KeyType, LeafProfile
from eflowprov.cli import certs_text, options, terminal
from eflowprov.cli.certs_options import Form, Organization, PassphraseFile
from eflowprov.cli.progress import progress_bar, told_when_interrupted
from eflowprov.errors import InputError, StorageError
from eflowprov.workflows.identities.issue import MAX_JOBS
from eflowprov.workflows.identities.layouts import Layout
from eflowprov.workflows.identities.registration_ids import FaultyListError

if TYPE_CHECKING:
    from eflowprov.model import Secret
    from eflowprov.workflows.identities.issued import IdentityReceipt

_LEAF = LeafProfile()  # what is left out on the command line
_IN_ONE_LINE, _IN_ALL = (
    10,
    500,
)  # faults of a list: so many stand in the error's own line, so many in lines of their own


def register(group: typer.Typer) -> None:
    group.command(
        "device",
        epilog="Example: eflowprov certs device line4-press2 --ca pki --out out\n\n"
        "Example: eflowprov certs device --ids-file devices.csv --ca pki --out out",
    )(device)


def device(
    ca: Annotated[Path, typer.Option(metavar="DIR", help="The authority's folder, as 'certs ca' made it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Each identity gets a folder of its ID's name in it.")],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Registration IDs, one for each device.")
    ] = None,
    ids_file: Annotated[
        Path | None,
        typer.Option(
            metavar="F",
            help="A file of registration IDs, one on each line, or a CSV with a column registration_id, device_id or "
            "id; - reads standard input.",
        ),
    ] = None,
    key_type: Annotated[KeyType, typer.Option(help="Type of the devices' keys.")] = _LEAF.key_type,
    days: Annotated[
        int, typer.Option(min=1, max=MAX_DAYS, metavar="N", help="Days of validity, at most the authority's.")
    ] = _LEAF.days,
    layout: Annotated[
        Layout, typer.Option(help="File names: our own, or those of the demo scripts certGen.sh and ca-certs.ps1.")
    ] = Layout.EFLOWPROV,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_JOBS, metavar="N", help="Threads that make keys; RSA alone gains by them, and uses all."
        ),
    ] = None,
    organization: Organization = "",
    renew: Annotated[
        bool, typer.Option("--renew", help="Issue anew what is there; the old files are moved aside and kept.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Issue one identity for each registration ID. One that is there, complete and valid is kept.

    A run that was stopped goes on where it was. identities.csv and identities.json in --out name every identity there
    with its serial number, thumbprints, dates and files.
    """
    from eflowprov.workflows.identities.issue import issue_identities
    from eflowprov.workflows.identities.summary import refuse_summary_names, write_summary

    receipts: list[IdentityReceipt] = []
    try:
        wanted = _wanted(ids or [], ids_file)
        refuse_summary_names(wanted)
        with progress_bar() as watch, told_when_interrupted(receipts, f"of {len(wanted)} identities are in {out}"):
            issued = issue_identities(
                wanted,
                ca=ca,
                out=out,
                profile=LeafProfile(key_type, days, organization),
                layout=layout,
                renew=renew,
                needs_key=False,
                jobs=jobs,
                passphrase_file=passphrase_file,
                ask=_ask if terminal.is_interactive() else None,
                watch=watch,
            )
            receipts.extend(issued)
    except FaultyListError as error:
        raise _told(error) from error
    try:
        summary = write_summary(out, layout, receipts)
    except StorageError as error:  # a spreadsheet that has the last one open, say
        why = f"{error.why}; the identities themselves are whole in {out}"
        raise StorageError(error.where, why, error.next_step) from error
    if receipts[0].test_only:
        terminal.hint(certs_text.TEST_ONLY)
    if any(one.exposed for one in receipts):
        terminal.hint(certs_text.EXPOSED)
    if form is options.AnswerFormat.JSON:
        for piece in certs_text.identities_json(receipts, summary):
            terminal.result(piece)
    else:
        terminal.result(certs_text.identity_receipts(receipts, summary, all_of_them=terminal.SETTINGS.verbose))


def _wanted(ids: list[str], ids_file: Path | None) -> tuple[str, ...]:
    """All IDs, of the command line and of the file; InputError for what is wrong with any of them."""
    from eflowprov.workflows.identities.ids_file import read_ids_file
    from eflowprov.workflows.identities.registration_ids import ListedId, check_listed

    listed = [ListedId(one) for one in ids]
    if ids_file is not None:
        listed += read_ids_file(ids_file, sys.stdin.buffer)
    if not listed:
        raise InputError("certs device", "no registration ID is given", "Name them, or give --ids-file")
    return check_listed(listed)


def _told(error: FaultyListError) -> InputError:
    """Many faults get a line each, before the line that counts them; a few stand in that line."""
    if len(error.faults) <= _IN_ONE_LINE:
        return error
    for fault in error.faults[:_IN_ALL]:
        terminal.say_error(InputError(fault.where, fault.why, fault.next_step))
    return error.counted()


def _ask() -> Secret:
    from eflowprov.model import Secret

    return Secret(typer.prompt("Passphrase of the authority's key", hide_input=True, err=True))
