"""`--format` and `--output`: one form to one place, several into a folder, refused before anything is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.errors import StorageError
from eflowprov.reports.formats import FORMS, ReportFormat
from eflowprov.workflows.disk.files import write_whole
from eflowprov.workflows.readiness.outputs import save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect
from tests.machine import FakeVm

Run = Callable[..., int]


@pytest.fixture
def verify(tmp_path: Path) -> Run:
    """`verify` of saved outputs that are not ready."""
    folder = tmp_path / "saved"
    save(folder, collect(FakeVm("edgehub-missing").start(), VerifyOptions()))
    return lambda *flags: run_command(["verify", "--from", str(folder), *flags])


def forms(*names: str) -> list[str]:
    return [word for name in names for word in ("--format", name)]


BEGINNINGS = {
    "console": "NOT READY: ",
    "json": "{\n",
    "junit": '<?xml version="1.0"?>\n<testsuites ',
    "markdown": "## NOT READY: ",
    "html": "<!DOCTYPE html>\n",
}


@pytest.mark.parametrize("form", ReportFormat)
def test_each_form_goes_to_standard_output_alone(
    verify: Run, capsys: pytest.CaptureFixture[str], form: ReportFormat
) -> None:
    assert verify("--format", form) == 1
    out, err = capsys.readouterr()
    assert out.startswith(BEGINNINGS[form]) and out.endswith("\n") and err == ""


@pytest.mark.parametrize("form", ReportFormat)
def test_each_form_goes_into_the_file_that_is_named(
    verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: ReportFormat
) -> None:
    file = tmp_path / "any name"
    assert verify("--format", form, "--output", str(file)) == 1
    assert capsys.readouterr() == ("", f"not-ready: the report is in {file}\n")
    assert file.read_text("utf-8").startswith(BEGINNINGS[form])


def test_several_forms_become_one_file_each(verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert verify(*forms("html", "junit", "json", "junit"), "--output", str(folder)) == 1
    paths = [folder / name for name in ("report.html", "report.junit.xml", "report.json")]
    assert capsys.readouterr() == ("", f"not-ready: the report is in {', '.join(map(str, paths))}\n")
    assert sorted(folder.iterdir()) == sorted(paths)
    assert json.loads(paths[2].read_text("utf-8"))["verdict"] == "not-ready"
    assert int(ET.parse(paths[1]).getroot().attrib["failures"]) > 0
    assert '<h1 id="verdict">NOT READY</h1>' in paths[0].read_text("ascii")


def test_one_form_named_twice_is_one_form(verify: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(*forms("json", "json")) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "not-ready"


@pytest.mark.parametrize(
    "command",
    [
        ["verify"],
        ["run", "--config", "gone.toml"],
        ["lab", "run"],
        ["host", "check"],
        ["provision", "--scope-id", "0ne0", "--cert", "gone.pem", "--key", "gone.pem"],
    ],
    ids=lambda command: command[0],
)
def test_several_forms_without_a_folder_are_refused_before_anything_is_touched(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(_target: str) -> None:
        raise AssertionError("the host was asked")

    monkeypatch.setattr(options, "eflow_host", touched)
    file = tmp_path / "file"
    file.write_text("mine", encoding="ascii")
    for more, told in (([], "--format: several forms"), (["--output", str(file)], f"--output: {file} is a file")):
        assert run_command([*command, *forms("json", "html"), *more]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith(f"error: {told}") and len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and file.read_text("ascii") == "mine"


def test_one_form_goes_into_a_folder_that_is_there_under_its_own_name(
    verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    assert verify("--format", "json", "--output", str(folder)) == 1
    assert capsys.readouterr().err == f"not-ready: the report is in {folder / 'report.json'}\n"
    assert [path.name for path in folder.iterdir()] == ["report.json"]


def test_a_dash_is_standard_output(
    verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert verify("--format", "json", "--output", "-") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "not-ready" and not (tmp_path / "-").exists()


@pytest.mark.parametrize("place", ["gone/report.json", "file/report.json", "n" * 300 + "/report.json"])
def test_a_file_in_no_folder_is_refused_before_anything_is_touched(
    place: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine", encoding="ascii")
    monkeypatch.setattr(options, "eflow_host", lambda _target: pytest.fail("the host was asked"))
    assert run_command(["host", "check", "--output", str(tmp_path / place)]) == 2
    assert capsys.readouterr().err.startswith("error: --output: there is no folder ")


@pytest.mark.linux
@pytest.mark.parametrize("several", [False, True])
def test_what_is_no_plain_file_is_never_replaced(
    verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, several: bool
) -> None:
    """An administrator's --output /dev/null would take it away from every program of the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert verify(*forms("json", *(["html"] if several else [])), "--output", str(pipe)) == 2
    assert pipe.is_fifo() and capsys.readouterr().err.startswith(f"error: --output: {pipe} is ")
    with pytest.raises(StorageError, match="no plain file"):
        write_whole(pipe, b"x")
    assert pipe.is_fifo() and [path.name for path in tmp_path.iterdir() if path.name != "saved"] == ["pipe"]


def test_a_report_that_cannot_be_written_is_printed_and_the_status_is_3(
    verify: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _data: bytes) -> None:
        raise StorageError(str(path), "it cannot be written (No space left on device)", "Free some space")

    monkeypatch.setattr("eflowprov.workflows.disk.files.write_whole", full)
    assert verify("--format", "json", "--output", str(tmp_path / "report.json")) == 3
    out, err = capsys.readouterr()
    assert out.startswith("NOT READY: ") and "No space left on device" in err


@pytest.mark.parametrize(
    "command", [["certs", "show", "x.pem"], ["certs", "check", "x.pem"], ["dps", "register", "--scope-id", "s"]]
)
def test_what_is_an_answer_and_no_report_has_two_forms(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*command, "--format", "html"]) == 2
    assert "'html' is not one of 'console', 'json'." in capsys.readouterr().err


def test_the_lab_keeps_every_form_and_shows_the_one_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["lab", "run", "--scenario", "ca-as-identity", "--output"]
    assert run_command([*argv, str(tmp_path / "all"), *forms("markdown")]) == 1
    assert capsys.readouterr().out == (tmp_path / "all" / "report.md").read_text("utf-8")
    assert {path.name for path in (tmp_path / "all").glob("report*")} == {form.file_name for form in FORMS.values()}
    assert run_command([*argv, str(tmp_path / "two"), *forms("html", "json")]) == 1
    assert {path.name for path in (tmp_path / "two").glob("report*")} == {"report.html", "report.json"}
    assert capsys.readouterr().out == ""


def test_the_html_of_a_run_has_its_steps_with_their_times(tmp_path: Path) -> None:
    assert run_command(["lab", "run", "--scenario", "ca-as-identity", "--output", str(tmp_path / "kept")]) == 1
    text = (tmp_path / "kept" / "report.html").read_text("ascii")
    assert "<h2>Timeline</h2>" in text and all(
        f'<span class="text">{step}</span>' in text for step in ("certs", "check")
    )
