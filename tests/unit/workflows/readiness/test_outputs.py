"""The five outputs on disk: what is saved is read back to the same report, whatever PowerShell made of it."""

from __future__ import annotations

import codecs
import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eflowprov.errors import InputError, StorageError
from eflowprov.model import CommandResult, Finding, Outcome, Problem, Report
from eflowprov.workflows.disk import workroom
from eflowprov.workflows.readiness import outputs as module
from eflowprov.workflows.readiness.outputs import AGENT, CHECK, LIST, LOGS, STATUS, Outputs, read_saved, save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect, report_on
from tests.machine import FakeVm, Printed

OPTIONS = VerifyOptions()
FORBIDDEN: Printed = (1, b"", b"sudo: a password is required\n")
CUT: Printed = (None, b'{"checks": {"hostname": {"resu', b"")
NO_SYSTEM: Printed = (2, b"", b"error: unrecognized subcommand 'system'\n\nUsage: iotedge <COMMAND>\n")


def outputs_of(scenario: str = "healthy", /, **answers: Printed) -> Outputs:
    named = {key.replace("_", " "): value for key, value in answers.items()}
    return collect(FakeVm(scenario, named).start(), OPTIONS)


def report(outputs: Outputs) -> Report:
    """The report without its times."""
    made = report_on(outputs, OPTIONS, vm="vm", channel="saved")
    return replace(made, started_at=datetime(2026, 1, 1, tzinfo=UTC), duration_s=0.0, timeline=())


def finding(outputs: Outputs, begins: str) -> Finding:
    return next(finding for finding in report(outputs).findings if finding.id.startswith(begins))


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param(outputs_of("healthy"), id="healthy"),
        pytest.param(outputs_of("new-device"), id="new-device"),
        pytest.param(outputs_of("service-down-after-ok"), id="service-down"),
        pytest.param(outputs_of(iotedge_check=FORBIDDEN), id="no-sudo"),
        pytest.param(outputs_of(iotedge_check=CUT), id="cut-off"),
        pytest.param(outputs_of(iotedge_system_status=CUT), id="optional-cut-off"),
        pytest.param(outputs_of(iotedge_system=NO_SYSTEM, journalctl=(0, b"", b"")), id="1.1"),
        pytest.param(outputs_of(iotedge_list=(127, b"", b"sudo: iotedge: command not found\n")), id="no-iotedge"),
    ],
)
def test_saved_outputs_give_the_report_that_the_vm_gave(tmp_path: Path, outputs: Outputs) -> None:
    save(tmp_path / "new", outputs)
    assert report(read_saved(tmp_path / "new")) == report(outputs)
    assert read_saved(tmp_path / "new").hub_asked == outputs.hub_asked


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
    ],
)
def test_files_that_went_through_powershell_read_the_same(tmp_path: Path, encoding: str, mark: bytes) -> None:
    outputs = outputs_of("new-device")
    save(tmp_path, outputs)
    for path in tmp_path.iterdir():
        text = path.read_bytes().decode("utf-8").replace("\n", "\r\n")
        path.write_bytes(mark + text.encode(encoding))
    assert report(read_saved(tmp_path)) == report(outputs)


def test_commands_json_tells_every_command_its_status_and_its_time(tmp_path: Path) -> None:
    refused: Printed = (1, b"", b"error: Found argument '--output' which wasn't expected\n")
    save(tmp_path, outputs_of(**{"iotedge_check_--output_json": refused}))
    entries = {entry["file"]: entry for entry in json.loads((tmp_path / "commands.json").read_text("ascii"))}
    assert set(entries) == {
        *("iotedge-list.txt", "iotedge-check.txt", "iotedge-system-logs.json"),
        *("iotedge-system-status.txt", "iotedge-logs-edgeAgent.txt", "vm-identity.txt"),
        None,
    }
    check = entries["iotedge-check.txt"]
    assert check["command"][:4] == ["sudo", "-n", "iotedge", "check"] and check["status"] == 0
    assert 0 <= check["duration_s"] < 10
    assert (entries[None]["status"], entries[None]["stderr"]) == (1, refused[2].decode())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*(name for name in entries if name), "commands.json"}


def test_a_later_save_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    save(tmp_path, outputs_of())
    text = (0, "√ host time - OK\n1 check(s) succeeded.\n".encode(), b"")
    gone = replace_one(outputs_of(iotedge_check=text), STATUS, Problem("the time was up"))
    save(tmp_path, gone)
    assert not (tmp_path / "iotedge-check.json").exists() and (tmp_path / "iotedge-check.txt").exists()
    assert not (tmp_path / "iotedge-system-status.txt").exists()
    assert report(read_saved(tmp_path)) == report(gone)


def replace_one(outputs: Outputs, name: str, result: CommandResult | Problem) -> Outputs:
    return replace(outputs, results={**outputs.results, name: result})


def test_no_secret_is_saved(tmp_path: Path) -> None:
    secret = b"c2VjcmV0c2VjcmV0"
    told = b"HostName=h;SharedAccessKey=" + secret
    save(tmp_path, outputs_of(iotedge_list=(0, told, told), iotedge_system_status=(1, b"", told)))
    assert not [path for path in tmp_path.iterdir() if secret in path.read_bytes()]
    assert b"SharedAccessKey=***" in (tmp_path / "iotedge-list.txt").read_bytes()


def test_bytes_that_are_no_text_are_saved_as_they_are(tmp_path: Path) -> None:
    save(tmp_path, outputs_of(iotedge_list=(0, b"\xff\xfe\x00NAME\x80", b"")))
    assert (tmp_path / "iotedge-list.txt").read_bytes() == b"\xff\xfe\x00NAME\x80"


@pytest.mark.parametrize(
    ("file", "begins"),
    [
        ("iotedge-list.txt", "module/edgeAgent"),
        ("iotedge-check.json", "iotedge-check"),
        ("iotedge-system-logs.json", "logs"),
    ],
)
def test_a_required_file_that_is_missing_is_an_error(tmp_path: Path, file: str, begins: str) -> None:
    save(tmp_path, outputs_of())
    for name in (file, "commands.json"):
        (tmp_path / name).unlink()
    outputs = read_saved(tmp_path)
    assert finding(outputs, begins).outcome is Outcome.ERROR
    assert "is not in the folder" in finding(outputs, begins).detail
    assert report(outputs).exit_status == 3


@pytest.mark.parametrize("file", ["iotedge-system-status.txt", "iotedge-logs-edgeAgent.txt"])
def test_an_optional_file_that_is_missing_is_a_skip(tmp_path: Path, file: str) -> None:
    save(tmp_path, outputs_of())
    for name in (file, "commands.json"):
        (tmp_path / name).unlink()
    made = report(read_saved(tmp_path))
    assert made.exit_status == 0
    assert any(each.outcome is Outcome.SKIP and file in each.detail for each in made.findings)


def test_a_required_file_that_is_empty_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, outputs_of())
    (tmp_path / "commands.json").unlink()
    (tmp_path / "iotedge-check.json").write_bytes(b"")
    assert finding(read_saved(tmp_path), "iotedge-check").outcome is Outcome.ERROR


def test_a_folder_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds none of the saved outputs. It needs iotedge-list.txt, "):
        read_saved(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_saved(tmp_path / "notes.txt")


def test_a_file_beyond_the_limit_is_refused_and_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, outputs_of())
    monkeypatch.setattr(module, "_LARGEST", 9000)
    (tmp_path / "iotedge-list.txt").write_bytes(b"x" * 9001)
    with pytest.raises(InputError, match=r"iotedge-list\.txt: it is larger than 9000 bytes"):
        read_saved(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"file": null}]', '{"output": 1}', "[" * 100_000])
def test_a_commands_json_of_something_else_is_refused_with_the_way_out(tmp_path: Path, text: str) -> None:
    save(tmp_path, outputs_of())
    (tmp_path / "commands.json").write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(InputError, match=r"is not what `verify --save` wrote. Save anew"):
        read_saved(tmp_path)


def test_a_commands_json_of_odd_values_never_makes_a_report_better(tmp_path: Path) -> None:
    save(tmp_path, outputs_of())
    entries = [
        {"output": name, "file": module.FILES[name][-1], "status": "0", "command": "x", "duration_s": None, "stderr": 1}
        for name in (LIST, CHECK, LOGS, STATUS, AGENT)
    ]
    (tmp_path / "commands.json").write_text(json.dumps(entries), encoding="utf-8", newline="\n")
    assert report(read_saved(tmp_path)).exit_status == 3  # no status: none of them ended


def test_a_disk_that_takes_only_a_part_leaves_the_earlier_save_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, outputs_of("new-device"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fill = workroom.fill

    def full(descriptor: int, data: bytes) -> None:
        fill(descriptor, data[: len(data) // 2])
        if b"__REALTIME_TIMESTAMP" in data:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(workroom, "fill", full)
    with pytest.raises(StorageError, match="No space left on device"):
        save(tmp_path, outputs_of("healthy"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_saves_at_once_are_never_mixed(tmp_path: Path) -> None:
    made = {name: outputs_of(name) for name in ("healthy", "new-device")}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: save(tmp_path, made[["healthy", "new-device"][number % 2]]), range(16)))
    assert report(read_saved(tmp_path)).findings in [report(outputs).findings for outputs in made.values()]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StorageError, match="taken"):
        save(tmp_path / "taken", outputs_of())
