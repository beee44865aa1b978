"""The PowerShell module in a real PowerShell with the real eflowprov behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eflowprov.cli.main import run_command
from tests.powershell.module_support import ROOT, Module

pytestmark = pytest.mark.powershell

REAL = {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def module(powershell: str, tmp_path: Path) -> Module:
    return Module(powershell, tmp_path)


def issue(module: Module, *ids: str, **more: object) -> dict[str, Any]:
    options: dict[str, Any] = {"Authority": "pki", "OutputDirectory": "out dir", "KeyType": "ec-p256", **more}
    return module.call("New-EflowProvIdentity", having=REAL, RegistrationId=list(ids), **options)


def test_identities_are_issued_once_and_then_kept(module: Module) -> None:
    assert (
        run_command(["certs", "ca", "--out", str(module.folder / "pki"), "--key-type", "ec-p256", "--no-passphrase"])
        == 0
    )
    first = issue(module, "line4-press2", "line4-press3", Days=30)
    assert first["terminating"] is None
    assert [(one["RegistrationId"], one["Kept"]) for one in first["output"]] == [
        ("line4-press2", False),
        ("line4-press3", False),
    ]
    for one in first["output"]:
        assert all(Path(one[part]).is_file() for part in ("Leaf", "Chain", "Key"))
        assert Path(one["Folder"]).parent.samefile(module.folder / "out dir")
    again = issue(module, "line4-press2")
    assert [(one["Kept"], one["Serial"]) for one in again["output"]] == [(True, first["output"][0]["Serial"])]


def test_an_authority_with_a_passphrase_is_opened_by_a_file(module: Module) -> None:
    words = module.folder / "words"
    words.write_text("a passphrase of some length\n", encoding="utf-8")
    made = [
        "certs",
        "ca",
        "--out",
        str(module.folder / "pki"),
        "--key-type",
        "ec-p256",
        "--passphrase-file",
        str(words),
    ]
    assert run_command(made) == 0
    refused = issue(module, "line4-press2")
    assert refused["terminating"]["id"] == "EflowProv.Usage,New-EflowProvIdentity"
    taken = issue(module, "line4-press2", PassphraseFile="words")
    assert [one["RegistrationId"] for one in taken["output"]] == ["line4-press2"]


def test_a_bad_registration_id_writes_nothing(module: Module) -> None:
    assert (
        run_command(["certs", "ca", "--out", str(module.folder / "pki"), "--key-type", "ec-p256", "--no-passphrase"])
        == 0
    )
    result = issue(module, "Bad ID!")
    assert result["terminating"]["id"] == "EflowProv.Usage,New-EflowProvIdentity"
    assert "Bad ID!" in result["terminating"]["message"]
    assert not (module.folder / "out dir").exists()


def test_saved_outputs_that_say_nothing_leave_it_unknown(module: Module) -> None:
    saved = module.folder / "saved"
    saved.mkdir()
    empty = module.call("Get-EflowProvReadiness", having=REAL, From="saved")
    assert empty["terminating"]["id"] == "EflowProv.Usage,Get-EflowProvReadiness"
    for name in ("iotedge-list.txt", "iotedge-check.txt", "iotedge-system-logs.txt"):
        (saved / name).write_text("no such thing\n", encoding="ascii")
    unknown = module.call("Get-EflowProvReadiness", having=REAL, From="saved")
    assert unknown["terminating"]["id"] == "EflowProv.Unknown,Get-EflowProvReadiness"
    assert (unknown["terminating"]["status"], unknown["terminating"]["target"]) == (3, "unknown")


def test_a_choice_that_the_tool_refuses_is_a_usage_error(module: Module) -> None:
    result = module.call("Get-EflowProvReadiness", having=REAL, Channel="SSH", Since="yesterday-ish")
    assert result["terminating"]["id"] == "EflowProv.Usage,Get-EflowProvReadiness"
    assert result["terminating"]["message"].count("\n") == 0
