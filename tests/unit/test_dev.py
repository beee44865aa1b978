"""dev.py: what cannot be set up is told in one line that says what is needed."""

from __future__ import annotations

import runpy
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

DEV = runpy.run_path(str(ROOT / "dev.py"))


def test_a_python_without_ensurepip_is_told_with_the_package_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(1, ["ensurepip"])

    monkeypatch.setattr(venv, "create", lacks)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        DEV["environment"](tmp_path / "venv")


def test_when_pip_fails_the_last_line_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    with pytest.raises(SystemExit) as end:
        DEV["environment"](tmp_path / "venv", "rich")
    assert end.value.code == 1
    assert "package index" in capfd.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "venv").exists()
