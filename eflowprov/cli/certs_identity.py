"""`certs request`, `import`, `proof`, `export`, `renew` and `list`: one identity's life after or beside issuing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.bridge.cmdlet_call import DEFAULT_ENDPOINT
from eflowprov.certs.profiles import MAX_DAYS, KeyType, LeafProfile
from eflowprov.cli import certs_identity_text, certs_text, options, terminal
from eflowprov.cli.certs_options import Form, Organization, PassphraseFile, json_text
from eflowprov.cli.progress import progress_bar, told_when_interrupted

if TYPE_CHECKING:
    from eflowprov.errors import EflowprovError
    from eflowprov.model import Secret
    from eflowprov.workflows.identities.certificate_export import Exported
    from eflowprov.workflows.identities.passphrases import Ask
    from eflowprov.workflows.identities.renewal import Renewed

_DUE = 1
_WIDEST = 10_000  # columns of a file or a pipe, which hold any table
_LEAF = LeafProfile()


class SignerName(StrEnum):
    ROOT = "root"
    ISSUING = "issuing"


class ExportForm(StrEnum):
    PFX = "pfx"
    ESF = "esf"
    EFLOW = "eflow"


class EnrollmentName(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"


Out = Annotated[Path, typer.Option(metavar="DIR", help="Where the files go; nothing in it is overwritten.")]
Within = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Due when it ends within this time (30d, 12h, 6w), not after 66 % of its life."),
]


def register(group: typer.Typer) -> None:
    """Add these commands to `certs`."""
    group.command("request", epilog="Example: eflowprov certs request line4-press2 --out out")(request)
    group.command(
        "import",
        epilog="Example: eflowprov certs import --cert answer.p7b "
        "--key out/line4-press2/line4-press2.key.pem --out out",
    )(import_)
    group.command("proof", epilog="Example: eflowprov certs proof 106A5BC5BC2D1B1B --ca pki --by issuing --out proofs")(
        proof
    )
    group.command("export", epilog="Example: eflowprov certs export out/line4-press2 --to pfx --out export")(export)
    group.command("renew", epilog="Example: eflowprov certs renew out --ca pki")(renew)
    group.command("list", epilog="Example: eflowprov certs list out --within 30d")(list_)


def request(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Registration IDs, one for each device.")],
    out: Out,
    key_type: Annotated[KeyType, typer.Option(help="Type of the devices' keys.")] = _LEAF.key_type,
    organization: Organization = "",
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Make a key and a certificate request (PKCS#10) for a corporate authority. The key never leaves this machine."""
    from eflowprov.workflows.identities.certificate_requests import request_certificates

    receipts = request_certificates(ids, out=out, profile=LeafProfile(key_type, organization=organization))
    _hint_exposed(receipts[0].key)
    _tell(form, certs_identity_text.requests_document(receipts), certs_identity_text.requests_text(receipts))


def import_(
    out: Out,
    cert: Annotated[
        list[Path],
        typer.Option(metavar="F", help="What the authority answered: PEM, DER, PKCS#7 or PFX; may be given again."),
    ],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[F...]", help="More files like --cert's.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="F", help="The request's private key, or a PFX with it.")] = None,
    registration_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The device that it must be for; else its common name says.")
    ] = None,
    enrollment: Annotated[
        EnrollmentName | None,
        typer.Option(help="The kind of enrollment that is planned; an individual one needs the leaf alone."),
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Take the place of what is there; the old files are moved aside and kept.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Check a corporate authority's answer, put it in order and lay it out as an identity of our own.

    The private key says which certificate is the device's; the others may stand in any order and in several files.
    """
    from eflowprov.workflows.identities.certificate_import import import_identity

    receipt = import_identity(
        [*cert, *(more or [])],
        key,
        out=out,
        registration_id=registration_id,
        enrollment=enrollment.value if enrollment else None,
        renew=renew,
        passphrase_file=passphrase_file,
        ask=_asking(),
    )
    _hint_exposed(receipt.files.key)
    for line in certs_identity_text.import_hints(receipt):
        terminal.hint(line)
    _tell(form, certs_identity_text.import_document(receipt), certs_identity_text.import_text(receipt))


def proof(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The verification code that DPS or IoT Central shows.")],
    ca: Annotated[Path, typer.Option(metavar="DIR", help="The authority's folder, as 'certs ca' made it.")],
    out: Out,
    by: Annotated[
        SignerName | None,
        typer.Option(help="The certificate that is to be verified; the issuing one unless there is none."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Sign the proof of possession for a CA certificate that was uploaded: its common name is exactly the code."""
    from eflowprov.workflows.identities.certificate_proof import prove_possession

    receipt = prove_possession(
        code, ca=ca, out=out, by=by.value if by else None, passphrase_file=passphrase_file, ask=_asking()
    )
    _tell(form, certs_identity_text.proof_document(receipt), certs_identity_text.proof_text(receipt))


def export(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="An identity's folder, or its certificates and key.")
    ],
    to: Annotated[ExportForm, typer.Option(help="Whom it is for.")],
    out: Out,
    password_file: Annotated[
        Path | None, typer.Option(metavar="F", help="pfx: a file whose one line is the new PFX's password.")
    ] = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="pfx: 3DES and SHA-1, for Windows before 10 1709 and Server 2019.")
    ] = False,
    scope_id: Annotated[str | None, typer.Option(metavar="S", help="esf: the ID scope, 0ne….")] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="H", help=f"esf: instead of {DEFAULT_ENDPOINT}.")] = None,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Give one identity the form that Windows' store, an ESF gateway or Provision-EflowVm takes.

    The password of a PFX is asked for twice, or read from --password-file; --passphrase-file opens what is given.
    """
    from eflowprov.workflows.identities.certificate_export import export_eflow, export_esf, export_pfx, load_identity

    _refuse_misplaced(to, pfx=password_file is not None or legacy, esf=scope_id is not None or endpoint is not None)
    got = load_identity(files, passphrase_file=passphrase_file, ask=_asking())
    match to:
        case ExportForm.PFX:
            exported = export_pfx(got, out, lambda: _new_password(password_file), legacy=legacy)
        case ExportForm.ESF:
            exported = export_esf(got, out, scope_id=scope_id or "", endpoint=endpoint or DEFAULT_ENDPOINT)
        case ExportForm.EFLOW:
            exported = export_eflow(got, out)
    _tell_export(exported, form)


def renew(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of 'certs device'.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Only these devices.")] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The authority that issued them; needed for every renewal.")
    ] = None,
    within: Within = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MAX_DAYS, metavar="N", help="Days of validity; else as the old one's.")
    ] = None,
    keep_key: Annotated[bool, typer.Option("--keep-key", help="Keep the old private key.")] = False,
    discard_old: Annotated[
        bool,
        typer.Option("--discard-old", help="Renew nothing; remove the old identities, once the devices have the new."),
    ] = False,
    passphrase_file: PassphraseFile = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """Renew what is due: same subject, new key, same authority. The old identity is moved aside and kept.

    What is not due stays as it is. The old ones go with --discard-old, when you say so.
    """
    from eflowprov.errors import InputError
    from eflowprov.workflows.identities.identity_list import span
    from eflowprov.workflows.identities.renewal import RenewalPlan, renew_identities
    from eflowprov.workflows.identities.renewal import discard_old as discard

    time = span(within) if within is not None else None
    if discard_old:
        removed, errors = discard(folder, ids or ())
        _tell(form, certs_identity_text.discard_document(removed), certs_identity_text.discard_text(removed))
        _tell_errors(errors)
        return
    if ca is None:
        raise InputError("--ca", "the authority's folder is needed to renew", "Give it, as 'certs ca' made it")
    plan = RenewalPlan(folder, ca, tuple(ids or ()), time, days, keep_key)
    results: list[Renewed] = []
    with progress_bar() as watch, told_when_interrupted(results, f"identities in {folder} have been dealt with"):
        results.extend(renew_identities(plan, passphrase_file=passphrase_file, ask=_asking(), watch=watch))
    for one in [one for one in results if one.is_renewed][:1]:  # the same for all on one disk
        _hint_exposed(one.files.key)
    if any(one.test_only for one in results):
        terminal.hint(certs_text.TEST_ONLY)
    _tell(form, certs_identity_text.renewals_document(results), certs_identity_text.renewals_text(results, folder))
    _tell_errors([one.error for one in results if one.error])


def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of 'certs device' or 'certs ca'.")],
    within: Within = None,
    form: Form = options.AnswerFormat.CONSOLE,
) -> None:
    """List identities and authorities with the days they have left.

    Exit status 1 when something is due, 2 when something cannot be used.
    """
    from eflowprov.workflows.identities.identity_list import list_identities, span

    listed = list_identities(folder, within=span(within) if within is not None else None)
    text = certs_identity_text.list_text(listed, folder, terminal.width() if sys.stdout.isatty() else _WIDEST)
    _tell(form, certs_identity_text.list_document(folder, listed), text)
    _tell_errors([one.error for one in listed if one.error])
    raise typer.Exit(_DUE if any(one.is_due for one in listed) else 0)


def _tell(form: options.AnswerFormat, document: object, text: str) -> None:
    terminal.result(json_text(document) if form is options.AnswerFormat.JSON else text)


def _tell_errors(errors: Sequence[EflowprovError]) -> None:
    """One line on standard error for each, and the gravest status: the others have been shown."""
    for error in errors:
        terminal.say_error(error)
    if errors:
        raise typer.Exit(max(error.exit_status for error in errors))


def _tell_export(exported: Exported, form: options.AnswerFormat) -> None:
    _hint_exposed(exported.secret)
    for line in certs_identity_text.export_hints(exported):
        terminal.hint(line)
    _tell(form, certs_identity_text.export_document(exported), certs_identity_text.export_text(exported))


def _hint_exposed(key: Path) -> None:
    """FAT and some shares keep no file from anybody."""
    from eflowprov.workflows.disk.file_access import read_access

    access = read_access(key)
    if access is not None and access.readers:
        terminal.hint(certs_text.EXPOSED)


def _refuse_misplaced(to: ExportForm, *, pfx: bool, esf: bool) -> None:
    """A flag that would do nothing is a misunderstanding."""
    from eflowprov.errors import InputError

    if pfx and to is not ExportForm.PFX:
        raise InputError("--password-file and --legacy", f"they say nothing about --to {to}", "Leave them out")
    if esf and to is not ExportForm.ESF:
        raise InputError("--scope-id and --endpoint", f"they say nothing about --to {to}", "Leave them out")


def _asking() -> Ask | None:
    """The question for the passphrase of a file, when somebody is there to answer it."""
    return _ask if terminal.is_interactive() else None


def _ask(source: str) -> Secret:
    from eflowprov.model import Secret

    return Secret(typer.prompt(f"Passphrase of {source}", hide_input=True, err=True))


def _new_password(file: Path | None) -> Secret:
    from eflowprov.errors import InputError
    from eflowprov.model import Secret
    from eflowprov.workflows.disk.files import read_passphrase

    if file is not None:
        return read_passphrase(file)
    if not terminal.is_interactive():
        raise InputError("password of the PFX", "nobody is there to be asked for it", "Give --password-file")
    return Secret(typer.prompt("Password for the PFX", hide_input=True, confirmation_prompt=True, err=True))
