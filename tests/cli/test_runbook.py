"""docs/runbook.md: every line that a technician copies has a command, and options, that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "runbook.md").read_text("utf-8")
LINES = sorted({line.strip() for line in TEXT.splitlines() if re.match(r" {4,}eflowprov ", line)})


def test_the_runbook_has_the_whole_life_of_a_machine() -> None:
    named = {line.split()[1] for line in LINES}
    assert {"lab", "certs", "host", "config", "run", "explain", "verify", "deprovision"} <= named


@pytest.mark.parametrize("line", LINES)
def test_each_line_is_one_that_the_tool_knows(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    words = line.split()[1:]
    path = words[:2] if words[0] in ("certs", "host", "lab", "config", "dps") else words[:1]
    assert run_command([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and f"{word} " not in text] == []
    needs = "Arguments:" in text and "[required]" in text.partition("Arguments:")[2].partition("Options:")[0]
    assert not needs or any(not word.startswith("--") for word in words[len(path) :])


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_it_is_found_from_where_people_begin(page: str) -> None:
    assert re.search(r"\]\((docs/)?runbook\.md\)", (ROOT / Path(page)).read_text("utf-8"))
