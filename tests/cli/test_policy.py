"""`verify` with a site's policy, and with what the VM's identity should be, over saved outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.workflows.readiness.outputs import save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect
from tests.machine import FakeVm


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "saved", collect(FakeVm("edgehub-missing").start(), VerifyOptions()))
    return tmp_path / "saved"


def _policy(folder: Path, id_: str, severity: str) -> str:
    path = folder / "policy.toml"
    rule = f'[[rule]]\nid = "{id_}"\nseverity = "{severity}"\nreason = "no edgeHub at this site"\n'
    path.write_text(rule, encoding="utf-8", newline="\n")
    return str(path)


def _report(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {finding["id"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_a_policy_changes_a_finding_and_the_report_says_why(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--from", str(saved), "--format", "json", "--policy", _policy(tmp_path, "*edge-hub-storage*", "warn")]
    assert run_command(["verify", *flags]) == 1  # the deployment still failed
    finding = _report(capsys)["iotedge-check/edge-hub-storage-mounted-from-host"]
    assert finding["outcome"] == "warn" and "no edgeHub at this site" in finding["detail"]


def test_a_policy_that_cannot_be_used_is_one_line_and_status_2(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["verify", "--from", str(saved), "--policy", _policy(tmp_path, "x", "loud")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "policy.toml" in err


def test_another_registration_id_than_the_devices_is_told(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(["verify", "--from", str(saved), "--format", "json", "--registration-id", "another"])
    assert _report(capsys)["identity/registration-id"]["outcome"] == "warn"
    run_command(["verify", "--from", str(saved), "--format", "json", "--registration-id", "line4-press2"])
    assert _report(capsys)["identity/registration-id"]["outcome"] == "pass"


def test_a_certificate_to_compare_with_that_is_not_there_is_status_2(saved: Path, tmp_path: Path) -> None:
    assert run_command(["verify", "--from", str(saved), "--cert", str(tmp_path / "none.pem")]) == 2
