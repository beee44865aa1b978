"""`dps enroll`, `dps unenroll`, `dps status`, `dps verify-ca`: the service side of DPS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import dps_service_options as flags
from eflowprov.cli import dps_service_text as text
from eflowprov.cli import options, terminal
from eflowprov.errors import InputError

if TYPE_CHECKING:
    from eflowprov.model import EnrollmentKind, Finding, Secret
    from eflowprov.transports.dps_service import DpsService
    from eflowprov.workflows.enrolling.azure_cli import Place, Shell
    from eflowprov.workflows.enrolling.enroll import EnrollmentRequest, Found

_INDIVIDUAL = "Example: eflowprov dps enroll individual --cert out/line4-press2/line4-press2.leaf.pem"
_GROUP = "Example: eflowprov dps enroll group --group-id line4 --ca pki/issuing.ca.cert.pem"


def register(group: typer.Typer) -> None:
    """Add the commands to the group `dps`."""
    enroll = typer.Typer(help="Have an enrollment made in DPS, or changed.", epilog=_INDIVIDUAL)
    enroll.command("individual", epilog=_INDIVIDUAL)(enroll_individual)
    enroll.command("group", epilog=_GROUP)(enroll_group)
    group.add_typer(enroll, name="enroll")
    group.command("unenroll", epilog="Example: eflowprov dps unenroll line4-press2")(unenroll)
    group.command("status", epilog="Example: eflowprov dps status line4-press2")(status)
    group.command(
        "verify-ca", epilog="Example: eflowprov dps verify-ca --ca pki --name plant-root --dps-name plant --emit az"
    )(verify_ca)


@dataclass(frozen=True, slots=True)
class _Way:
    """The flags about how: to the service, or as a script."""

    connection_string_file: Path | None
    endpoint_ca: Path | None
    proxy: str
    timeout: float
    emit: flags.Emit | None = None
    dps_name: str = ""
    resource_group: str = ""

    def service(self) -> DpsService:
        from eflowprov.workflows.enrolling.access import service_access
        from eflowprov.workflows.enrolling.enroll import ServiceSettings, open_service

        settings = ServiceSettings(self.connection_string_file, self.endpoint_ca, self.proxy, self.timeout)
        ask = _ask_secret if terminal.is_interactive() else None
        return open_service(settings, os.environ, service_access(self.connection_string_file, os.environ, ask))

    def place(self) -> Place:
        from eflowprov.workflows.enrolling.azure_cli import Place

        return Place(self.dps_name, self.resource_group)

    def shell(self) -> Shell:
        from eflowprov.workflows.enrolling.azure_cli import Shell

        return Shell((self.emit or flags.Emit.AZ).value)


def enroll_individual(
    cert: Annotated[Path, typer.Option(metavar="FILE", help="The device's certificate or chain; its CN is the ID.")],
    slot: flags.SlotName = flags.Slot.PRIMARY,
    edge: flags.Edge = True,
    device_id: Annotated[
        str, typer.Option("--device-id", metavar="ID", help="Device ID in the hub; else the registration ID.")
    ] = "",
    hub: flags.Hub = "",
    yes: flags.Yes = False,
    emit: flags.EmitForm = None,
    dps_name: flags.DpsName = "",
    resource_group: flags.ResourceGroup = "",
    connection_string_file: flags.ConnectionFile = None,
    endpoint_ca: flags.EndpointCa = None,
    proxy: flags.Proxy = "",
    timeout: flags.Timeout = flags.SERVICE_S,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Have DPS let one device in, by its own certificate.

    An enrollment that is there already and the same is left alone; one that differs is shown and changed after a
    question. Status 0 done, 1 DPS refused, 3 no answer.
    """
    from eflowprov.model import EnrollmentKind
    from eflowprov.workflows.enrolling.enroll import EnrollmentRequest

    request = EnrollmentRequest(EnrollmentKind.INDIVIDUAL, cert, "", slot.value, edge, device_id, hub)
    way = _Way(connection_string_file, endpoint_ca, proxy, timeout, emit, dps_name, resource_group)
    _enroll(request, way, yes=yes, form=format_)


def enroll_group(
    group_id: Annotated[str, typer.Option("--group-id", metavar="ID", help="The group's name in DPS.")],
    ca: Annotated[Path, typer.Option(metavar="FILE", help="The issuing CA's certificate, or the root's; PEM.")],
    slot: flags.SlotName = flags.Slot.PRIMARY,
    edge: flags.Edge = True,
    hub: flags.Hub = "",
    yes: flags.Yes = False,
    emit: flags.EmitForm = None,
    dps_name: flags.DpsName = "",
    resource_group: flags.ResourceGroup = "",
    connection_string_file: flags.ConnectionFile = None,
    endpoint_ca: flags.EndpointCa = None,
    proxy: flags.Proxy = "",
    timeout: flags.Timeout = flags.SERVICE_S,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Have DPS let in every device whose certificate an authority issued.

    The authority's certificate becomes the group's signing certificate. Otherwise as for an individual enrollment.
    """
    from eflowprov.model import EnrollmentKind
    from eflowprov.workflows.enrolling.enroll import EnrollmentRequest

    request = EnrollmentRequest(EnrollmentKind.GROUP, ca, group_id, slot.value, edge, "", hub)
    way = _Way(connection_string_file, endpoint_ca, proxy, timeout, emit, dps_name, resource_group)
    _enroll(request, way, yes=yes, form=format_)


def unenroll(
    id_: flags.Id,
    group: flags.Group = False,
    yes: flags.Yes = False,
    emit: flags.EmitForm = None,
    dps_name: flags.DpsName = "",
    resource_group: flags.ResourceGroup = "",
    connection_string_file: flags.ConnectionFile = None,
    endpoint_ca: flags.EndpointCa = None,
    proxy: flags.Proxy = "",
    timeout: flags.Timeout = flags.SERVICE_S,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Delete a device's registration record and its individual enrollment, or with --group an enrollment group.

    The device in its hub stays and can connect until it is deleted there. Status 0 done or nothing to do, 1 refused.
    """
    from eflowprov.workflows.enrolling.azure_cli import unenroll_script
    from eflowprov.workflows.enrolling.enroll import checked_id
    from eflowprov.workflows.enrolling.status import remove_enrollment

    kind = _kind(group)
    checked_id(kind, id_)
    way = _Way(connection_string_file, endpoint_ca, proxy, timeout, emit, dps_name, resource_group)
    if emit is not None:
        terminal.result(unenroll_script(kind, id_, way.place(), way.shell()))
        return
    service = way.service()
    done = remove_enrollment(
        service, kind, id_, lambda: yes or _confirm(f"Delete {kind} enrollment {id_} from {service.where}?")
    )
    _end(format_, text.removal_document(kind, id_, done), done.refusal)


def status(
    id_: flags.Id,
    group: flags.Group = False,
    connection_string_file: flags.ConnectionFile = None,
    endpoint_ca: flags.EndpointCa = None,
    proxy: flags.Proxy = "",
    timeout: flags.Timeout = flags.SERVICE_S,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Show the enrollment, and the device's registration: hub, status, last update, error.

    Status 0 when the device is assigned by a good enrollment (a group: when it lets devices in), 1 when not, 3 no
    answer.
    """
    from eflowprov.workflows.enrolling.enroll import checked_id
    from eflowprov.workflows.enrolling.status import read_status

    kind = _kind(group)
    checked_id(kind, id_)
    service = _Way(connection_string_file, endpoint_ca, proxy, timeout).service()
    terminal.progress(f"asking {service.where}")
    found = read_status(service, kind, id_)
    in_json = format_ is options.AnswerFormat.JSON
    told = text.as_json(text.status_document(found)) if in_json else text.status_text(found, terminal.width())
    terminal.result(told)
    raise typer.Exit(0 if found.is_good else 1)


def verify_ca(
    ca: Annotated[Path, typer.Option(metavar="DIR", help="The authority's folder, made by certs ca.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The certificate's name in DPS.")],
    by: Annotated[
        flags.Signer, typer.Option(help="Which of the folder's authorities DPS is to trust.")
    ] = flags.Signer.ROOT,
    emit: flags.EmitForm = None,
    dps_name: flags.DpsName = "",
    resource_group: flags.ResourceGroup = "",
) -> None:
    """Print the script that uploads a CA certificate to DPS, fetches the code, has the proof signed here, and verifies.

    DPS keeps CA certificates in Azure's control plane, where a connection string has no rights: only the script can do
    it, with the Azure CLI's own login. An enrollment group with the issuing CA's certificate needs none of this.
    """
    from eflowprov.workflows.enrolling.azure_cli import verify_ca_script
    from eflowprov.workflows.enrolling.enroll import authority_certificate

    if emit is None:
        why = "CA certificates are kept in Azure's control plane, where a connection string has no rights"
        raise InputError("dps verify-ca", why, "Add --emit az for a script that does it with the Azure CLI's login")
    way = _Way(None, None, "", flags.SERVICE_S, emit, dps_name, resource_group)
    certificate = authority_certificate(ca, by.value)
    terminal.result(verify_ca_script(certificate, name, ca.absolute(), by.value, way.place(), way.shell()))


# ------------------------------------------------------------------------------------------------------- its pieces


def _enroll(request: EnrollmentRequest, way: _Way, *, yes: bool, form: options.AnswerFormat) -> None:
    from eflowprov.workflows.enrolling.azure_cli import enroll_script
    from eflowprov.workflows.enrolling.enroll import make_enrollment, wanted_enrollment

    wanted = wanted_enrollment(request)
    if way.emit is not None:
        terminal.result(enroll_script(wanted, way.place(), way.shell()))
        return
    service = way.service()
    terminal.progress(f"asking {service.where} for the {wanted.kind} enrollment {wanted.id}")
    done = make_enrollment(
        service, wanted, lambda found: yes or _agree(found, service.where), "Give --yes to have it changed"
    )
    if note := text.edge_note(done):
        terminal.hint(note)
    _end(form, text.enrolled_document(done, service.where), done.finding)


def _agree(found: Found, where: str) -> bool:
    """Show a person what would be changed, and ask."""
    if terminal.is_interactive():
        terminal.hint(text.differences_text(found, where))
    return _confirm("Change it?")


def _end(form: options.AnswerFormat, document: text.Document, finding: Finding | None) -> None:
    """Print how it ended; status 1 when DPS refused."""
    from eflowprov.model import Outcome

    in_json = form is options.AnswerFormat.JSON
    terminal.result(text.as_json(document) if in_json else text.result_text(document, finding, terminal.width()))
    if finding is not None and finding.outcome is not Outcome.PASS:
        raise typer.Exit(1)


def _kind(group: bool) -> EnrollmentKind:
    from eflowprov.model import EnrollmentKind

    return EnrollmentKind.GROUP if group else EnrollmentKind.INDIVIDUAL


def _confirm(question: str) -> bool:
    """Ask on a terminal; without one, nobody can say yes."""
    return terminal.is_interactive() and typer.confirm(question, err=True)


def _ask_secret() -> Secret:
    from eflowprov.model import Secret

    return Secret(typer.prompt("Connection string of the DPS", hide_input=True, err=True))
