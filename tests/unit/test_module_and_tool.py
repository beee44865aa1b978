"""What the PowerShell module tells the tool and reads from it is what the tool knows: no PowerShell is needed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eflowprov.cli.main import run_command
from eflowprov.model import Finding, Identity, Outcome, Report, Target
from eflowprov.reports.json import to_json

MODULE = Path(__file__).resolve().parent.parent.parent / "powershell" / "EflowProv"
COMMANDS = {
    "Get-EflowProvReadiness": ("verify",),
    "Invoke-EflowProvisioning": ("provision",),
    "New-EflowProvIdentity": ("certs", "device"),
}


def code_of(name: str) -> str:
    text = (MODULE / name).read_text(encoding="ascii")
    return re.sub(r"(?s)<#.*?#>", "", text)


def help_of(cmdlet: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run_command([*COMMANDS[cmdlet], "--help"]) == 0
    return capsys.readouterr().out


def read_from(name: str, variable: str) -> list[str]:
    """The fields that a function reads of one variable, as dotted paths."""
    return sorted(set(re.findall(rf"\${variable}\.([\w.]+)", code_of(f"Private/{name}.ps1"))))


def has(document: dict[str, Any], path: str) -> bool:
    value: Any = document
    for field in path.split("."):
        if not isinstance(value, dict) or field not in value:
            return False
        value = value[field]
    return True


@pytest.mark.parametrize("cmdlet", COMMANDS)
def test_the_tool_knows_every_flag_that_a_cmdlet_gives(cmdlet: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = set(re.findall(r"^\s+(--[a-z-]+)", help_of(cmdlet, capsys), re.MULTILINE))
    code = code_of(f"Public/{cmdlet}.ps1")
    given = set(re.findall(r"'(--[a-z-]+)", code))
    assert given
    assert given <= known
    assert all(f"'{word}'" in code for word in COMMANDS[cmdlet])


OFFERED = [
    (cmdlet, sorted(re.findall(r"'([^']+)'", offered)))
    for cmdlet in COMMANDS
    for offered in re.findall(r"\[ValidateSet\((.*?)\)\]", code_of(f"Public/{cmdlet}.ps1"))
]


@pytest.mark.parametrize(("cmdlet", "offered"), OFFERED)
def test_the_tool_takes_every_word_that_a_cmdlet_offers(
    cmdlet: str, offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = re.sub(r"\s", "", help_of(cmdlet, capsys))
    taken = [sorted(words.split("|")) for words in re.findall(r"<([a-z0-9-]+(?:\|[a-z0-9-]+)+)>", text)]
    assert offered and offered in taken


def test_the_report_has_every_field_that_the_module_reads() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = Report("0", now, 1.0, Target(), Identity(), (Finding("a/b", "A", Outcome.PASS),))
    document = json.loads(to_json(report))
    fields = read_from("ConvertFrom-EflowProvReport", "report")
    assert "identity.hub" in fields
    assert [field for field in fields if not has(document, field)] == []
    fields = read_from("ConvertFrom-EflowProvFinding", "Finding")
    assert [field for field in fields if not has(document["findings"][0], field)] == []


def test_the_answer_about_an_identity_has_every_field_that_the_module_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki, out = str(tmp_path / "pki"), str(tmp_path / "out")
    assert run_command(["certs", "ca", "--out", pki, "--key-type", "ec-p256", "--no-passphrase"]) == 0
    capsys.readouterr()
    front = ["--verbose", "certs", "device", f"--ca={pki}", f"--out={out}", "--key-type=ec-p256"]
    assert run_command([*front, "--format=json", "--", "line4-press2"]) == 0
    (identity,) = json.loads(capsys.readouterr().out)["identities"]
    fields = read_from("ConvertFrom-EflowProvIdentity", "identity")
    assert "registration_id" in fields
    assert [field for field in fields if not has(identity, field)] == []
