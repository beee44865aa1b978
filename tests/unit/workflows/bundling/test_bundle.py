"""One file for a ticket: what is in it, in which order, how large, and that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from eflowprov.errors import InputError, StorageError, TransportError
from eflowprov.model import CommandResult, Finding, HostFacts, Outcome
from eflowprov.reports.formats import FORMS
from eflowprov.workflows.bundling import bundle as module
from eflowprov.workflows.bundling.bundle import Bundle, BundleOptions, Receipt, refuse_place
from eflowprov.workflows.bundling.log import RunLog
from eflowprov.workflows.bundling.members import Member
from eflowprov.workflows.readiness import outputs as outputs_module
from eflowprov.workflows.readiness.outputs import AGENT, LOGS, Outputs, read_saved, save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect, report_on, verify_vm
from tests.machine import FakeVm

OPTIONS = VerifyOptions()


def made(path: Path, vm: FakeVm | None = None, *, support: bool = True, host: HostFacts | None = None) -> Receipt:
    bundle = Bundle(BundleOptions(path, support), RunLog(), lambda _: None)
    report = verify_vm(vm or FakeVm().start(), OPTIONS, host="local", on_look=bundle.look)
    return bundle.write(report, host=host)


def names_in(path: Path) -> list[str]:
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def read_me_of(path: Path) -> str:
    with ZipFile(path) as archive:
        return archive.read("README.txt").decode("ascii")


def document(path: Path, name: str = "manifest.json") -> Any:
    with ZipFile(path) as archive:
        return json.loads(archive.read(name))


def test_everything_is_in_it_in_an_order_that_stays(tmp_path: Path) -> None:
    receipt = made(tmp_path / "t.zip")
    names = names_in(tmp_path / "t.zip")
    made(tmp_path / "again.zip")
    assert names == names_in(tmp_path / "again.zip") and len(names) == receipt.members == len({*names})
    first = [
        "README.txt",
        "manifest.json",
        *(form.file_name for form in FORMS.values()),
        "iotedge-list.txt",
        "iotedge-check.json",
    ]
    assert names[: len(first)] == first
    assert {"commands.json", "versions.json", "transcript.jsonl", "support-bundle/check.json"} <= {*names}
    assert receipt.size == (tmp_path / "t.zip").stat().st_size and receipt.lacking == ""


def test_the_manifest_tells_size_and_sum_of_each_member(tmp_path: Path) -> None:
    made(tmp_path / "t.zip")
    manifest = document(tmp_path / "t.zip")
    with ZipFile(tmp_path / "t.zip") as archive:
        assert [entry["name"] for entry in manifest["members"]] == [
            name for name in archive.namelist() if name != "manifest.json"
        ]
        for entry in manifest["members"]:
            data = archive.read(entry["name"])
            assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest["verdict"] == "ready" and manifest["tool"]["name"] == "eflowprov"
    assert manifest["support_bundle"] == {"asked": True, "there": True, "problem": None}


def test_unpacked_it_is_judged_to_the_same_report(tmp_path: Path) -> None:
    vm = FakeVm("new-device").start()
    outputs = collect(vm, OPTIONS)
    bundle = Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None)
    bundle.look(vm, outputs)
    bundle.write(None)
    with ZipFile(tmp_path / "t.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    again = report_on(read_saved(tmp_path / "unpacked"), OPTIONS, vm="vm", channel="saved")
    assert again.findings == report_on(outputs, OPTIONS, vm="vm", channel="saved").findings


def test_the_transcript_has_what_was_told_and_each_command_with_its_time(tmp_path: Path) -> None:
    made(tmp_path / "t.zip")
    with ZipFile(tmp_path / "t.zip") as archive:
        events = [json.loads(line) for line in archive.read("transcript.jsonl").decode("ascii").splitlines()]
    assert {event["event"] for event in events} == {"support-bundle", "command", "report"}
    assert any(event.get("name") == "iotedge list" and event["duration_s"] >= 0 for event in events)
    assert all(event["time"].endswith("Z") for event in events)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_versions_are_those_that_are_known(tmp_path: Path) -> None:
    made(tmp_path / "t.zip", host=HostFacts(module_version="1.4.2", products=("Azure IoT Edge LTS",)))
    versions = document(tmp_path / "t.zip", "versions.json")
    assert versions["iotedge"] == "iotedge 1.5.21" and versions["vm"]["aziot_edged_version"] == "1.5.21"
    assert versions["eflow"] == {"module": "1.4.2", "products": ["Azure IoT Edge LTS"]}
    assert versions["packages"]["paramiko"] and versions["python"]


@pytest.mark.parametrize("answer", [(1, b"", b"Error: no\n"), (0, b"nothing", b""), TransportError("a", "b", "c")])
def test_a_support_bundle_that_cannot_be_had_costs_itself_alone(tmp_path: Path, answer: Any) -> None:
    receipt = made(tmp_path / "t.zip", FakeVm(answers={"iotedge support-bundle": answer}).start())
    manifest = document(tmp_path / "t.zip")
    assert receipt.lacking and manifest["verdict"] == "ready"
    assert manifest["support_bundle"] == {"asked": True, "there": False, "problem": receipt.lacking}


def test_it_is_not_asked_for_unless_it_is_wanted(tmp_path: Path) -> None:
    vm = FakeVm().start()
    made(tmp_path / "t.zip", vm, support=False)
    assert vm.commands("iotedge support-bundle") == []


def test_a_bundle_without_a_report_says_the_error(tmp_path: Path) -> None:
    error = TransportError("SSH 10.0.0.1:22", "password=hunter2 was refused", "Look")
    Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None).write(None, error=error)
    assert "password=***" in document(tmp_path / "t.zip")["error"]
    assert names_in(tmp_path / "t.zip") == ["README.txt", "manifest.json", "versions.json", "transcript.jsonl"]
    assert "No report: SSH 10.0.0.1:22: password=*** was refused. Look." in read_me_of(tmp_path / "t.zip")


def test_what_one_sees_first_says_verdict_device_and_which_file_tells_what(tmp_path: Path) -> None:
    made(tmp_path / "t.zip", FakeVm("edgehub-missing").start())
    text = read_me_of(tmp_path / "t.zip")
    assert "\r\nVerdict: not-ready (device line4-press2, hub lab-hub.azure-devices.net)\r\n" in text
    assert " fail, " in text
    assert "report.html " in text and "support-bundle/ " in text and "Secrets taken out: 0" in text
    assert max(map(len, text.splitlines())) <= 110


def test_an_output_that_cannot_be_read_any_more_is_left_out_and_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(name: str, file: str, result: CommandResult) -> Member:
        if name == LOGS:
            raise OSError(5, "Input/output error")
        return kept(name, file, result)

    kept = module._one
    monkeypatch.setattr(module, "_one", one)
    made(tmp_path / "t.zip")
    assert document(tmp_path / "t.zip")["left_out"] == [
        {"name": "iotedge-system-logs.json", "why": "it cannot be read (Input/output error)"}
    ]
    assert {"iotedge-list.txt", "iotedge-logs-edgeAgent.txt"} <= {*names_in(tmp_path / "t.zip")}


def test_no_text_of_a_report_brings_a_secret_into_any_of_its_forms(tmp_path: Path) -> None:
    report = verify_vm(FakeVm().start(), OPTIONS, host="local")
    said = Finding("a/b", "a title", Outcome.WARN, "password=hunter2-Zq9", evidence="DB_PASSWORD=hunter2-Zq9")
    bundle = Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None)
    receipt = bundle.write(replace(report, findings=(*report.findings, said)))
    with ZipFile(tmp_path / "t.zip") as archive:
        texts = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    assert [name for name, text in texts.items() if "hunter2" in text] == []
    assert "password=***" in texts["report.json"] and receipt.redacted == 2


def test_a_host_whose_clock_stands_at_1970_gets_a_bundle_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls(1970, 1, 1, tzinfo=tz)

    monkeypatch.setattr(module, "datetime", Clock)
    Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None).write(None)
    assert document(tmp_path / "t.zip")["created_at"] == "1970-01-01T00:00:00Z"


def test_a_large_saved_log_comes_from_its_file_and_its_newest_lines_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "saved", collect(FakeVm().start(), OPTIONS))
    path = tmp_path / "saved" / "iotedge-system-logs.json"
    noise = json.dumps({"MESSAGE": "noise", "_PID": "1", "_SYSTEMD_UNIT": "aziot-edged.service"}) + "\n"
    path.write_text(noise * 5000 + path.read_text("utf-8"), encoding="utf-8", newline="\n")
    monkeypatch.setattr(outputs_module, "_HELD", 100_000)
    monkeypatch.setattr(outputs_module, "_HEAD", 1000)
    monkeypatch.setattr(module, "newest", lambda name, data: newest_small(name, data))
    newest_small = _limited(20_000)
    outputs = read_saved(tmp_path / "saved")
    bundle = Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None)
    bundle.look(None, outputs)
    bundle.write(report_on(outputs, OPTIONS, vm="vm", channel="saved"))
    with ZipFile(tmp_path / "t.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
        kept = archive.read(path.name)
    assert path.read_bytes().endswith(kept) and 15_000 < len(kept) <= 20_000
    entry = next(entry for entry in document(tmp_path / "t.zip")["members"] if entry["name"] == path.name)
    assert entry["cut_bytes"] > 0 and "newest" in entry["note"]
    again = report_on(read_saved(tmp_path / "unpacked"), OPTIONS, vm="vm", channel="saved")
    told = {finding.id: finding for finding in again.findings}
    assert told["provisioning/dps-assigned"].outcome == "pass" and told["logs/journal"].outcome == "warn"


def _limited(limit: int) -> Any:
    from eflowprov.workflows.bundling.members import newest

    return lambda name, data: newest(name, data, limit=limit)


def test_beyond_the_limit_of_all_members_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = module._Contents(_left=60_000)
    monkeypatch.setattr(module, "_Contents", lambda: contents)
    made(tmp_path / "t.zip", FakeVm(answers={"iotedge logs": (0, b"x" * 50_000, b"")}).start())
    manifest = document(tmp_path / "t.zip")
    assert sum(entry["size"] for entry in manifest["members"][1:]) <= 60_000
    assert {"name": "iotedge-logs-edgeAgent.txt", "why": "the bundle would hold more than 64 MiB"} in manifest[
        "left_out"
    ]


@pytest.mark.linux
def test_the_file_is_its_owners_alone_also_in_the_place_of_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    path.write_bytes(b"old")
    path.chmod(0o644)
    made(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(names_in(path)) > 10


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.zip"
    path.write_bytes(b"old")

    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        made(path)
    monkeypatch.undo()
    assert path.read_bytes() == b"old" and [each for each in tmp_path.iterdir() if "lock" not in each.name] == [path]


@pytest.mark.parametrize("name", ["", "t.txt", "t", "no/such/folder/t.zip", "f.zip"])
def test_a_place_that_cannot_take_it_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    (tmp_path / "f.zip").mkdir()
    with pytest.raises(InputError, match="--bundle"):
        refuse_place(tmp_path / name)
    with pytest.raises(InputError, match="something else"):
        refuse_place(tmp_path / "t.ZIP", None, tmp_path / "t.ZIP")


def test_ctrl_c_while_the_vm_is_asked_closes_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = FakeVm().start()

    def interrupt(_future: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "awaited", interrupt)
    bundle = Bundle(BundleOptions(tmp_path / "t.zip", support_bundle=True), RunLog(), lambda _: None)
    empty = CommandResult((), 0, b"", b"", 0.0)
    with pytest.raises(KeyboardInterrupt):
        bundle.look(vm, Outputs({LOGS: empty, AGENT: empty}))
    assert vm.closed.is_set() and not (tmp_path / "t.zip").exists()
