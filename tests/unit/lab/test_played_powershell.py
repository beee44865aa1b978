"""The played PowerShell takes what the bridge gives to a real one, and nothing else; over it, the whole cmdlet path."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.envelope import open_envelope, request_line, text_param
from eflowprov.bridge.session import PowerShellSession, read_script
from eflowprov.errors import CmdletError
from eflowprov.lab.control import ControlServer, Record
from eflowprov.lab.played_powershell import lab_environment, lab_powershell, play
from eflowprov.transports.powershell import powershell_command

NONCE = "n1"
REQUEST = request_line(
    read_script("describe-cmdlet"), {"module": text_param("AzureEFLOW"), "name": "Get-EflowVm"}, NONCE
)


def arguments(script: str | None = None) -> list[str]:
    return list(powershell_command((), read_script("bootstrap") if script is None else script))


def test_the_bridges_own_command_line_and_request_are_played() -> None:
    played = play(arguments(), REQUEST)
    assert (played.status, played.stderr) == (0, b"")
    assert open_envelope(played.stdout, NONCE).answer["ok"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        [*arguments()[:-2], "-Command", arguments()[-1]],
        ["-ExecutionPolicy", "Bypass", *arguments()],
        arguments()[1:],
        arguments("Remove-Item x"),
        [*arguments()[:-1], "no base64"],
        [],
    ],
)
def test_another_command_line_fails_without_an_answer(wrong: list[str]) -> None:
    played = play(wrong, REQUEST)
    assert (played.status, played.stdout) == (1, b"")
    assert played.stderr


@pytest.mark.parametrize(
    "wrong",
    [b"", b"{", b"[]\n", b"{}\n", b"\xff\n", request_line("param($p) 'mine'", {}, NONCE), REQUEST + REQUEST],
)
def test_another_script_or_request_fails_without_an_answer(wrong: bytes) -> None:
    played = play(arguments(), wrong)
    assert (played.status, played.stdout) == (1, b"")
    assert played.stderr


def test_a_script_is_known_by_its_text_to_the_last_character() -> None:
    changed = read_script("describe-cmdlet") + " "
    params = {"module": text_param("AzureEFLOW"), "name": "Get-EflowVm"}
    assert play(arguments(), request_line(changed, params, NONCE)).status == 1


class Lab:
    """A control server that answers with prepared records and keeps what was asked."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.asked: list[tuple[str, dict[str, object]]] = []

    def __call__(self, name: str, args: dict[str, object]) -> list[Record]:
        self.asked.append((name, args))
        return self.records


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def host(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EflowHost]:
    """The real bridge over the played process, whatever PowerShell this machine has."""
    monkeypatch.setenv("EFLOWPROV_POWERSHELL", str(tmp_path / "none"))
    server = ControlServer(lab)
    server.start(tmp_path / "lab.json")
    environ = lab_environment(os.environ, tmp_path / "lab.json")
    found = lab_powershell(environ)
    assert (found.kind, found.command[0]) == ("played", sys.executable)
    yield EflowHost(PowerShellSession(found.command, environ), found.module)
    server.stop()


def test_hostile_values_arrive_in_the_lab_as_they_are(host: EflowHost, lab: Lab) -> None:
    value = "'; $(calc) `n \u2019 \" \0 -x\r\n" + "x" * 10_000
    host.call("Invoke-EflowVmCommand", {"command": value}, optional_switches=["ignoreError", "noSuchSwitch"])
    assert lab.asked == [("Invoke-EflowVmCommand", {"command": value, "ignoreError": True})]


def test_records_come_back_by_stream_and_those_before_a_throw_are_kept(host: EflowHost, lab: Lab) -> None:
    lab.records = [
        {"stream": "host", "text": "h"},
        {"stream": "warning", "text": "w"},
        {"stream": "output", "text": "2026-11-22T05:10:11Z"},
        {"stream": "object", "text": '{"a": 1}'},
        {"stream": "throw", "text": "ssh  failed to execute []"},
    ]
    answer = host.call("Get-EflowVm")
    assert [(record.stream, record.is_json) for record in answer.records] == [
        ("host", False),
        ("warning", False),
        ("output", False),
        ("output", True),
    ]
    assert answer.output == ("2026-11-22T05:10:11Z", '{"a": 1}')
    assert answer.error == "ssh  failed to execute []"


def test_an_unknown_parameter_is_the_binders_error(host: EflowHost, lab: Lab) -> None:
    assert host.provision({"identityPrivateKey": "x"}, [], 20).error_id == "NamedParameterNotFound,Provision-EflowVm"
    wrong_type = host.provision({"provisioningType": "x509"}, [], 20)
    assert wrong_type.error_id == "ParameterArgumentValidationError,Provision-EflowVm"
    assert lab.asked == []


def test_the_facts_are_a_stand_ins_and_say_so(host: EflowHost, lab: Lab) -> None:
    lab.records = [{"stream": "object", "text": '{"VmPowerState": "Running"}'}]
    facts = host.host_facts(20)
    assert (facts.computer, facts.vm_power_state, facts.problems) == ("EFLOWPROV-LAB", "Running", ())
    lab.records = [{"stream": "throw", "text": "EFLOW VM is OFF!"}]
    assert host.host_facts(20).problems == ("Get-EflowVm: EFLOW VM is OFF!",)


def test_a_lab_that_is_gone_is_an_error_of_the_cmdlet(host: EflowHost, tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{}", encoding="ascii")
    assert "no lab answers" in host.call("Get-EflowVm").error


def test_another_module_is_not_installed_here(host: EflowHost) -> None:
    other = EflowHost(host._session, "AzureEFLOW2")
    with pytest.raises(CmdletError, match="the module AzureEFLOW2 is not installed"):
        other.call("Get-EflowVm")


def test_the_lab_environment_reaches_both_kinds(tmp_path: Path) -> None:
    environ = lab_environment({"PYTHONPATH": "own", "PATH": "p"}, tmp_path / "lab.json")
    assert environ["PYTHONPATH"].split(os.pathsep)[1:] == ["own"]
    assert (Path(environ["PYTHONPATH"].split(os.pathsep)[0]) / "eflowprov" / "lab").is_dir()
    assert (environ["EFLOWPROV_LAB"], environ["EFLOWPROV_LAB_PYTHON"]) == (str(tmp_path / "lab.json"), sys.executable)
    assert environ["PATH"] == "p"


def test_the_bootstrap_is_short_enough_for_a_windows_command_line() -> None:
    """CreateProcess takes 32,767 characters; cmd.exe, through which remote shells may go, 8,191."""
    assert len(read_script("bootstrap")) < 3000
    assert len(base64.b64decode(arguments()[-1])) == 2 * len(read_script("bootstrap"))
    assert sum(map(len, arguments())) < 8000
