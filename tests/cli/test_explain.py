"""The command `explain`: its two forms, its statuses, its input."""

from __future__ import annotations

import io
import json

import pytest

from eflowprov.cli.main import run_command


def test_the_console_form_says_meaning_and_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["explain", "vm/clock"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("vm/clock\n") and "What to do:" in told and "Stop-EflowVm" in told
    assert max(map(len, told.splitlines())) <= 100


def test_a_command_for_the_vm_is_never_broken_over_two_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert run_command(["explain", "logs/service-failed"]) == 0
    assert 'Invoke-EflowVmCommand -command "sudo iotedge system logs"' in capsys.readouterr().out


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["explain", "EFLOW", "VM", "is", "OFF"]) == 0
    assert capsys.readouterr().out.startswith("eflow/vm-off\n")


def test_the_json_form_is_one_document_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["explain", "401002", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["found_by"] == "code" and len(document["matches"]) == 4
    fields = {"id", "kind", "title", "severity", "explanation", "remedy", "messages", "codes"}
    assert all(set(match) == fields for match in document["matches"])
    assert all(set(near) == {"id", "title"} for near in document["near"])


def test_a_transcript_is_read_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Exception caught!!!\n\n - EFLOW VM is OFF! at line 2\n"))
    assert run_command(["explain", "-"]) == 0
    assert "eflow/vm-off" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "status"), [(["zzz", "qqq"], 3), ([""], 2), ([], 2)])
def test_unknown_and_empty_are_one_line_and_no_output(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["explain", *words]) == status
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
