"""Every way into a VM as one fixture, `wire`. To add one: a fixture `wire_over_NAME`, and NAME in WIRES."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest

from eflowprov.bridge.cmdlet_channel import CmdletChannel
from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession
from eflowprov.bridge.vm_command import unwrap, wrap
from eflowprov.lab.cmdlets import EflowCmdlets
from eflowprov.lab.control import ControlServer
from eflowprov.lab.mini_shell import run_shell
from eflowprov.lab.played_powershell import LabPowerShell, lab_environment
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.model import CommandResult, Secret, VmChannel
from eflowprov.transports import hvsocket
from eflowprov.transports.ssh import SshTarget, open_ssh
from tests.contract.probe import probe
from tests.contract.real_sshd import RealSshd
from tests.contract.relays import UnixRelay, hvsocket_target, make_hvc

PROBE_FILE = Path(__file__).with_name("probe.py")
PROCESS = (sys.executable, "-I", "-S", str(PROBE_FILE))  # without site: starts in a few milliseconds
PROGRAMS = {"probe": probe}


@dataclass(frozen=True)
class Wire:
    """An open channel, and the words that call the probe program (tests/contract/probe.py) over it."""

    channel: VmChannel
    probe: tuple[str, ...]

    def run(self, *words: str, timeout_s: float = 20.0, cap: int = 16 * 2**20) -> CommandResult:
        """Let the probe do `words`."""
        return self.channel.run((*self.probe, *words), timeout_s=timeout_s, cap=cap)


PARALLEL_WIRES = [
    pytest.param("sshd", marks=pytest.mark.linux),
    pytest.param("unix_socket", marks=pytest.mark.linux),
    pytest.param("pipe_child", marks=pytest.mark.linux),
    "lab",
    pytest.param("wrapped_in_sh", marks=pytest.mark.linux),
    "wrapped_in_mini_shell",
]
# The cmdlets take one call after the other: each makes an SSH connection of its own, and the VM blocks an address
# after three a minute.
WIRES = [
    *PARALLEL_WIRES,
    "played_powershell",
    pytest.param("powershell", marks=[pytest.mark.linux, pytest.mark.powershell]),
]


@pytest.fixture(params=PARALLEL_WIRES)
def parallel_wire(request: pytest.FixtureRequest) -> Wire:
    """The probe over each transport that runs commands at once."""
    found: Wire = request.getfixturevalue(f"wire_over_{request.param}")
    return found


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    """The probe over each transport in turn."""
    found: Wire = request.getfixturevalue(f"wire_over_{request.param}")
    return found


@pytest.fixture(scope="session")
def real_sshd(sshd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    """An OpenSSH server for all tests that do not break it."""
    with RealSshd(sshd, tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def wire_over_sshd(real_sshd: RealSshd) -> Iterator[Wire]:
    channel = open_ssh(real_sshd.target())
    yield Wire(channel, PROCESS)
    channel.close()


@pytest.fixture
def wire_over_unix_socket(
    real_sshd: RealSshd, unix_relay: UnixRelay, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Wire]:
    """As over AF_HYPERV: a socket that is no TCP, blocking calls alone."""
    monkeypatch.setattr(hvsocket, "connect_native", unix_relay.connect)
    monkeypatch.setattr(hvsocket.socket, "AF_HYPERV", 34, raising=False)
    channel = open_ssh(hvsocket_target(real_sshd))
    yield Wire(channel, PROCESS)
    channel.close()


@pytest.fixture
def wire_over_pipe_child(real_sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """As over `hvc.exe nc`: a child process that carries the bytes."""
    monkeypatch.setenv(hvsocket.VARIABLE, str(make_hvc(tmp_path, real_sshd.port)))
    channel = open_ssh(hvsocket_target(real_sshd))
    yield Wire(channel, PROCESS)
    channel.close()


@pytest.fixture(scope="session")
def unix_relay(real_sshd: RealSshd) -> Iterator[UnixRelay]:
    with UnixRelay(real_sshd.port) as relay:
        yield relay


@pytest.fixture(scope="session")
def lab_server() -> Iterator[tuple[LabSshServer, Secret]]:
    """The lab's SSH server, and the key that it lets in."""
    key = make_key_pair()
    with LabSshServer(partial(run_shell, programs=PROGRAMS), client_key_public=key.public) as server:
        yield server, key.private


@pytest.fixture
def wire_over_lab(lab_server: tuple[LabSshServer, Secret], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    server, key = lab_server
    known_hosts = tmp_path_factory.mktemp("lab") / "known_hosts"
    known_hosts.write_text(server.host_key_line + "\n", encoding="ascii")
    channel = open_ssh(SshTarget("127.0.0.1", key, known_hosts, port=server.port))
    yield Wire(channel, ("probe",))
    channel.close()


class PlayedCmdlet:
    """A channel that hands the command text of `vm_command` to a shell, as `Invoke-EflowVmCommand` does."""

    name = "cmdlet"
    vm = "played"

    def __init__(self, shell: Callable[[str], bytes]) -> None:
        self._shell = shell

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 16 * 2**20) -> CommandResult:
        nonce = uuid.uuid4().hex
        printed = self._shell(wrap(argv, nonce=nonce, timeout_s=timeout_s, cap=cap))
        return unwrap(printed.decode("ascii").splitlines(), nonce=nonce, argv=argv, duration_s=0.0)

    def close(self) -> None:
        pass


def _real_shell(text: str) -> bytes:
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, check=True, timeout=60)
    assert ran.stderr == b"", "the cmdlet would take this for an error"
    return ran.stdout


@pytest.fixture
def wire_over_wrapped_in_sh() -> Wire:
    return Wire(PlayedCmdlet(_real_shell), PROCESS)


@pytest.fixture
def wire_over_wrapped_in_mini_shell() -> Wire:
    return Wire(PlayedCmdlet(lambda text: run_shell(text, PROGRAMS).stdout), ("probe",))


class ShellOnlyVm:
    """The lab's VM as far as `Invoke-EflowVmCommand` needs it: a shell."""

    def __init__(self, shell: Callable[[str], CommandResult]) -> None:
        self.shell = shell

    def provision(self, settings: dict[str, str]) -> str | None:
        raise NotImplementedError("nothing is provisioned here")

    def has(self, path: str) -> bool:
        return True

    def state(self) -> dict[str, str]:
        return {"name": "CONTRACT-EFLOW", "power": "Running", "address": "127.0.0.1"}


@contextmanager
def cmdlet_channel(
    folder: Path, shell: Callable[[str], CommandResult], powershell: LabPowerShell
) -> Iterator[CmdletChannel]:
    """The product's own channel: PowerShell as a process, the stand-in cmdlets, and `shell` as the VM's."""
    control = ControlServer(EflowCmdlets(ShellOnlyVm(shell)))
    control.start(folder / "control.json")
    try:
        environ = lab_environment(os.environ, folder / "control.json")
        yield CmdletChannel(EflowHost(PowerShellSession(powershell.command, environ), powershell.module))
    finally:
        control.stop()


@pytest.fixture
def wire_over_played_powershell(tmp_path: Path) -> Iterator[Wire]:
    command = (sys.executable, "-m", "eflowprov.lab.played_powershell")
    with cmdlet_channel(
        tmp_path, partial(run_shell, programs=PROGRAMS), LabPowerShell(command, "AzureEFLOW", "played")
    ) as one:
        yield Wire(one, ("probe",))


@pytest.fixture
def wire_over_powershell(tmp_path: Path, powershell: str) -> Iterator[Wire]:
    """A real PowerShell, and a real shell behind the stand-in cmdlet."""

    def shell(text: str) -> CommandResult:
        ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, check=False, timeout=60)
        return CommandResult((text,), ran.returncode, ran.stdout, ran.stderr, 0.0)

    module = str(files("eflowprov.lab") / "AzureEFLOW" / "AzureEFLOW.psm1")
    with cmdlet_channel(tmp_path, shell, LabPowerShell((powershell,), module, "real")) as one:
        yield Wire(one, PROCESS)
