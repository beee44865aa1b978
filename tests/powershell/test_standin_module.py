"""The lab's stand-in module in a real PowerShell: end to end, and the same answers as the played PowerShell gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession
from eflowprov.lab.cmdlets import PARAMETERS, EflowCmdlets
from eflowprov.lab.control import ControlServer
from eflowprov.lab.played_powershell import lab_environment, lab_powershell
from eflowprov.model import CommandResult

pytestmark = pytest.mark.powershell

_PLAYED = (sys.executable, "-m", "eflowprov.lab.played_powershell")


class FakeVm:
    """A LabVmPort that keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.provisioned: list[dict[str, str]] = []
        self.result = CommandResult((), 0, "one\n\nGr\u00fc\u00dfe \u20ac\n".encode(), b"", 0.0)
        self.failure: str | None = None

    def shell(self, text: str) -> CommandResult:
        self.texts.append(text)
        return self.result

    def provision(self, settings: dict[str, str]) -> str | None:
        self.provisioned.append(settings)
        return self.failure

    def has(self, path: str) -> bool:
        return True

    def state(self) -> dict[str, str]:
        return {"name": "LAB-EFLOW", "power": "Running", "address": "172.27.120.111", "iotedge": "1.5.21"}


@pytest.fixture
def vm() -> FakeVm:
    return FakeVm()


@pytest.fixture
def environ(vm: FakeVm, powershell: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    server = ControlServer(EflowCmdlets(vm))
    server.start(tmp_path / "lab.json")
    yield lab_environment(os.environ | {"EFLOWPROV_POWERSHELL": powershell}, tmp_path / "lab.json")
    server.stop()


@pytest.fixture
def host(environ: dict[str, str]) -> EflowHost:
    """The stand-in module in the real PowerShell."""
    found = lab_powershell(environ)
    assert found.kind == "real", "the stand-in module does not load"
    return EflowHost(PowerShellSession(found.command, environ), found.module)


@pytest.fixture
def played(environ: dict[str, str]) -> EflowHost:
    return EflowHost(PowerShellSession(_PLAYED, environ))


def test_the_cmdlets_answer_as_the_played_ones_do(host: EflowHost, played: EflowHost) -> None:
    for name in ("Get-EflowVmName", "Get-EflowVm", "Verify-EflowVm"):
        real, other = host.call(name), played.call(name)
        assert real.error == other.error == ""
        assert [record.stream for record in real.records] == [record.stream for record in other.records]
        assert [text.replace(" ", "") for text in real.output] == [text.replace(" ", "") for text in other.output]


def test_the_address_comes_through_with_its_host_lines(host: EflowHost) -> None:
    answer = host.call("Get-EflowVmAddr")
    assert answer.output == ("00:15:5d:4e:15:2c", "172.27.120.111")
    assert [record.stream for record in answer.records] == ["host"] * 4 + ["output"] * 2
    assert host.vm_address() == "172.27.120.111"


def test_a_command_arrives_and_its_lines_come_back(host: EflowHost, vm: FakeVm) -> None:
    text = 'echo "it\'s" $(id) `id` \u2019 \u20ac \0 -x\r\n' + "y" * 10_000
    answer = host.call("Invoke-EflowVmCommand", {"command": text}, optional_switches=["ignoreError"])
    assert (answer.error, answer.output) == ("", ("one", "", "Gr\u00fc\u00dfe \u20ac"))
    assert vm.texts == [text]


def test_a_failed_command_throws_unless_told_to_ignore_it(host: EflowHost, vm: FakeVm) -> None:
    vm.result = CommandResult((), 1, b"out\n", b"why", 0.0)
    thrown = host.call("Invoke-EflowVmCommand", {"command": "x"})
    assert thrown.output == () and thrown.error.startswith("ssh  failed to execute [why]")
    kept = host.call("Invoke-EflowVmCommand", {"command": "x"}, ["ignoreError"])
    assert (kept.output, kept.error) == (("out",), "")


def test_provisioning_takes_the_files_and_returns_ok_or_the_failure(
    host: EflowHost, vm: FakeVm, tmp_path: Path
) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    (folder / "leaf.cert.pem").write_text("CERT", encoding="utf-8")
    (folder / "leaf.key.pem").write_text("KEY", encoding="utf-8")
    arguments = {
        "provisioningType": "DpsX509",
        "scopeId": "0ne00112233",
        "identityCertPath": str(folder / "leaf.cert.pem"),
        "identityPrivKeyPath": str(folder / "leaf.key.pem"),
    }
    answer = host.provision(arguments, ["headless"], 90)
    assert (answer.output, answer.error) == (("OK",), "")
    assert (vm.provisioned[0]["identityCert"], vm.provisioned[0]["identityPrivKey"]) == ("CERT", "KEY")
    again = host.provision(arguments, ["headless"], 90)
    assert again.output[0].startswith("scp  failed to execute [scp: /home/iotedge-user/certs/leaf.cert.pem")
    assert any(record.stream == "host" and record.text.endswith("at line 3689") for record in again.records)


def test_the_module_has_the_parameters_and_the_binder_guards_them(host: EflowHost) -> None:
    assert set(PARAMETERS["Provision-EflowVm"]) <= set(host.provision_parameters())
    refused = host.provision({"provisioningType": "x509"}, [], 90)
    assert refused.error_id == "ParameterArgumentValidationError,Provision-EflowVm"
    unknown = host.provision({"identityPrivateKey": "x"}, [], 90)
    assert unknown.error_id == "NamedParameterNotFound,Provision-EflowVm"


def test_the_host_facts_ask_the_cmdlets(host: EflowHost) -> None:
    facts = host.host_facts(90)
    assert (facts.vm_exists, facts.vm_power_state, facts.vm_address) == (True, "Running", "172.27.120.111")


def test_a_lab_that_is_gone_is_an_error_of_the_cmdlet(host: EflowHost, tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{}", encoding="ascii")
    assert "no lab answers" in host.call("Get-EflowVmName").error
