"""A whole call through a process: the played PowerShell, with every fault that it can play."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eflowprov.bridge import session as session_module
from eflowprov.bridge.envelope import Envelope, text_param
from eflowprov.bridge.session import PowerShellSession, read_script
from eflowprov.errors import BridgeError, DeadlineError, TransportError
from eflowprov.lab.played_powershell import FAULT
from eflowprov.transports.process_tree import ProcessResult, run_process

PLAYED = (sys.executable, "-m", "eflowprov.lab.played_powershell")
PARAMS = {"module": text_param("AzureEFLOW"), "name": "Provision-EflowVm"}
ROOT = Path(__file__).resolve().parents[3]


def played(fault: str = "") -> PowerShellSession:
    return PowerShellSession(PLAYED, os.environ | {"PYTHONPATH": str(ROOT), FAULT: fault})


def test_a_call_gives_the_scripts_data_and_keeps_noise_as_log() -> None:
    answer = played().call("describe-cmdlet", PARAMS, 20)
    assert answer.failure is None
    assert "identityPrivKeyPath" in answer.data["parameters"]  # type: ignore[operator]
    assert answer.log == ("WARNING: no PowerShell here, a stand-in plays it", "Ger\ufffdt")
    assert 0 < answer.duration_s < 20


def test_a_script_that_throws_is_an_answer_with_the_failure() -> None:
    answer = played().call("describe-cmdlet", PARAMS | {"name": "Get-Nothing"}, 20)
    assert answer.failure is not None
    assert answer.failure.error_id == "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
    assert answer.data == {}


@pytest.mark.parametrize("fault", ["flood", "stderr", "exit-1"])
def test_noise_and_the_exit_status_do_not_spoil_a_whole_answer(fault: str) -> None:
    assert played(fault).call("describe-cmdlet", PARAMS, 20).failure is None


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("no-envelope", "the answer is missing"),
        ("doubled", "the answer came more than once"),
        ("torn", "the answer is torn"),
        ("constrained", "ConstrainedLanguage"),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(fault: str, why: str) -> None:
    with pytest.raises(BridgeError, match=why):
        played(fault).call("describe-cmdlet", PARAMS, 20)


def test_a_hang_with_a_child_on_the_pipes_ends_at_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineError, match=r"no answer within 2 s\. .*--timeout, timeout_s in a configuration"):
        played("hang").call("describe-cmdlet", PARAMS, 2)
    assert time.monotonic() - started < 4


def test_a_whole_answer_counts_though_the_process_then_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def then_late(*args: Any, **options: Any) -> ProcessResult:
        return replace(run_process(*args, **options), status=None, timed_out=True)

    monkeypatch.setattr(session_module, "run_process", then_late)
    assert played().call("describe-cmdlet", PARAMS, 20).failure is None


def test_an_answer_behind_more_noise_than_is_kept_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_CAP", 1000)
    with pytest.raises(BridgeError, match=r"printed \d+ bytes more than can be kept"):
        played("flood").call("describe-cmdlet", PARAMS, 20)


def test_an_answer_in_another_form_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ({}, {"ok": True, "data": "text"}, {"ok": 1, "data": {}}, {"ok": False, "error": None}):
        opened = Envelope(dict(answer), ())
        monkeypatch.setattr(session_module, "_envelope", lambda *_, opened=opened: opened)
        with pytest.raises(BridgeError, match="not in the known form"):
            played().call("describe-cmdlet", PARAMS, 20)


def test_a_missing_powershell_is_a_transport_error(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="cannot be started"):
        PowerShellSession(None, {"EFLOWPROV_POWERSHELL": str(tmp_path / "pwsh")}).call("host-facts", {}, 5)


def test_a_program_that_is_no_powershell_gives_no_answer() -> None:
    with pytest.raises(BridgeError, match="the answer is missing"):
        PowerShellSession((sys.executable, "-c", "print('hello')")).call("host-facts", {}, 20)


def test_scripts_are_read_with_the_same_line_ends_wherever_they_were_checked_out() -> None:
    assert "\r" not in read_script("bootstrap")
    assert read_script("bootstrap").startswith("# eflowprov's bridge")
