"""The secrets scan: every form of secret in every source of a bundle, and no byte of one in any member of it."""

from __future__ import annotations

import json
import logging
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from eflowprov.model import CommandResult, Report
from eflowprov.workflows.bundling.bundle import Bundle, BundleOptions
from eflowprov.workflows.bundling.log import RunLog
from eflowprov.workflows.readiness.outputs import COMMANDS, FILES, Outputs, read_saved
from eflowprov.workflows.readiness.verify import VerifyOptions, report_on, verify_vm
from tests.machine import Answer, FakeVm
from tests.unit.workflows.bundling.secrets import HARMLESS, PLANTED

ALL = "\n".join([*(text for text, _ in PLANTED.values()), *HARMLESS, ""])
PIECES = sorted({piece for _, pieces in PLANTED.values() for piece in pieces})
SOURCES = ("iotedge list", "iotedge check", "iotedge system logs", "iotedge system status", "iotedge logs", "sh -c")


def members_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def leaked(members: dict[str, bytes]) -> list[tuple[str, str]]:
    """Each piece of a secret that is in a member, in UTF-8 or as JSON writes it."""
    texts = {name: data.decode("utf-8", "replace").replace("\0", "") for name, data in members.items()}
    return [
        (name, piece)
        for name, text in texts.items()
        for piece in PIECES
        if piece in text or json.dumps(piece)[1:-1] in text
    ]


def packed(text: str) -> bytes:
    """What `iotedge support-bundle` might hold, noise before it."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("logs/edgeAgent_log.txt", text)
        archive.writestr(
            "inspect/edgeAgent.json", json.dumps([{"Config": {"Env": text.split("\n"), "Labels": {"x": text}}}])
        )
        archive.writestr("logs/wide.txt", text.encode("utf-16"))
    return b"Making support bundle\n" + file.getvalue()


def made(tmp_path: Path, vm: FakeVm) -> dict[str, bytes]:
    """The bundle of one look, with everything that it can have."""
    log = RunLog()
    bundle = Bundle(BundleOptions(tmp_path / "t.zip", support_bundle=True), log, log.telling(lambda _: None))
    with log.listening():
        logging.getLogger("eflowprov.any").info("logged: %s", ALL)
        log.event("told", text=ALL, nested={"password": "hunter2-Zq9"})
        bundle.write(verify_vm(vm, VerifyOptions(), host="local", on_look=bundle.look))
    return members_of(tmp_path / "t.zip")


@pytest.mark.parametrize("form", ["out", "err", "utf-16"])
def test_no_secret_of_any_form_from_any_source_is_in_a_bundle(tmp_path: Path, form: str) -> None:
    data = ALL.encode("utf-16" if form == "utf-16" else "utf-8")
    printed: Answer = (1, b"", data) if form == "err" else (0, data, data)
    vm = FakeVm(answers={**dict.fromkeys(SOURCES, printed), "iotedge support-bundle": (0, packed(ALL), data)}).start()
    members = made(tmp_path, vm)
    assert leaked(members) == []
    assert {"report.html", "support-bundle/logs/wide.txt", "transcript.jsonl", COMMANDS} <= members.keys()
    assert all(file in members for file in (FILES[name][0] for name in FILES))


def test_each_form_alone_is_taken_out_and_counted(tmp_path: Path) -> None:
    """Alone, so that no other secret's pattern takes this one along."""
    for form, (text, pieces) in PLANTED.items():
        said = f"before {form}\n{text}\nafter it\n".encode()
        members = made(tmp_path, FakeVm(answers={"iotedge logs": (0, said, b"")}).start())
        kept = members["iotedge-logs-edgeAgent.txt"].decode()
        assert not [piece for piece in pieces if piece in kept], form
        assert kept.startswith(f"before {form}\n") and kept.endswith("after it\n"), form
        listed = json.loads(members["manifest.json"])["members"]
        assert [entry for entry in listed if entry["name"].startswith("iotedge-logs") and entry["redacted"]], form


def test_a_journal_in_json_keeps_its_records_and_loses_its_secrets(tmp_path: Path) -> None:
    lines = [*ALL.split("\n"), "the last one"]
    records = [{"MESSAGE": line, "_PID": "1", "_SYSTEMD_UNIT": "aziot-edged.service"} for line in lines]
    records += [{"MESSAGE": list(text.encode()), "_PID": "2"} for text, _ in PLANTED.values()]
    journal = "".join(json.dumps(record) + "\n" for record in records)
    members = made(tmp_path, FakeVm(answers={"iotedge system logs": (0, journal.encode(), b"")}).start())
    assert leaked(members) == []
    kept = [json.loads(line) for line in members["iotedge-system-logs.json"].decode().splitlines()]
    assert len(kept) == len(records)
    assert {"MESSAGE": "the last one", "_PID": "1", "_SYSTEMD_UNIT": "aziot-edged.service"} in kept


def test_documents_stay_valid_json(tmp_path: Path) -> None:
    check = json.dumps(
        {"checks": {"x": {"result": {"result": "error", "details": [ALL, *HARMLESS]}}}, "more": {"token": 7}}
    )
    answers: dict[str, Answer] = {
        "iotedge check": (1, check.encode(), b"\n"),
        "iotedge support-bundle": (0, packed(ALL), b""),
    }
    members = made(tmp_path, FakeVm(answers=answers).start())
    for name in (
        "iotedge-check.json",
        COMMANDS,
        "manifest.json",
        "report.json",
        "support-bundle/inspect/edgeAgent.json",
    ):
        json.loads(members[name])
    assert json.loads(members["iotedge-check.json"])["checks"]["x"]["result"]["details"][1:] == list(HARMLESS)
    assert leaked(members) == []


def test_harmless_text_stays_letter_for_letter(tmp_path: Path) -> None:
    text = "\n".join(HARMLESS) + "\n"
    answers: dict[str, Answer] = {
        "iotedge logs": (0, text.encode(), b""),
        "iotedge support-bundle": (0, packed(text), b""),
    }
    members = made(tmp_path, FakeVm(answers=answers).start())
    assert members["iotedge-logs-edgeAgent.txt"].decode() == text
    assert members["support-bundle/logs/edgeAgent_log.txt"].decode() == text
    assert members["support-bundle/logs/wide.txt"].decode() == text
    listed = json.loads(members["manifest.json"])["members"]
    assert {entry["name"] for entry in listed if entry["redacted"]} == {"transcript.jsonl"}  # where secrets were told


def test_saved_files_of_any_encoding_leak_nothing_either(tmp_path: Path) -> None:
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "mixed")):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in FILES:
            data = b"first\n" * 1000 + ALL.encode("utf-16-le") if encoding == "mixed" else ALL.encode(encoding)
            (folder / FILES[name][0]).write_bytes(data)
        outputs = read_saved(folder)
        bundle = Bundle(BundleOptions(tmp_path / "t.zip"), RunLog(), lambda _: None)
        bundle.look(None, outputs)
        bundle.write(_report(outputs))
        assert leaked(members_of(tmp_path / "t.zip")) == [], encoding


def _report(outputs: Outputs) -> Report:
    assert all(isinstance(result, CommandResult) for result in outputs.results.values())
    return report_on(outputs, VerifyOptions(), vm="saved", channel="saved")
