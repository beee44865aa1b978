"""`verify --bundle` from the command line: over SSH, from saved outputs, when nothing answers, and with bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from eflowprov.cli.main import run_command
from eflowprov.lab.mini_shell import run_shell
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.workflows.readiness.outputs import save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect
from tests.machine import FakeVm


@pytest.fixture
def way(tmp_path: Path) -> Iterator[list[str]]:
    """The flags that lead over SSH into a VM with a deployment."""
    pair, vm = make_key_pair(), FakeVm().start()
    key, pins = tmp_path / "id_ed25519", tmp_path / "known_hosts"
    key.write_text(pair.private.reveal(), encoding="ascii", newline="\n")
    with LabSshServer(lambda text: run_shell(text, vm._programs), client_key_public=pair.public) as server:
        pins.write_text(server.host_key_line + "\n", encoding="ascii", newline="\n")
        yield ["--ssh", f"127.0.0.1:{server.port}", "--ssh-key", str(key), "--known-hosts", str(pins)]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "saved", collect(FakeVm("edgehub-missing").start(), VerifyOptions()))
    return tmp_path / "saved"


def manifest_of(path: Path) -> Any:
    with ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


@pytest.mark.parametrize("wait", [[], ["--wait", "1m"]])
def test_over_ssh_it_has_the_support_bundle_and_unpacked_it_is_judged_again(
    tmp_path: Path, way: list[str], wait: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.zip"
    argv = ["verify", *way, "--format", "json", "--bundle", str(path), "--support-bundle", *wait]
    assert run_command(argv) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert f"bundle: {path} (" in err and "into the VM by ssh" in err
    assert manifest_of(path)["support_bundle"] == {"asked": True, "there": True, "problem": None}
    with ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
        assert "into the VM by ssh" in archive.read("transcript.jsonl").decode("ascii")
    assert json.loads((tmp_path / "unpacked" / "report.json").read_text("utf-8")) == report
    assert run_command(["verify", "--from", str(tmp_path / "unpacked"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == report["findings"]


def test_saved_outputs_are_bundled_and_the_verdict_stays(
    tmp_path: Path, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.zip"
    assert run_command(["verify", "--from", str(saved), "--bundle", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "NOT READY" in out and err.startswith(f"bundle: {path} (") and len(err.splitlines()) == 1
    assert manifest_of(path)["verdict"] == "not-ready"


def test_a_vm_that_does_not_answer_is_an_error_and_a_bundle_that_says_so(
    tmp_path: Path, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path, dead = tmp_path / "t.zip", ["127.0.0.1:1" if word.startswith("127.") else word for word in way]
    assert run_command(["verify", *dead, "--channel", "ssh", "--bundle", str(path)]) == 3
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("bundle: ") and err[1].startswith("error: SSH 127.0.0.1:1: ") and len(err) == 2
    assert "refused" in manifest_of(path)["error"] and manifest_of(path)["verdict"] is None


def test_a_bundle_that_cannot_be_written_costs_itself_and_not_the_report(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import eflowprov.workflows.bundling.bundle as module
    from eflowprov.errors import StorageError

    def full(path: Path, _data: bytes, *, private: bool) -> None:
        assert private
        raise StorageError(str(path), "it cannot be written (No space left on device)", "Free some space")

    monkeypatch.setattr(module, "write_whole", full)
    assert run_command(["verify", "--from", str(saved), "--bundle", str(tmp_path / "t.zip")]) == 3
    out, err = capsys.readouterr()
    assert "NOT READY" in out and err.startswith("error: ") and "No space left" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["--support-bundle"],
        ["--bundle", "FOLDER"],
        ["--bundle", "FOLDER/t.txt"],
        ["--bundle", "FOLDER/none/t.zip"],
        ["--bundle", "FOLDER/t.zip", "--support-bundle"],
        ["--bundle", "FOLDER/t.zip", "--output", "FOLDER/t.zip"],
        ["--bundle", "x" * 5000 + ".zip", "--output", "FOLDER/none/r"],
    ],
)
def test_flags_that_cannot_be_used_are_one_line_and_status_2(
    tmp_path: Path, saved: Path, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("FOLDER", str(tmp_path)) for word in argv]
    assert run_command(["verify", "--from", str(saved), *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: --") and len(err.splitlines()) == 1
    assert not list(tmp_path.glob("*.zip"))
