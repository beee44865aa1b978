"""`eflowprov deprovision`: asked for, in order, proved, and what is left for Azure is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.workflows.runs.journal import Journal
from eflowprov.workflows.vm import channels
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import CONFIG, DEVICE, HOME, SCOPE, FakeHost, FakeVm, Files, configuration, make_files

CERT, KEY = f"{HOME}/certs/press.cert.pem", f"{HOME}/private/press.key.pem"
REST = ["--channel", "cmdlet"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def vm(files: Files, monkeypatch: pytest.MonkeyPatch) -> FakeVm:
    made = FakeVm().start()
    made.files |= {CERT: files.chain.read_bytes(), KEY: b"key", CONFIG: configuration(SCOPE, CERT, KEY)}
    made.files["/etc/aziot/identityd/config.d/00-super.toml"] = b""
    made.files["/var/lib/aziot/identityd/device_info"] = b""
    monkeypatch.setattr(channels, "open_channel", lambda _request, _host, _tell: OpenChannel(made, "it is a test"))
    monkeypatch.setattr(options, "eflow_host", lambda _target: FakeHost(made))
    return made


def changes(vm: FakeVm) -> list[tuple[str, ...]]:
    return [
        words
        for words in vm.asked
        if words[0] in ("rm", "cp", "systemctl") or words[:3] == ("iotedge", "system", "stop")
    ]


def test_it_stops_the_services_then_removes_the_files_and_the_configuration_last(
    vm: FakeVm, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["-q", "deprovision", "--yes", *REST]) == 0
    assert vm.files == {} and not vm.runtime.is_up
    first, *removals = changes(vm)
    assert first == ("iotedge", "system", "stop") and removals[0] == ("rm", "-f", "--", CERT, KEY)
    assert removals[-1][-1] == CONFIG and all(CONFIG not in each for each in removals[:-1])
    out = capsys.readouterr().out
    assert f"enrollment-group registration delete --dps-name DPS --registration-id {DEVICE}" in out
    places = [
        out.index(word) for word in ("group registration", "enrollment registration", "enrollment delete", "iot hub")
    ]
    assert places == sorted(places)


def test_without_a_yes_and_without_a_terminal_nothing_is_done(vm: FakeVm, capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(vm.files)
    assert run_command(["-q", "deprovision", *REST]) == 2
    assert "nobody confirmed it" in capsys.readouterr().err and vm.files == before and changes(vm) == []


@pytest.mark.parametrize(("answer", "status"), [(True, 0), (False, 2)])
def test_on_a_terminal_it_asks(vm: FakeVm, monkeypatch: pytest.MonkeyPatch, answer: bool, status: int) -> None:
    asked: list[str] = []

    def confirm(text: str, err: bool) -> bool:
        asked.append(text)
        return answer and err

    monkeypatch.setattr("eflowprov.cli.terminal.is_interactive", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    assert run_command(["-q", "deprovision", *REST]) == status
    assert f"ID scope {SCOPE}" in asked[0] and "only copy" in asked[0] and (CONFIG in vm.files) != answer


def test_a_dry_run_shows_the_commands_and_changes_nothing(vm: FakeVm, capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(vm.files)
    assert run_command(["-q", "deprovision", "--dry-run", "--format", "json", *REST]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["commands"][0] == "sudo -n iotedge system stop" and told["registration_id"] == DEVICE
    assert len(told["left"]) == 4 and vm.files == before and changes(vm) == []


def test_a_vm_that_is_not_provisioned_is_left_alone(vm: FakeVm, capsys: pytest.CaptureFixture[str]) -> None:
    vm.files.clear()
    assert run_command(["-q", "deprovision", *REST]) == 0
    assert "nothing to do" in capsys.readouterr().out and changes(vm) == []


def test_a_step_that_fails_ends_it_and_the_configuration_is_still_there(
    vm: FakeVm, capsys: pytest.CaptureFixture[str]
) -> None:
    vm.answers["rm"] = (1, b"", b"rm: cannot remove: Read-only file system\n")
    assert run_command(["-q", "deprovision", "--yes", *REST]) == 3
    err = capsys.readouterr().err
    assert "could not remove the identity's files" in err and "Read-only file system" in err
    assert CONFIG in vm.files and len(changes(vm)) == 2


def test_a_configuration_that_comes_back_is_no_success(vm: FakeVm, capsys: pytest.CaptureFixture[str]) -> None:
    vm.answers["cat /etc/aziot/config.toml"] = (0, configuration(SCOPE, CERT, KEY), b"")
    assert run_command(["-q", "deprovision", "--yes", *REST]) == 3
    assert "still provisioned" in capsys.readouterr().err


def test_files_elsewhere_than_the_cmdlet_puts_them_are_not_touched(vm: FakeVm) -> None:
    vm.files |= {"/etc/ssl/own.pem": b"", CONFIG: configuration(SCOPE, "/etc/ssl/own.pem", f"{HOME}/../x/key.pem")}
    assert run_command(["-q", "deprovision", "--yes", *REST]) == 0
    assert "/etc/ssl/own.pem" in vm.files and CERT in vm.files and CONFIG not in vm.files


def test_a_1_1_runtime_gets_the_configuration_back_that_it_came_with(vm: FakeVm) -> None:
    yaml = 'provisioning:\n  source: "dps"\n  scope_id: "0neOLD"\n'
    vm.files.clear()
    vm.answers |= {"systemctl": (0, b"", b""), "cat /etc/iotedge": (0, yaml.encode(), b"")}

    def copied() -> tuple[int, bytes, bytes]:
        vm.answers["cat /etc/iotedge"] = (0, b'provisioning:\n  source: "manual"\n', b"")
        return 0, b"", b""

    vm.answers["cp"] = copied
    assert run_command(["-q", "deprovision", "--yes", *REST]) == 0
    assert changes(vm) == [
        ("systemctl", "stop", "iotedge"),
        ("cp", "--", "/var/.eflow/config/config.yaml", "/etc/iotedge/config.yaml"),
    ]


def test_with_the_configuration_of_run_its_journal_forgets_and_names_hub_and_device(
    vm: FakeVm, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "press.toml"
    identity = f'registration_id = "{DEVICE}"\nca = "{files.ca.as_posix()}"\nout = "out"\n'
    config.write_text(f'[identity]\n{identity}[dps]\nscope_id = "{SCOPE}"\n', encoding="utf-8", newline="\n")
    path = tmp_path / "press.toml.journal.json"
    journal = Journal.load(path)
    journal.record("provision", "key", clock="1", name="press.cert.pem")
    journal.record("wait", "key", clock="1", hub="plant.azure-devices.net", device_id="press-2")
    assert run_command(["-q", "deprovision", "--yes", "--config", str(config)]) == 0
    assert "az iot hub device-identity delete --hub-name plant --device-id press-2" in capsys.readouterr().out
    assert json.loads(path.read_text("ascii"))["steps"] == {}


@pytest.mark.parametrize(
    "flags",
    [["--ssh", "vm:22"], ["--ssh-key", "key"], ["--channel", "cmdlet"], ["--known-hosts", "pins"]],
    ids=lambda flags: flags[0],
)
def test_a_way_beside_that_of_the_configuration_is_refused_since_it_may_be_another_vm(
    vm: FakeVm, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    config = tmp_path / "press.toml"
    identity = f'registration_id = "{DEVICE}"\nca = "{files.ca.as_posix()}"\nout = "out"\n'
    config.write_text(f'[identity]\n{identity}[dps]\nscope_id = "{SCOPE}"\n', encoding="utf-8", newline="\n")
    assert run_command(["-q", "deprovision", "--yes", "--config", str(config), *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {flags[0]}: --config names the way into the VM already") and vm.asked == []
