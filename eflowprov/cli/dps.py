"""`dps`: would DPS take this device?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eflowprov.cli import dps_service, options, terminal
from eflowprov.model import Assigned, Outcome

if TYPE_CHECKING:
    from eflowprov.workflows.register import Registered

_ENDPOINT = "global.azure-devices-provisioning.net"
_TIMEOUT_S = 120.0  # an allocation can take a minute
_EXAMPLE = (
    "Example: eflowprov dps register --scope-id 0ne00112233 "
    "--cert out/line4-press2/line4-press2.chain.pem --key out/line4-press2/line4-press2.key.pem"
)


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The Device Provisioning Service.", epilog=_EXAMPLE)
    group.command("register", epilog=_EXAMPLE)(register_once)
    dps_service.register(group)
    app.add_typer(group, name="dps")


def register_once(
    scope_id: options.ScopeId,
    cert: Annotated[Path, typer.Option(metavar="FILE", help="The certificate chain, leaf first, PEM.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The leaf's private key, PEM.")],
    registration_id: Annotated[
        str, typer.Option("--registration-id", metavar="ID", help="Default: the leaf's common name.")
    ] = "",
    endpoint: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="The DPS endpoint; port 8883 (MQTT).")
    ] = _ENDPOINT,
    endpoint_ca: Annotated[
        Path | None, typer.Option("--endpoint-ca", metavar="FILE", help="PEM; the only CA to trust for the endpoint.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds for the whole attempt.")] = _TIMEOUT_S,
    passphrase_file: Annotated[
        Path | None, typer.Option("--key-passphrase-file", metavar="F", help="The key's passphrase, in one line.")
    ] = None,
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Register this device with DPS from this machine, for real.

    DPS makes the device in its hub when it accepts. Prints hub and device ID, or why DPS refused: its own error code,
    message and tracking ID, the usual cause and the way out. Status 0 assigned, 1 refused, 3 no answer.
    """
    from eflowprov.workflows.register import DeviceRegistration, register_device

    terminal.progress(f"registering with {endpoint}")
    done = register_device(
        DeviceRegistration(
            scope_id=scope_id,
            cert=cert,
            key=key,
            registration_id=registration_id,
            endpoint=endpoint,
            endpoint_ca=endpoint_ca,
            passphrase_file=passphrase_file,
            timeout_s=timeout,
        )
    )
    terminal.result(_json(done) if format_ is options.AnswerFormat.JSON else _console(done))
    raise typer.Exit(_STATUS[done.finding.outcome])


_STATUS = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.ERROR: 3}


def _console(done: Registered) -> str:
    """What a technician reads: the outcome, DPS's own words, what to do."""
    answer = _answer(done)
    title = "assigned" if answer["status"] == "assigned" else "refused"
    lines = [f"{title}: {answer['registration_id']}"]
    lines += [f"  {label + ':':<13}{answer[name]}" for name, label in _LABELS.items() if answer.get(name)]
    if done.finding.outcome is not Outcome.PASS:
        lines += ["", done.finding.detail, f"What to do: {done.finding.remedy}"]
    return "\n".join(lines)


_LABELS = {
    "hub": "hub",
    "device_id": "device ID",
    "http_status": "HTTP status",
    "error_code": "error code",
    "message": "message",
    "tracking_id": "tracking ID",
}


def _json(done: Registered) -> str:
    """The answer and the finding about it, as one document."""
    finding = done.finding
    told = {"id": finding.id, "outcome": finding.outcome.value, "detail": finding.detail, "remedy": finding.remedy}
    return json.dumps({**_answer(done), "finding": told}, indent=2, ensure_ascii=True)


def _answer(done: Registered) -> dict[str, Any]:
    """DPS's answer by field, `status` first: assigned or refused."""
    status = "assigned" if isinstance(done.registration, Assigned) else "refused"
    return {"status": status, **dataclasses.asdict(done.registration)}
