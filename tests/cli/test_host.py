"""`eflowprov host` from the command line, over facts made here."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.reports.json import report_schema
from tests.machine import FakeHost, FakeVm


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(FakeVm())
    monkeypatch.setattr(options, "eflow_host", lambda _target: made)
    return made


@pytest.mark.parametrize(
    ("changes", "status", "verdict"),
    [({}, 0, "ready"), ({"is_elevated": False}, 1, "not-ready"), ({"is_elevated": None}, 3, "unknown")],
)
def test_the_status_says_whether_the_host_is_fit(
    host: FakeHost, capsys: pytest.CaptureFixture[str], changes: dict[str, bool | None], status: int, verdict: str
) -> None:
    host.facts = replace(host.facts, **changes)  # type: ignore[arg-type]
    assert run_command(["host", "check", "--format", "json"]) == status
    report = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert report["verdict"] == verdict and report["target"]["host"] == "local"
    assert run_command(["host", "check"]) == status


def test_a_fit_host_is_not_said_to_be_provisioned(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert host is not None and run_command(["host", "check"]) == 0
    out = capsys.readouterr().out
    assert "this host is fit" in out and "connected and running" not in out


@pytest.mark.parametrize("form", [[], ["--format", "json"]])
def test_info_gives_the_facts_alone_with_times_in_utc(
    host: FakeHost, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    moment = datetime(2027, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    host.facts = replace(host.facts, wssdagent_not_after=moment, os_build=None)
    assert run_command(["host", "info", *form]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["wssdagent_not_after"], facts["os_build"], err) == ("2027-01-02T03:04:05Z", None, "")
    assert facts["execution_policies"]["LocalMachine"] == "AllSigned" and facts["module_version"]


@pytest.mark.parametrize("argv", [["host", "check"], ["host", "info"]])
def test_without_a_powershell_it_is_one_line_and_status_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    monkeypatch.setenv("EFLOWPROV_POWERSHELL", "no-such-powershell")
    assert run_command(argv) == 3
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "no-such-powershell" in err


@pytest.mark.parametrize("target", ["winrm://h", "", "LOCAL", "a\nb"])
def test_another_host_is_refused(capsys: pytest.CaptureFixture[str], target: str) -> None:
    assert run_command(["host", "check", "--host", target]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and err.startswith("error: --host: ")
