"""`verify` against a real OpenSSH server whose VM has an `iotedge` of its own: one connection, and the report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from tests.contract.real_sshd import RealSshd

pytestmark = pytest.mark.linux

HUB = "lab-hub.azure-devices.net"

# The lab's runtime as a program of its own: what a provisioned device with a deployment answers.
IOTEDGE = """\
#!{python}
import sys, time
sys.path.insert(0, {root!r})
from eflowprov.lab.journal import LabJournal
from eflowprov.lab.programs import LabPrograms
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.model import Assigned
journal = LabJournal()
runtime = LabRuntime(SCENARIOS["healthy"], journal, lambda request: Assigned("line4-press2", {hub!r}, "line4-press2"))
runtime.provision(None)
runtime.wait()
time.sleep({pause})
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
status, out, err = LabPrograms(runtime, journal, {{}}, "LAB").table()["iotedge"](sys.argv, root=True)
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(err)
sys.exit(status)
"""
SUDO = '#!/bin/sh\n[ "$1" = -n ] || exit 99\nshift\nexec "$@"\n'


class Vm:
    """A folder of programs that the server's sessions find first."""

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self.programs = folder / "programs"
        self.log = folder / "commands.log"
        self.programs.mkdir()
        root = str(Path(__file__).resolve().parents[2])
        self._program(
            "iotedge", IOTEDGE.format(python=sys.executable, root=root, hub=HUB, pause=pause, log=str(self.log))
        )
        self._program("sudo", SUDO)

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    @property
    def option(self) -> str:
        return f"SetEnv PATH={self.programs}:/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def vm(tmp_path: Path) -> Vm:
    return Vm(tmp_path)


@pytest.fixture
def server(sshd: str, vm: Vm, tmp_path: Path) -> Iterator[RealSshd]:
    # One line for both variables: of several SetEnv lines the first one counts (sshd_config(5)).
    with RealSshd(sshd, tmp_path, f"{vm.option} HOME={tmp_path}") as running:
        yield running


def verify(server: RealSshd, *more: str) -> int:
    key = server.folder / "client_key"
    key.write_text(server.client_key.private.reveal(), encoding="ascii")
    target = server.target()
    return run_command(
        [
            "verify",
            *("--ssh", f"127.0.0.1:{server.port}", "--ssh-user", target.user, "--ssh-key", str(key)),
            *("--known-hosts", str(server.known_hosts), "--format", "json", *more),
        ]
    )


def test_a_healthy_device_is_ready_over_one_connection(
    server: RealSshd, vm: Vm, capsys: pytest.CaptureFixture[str]
) -> None:
    status = verify(server)
    report = json.loads(capsys.readouterr().out)
    assert (status, report["verdict"]) == (0, "ready"), report["findings"]
    assert report["target"]["channel"] == "ssh"
    assert report["identity"]["hub"] == HUB
    assert server.connections() == (1, 1)
    asked = vm.log.read_text(encoding="utf-8")
    assert f"check --output json --iothub-hostname {HUB}" in asked


def test_the_outputs_that_are_saved_judge_the_same(
    server: RealSshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(server, "--save", str(tmp_path / "saved"))
    live = json.loads(capsys.readouterr().out)
    assert run_command(["verify", "--from", str(tmp_path / "saved"), "--format", "json"]) == 0
    saved = json.loads(capsys.readouterr().out)
    asked_live = {finding["id"]: finding["outcome"] for finding in live["findings"]}
    asked_saved = {finding["id"]: finding["outcome"] for finding in saved["findings"]}
    assert {id_: asked_live[id_] for id_ in asked_saved} == asked_saved
    assert saved["target"]["channel"] == "saved"


def test_commands_of_a_second_each_take_little_longer_together_than_one(sshd: str, tmp_path: Path) -> None:
    """Logs, then check with the hub's name, all else beside them: two seconds, not five."""
    slow = Vm(tmp_path, pause=1.0)
    with RealSshd(sshd, tmp_path, f"{slow.option} HOME={tmp_path}") as running:
        begin = time.monotonic()
        assert verify(running) == 0
        assert time.monotonic() - begin < 4.0  # generous: five in a row would take at least 5 s


def test_an_unknown_host_key_is_refused_and_pinned_on_purpose(
    server: RealSshd, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "eflowprov.workflows.vm.connections.WINDOW_S", 0.0
    )  # three connections, and nothing blocks them
    fresh = tmp_path / "fresh" / "known_hosts"
    assert verify(server, "--channel", "ssh", "--known-hosts", str(fresh)) == 3
    assert "--accept-new-host-key" in capsys.readouterr().err
    assert verify(server, "--channel", "ssh", "--known-hosts", str(fresh), "--accept-new-host-key") == 0
    assert verify(server, "--channel", "ssh", "--known-hosts", str(fresh)) == 0
