"""The simulated VM: its files, its runtime, its shell. Both the SSH server and the stand-in cmdlets lead into it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError
from eflowprov.lab.journal import LabJournal
from eflowprov.lab.mini_shell import run_shell
from eflowprov.lab.programs import LabPrograms
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.scenarios import Scenario
from eflowprov.model import CommandResult
from eflowprov.transports.dps import RegistrationRequest

NAME = "LAB-EFLOW"
ADDRESS = "127.0.0.1"
_CONFIG = "/etc/aziot/config.toml"
_NOT_RUNNING = "iotedge service not running after provisioning, please investigate manually"

Where = Callable[[dict[str, str], Path, Path], RegistrationRequest]


class LabVm:
    """One VM of one scenario. `folder` gets what the VM has on disk; `where` makes the registration out of the
    cmdlet's settings, since the lab's DPS is not at the global endpoint."""

    def __init__(self, scenario: Scenario, folder: Path, where: Where) -> None:
        self._scenario = scenario
        self._folder = folder
        self._where = where
        self._journal = LabJournal()
        self._files: dict[str, bytes] = {}
        self.runtime = LabRuntime(scenario, self._journal)
        self._programs = LabPrograms(self.runtime, self._journal, self._files, NAME).table()
        self._provisioning = threading.Lock()

    def shell(self, text: str) -> CommandResult:
        """Run a shell text as the VM would; a VM that does not answer ends without an exit status."""
        if not self._scenario.vm_answers:
            return CommandResult((text,), None, b"", b"connect to host port 22: Connection timed out", 0.0)
        return run_shell(text, self._programs)

    def provision(self, settings: dict[str, str]) -> str | None:
        """Take a configuration and start the services with it; a text when they cannot even start."""
        with self._provisioning:
            certificate = settings["identityCert"].encode()
            key = settings["identityPrivKey"].encode()
            cert_file, key_file = (
                self._store(settings["identityCertPath"], certificate),
                self._store(settings["identityPrivKeyPath"], key),
            )
            if not _usable(certificate, key):
                return _NOT_RUNNING
            self._files[_CONFIG] = _config(settings).encode()
            self.runtime.provision(self._where(settings, cert_file, key_file))
        return None

    def has(self, path: str) -> bool:
        """Whether the file is there: `rm` takes it away again."""
        return path in self._files

    def state(self) -> dict[str, str]:
        return {
            "name": NAME,
            "power": "Running",
            "address": ADDRESS,
            "iotedge": "1.5.21",
            "moby": "24.0.9",
            "kernel": "6.6.64",
        }

    def _store(self, path: str, data: bytes) -> Path:
        """Keep a file of the VM on disk, where the registration needs it."""
        self._files[path] = data
        place = self._folder / Path(path).name
        place.write_bytes(data)
        return place


def _usable(certificate: bytes, key: bytes) -> bool:
    """identityd needs a device's certificate with its own key; with a CA's its services do not come up
    (iotedge-eflow#135)."""
    try:
        bundle = read_bundle("identity certificate", certificate, key=key)
    except EflowprovError:
        return False
    return bool(bundle.key_matches) and not bundle.certificates[0].is_ca


def _config(settings: dict[str, str]) -> str:
    """The provisioning section as the cmdlet writes it; JSON's strings are TOML's basic strings."""
    quoted = {name: json.dumps(settings.get(name, "")) for name in settings}
    return (
        "[provisioning]\n"
        'source = "dps"\n'
        f'global_endpoint = "https://{settings.get("globalEndpoint") or "global.azure-devices-provisioning.net"}"\n'
        f"id_scope = {quoted['scopeId']}\n\n"
        "[provisioning.attestation]\n"
        'method = "x509"\n'
        f'identity_cert = "file://{settings["identityCertPath"]}"\n'
        f'identity_pk = "file://{settings["identityPrivKeyPath"]}"\n'
    )
