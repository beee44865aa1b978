"""`eflowprov run` from the command line: the journal beside the file, the flags about it, the kept reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.errors import StorageError, TransportError
from eflowprov.workflows.bundling import bundle as bundle_module
from eflowprov.workflows.runs import run as module
from eflowprov.workflows.runs.journal import alone
from eflowprov.workflows.runs.run import STEPS
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import CONFIG, DEVICE, PROVISIONED, SCOPE, FakeHost, FakeVm, Files, make_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("files"))


@dataclass
class Site:
    folder: Path
    vm: FakeVm
    host: FakeHost

    @property
    def file(self) -> Path:
        return self.folder / "press2.toml"

    @property
    def journal(self) -> Path:
        return self.folder / "press2.toml.journal.json"

    def run(self, *more: str) -> int:
        self.vm.closed.clear()
        return run_command(["-q", "run", "--config", str(self.file), *more])


@pytest.fixture
def site(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> Site:
    vm = FakeVm()
    host = FakeHost(vm)
    monkeypatch.setattr(module, "open_channel", lambda _request, _host, _tell: OpenChannel(vm, "it is a test"))
    monkeypatch.setattr(options, "eflow_host", lambda _target: host)
    made = Site(tmp_path, vm, host)
    made.file.write_text(
        f'[identity]\nregistration_id = "{DEVICE}"\nca = "{files.ca.as_posix()}"\nout = "out"\n'
        f'[dps]\nscope_id = "{SCOPE}"\n[provision]\nevidence_s = 0.1\n[report]\noutput = "report"\n',
        encoding="utf-8",
        newline="\n",
    )
    return made


BUNDLE = 'output = "report"\nbundle = "t.zip"\nsupport_bundle = true\n'


def test_a_run_makes_a_bundle_where_the_file_says(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.file.write_text(site.file.read_text("utf-8").replace('output = "report"\n', BUNDLE), encoding="utf-8")
    assert run_command(["run", "--config", str(site.file), "--format", "json", "--output", "-"]) == 0
    out, err = capsys.readouterr()
    assert f"bundle: {site.folder / 't.zip'} (" in err
    with ZipFile(site.folder / "t.zip") as archive:
        assert json.loads(archive.read("report.json")) == json.loads(out)
        assert json.loads(archive.read("manifest.json"))["support_bundle"]["there"] is True
        events = [json.loads(line) for line in archive.read("transcript.jsonl").splitlines()]
    told = [event["text"] for event in events if event["event"] == "told"]
    assert "step certs" in told and "step report" in told and "into the VM by ssh: it is a test" in told


def test_a_run_that_ends_badly_makes_its_bundle_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> OpenChannel:
        raise TransportError("SSH 10.0.0.1:22", "timed out", "Start the VM")

    site.file.write_text(site.file.read_text("utf-8").replace('output = "report"\n', BUNDLE), encoding="utf-8")
    monkeypatch.setattr(module, "open_channel", away)
    assert site.run() == 3
    with ZipFile(site.folder / "t.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert {"report.html", "versions.json", "transcript.jsonl"} <= {*archive.namelist()}
    assert manifest["verdict"] == "unknown" and "no connection" in manifest["support_bundle"]["problem"]


def test_a_bundle_that_cannot_be_written_costs_itself_and_not_the_report(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("t.zip", "No space left on device", "Make room")

    site.file.write_text(site.file.read_text("utf-8").replace('output = "report"\n', BUNDLE), encoding="utf-8")
    monkeypatch.setattr(bundle_module, "write_whole", full)
    assert site.run() == 3
    out, err = capsys.readouterr()
    assert "READY" in out and err.splitlines()[-1] == "error: t.zip: No space left on device. Make room."


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_bundle_that_cannot_go_there_is_refused_before_anything_is_touched(
    site: Site, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = BUNDLE.replace("t.zip", "no-such-folder/t.zip")
    site.file.write_text(site.file.read_text("utf-8").replace('output = "report"\n', told), encoding="utf-8")
    assert site.run(*more) == 2
    assert "there is no folder" in capsys.readouterr().err and site.host.calls == []
    assert not (site.folder / "out").exists()


def test_a_run_ends_with_its_report_and_keeps_it_where_the_file_says(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.run("--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "ready" and report["identity"]["registration_id"] == DEVICE
    assert json.loads((site.folder / "report" / "report.json").read_text("utf-8")) == report
    assert "READY" in (site.folder / "report" / "report.txt").read_text("utf-8")
    assert (site.folder / "out" / DEVICE / f"{DEVICE}.chain.pem").is_file()
    assert site.journal.is_file() and len(site.host.calls) == 1


def test_a_second_call_goes_on_where_the_first_ended(site: Site) -> None:
    assert site.run() == site.run() == 0
    assert len(site.host.calls) == 1


@pytest.mark.parametrize(
    ("flags", "calls"), [(["--restart"], 2), (["--from-step", "provision"], 2), (["--from-step", "verify"], 1)]
)
def test_flags_have_steps_done_again(site: Site, flags: list[str], calls: int) -> None:
    assert site.run() == 0
    assert site.run(*flags) == 0
    assert len(site.host.calls) == calls


def test_restart_does_not_touch_a_provisioned_vm_without_being_told(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.run() == 0
    site.vm.answers["cat"] = PROVISIONED
    assert site.run("--restart") == 2
    assert "again = true under [provision]" in capsys.readouterr().err and len(site.host.calls) == 1


def test_a_torn_journal_is_one_line_with_the_way_out_and_the_way_out_works(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.journal.write_text('{"version": 1, "st', encoding="ascii", newline="\n")
    assert site.run() == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "eflowprov run --restart" in err and site.host.calls == []
    assert site.run("--restart") == 0


@pytest.mark.parametrize("more", [["--from-step", "nosuch"], ["--config", "gone.toml"], ["--config", "."]])
def test_input_that_cannot_be_used_is_status_2_and_changes_nothing(
    site: Site, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert site.run(*more) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert [path.name for path in site.folder.iterdir()] == [site.file.name] and site.host.calls == []


def test_not_ready_is_status_1_and_a_vm_that_breaks_off_status_3(site: Site) -> None:
    site.vm.answers["iotedge list"] = (1, b"", b"A module runtime error occurred\n\tcaused by: x\n\n")
    assert site.run() == 1
    site.vm.answers["iotedge"] = (None, b"", b"")
    assert site.run() == 3


# ------------------------------------------------------------------------------------------------- --dry-run


def plan(site: Site, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert site.run("--dry-run", "--format", "json", *more) == 0
    return {step["step"]: step for step in json.loads(capsys.readouterr().out)["steps"]}


def test_a_dry_run_plans_every_step_and_touches_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    steps = plan(site, capsys)
    assert list(steps) == list(STEPS)
    assert f"issue {DEVICE} from" in str(steps["certs"]["what"]) and steps["register"]["what"] == "not configured"
    commands = [str(each) for step in steps.values() for each in step["commands"]]  # type: ignore[attr-defined]
    assert "VM: date +%s" in commands and "VM: sudo -n cat /etc/aziot/config.toml" in commands
    (call,) = [each for each in commands if each.startswith("Provision-EflowVm ")]
    assert f"-scopeId '{SCOPE}' -identityCertPath '" in call and f"{DEVICE}-serial.cert.pem" in call
    assert (site.vm.asked, site.host.calls) == ([], [])
    assert [path.name for path in site.folder.iterdir()] == [site.file.name]


def test_a_dry_run_knows_what_is_done_and_what_from_step_does_again(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.run() == 0
    before = site.journal.read_bytes()
    assert "called by an earlier run" in str(plan(site, capsys)["provision"]["what"])
    again = plan(site, capsys, "--from-step", "provision")["provision"]
    assert "call Provision-EflowVm once" in str(again["what"])
    assert site.journal.read_bytes() == before and len(site.host.calls) == 1


def test_a_dry_run_without_a_powershell_says_so_and_names_the_usual_parameters(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_here(_target: str) -> FakeHost:
        raise TransportError("PowerShell", "no pwsh is on PATH", "Install it")

    monkeypatch.setattr(options, "eflow_host", none_here)
    step = plan(site, capsys)["provision"]
    assert "no pwsh is on PATH" in str(step["what"]) and "-identityPrivKeyPath" in str(step["commands"])


def test_a_dry_run_reads_well_for_people_and_shows_no_key(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run() == 0
    capsys.readouterr()
    assert site.run("--dry-run", "--restart") == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == list(STEPS)
    key = next((site.folder / "out").rglob("*.key.pem")).read_text("ascii")
    assert not [line for line in key.splitlines() if line in out]


def test_a_second_run_at_the_same_time_is_refused(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(site.journal):
        assert site.run() == 2
    assert "another run with this configuration is under way" in capsys.readouterr().err and site.host.calls == []


def test_remove_key_is_a_flag_too(site: Site) -> None:
    assert site.run("--remove-key") == 0
    assert not list((site.folder / "out").rglob("*.key.pem"))
    assert site.run() == 0 and len(site.host.calls) == 1


def test_a_run_is_compared_with_the_baseline_that_the_file_names(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.run() == 0
    told = '[verify]\nbaseline = "report/report.json"\nfail_on_new = true\n'
    site.file.write_text(site.file.read_text("utf-8") + told, encoding="utf-8", newline="\n")
    capsys.readouterr()
    assert site.run("--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {change["about"] for change in report["baseline"]["changes"]} <= {"finding"}
    assert report["findings"][-1]["id"] == "baseline/new-trouble"
    assert json.loads((site.folder / "report" / "report.json").read_text("utf-8")) == report
    (site.folder / "report" / "report.json").write_text("{", encoding="utf-8")
    assert site.run() == 2 and "not whole JSON" in capsys.readouterr().err


# ------------------------------------------------------------------ what a run would refuse, before it forgets anything


def test_a_key_that_the_vm_alone_has_forbids_its_steps_and_costs_no_journal(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.run("--remove-key") == 0
    before = site.journal.read_bytes()
    for step in ("certs", "register", "provision"):
        capsys.readouterr()
        assert site.run("--from-step", step) == 2
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1 and "Begin with --from-step wait" in err
        assert site.journal.read_bytes() == before
    assert site.run("--from-step", "wait") == 0 and len(site.host.calls) == 1
    assert "not again" in str(plan(site, capsys)["provision"]["what"])
    site.vm.files.pop(CONFIG)
    assert site.run() == 2 and site.run("--dry-run", "--from-step", "provision") == 2


@pytest.mark.parametrize("missing", ["chain", "key"])
def test_a_dry_run_refuses_the_files_that_the_run_would_refuse(
    site: Site, capsys: pytest.CaptureFixture[str], files: Files, missing: str
) -> None:
    names = {"chain": files.chain.as_posix(), "key": files.key.as_posix(), missing: "gone.pem"}
    site.file.write_text(
        f'[identity]\nregistration_id = "{DEVICE}"\ncert = "{names["chain"]}"\nkey = "{names["key"]}"\n'
        f'[dps]\nscope_id = "{SCOPE}"\n',
        encoding="utf-8",
        newline="\n",
    )
    errors = []
    for more in ([], ["--dry-run"]):
        assert site.run(*more) == 2
        errors.append(capsys.readouterr().err)
    assert errors[0] == errors[1] and "gone.pem: there is no such file" in errors[0]


def test_a_plan_keeps_its_words_within_the_console_and_its_commands_whole(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert site.run("--dry-run", "--remove-key") == 0
    lines = capsys.readouterr().out.splitlines()
    commands = [line.strip() for line in lines if line.startswith(" " * 13)]
    words = [line for line in lines if not line.startswith(" " * 13) and not {"/", "\\"} & set(line)]
    assert max(map(len, words)) <= 80
    assert "VM: sudo -n sha256sum -- KEY" in commands and any("sh -c SCRIPT" in each for each in commands)


def test_what_is_refused_before_the_run_costs_no_journal(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run() == 0
    before = site.journal.read_bytes()
    text = site.file.read_text("utf-8")
    site.file.write_text(text + '[verify]\nbaseline = "gone.json"\n', encoding="utf-8", newline="\n")
    capsys.readouterr()
    assert site.run("--from-step", "provision") == 2
    assert "gone.json: there is no such file" in capsys.readouterr().err
    assert site.journal.read_bytes() == before


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize("names", ["cert = '{0}'\nkey = '{0}'", "ca = '{0}'\nout = '{0}'"])
def test_a_path_that_no_disk_takes_is_unusable_input(
    site: Site, capsys: pytest.CaptureFixture[str], names: str, more: list[str]
) -> None:
    identity = f'[identity]\nregistration_id = "{DEVICE}"\n{names.format("a" * 300)}\n'
    site.file.write_text(f'{identity}[dps]\nscope_id = "{SCOPE}"\n', encoding="utf-8", newline="\n")
    assert site.run(*more) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "in the tool itself" not in err


@pytest.mark.linux  # Windows may take no whole path of more than 260 characters, the configuration's own among them
def test_a_dry_run_needs_no_name_for_a_journal(site: Site) -> None:
    """The longest name that a disk takes leaves no room for what is put behind it."""
    file = site.folder / ("b" * 240 + ".toml")
    file.write_bytes(site.file.read_bytes())
    assert run_command(["-q", "run", "--config", str(file), "--dry-run"]) == 0
