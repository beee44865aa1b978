"""A machine made of plain objects, for tests of the workflows: a VM without a wire, a host without PowerShell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession
from eflowprov.lab.host import LabHost
from eflowprov.lab.journal import LabJournal
from eflowprov.lab.programs import LabPrograms
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.model import Assigned, CmdletAnswer, CmdletRecord, CommandResult, HostFacts, Refused, Registration
from eflowprov.transports.dps import RegistrationRequest
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.issue import issue_identities

DEVICE = "line4-press2"
HUB = "lab-hub.azure-devices.net"
SCOPE = "0ne00000001"
PARAMETERS = (
    *("provisioningType", "scopeId", "registrationId", "identityCertPath", "identityPrivKeyPath"),
    *("globalEndpoint", "headless", "Verbose"),
)
NOT_PROVISIONED = (1, b"", b"cat: /etc/aziot/config.toml: No such file or directory\n")
PROVISIONED = (0, b'[provisioning]\nsource = "dps"\nid_scope = "0neOLD"\n', b"")

HOME = "/home/iotedge-user"
CONFIG = "/etc/aziot/config.toml"


def configuration(scope_id: str, cert: str, key: str) -> bytes:
    """A config.toml as the cmdlet writes it."""
    return (
        f'[provisioning]\nsource = "dps"\nid_scope = "{scope_id}"\n[provisioning.attestation]\nmethod = "x509"\n'
        f'identity_cert = "file://{cert}"\nidentity_pk = "file://{key}"\n'
    ).encode()


T = TypeVar("T")
Printed = tuple[int | None, bytes, bytes]
Answer = Printed | Exception | Callable[[], Printed]


class FakeVm:
    """A `model.VmChannel` into the lab's programs, without a wire.

    `answers` replaces what a command prints, by the words that it begins with; `delays` are seconds for a command.
    `asked` holds every command, without `sudo -n`; `at_once` how many ran at the same time at most.
    """

    name = "ssh"
    vm = "vm.test:22"

    def __init__(self, scenario: str = "healthy", answers: Mapping[str, Answer] | None = None) -> None:
        self.journal = LabJournal()
        self.runtime = LabRuntime(SCENARIOS[scenario], self.journal, self._enroll)
        self.registration: Registration = Assigned(DEVICE, HUB, DEVICE)
        self.answers: dict[str, Answer] = dict(answers or {})
        self.files: dict[str, bytes] = {}  # the VM's own, by path
        self.delays: dict[str, float] = {}
        self.asked: list[tuple[str, ...]] = []
        self.at_once = 0
        self.closed = threading.Event()
        self._programs = LabPrograms(self.runtime, self.journal, self.files, "VM").table()
        self._running = 0
        self._lock = threading.Lock()

    def start(self) -> FakeVm:
        """Have the services registered and running."""
        self.runtime.provision(RegistrationRequest(SCOPE, DEVICE, Path("cert"), Path("key")))
        self.runtime.wait()
        return self

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 0) -> CommandResult:
        words = tuple(argv[2:] if list(argv[:2]) == ["sudo", "-n"] else argv)
        with self._lock:
            self.asked.append(words)
            self._running += 1
            self.at_once = max(self.at_once, self._running)
        started = time.monotonic()
        try:
            cut = self.closed.wait(min(self._for(words, self.delays, 0.0), timeout_s))
            answer = self._for(words, self.answers, None) or self._programs[words[0]](words, root=True)
            if isinstance(answer, Exception):
                raise answer
            status, out, err = answer() if callable(answer) else answer
            if cut or self._for(words, self.delays, 0.0) > timeout_s:
                status, out = None, b""
            note = "" if status is not None else "no end in time"
            return CommandResult(tuple(argv), status, out, err, time.monotonic() - started, note)
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        self.closed.set()

    def commands(self, begins: str) -> list[tuple[str, ...]]:
        """The commands asked for that begin so."""
        return [words for words in self.asked if " ".join(words).startswith(begins)]

    def _enroll(self, _request: RegistrationRequest) -> Registration:
        return self.registration

    @staticmethod
    def _for(words: tuple[str, ...], table: Mapping[str, T], default: T) -> T:
        text = " ".join(words)
        fitting = [key for key in table if text.startswith(key)]
        return table[max(fitting, key=len)] if fitting else default


REFUSED = Refused(DEVICE, 401, 401002, "CA certificate not found.", "tracking")


class FakeHost(EflowHost):
    """The cmdlets without PowerShell: Provision-EflowVm starts the services of `vm` and returns `returned`."""

    def __init__(self, vm: FakeVm, *, parameters: Sequence[str] = PARAMETERS) -> None:
        super().__init__(PowerShellSession(("no-such-program",)))
        self.parameters = tuple(parameters)
        self.facts: HostFacts = LabHost(PowerShellSession(("no-such-program",))).host_facts(1.0)
        self.returned: tuple[CmdletRecord, ...] = (CmdletRecord("output", "OK"),)
        self.error: BaseException | None = None
        self.calls: list[Mapping[str, str]] = []
        self.switches: tuple[str, ...] = ()
        self.seen: dict[str, bytes] = {}
        self._vm = vm

    def host_facts(self, timeout_s: float = 1.0) -> HostFacts:
        return self.facts

    def provision_parameters(self, timeout_s: float = 1.0) -> tuple[str, ...]:
        return self.parameters

    def provision(self, arguments: Mapping[str, str], switches: Sequence[str], timeout_s: float) -> CmdletAnswer:
        self.calls.append(dict(arguments))
        self.switches = tuple(switches)
        paths = [Path(value) for value in arguments.values() if value.endswith(".pem")]
        self.seen = {path.name: path.read_bytes() for path in paths}
        self.folder = paths[0].parent
        if self.error is not None:
            raise self.error
        if self.returned[-1].text == "OK":
            self.take(arguments["scopeId"], *paths)
        return CmdletAnswer(self.returned)

    def take(self, scope_id: str, cert: Path, key: Path) -> None:
        """What a cmdlet that works does in the VM: files copied under their names, configuration, services."""
        places = {cert: f"{HOME}/certs/{cert.name}", key: f"{HOME}/private/{key.name}"}
        self._vm.files |= {place: path.read_bytes() for path, place in places.items()}
        self._vm.files[CONFIG] = configuration(scope_id, *places.values())
        self._vm.start()


@dataclass(frozen=True)
class Files:
    """An authority on disk and one device's identity from it."""

    ca: Path
    out: Path
    chain: Path
    key: Path
    serial: str


def make_files(folder: Path, device: str = DEVICE) -> Files:
    """Issue them with the product's own code."""
    authority = create_authority(folder / "pki")
    (issued,) = issue_identities([device], ca=authority.folder, out=folder / "out")
    return Files(authority.folder, folder / "out", issued.chain, issued.key, issued.certificate.serial)
