"""The built wheel, installed: everything that is data is in it, and the program runs from it."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys
from pathlib import Path

import pytest

import eflowprov


def test_the_package_under_test_is_the_installed_one() -> None:
    assert "site-packages" in Path(eflowprov.__file__).parts


def _eflowprov(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eflowprov", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "name",
    [
        "bridge/scripts/bootstrap.ps1",
        "bridge/scripts/invoke-cmdlet.ps1",
        "lab/AzureEFLOW/AzureEFLOW.psm1",
        "checks/texts/iotedge-check.toml",
        "parsers/check-ids.csv",
        "reports/report-1.0.schema.json",
        "reports/templates/report.css",
        "reports/templates/report.html.j2",
        "workflows/config.template.toml",
        "py.typed",
    ],
)
def test_a_data_file_is_in_the_wheel(name: str) -> None:
    assert importlib.resources.files("eflowprov").joinpath(name).is_file()


def test_the_version_of_the_wheel_is_the_program_s() -> None:
    assert _eflowprov("--version").stdout.split() == ["eflowprov", importlib.metadata.version("eflowprov")]


def test_the_lab_runs_from_the_wheel_and_ends_with_a_report(tmp_path: Path) -> None:
    done = _eflowprov("lab", "run", "--scenario", "new-device", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "ready-awaiting-deployment" in (tmp_path / "report.json").read_text(encoding="ascii")


def test_the_wheel_says_what_it_needs_and_brings_no_tests() -> None:
    files = importlib.metadata.files("eflowprov") or []
    assert not [file for file in files if "tests" in file.parts]
    assert any("azure-iot-device" in requirement for requirement in importlib.metadata.requires("eflowprov") or [])
