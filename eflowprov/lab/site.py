"""A started lab as a technician uses it: what its folder holds, and the commands to copy."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.literals import single_quoted
from eflowprov.bridge.session import PowerShellSession
from eflowprov.errors import EflowprovError, InputError
from eflowprov.lab import control
from eflowprov.lab.host import LabHost
from eflowprov.lab.machine import CONTROL, SCOPE_ID, LabMachine
from eflowprov.lab.played_powershell import lab_environment, lab_powershell
from eflowprov.lab.scenarios import Scenario

DEVICE = "line4-press2"  # the registration ID of the simulated device
CONFIG, CONNECTION, MACHINE, PKI = "lab.toml", "dps.txt", "machine", "pki"
_WRITTEN = "# Written by `eflowprov lab start`; the next start writes it anew."


@dataclass(frozen=True, slots=True)
class Started:
    """The two ways to a lab that runs in another process: its cmdlets, and the name that reports have for them."""

    host: EflowHost
    label: str


def started_lab(environ: Mapping[str, str]) -> Started:
    """The lab that the variable `control.VARIABLE` names. TransportError when it does not run (any more)."""
    file = Path(environ[control.VARIABLE])
    control.call("Get-EflowVmName", {}, file)
    own = lab_environment(environ, file)
    played = lab_powershell(own)
    session = PowerShellSession(played.command, own)
    kind = LabHost if played.kind == "real" else EflowHost
    return Started(kind(session, played.module), f"lab ({played.kind} PowerShell)")


@contextmanager
def machine_folder(folder: Path) -> Iterator[Path]:
    """The machine's own folder in that of a lab: empty at first, this user's alone, gone afterwards.

    InputError when a lab runs there, or when something else has one of a lab's names.
    """
    config, machine = folder / CONFIG, folder / MACHINE
    if config.exists() and not config.read_text("utf-8", "replace").startswith(_WRITTEN):
        raise InputError(str(config), "it is no lab's", "Choose another folder with --output")
    if machine.exists():
        _refuse_running(machine)
        shutil.rmtree(machine)  # of a lab that was killed
    machine.mkdir(mode=0o700, parents=True)
    try:
        yield machine
    finally:
        shutil.rmtree(machine, ignore_errors=True)


def _refuse_running(machine: Path) -> None:
    if not (machine / CONTROL).is_file():
        if not any(machine.iterdir()):
            return
        raise InputError(str(machine), "it is no lab's", "Choose another folder with --output")
    try:
        control.call("Get-EflowVmName", {}, machine / CONTROL)
    except EflowprovError:
        return
    raise InputError(str(machine.parent), "a lab runs there already", "Use that one, or choose another --output")


def _identity(scenario: Scenario) -> tuple[str, str]:
    """The certificate and the key that the scenario's technician gives."""
    if scenario.identity == "ca":
        return f"{PKI}/issuing-chain.pem", f"{PKI}/private/issuing.ca.key.pem"
    return f"out/{DEVICE}/{DEVICE}.chain.pem", f"out/{DEVICE}/{DEVICE}.key.pem"


def site_config(machine: LabMachine, folder: Path, scenario: Scenario) -> str:
    """The configuration file of `run` for the machine; paths are relative to `folder`, where it belongs."""
    issued = [f'ca = "{PKI}"', 'out = "out"']
    cert, key = _identity(scenario)
    mistaken = [f'cert = "{cert}"', f'key = "{key}"']

    def near(path: Path) -> str:
        return json.dumps(path.relative_to(folder).as_posix())  # JSON's strings are TOML's basic strings

    return "\n".join(
        [
            _WRITTEN,
            "",
            "[identity]",
            f'registration_id = "{DEVICE}"',
            *(mistaken if scenario.identity == "ca" else issued),
            "",
            "[dps]",
            f'scope_id = "{SCOPE_ID}"',
            f'endpoint = "{machine.dps_endpoint}"',
            f"endpoint_ca = {near(machine.dps_ca)}",
            "register = true",
            "",
            "# [enroll]                  # makes an individual enrollment, beside the group's or where there is none",
            '# kind = "individual"',
            f'# connection_string_file = "{CONNECTION}"',
            f"# endpoint_ca = {near(machine.dps_ca)}",
            "",
            "[vm]",
            f'ssh = "{machine.ssh}"',
            f"ssh_key = {near(machine.ssh_key)}",
            f"known_hosts = {near(machine.known_hosts)}",
            "",
            "[report]",
            'output = "report"',
            "",
        ]
    )


def commands(machine: LabMachine, folder: Path, scenario: Scenario, *, windows: bool = os.name == "nt") -> str:
    """What to copy into another terminal: in PowerShell's words on Windows, elsewhere in a POSIX shell's."""
    quote: Callable[[str], str] = single_quoted if windows else shlex.quote
    address = quote(str(folder / MACHINE / CONTROL))
    set_variable = f"$env:{control.VARIABLE} = {address}" if windows else f"export {control.VARIABLE}={address}"
    change = "cd -LiteralPath" if windows else "cd"  # in a plain path, [ and ] are a pattern for PowerShell
    chain, key = _identity(scenario)
    identity = f"--scope-id {SCOPE_ID} --cert {chain} --key {key}"
    dps_ca = machine.dps_ca.relative_to(folder).as_posix()
    ssh = (
        f"--ssh {machine.ssh} --ssh-key {machine.ssh_key.relative_to(folder).as_posix()}"
        f" --known-hosts {machine.known_hosts.relative_to(folder).as_posix()}"
    )
    service = f"--connection-string-file {CONNECTION} --endpoint-ca {dps_ca}"
    blocks: Sequence[tuple[str, Sequence[str]]] = (
        ("In another terminal:", (f"{change} {quote(str(folder))}", set_variable)),
        (
            "All in one, and back:",
            (
                "eflowprov host check",
                f"eflowprov run --config {CONFIG} --dry-run",
                f"eflowprov run --config {CONFIG}",
                f"eflowprov verify {ssh}",
                f"eflowprov deprovision --config {CONFIG}",
            ),
        ),
        (
            "Or step by step:",
            (
                f"eflowprov certs device {DEVICE} --ca {PKI} --out out",
                f"eflowprov dps register {identity} --endpoint {machine.dps_endpoint} --endpoint-ca {dps_ca}",
                f"eflowprov provision {identity} {ssh}",
                "eflowprov verify --channel cmdlet",
            ),
        ),
        (
            "The service side of DPS:",
            (
                f"eflowprov dps enroll individual --cert out/{DEVICE}/{DEVICE}.leaf.pem {service}",
                f"eflowprov dps status {DEVICE} {service}",
                f"eflowprov dps unenroll {DEVICE} {service}",
            ),
        ),
    )
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in blocks)
