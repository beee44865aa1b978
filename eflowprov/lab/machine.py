"""The simulated machine: a DPS, a VM with its SSH server, and the EFLOW cmdlets, all on loopback."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession
from eflowprov.certs.reading import read_bundle
from eflowprov.lab.cmdlets import EflowCmdlets
from eflowprov.lab.control import ControlServer, Record
from eflowprov.lab.dps import Enrollment, LabDps
from eflowprov.lab.dps_enrollments import EnrollmentBook
from eflowprov.lab.dps_service_api import LabDpsService
from eflowprov.lab.host import LabHost
from eflowprov.lab.played_powershell import lab_environment, lab_powershell
from eflowprov.lab.scenarios import Scenario
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.lab.vm import ADDRESS, LabVm
from eflowprov.model import CommandResult, Secret
from eflowprov.transports.dps import RegistrationRequest
from eflowprov.transports.shell import TETHER

SCOPE_ID = "0ne00000001"
HUB = "lab-hub.azure-devices.net"
CONTROL = "control.json"
_REGISTRATION_S = 30.0
_NO_PORT = 1  # tcpmux, which nobody serves: a connection to it is refused at once


class LabMachine:
    """One machine for one scenario; a context manager. Inside it, the attributes tell how to reach it.

    `folder` (of this run alone) gets the SSH key, the pinned host key and what the VM holds. `enrolled_ca` is the PEM
    certificate of the authority whose enrollment group DPS has, unless the scenario says that it has none. `tell` is
    told what the machine is asked, a line each, from any thread.
    """

    def __init__(
        self, scenario: Scenario, folder: Path, *, enrolled_ca: str, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._scenario = scenario
        self._folder = folder
        self._tell = tell
        book = EnrollmentBook([Enrollment(enrolled_ca)] if scenario.enrolled else [])
        self._dps = LabDps(book.entries, scope_id=SCOPE_ID, hub=HUB, tell=tell)
        self._service = LabDpsService(book, lambda: self._dps.registrations, tell=tell)
        self._vm = LabVm(scenario, folder, self._registration)
        self._stack = ExitStack()
        self.ssh_key = folder / "id_ed25519"
        self.known_hosts = folder / "known_hosts"
        self.dps_ca = folder / "dps-ca.pem"
        self.dps_endpoint = ""
        self.ssh = f"{ADDRESS}:{_NO_PORT}"

    def __enter__(self) -> LabMachine:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def label(self) -> str:
        """The report's `target.host`: what was played, and by what."""
        if self._powershell.kind == "real":
            return "lab (stand-in AzureEFLOW module in a real PowerShell)"
        return "lab (stand-in AzureEFLOW cmdlets in a played powershell.exe, since no PowerShell was found)"

    @property
    def connection_string(self) -> Secret:
        """All rights to the service side of this machine's DPS, whose HTTPS `dps_ca` lets trust too."""
        return self._service.connection_string()

    def eflow_host(self) -> EflowHost:
        """The EFLOW cmdlets of this machine, through the product's own bridge."""
        session = PowerShellSession(self._powershell.command, self._environ)
        kind = LabHost if self._powershell.kind == "real" else EflowHost
        return kind(session, self._powershell.module)

    def _start(self, stack: ExitStack) -> None:
        stack.enter_context(self._dps)
        self.dps_endpoint = f"localhost:{self._dps.port}"
        stack.enter_context(self._service)
        self.dps_ca.write_text(self._dps.server_ca_pem + self._service.server_ca_pem, encoding="ascii")
        stack.callback(self._vm.runtime.wait)
        self._start_ssh(stack)
        cmdlets = EflowCmdlets(self._vm)
        control = ControlServer(lambda name, args: self._cmdlet(cmdlets, name, args))
        address_file = self._folder / CONTROL
        control.start(address_file)
        stack.callback(control.stop)
        self._environ = lab_environment(os.environ, address_file)
        self._powershell = lab_powershell(self._environ)

    def _start_ssh(self, stack: ExitStack) -> None:
        """The VM's SSH server, its key for us, and its host key pinned beforehand, as on a host that was there
        before."""
        pair = make_key_pair()
        self.ssh_key.write_text(pair.private.reveal(), encoding="ascii", newline="\n")
        if not self._scenario.vm_answers:
            return  # `ssh` stays at a port that nobody serves
        server = stack.enter_context(LabSshServer(self._shell, client_key_public=pair.public))
        self.known_hosts.write_text(server.host_key_line + "\n", encoding="ascii", newline="\n")
        self.ssh = f"{ADDRESS}:{server.port}"

    def _shell(self, text: str) -> CommandResult:
        self._tell(f"VM over SSH: {text.replace(f'{TETHER} eflowprov ', '')}")  # it would hide the command
        return self._vm.shell(text)

    def _cmdlet(self, cmdlets: EflowCmdlets, name: str, args: dict[str, object]) -> list[Record]:
        self._tell(f"cmdlet {name}")
        return cmdlets(name, args)

    def _registration(self, settings: dict[str, str], cert_file: Path, key_file: Path) -> RegistrationRequest:
        """The device's registration with this machine's DPS, whatever endpoint the cmdlet was given."""
        names = read_bundle(str(cert_file), cert_file.read_bytes()).certificates[0].common_names
        return RegistrationRequest(
            scope_id=settings["scopeId"],
            registration_id=settings.get("registrationId") or next(iter(names), ""),
            cert_file=cert_file,
            key_file=key_file,
            endpoint="localhost",
            port=self._dps.port,
            server_ca=self._dps.server_ca_pem,
            timeout_s=_REGISTRATION_S,
        )
