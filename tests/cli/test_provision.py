"""`eflowprov provision` from the command line; the workflow itself is tested in tests/unit/workflows."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.workflows.provisioning import provision as module
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import DEVICE, PARAMETERS, PROVISIONED, SCOPE, FakeHost, FakeVm, Files, make_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def vm(monkeypatch: pytest.MonkeyPatch) -> FakeVm:
    made = FakeVm()
    monkeypatch.setattr(module, "open_channel", lambda _request, _host, _tell: OpenChannel(made, "it is a test"))
    return made


@pytest.fixture
def host(vm: FakeVm, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(vm)
    monkeypatch.setattr(options, "eflow_host", lambda _target: made)
    return made


def command(files: Files, *more: str) -> list[str]:
    cert, key = str(files.chain), str(files.key)
    return ["provision", "--scope-id", SCOPE, "--cert", cert, "--key", key, "--evidence-timeout", "1", *more]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (PARAMETERS, "identityPrivKeyPath"),
        (("provisioningType", "scopeId", "identityCertPath", "identityPrivateKey"), "identityPrivateKey"),
    ],
)
def test_a_dry_run_prints_the_cmdlet_by_this_hosts_names_and_touches_nothing(
    files: Files,
    vm: FakeVm,
    host: FakeHost,
    capsys: pytest.CaptureFixture[str],
    parameters: tuple[str, ...],
    name: str,
) -> None:
    host.parameters = parameters
    assert run_command(command(files, "--dry-run")) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Provision-EflowVm -provisioningType DpsX509 -scopeId '{SCOPE}' -identityCertPath '")
    assert f" -{name} '" in out and files.serial.lower() in out and len(out.splitlines()) == 1
    assert "-registrationId" not in out and files.key.read_text("ascii").splitlines()[1] not in out + err
    assert (host.calls, vm.asked, err) == ([], [], "")


def test_a_dry_run_with_a_failing_certificate_shows_the_findings(
    files: Files, vm: FakeVm, host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = replace(files, chain=files.ca / "issuing-chain.pem", key=files.ca / "private" / "issuing.ca.key.pem")
    assert run_command(command(ca, "--dry-run", "--format", "json")) == 1
    report = json.loads(capsys.readouterr().out)
    assert "certificate/ca-as-identity" in [each["id"] for each in report["findings"] if each["outcome"] == "fail"]
    assert vm.asked == []


def test_the_registration_id_is_passed_on_request(
    files: Files, host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(command(files, "--dry-run", "--pass-registration-id", "--endpoint", "dps.example")) == 0
    out = capsys.readouterr().out
    assert f"-registrationId '{DEVICE}'" in out and "-globalEndpoint 'dps.example'" in out


def test_a_provisioning_ends_with_its_report_and_names_the_transcript(
    files: Files, host: FakeHost, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command(command(files, "--format", "json", "--transcript", str(tmp_path / "t.jsonl"))) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "ready" and err.splitlines() == [
        f"transcript: {tmp_path / 't.jsonl'}",
        "into the VM by ssh: it is a test",  # which way and why, also where no terminal shows progress
    ]
    assert "Provision-EflowVm" in (tmp_path / "t.jsonl").read_text("ascii") and len(host.calls) == 1


def test_without_a_name_the_transcript_is_in_the_users_own_state(
    files: Files, host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(command(files)) == 0
    place = Path(capsys.readouterr().err.splitlines()[0].removeprefix("transcript: "))
    assert place.is_file() and place.name.startswith("provision-") and place.parent.name == "transcripts"


def test_a_provisioned_vm_and_nobody_to_ask_is_status_2(
    files: Files, vm: FakeVm, host: FakeHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vm.answers["cat"] = PROVISIONED
    monkeypatch.setattr("typer.confirm", lambda *_args, **_more: pytest.fail("somebody was asked"))
    assert run_command(command(files)) == 2
    assert "error: provision: the VM is provisioned already (" in capsys.readouterr().err
    assert host.calls == []


def test_yes_answers_for_a_provisioned_vm(files: Files, vm: FakeVm, host: FakeHost) -> None:
    vm.answers["cat"] = PROVISIONED
    assert run_command(command(files, "--yes")) == 0
    assert len(host.calls) == 1


@pytest.mark.parametrize(("answer", "status"), [(True, 0), (False, 2)])
def test_on_a_terminal_it_asks(
    files: Files, vm: FakeVm, host: FakeHost, monkeypatch: pytest.MonkeyPatch, answer: bool, status: int
) -> None:
    asked: list[str] = []

    def confirm(text: str, err: bool) -> bool:
        asked.append(text)
        return answer and err  # the question goes to standard error

    vm.answers["cat"] = PROVISIONED
    monkeypatch.setattr("eflowprov.cli.terminal.is_interactive", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    assert run_command(command(files)) == status
    assert len(asked) == 1 and "ID scope 0neOLD" in asked[0] and len(host.calls) == answer


def test_progress_is_never_on_standard_output(
    files: Files, host: FakeHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run_command(command(files, "--format", "json")) == 0
    out, err = capsys.readouterr()
    assert "checking the certificate\n" in err and "calling Provision-EflowVm" in err
    json.loads(out)


@pytest.mark.parametrize(
    "more", [["--scope-id", "0ne;x"], ["--registration-id", "Bad ID!"], ["--key", "gone"], ["--evidence-timeout", "0"]]
)
def test_input_that_cannot_be_used_is_status_2_and_one_line(
    files: Files, vm: FakeVm, host: FakeHost, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert run_command(command(files, "-q", *more)) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and (vm.asked, host.calls) == ([], [])


def test_a_host_that_is_not_this_one_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(command(files, "--host", "winrm://h", "--dry-run")) == 2
    assert capsys.readouterr().err.startswith("error: --host: 'winrm://h' is not supported yet. ")
