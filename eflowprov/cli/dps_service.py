"""`dps enroll`, `dps unenroll`, `dps status`, `dps verify-ca`: the service side of DPS."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal
from eflowprov.errors import InputError

if TYPE_CHECKING:
    from eflowprov.model import EnrollmentKind, Finding, Secret
    from eflowprov.transports.dps_service import DpsService
    from eflowprov.workflows.enrolling.azure_cli import Place, Shell
    from eflowprov.workflows.enrolling.enroll import Enrolled, EnrollmentRequest, Found
    from eflowprov.workflows.enrolling.status import Status

_SERVICE_S = 60.0


class Slot(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"


class Emit(StrEnum):
    """A script in place of the deed: for bash, or for PowerShell."""

    AZ = "az"
    AZ_POWERSHELL = "az-powershell"


class Signer(StrEnum):
    ROOT = "root"
    ISSUING = "issuing"


ConnectionFile = Annotated[
    Path | None,
    typer.Option(
        "--connection-string-file",
        metavar="F",
        help="The service's connection string; else EFLOWPROV_DPS_CONNECTION_STRING, else a question.",
    ),
]
EndpointCa = Annotated[
    Path | None, typer.Option("--endpoint-ca", metavar="FILE", help="PEM; the only CA to trust for the service.")
]
Proxy = Annotated[str, typer.Option(metavar="URL", help="http://HOST:PORT; without it, what the environment says.")]
Timeout = Annotated[float, typer.Option(metavar="S", min=0.1, max=options.DAY_S, help="Seconds for each request.")]
Yes = Annotated[bool, typer.Option("--yes", help="Change or delete what is there without asking.")]
EmitForm = Annotated[Emit | None, typer.Option("--emit", help="Print an Azure CLI script; ask and change nothing.")]
DpsName = Annotated[str, typer.Option("--dps-name", metavar="NAME", help="With --emit: the DPS's name in Azure.")]
ResourceGroup = Annotated[str, typer.Option("--resource-group", metavar="NAME", help="With --emit: where it is.")]
Edge = Annotated[bool, typer.Option("--edge/--no-edge", help="Make it an IoT Edge device, which EFLOW needs.")]
SlotName = Annotated[Slot, typer.Option(help="The certificate's place: secondary to bring in the next one.")]
Hub = Annotated[str, typer.Option(metavar="HOST", help="The hub's host name; else the service's own choice.")]
Group = Annotated[bool, typer.Option("--group", help="ID is an enrollment group.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The registration ID, or with --group the group's name.")]

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
    emit: Emit | None = None
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

        return Shell((self.emit or Emit.AZ).value)


def enroll_individual(
    cert: Annotated[Path, typer.Option(metavar="FILE", help="The device's certificate or chain; its CN is the ID.")],
    slot: SlotName = Slot.PRIMARY,
    edge: Edge = True,
    device_id: Annotated[
        str, typer.Option("--device-id", metavar="ID", help="Device ID in the hub; else the registration ID.")
    ] = "",
    hub: Hub = "",
    yes: Yes = False,
    emit: EmitForm = None,
    dps_name: DpsName = "",
    resource_group: ResourceGroup = "",
    connection_string_file: ConnectionFile = None,
    endpoint_ca: EndpointCa = None,
    proxy: Proxy = "",
    timeout: Timeout = _SERVICE_S,
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
    slot: SlotName = Slot.PRIMARY,
    edge: Edge = True,
    hub: Hub = "",
    yes: Yes = False,
    emit: EmitForm = None,
    dps_name: DpsName = "",
    resource_group: ResourceGroup = "",
    connection_string_file: ConnectionFile = None,
    endpoint_ca: EndpointCa = None,
    proxy: Proxy = "",
    timeout: Timeout = _SERVICE_S,
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
    id_: Id,
    group: Group = False,
    yes: Yes = False,
    emit: EmitForm = None,
    dps_name: DpsName = "",
    resource_group: ResourceGroup = "",
    connection_string_file: ConnectionFile = None,
    endpoint_ca: EndpointCa = None,
    proxy: Proxy = "",
    timeout: Timeout = _SERVICE_S,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Delete a device's registration record and its individual enrollment, or with --group an enrollment group.

    The device in its hub stays and can connect until it is deleted there. Status 0 done or nothing to do, 1 refused.
    """
    from eflowprov.model import ServiceRecord
    from eflowprov.workflows.enrolling.azure_cli import unenroll_script
    from eflowprov.workflows.enrolling.enroll import checked_id
    from eflowprov.workflows.enrolling.status import find, remove

    kind = _kind(group)
    checked_id(kind, id_)
    way = _Way(connection_string_file, endpoint_ca, proxy, timeout, emit, dps_name, resource_group)
    if emit is not None:
        terminal.result(unenroll_script(kind, id_, way.place(), way.shell()))
        return
    service = way.service()
    document: dict[str, object] = {"id": id_, "kind": kind.value}
    record = find(service, kind, id_)
    if not isinstance(record, ServiceRecord):
        _end(format_, {**document, "result": "refused" if record else "nothing to do"}, record)
        return
    if not (yes or _confirm(f"Delete the {kind} enrollment {id_} from {service.where}?")):
        raise InputError(service.where, f"nobody confirmed that the {kind} enrollment {id_} goes", "Give --yes")
    done = remove(service, kind, id_, record.etag)
    result = "refused" if done.refusal else "deleted"
    _end(format_, {**document, "result": result, "removed": list(done.removed)}, done.refusal)


def status(
    id_: Id,
    group: Group = False,
    connection_string_file: ConnectionFile = None,
    endpoint_ca: EndpointCa = None,
    proxy: Proxy = "",
    timeout: Timeout = _SERVICE_S,
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
    terminal.result(_status_json(found) if format_ is options.AnswerFormat.JSON else _status_console(found))
    raise typer.Exit(0 if found.is_good else 1)


def verify_ca(
    ca: Annotated[Path, typer.Option(metavar="DIR", help="The authority's folder, made by certs ca.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The certificate's name in DPS.")],
    by: Annotated[Signer, typer.Option(help="Which of the folder's authorities DPS is to trust.")] = Signer.ROOT,
    emit: EmitForm = None,
    dps_name: DpsName = "",
    resource_group: ResourceGroup = "",
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
    way = _Way(None, None, "", _SERVICE_S, emit, dps_name, resource_group)
    certificate = authority_certificate(ca, by.value)
    terminal.result(verify_ca_script(certificate, name, ca.absolute(), by.value, way.place(), way.shell()))


# ------------------------------------------------------------------------------------------------------- its pieces


def _enroll(request: EnrollmentRequest, way: _Way, *, yes: bool, form: options.AnswerFormat) -> None:
    from eflowprov.workflows.enrolling.azure_cli import enroll_script
    from eflowprov.workflows.enrolling.enroll import Enrolled, carry_out, look, wanted_enrollment

    wanted = wanted_enrollment(request)
    if way.emit is not None:
        terminal.result(enroll_script(wanted, way.place(), way.shell()))
        return
    service = way.service()
    terminal.progress(f"asking {service.where} for the {wanted.kind} enrollment {wanted.id}")
    found = look(service, wanted)
    if not isinstance(found, Enrolled):
        _agree(found, service.where, yes=yes)
        found = carry_out(service, found)
    _show_enrolled(found, service.where, form)


def _agree(found: Found, where: str, *, yes: bool) -> None:
    """Have a change of what is there confirmed. InputError when nobody does."""
    if not found.differences or yes:
        return
    told = ", ".join(map(str, found.differences))
    if terminal.is_interactive():
        terminal.hint(f"{where} has {found.wanted.id}, and it differs:")
        for each in found.differences:
            terminal.hint(f"  {each}")
    if not _confirm("Change it?"):
        raise InputError(where, f"{found.wanted.id} is there and differs ({told})", "Give --yes to have it changed")


def _show_enrolled(done: Enrolled, where: str, form: options.AnswerFormat) -> None:
    from eflowprov.workflows.enrolling.status import NO_EDGE

    changed = [{"field": each.field, "is": each.is_, "wanted": each.wanted} for each in done.differences]
    if not done.wanted.edge:
        terminal.hint("Without --edge: EFLOW's runtime cannot work as a device that is no IoT Edge device.")
    elif any(each.field == "IoT Edge device" for each in done.differences):
        terminal.hint(f"It was missing --edge. {NO_EDGE.partition(': run dps enroll again. ')[2]}")
    document: dict[str, object] = {
        "id": done.wanted.id,
        "kind": done.wanted.kind.value,
        "result": done.result or "refused",
        "service": where,
        "slot": done.wanted.slot,
        "sha1": done.wanted.sha1,
        "edge": done.wanted.edge,
        "changes": changed,
    }
    _end(form, document, done.finding)


def _end(form: options.AnswerFormat, document: dict[str, object], finding: Finding | None = None) -> None:
    """Print how it ended; status 1 when DPS refused."""
    from eflowprov.model import Outcome

    if form is options.AnswerFormat.JSON:
        terminal.result(json.dumps({**document, **_finding(finding)}, indent=2))
    else:
        terminal.result("\n".join(_lines(document, finding)))
    if finding is not None and finding.outcome is not Outcome.PASS:
        raise typer.Exit(1)


def _finding(finding: Finding | None) -> dict[str, object]:
    if finding is None:
        return {}
    told = {"id": finding.id, "outcome": finding.outcome.value, "detail": finding.detail, "remedy": finding.remedy}
    return {"finding": told}


def _lines(document: dict[str, object], finding: Finding | None) -> list[str]:
    from eflowprov.model import Outcome

    lines = [f"{document['result']}: {document['kind']} enrollment {document['id']}"]
    lines += [f"  {label + ':':<13}{document[name]}" for name, label in _LABELS.items() if document.get(name)]
    if isinstance(changes := document.get("changes"), list):
        lines += [f"  {each['field']}: {each['is']} -> {each['wanted']}" for each in changes]
    if finding is not None and finding.outcome is not Outcome.PASS:
        lines += ["", finding.detail, f"What to do: {finding.remedy}"]
    return lines


_LABELS = {"service": "service", "slot": "slot", "sha1": "SHA-1"}


def _status_console(found: Status) -> str:
    lines = [f"{found.kind} enrollment {found.id}"]
    lines += _fields(found.enrollment)
    if found.kind.value == "individual":
        lines += ["registration", *_fields(found.registration)]
    lines += ["", *found.faults] if found.faults else []
    if found.refusal is not None:
        lines += ["", found.refusal.detail, f"What to do: {found.refusal.remedy}"]
    return "\n".join(lines)


def _fields(fields: object) -> list[str]:
    if not isinstance(fields, dict):
        return ["  none"]
    return [f"  {name.replace('_', ' ') + ':':<21}{value}" for name, value in fields.items()]


def _status_json(found: Status) -> str:
    document = {
        "id": found.id,
        "kind": found.kind.value,
        "good": found.is_good,
        "enrollment": found.enrollment,
        "registration": found.registration,
        "faults": list(found.faults),
        **_finding(found.refusal),
    }
    return json.dumps(document, indent=2)


def _kind(group: bool) -> EnrollmentKind:
    from eflowprov.model import EnrollmentKind

    return EnrollmentKind.GROUP if group else EnrollmentKind.INDIVIDUAL


def _confirm(question: str) -> bool:
    """Ask on a terminal; without one, nobody can say yes."""
    return terminal.is_interactive() and typer.confirm(question, err=True)


def _ask_secret() -> Secret:
    from eflowprov.model import Secret

    return Secret(typer.prompt("Connection string of the DPS", hide_input=True, err=True))
