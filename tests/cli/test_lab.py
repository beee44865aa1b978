"""`eflowprov lab`: its list, its flags, what it keeps. The scenarios themselves are in tests/lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.lab.scenarios import SCENARIOS


def test_the_list_has_every_scenario_with_the_verdict_that_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["lab", "scenarios"]) == 0
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert [(name, verdict) for name, verdict, _ in rows] == [(one.name, one.verdict) for one in SCENARIOS.values()]
    assert {"healthy", "new-device", "ca-as-identity", "dps-refused", "service-down-after-ok"} <= SCENARIOS.keys()
    assert {"edgehub-missing", "vm-unreachable"} <= SCENARIOS.keys()


def test_a_scenario_that_there_is_not_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["lab", "run", "--scenario", "nosuch"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err == (
        f"error: --scenario: there is no scenario 'nosuch'. Choose one of {', '.join(SCENARIOS)}.\n"
    )


def test_output_keeps_the_reports_the_transcript_and_the_certificates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "kept"
    assert run_command(["lab", "run", "--scenario", "ca-as-identity", "--format", "json", "--output", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert json.loads((folder / "report.json").read_text("utf-8")) == json.loads(out)
    assert f"written: {folder / 'report.txt'}" in err
    assert (folder / "pki" / "issuing.ca.cert.pem").is_file()
    events = [json.loads(line)["event"] for line in (folder / "transcript.jsonl").read_text("ascii").splitlines()]
    assert events == ["step", "step"]  # certs and check, which ended it
    assert "PRIVATE KEY" not in (folder / "transcript.jsonl").read_text("ascii")


def test_quiet_leaves_the_report_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["-q", "lab", "run", "--scenario", "ca-as-identity"]) == 1
    out, err = capsys.readouterr()
    assert "NOT READY" in out and err == ""


def test_a_place_that_cannot_be_used_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run_command(["lab", "run", "--output", str(tmp_path / "file")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert err.startswith(f"error: --output: {tmp_path / 'file'} is a file")
