"""The stand-in cmdlets: what the documents and the issues show of the real ones, quirk for quirk."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from eflowprov.lab import cmdlets
from eflowprov.lab.cmdlets import PARAMETERS, PROVISIONING_TYPES, EflowCmdlets
from eflowprov.lab.control import Record
from eflowprov.model import CommandResult


class FakeVm:
    """A LabVmPort whose answers are set by the test."""

    def __init__(self) -> None:
        self.result = CommandResult((), 0, b"one\ntwo\n", b"", 0.0)
        self.failure: str | None = None
        self.power = "Running"
        self.provisioned: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.removed: set[str] = set()

    def shell(self, text: str) -> CommandResult:
        self.texts.append(text)
        return self.result

    def provision(self, settings: dict[str, str]) -> str | None:
        self.provisioned.append(settings)
        return self.failure

    def has(self, path: str) -> bool:
        return path not in self.removed

    def state(self) -> dict[str, str]:
        return {"name": "LAB-EFLOW", "power": self.power, "address": "172.27.120.111", "iotedge": "1.5.21"}


@pytest.fixture
def vm() -> FakeVm:
    return FakeVm()


@pytest.fixture
def play(vm: FakeVm) -> EflowCmdlets:
    return EflowCmdlets(vm, now=lambda: datetime(2022, 10, 20, 8, 17, 8))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, object]:
    """The arguments that provision, with two files that are there."""
    (tmp_path / "leaf.cert.pem").write_text("CERT", encoding="utf-8")
    (tmp_path / "leaf.key.pem").write_text("KEY", encoding="utf-8")
    return {
        "provisioningType": "DpsX509",
        "scopeId": "0ne00112233",
        "identityCertPath": str(tmp_path / "leaf.cert.pem"),
        "identityPrivKeyPath": str(tmp_path / "leaf.key.pem"),
        "headless": True,
    }


def texts(records: list[Record], stream: str) -> list[str]:
    return [record["text"] for record in records if record["stream"] == stream]


def test_the_address_is_two_texts_after_host_lines(play: EflowCmdlets) -> None:
    records = play("Get-EflowVmAddr", {})
    assert texts(records, "output") == ["00:15:5d:4e:15:2c", "172.27.120.111"]
    assert texts(records, "host") == [
        "[10/20/2022 08:17:08] Querying IP and MAC addresses from virtual machine (LAB-EFLOW)",
        "",
        " - Virtual machine MAC: 00:15:5d:4e:15:2c",
        " - Virtual machine IP : 172.27.120.111 retrieved directly from virtual machine",
    ]


def test_the_vm_is_an_object_and_its_name_a_text(play: EflowCmdlets) -> None:
    (record,) = play("Get-EflowVm", {})
    assert record["stream"] == "object"
    told = json.loads(record["text"])
    assert (told["VmPowerState"], told["EdgeRuntimeVersion"]["IotEdgeVersion"]) == ("Running", "1.5.21")
    assert play("Get-EflowVmName", {}) == [{"stream": "output", "text": "LAB-EFLOW"}]
    assert play("Verify-EflowVm", {}) == [{"stream": "object", "text": "true"}]


def test_a_command_returns_lines(play: EflowCmdlets, vm: FakeVm) -> None:
    assert texts(play("Invoke-EflowVmCommand", {"command": "echo"}), "output") == ["one", "two"]
    assert vm.texts == ["echo"]


def test_a_failed_command_throws_and_drops_its_output(play: EflowCmdlets, vm: FakeVm) -> None:
    vm.result = CommandResult((), 1, b"lost\n", b"why\n", 0.0)
    assert play("Invoke-EflowVmCommand", {"command": "x"}) == [
        {"stream": "throw", "text": "ssh  failed to execute [why]"}
    ]


def test_ignore_error_keeps_the_output(play: EflowCmdlets, vm: FakeVm) -> None:
    vm.result = CommandResult((), 1, b"kept\n", b"why\n", 0.0)
    assert texts(play("Invoke-EflowVmCommand", {"command": "x", "ignoreError": True}), "output") == ["kept"]


def test_a_vm_that_does_not_answer_throws_whatever_the_switch(play: EflowCmdlets, vm: FakeVm) -> None:
    vm.result = CommandResult((), None, b"", b"ssh: connect: Connection timed out", 0.0)
    for args in ({"command": "x"}, {"command": "x", "ignoreError": True}):
        assert texts(play("Invoke-EflowVmCommand", dict(args)), "throw") == [
            "ssh  failed to execute [ssh: connect: Connection timed out]"
        ]


@pytest.mark.parametrize("name", ["Invoke-EflowVmCommand", "Get-EflowVmAddr"])
def test_a_stopped_vm_is_said(play: EflowCmdlets, vm: FakeVm, name: str) -> None:
    vm.power = "Off"
    assert texts(play(name, {}), "throw") == ["Cannot process request, EFLOW VM is OFF!"]


def test_provisioning_copies_both_files_and_returns_ok(
    play: EflowCmdlets, vm: FakeVm, files: dict[str, object]
) -> None:
    records = play("Provision-EflowVm", files)
    assert texts(records, "output") == ["OK"]
    assert texts(records, "host") == [
        "[10/20/2022 08:17:08] Provisioning virtual machine...",
        "[10/20/2022 08:17:08] Provisioning iotedge for the first time.",
        "[10/20/2022 08:17:08] Setting provisioning information for provisioning type: DpsX509",
        "",
        " Provisioning successful. iotedge service running.",
    ]
    assert vm.provisioned == [
        {
            "provisioningType": "DpsX509",
            "scopeId": "0ne00112233",
            "identityCertPath": "/home/iotedge-user/certs/leaf.cert.pem",
            "identityPrivKeyPath": "/home/iotedge-user/private/leaf.key.pem",
            "identityCert": "CERT",
            "identityPrivKey": "KEY",
        }
    ]


def failure(records: list[Record]) -> tuple[list[str], list[str]]:
    """What was returned, and the last three host lines; nothing was thrown."""
    assert texts(records, "throw") == []
    return texts(records, "output"), texts(records, "host")[-3:]


def test_a_failure_is_returned_as_text_and_not_thrown(play: EflowCmdlets, vm: FakeVm, files: dict[str, object]) -> None:
    vm.failure = "iotedge service not running after provisioning, please investigate manually"
    assert failure(play("Provision-EflowVm", files)) == (
        [vm.failure],
        ["[10/20/2022 08:17:08] Exception caught!!!", "", f" - {vm.failure} at line 2416"],
    )


def test_a_second_copy_over_the_same_name_is_refused_by_scp(play: EflowCmdlets, files: dict[str, object]) -> None:
    play("Provision-EflowVm", files)
    said = "scp  failed to execute [scp: /home/iotedge-user/certs/leaf.cert.pem: Permission denied]"
    assert failure(play("Provision-EflowVm", files)) == (
        [said],
        ["[10/20/2022 08:17:08] Exception caught!!!", "", f" - {said} at line 3689"],
    )


def test_the_same_name_is_taken_again_once_the_vm_has_no_such_file_any_more(
    play: EflowCmdlets, files: dict[str, object], vm: FakeVm
) -> None:
    play("Provision-EflowVm", files)
    vm.removed = {"/home/iotedge-user/certs/leaf.cert.pem", "/home/iotedge-user/private/leaf.key.pem"}
    assert texts(play("Provision-EflowVm", files), "output") == ["OK"]


def test_a_second_time_under_new_names_is_taken(play: EflowCmdlets, files: dict[str, object], tmp_path: Path) -> None:
    play("Provision-EflowVm", files)
    for name, new in (("identityCertPath", "new.cert.pem"), ("identityPrivKeyPath", "new.key.pem")):
        files[name] = str(Path(str(files[name])).rename(tmp_path / new))
    assert texts(play("Provision-EflowVm", files), "output") == ["OK"]


def test_a_second_time_without_headless_waits_for_an_answer_that_cannot_come(
    play: EflowCmdlets, files: dict[str, object]
) -> None:
    play("Provision-EflowVm", files)
    returned, _ = failure(play("Provision-EflowVm", files | {"headless": False}))
    assert returned == ["PowerShell is in NonInteractive mode. Read and Prompt functionality is not available."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"provisioningType": "DpsTPM"}, "Failed to provision"),
        (
            {"symmKey": "x"},
            "Device connection string, scope ID, registration ID, and symmetric key may not be specified",
        ),
        ({"scopeId": ""}, "Scope ID and/or identity cert/pk parameters for DpsX509 provisioning not specified"),
        (
            {"identityCertPath": "C:\\gone.pem"},
            "Certificate and private key file for DpsX509 provisioning not found (expected at",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_vm_is_touched(
    play: EflowCmdlets, vm: FakeVm, files: dict[str, object], change: dict[str, object], said: str
) -> None:
    (returned,), _ = failure(play("Provision-EflowVm", files | change))
    assert returned.startswith(said)
    assert vm.provisioned == []


def test_the_module_beside_it_declares_the_same_cmdlets_and_parameters() -> None:
    module = Path(cmdlets.__file__).parent / "AzureEFLOW" / "AzureEFLOW.psm1"
    text = module.read_bytes().decode("ascii")
    found: dict[str, tuple[str, ...]] = {}
    for name, body in re.findall(r"^function (\w+-Eflow\w+) \{(.*?)(?=^function|^Export)", text, re.S | re.M):
        found[name] = tuple(re.findall(r"\[(?:string|switch)\]\$(\w+)", body))
    assert found == dict(PARAMETERS)
    assert "[ValidateSet('" + "', '".join(PROVISIONING_TYPES) + "')]" in text
    assert text.rstrip().endswith("Export-ModuleMember -Function '*-Eflow*'")


def test_the_modules_side_gets_records_that_no_json_reader_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(name: str, args: dict[str, object]) -> list[Record]:
        return [{"stream": "output", "text": f"{name} {args['command']} 2026-11-22T05:10:11Z \u20ac"}]

    monkeypatch.setattr(cmdlets, "call", call)
    sent = base64.b64encode(json.dumps({"command": "\u00e9"}).encode())
    answer = cmdlets.main(["Invoke-EflowVmCommand"], b"\xef\xbb\xbf" + sent + b"\r\n")
    assert answer.isascii()
    (record,) = json.loads(answer)["records"]
    assert base64.b64decode(record["text"]).decode() == "Invoke-EflowVmCommand \u00e9 2026-11-22T05:10:11Z \u20ac"
