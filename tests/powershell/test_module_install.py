"""Install-EflowProv in a real PowerShell: a real virtual environment and a real pip, from a folder with one wheel."""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.powershell.module_support import Module
from tests.support import missing

pytestmark = pytest.mark.powershell

PROGRAM = """import sys
def main():
    print("eflowprov {version}")
    sys.exit(0)
"""


@pytest.fixture
def module(powershell: str, tmp_path: Path) -> Module:
    if importlib.util.find_spec("ensurepip") is None:
        missing("a Python that can make virtual environments")
    return Module(powershell, tmp_path)


def wheel(folder: Path, version: str) -> Path:
    """A folder with a wheel named eflowprov, whose program tells its version and does nothing else."""
    folder.mkdir(exist_ok=True)
    info = f"eflowprov-{version}.dist-info"
    files = {
        "eflowprov.py": PROGRAM.format(version=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: eflowprov\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\neflowprov = eflowprov:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"eflowprov-{version}-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return folder


def place(module: Module) -> dict[str, str]:
    """The environment in which the installed program lies in the test's own folder on Windows too."""
    return {"EFLOWPROV_PROGRAM": "", "PYTHONPATH": "", "ProgramFiles": str(module.folder / "programs")}


def home(module: Module) -> Path:
    if os.name == "nt":
        return module.folder / "programs" / "EflowProv" / "venv"
    return Path(os.environ["HOME"]) / ".local" / "share" / "eflowprov" / "venv"


def test_a_folder_of_wheels_is_enough(module: Module) -> None:
    wheels = wheel(module.folder / "my wheels", "9.9.8")
    first = module.call("Install-EflowProv", having=place(module), Source="my wheels", Python=sys.executable)
    assert first["terminating"] is None
    assert first["types"] == ["EflowProv.Installation"]
    assert first["output"][0]["Version"] == "9.9.8"
    program = Path(first["output"][0]["Program"])
    assert program.is_file()
    assert home(module) in program.parents

    (home(module) / "kept").write_text("a second call keeps the environment", encoding="ascii")
    wheel(wheels, "9.9.9")
    second = module.call("Install-EflowProv", having=place(module), Source=str(wheels), Python=sys.executable)
    assert second["output"][0]["Version"] == "9.9.9"
    assert (home(module) / "kept").is_file()

    options: dict[str, Any] = {"Source": str(wheels), "Python": sys.executable, "Version": "9.9.8", "Force": True}
    third = module.call("Install-EflowProv", having=place(module), **options)
    assert third["output"][0]["Version"] == "9.9.8"
    assert not (home(module) / "kept").exists()

    # The installed program is the one that is called now; it prints no report.
    asked = module.call("Get-EflowProvReadiness", having=place(module))
    assert asked["terminating"]["id"] == "EflowProv.Unknown,Get-EflowProvReadiness"
    assert "report cannot be read" in asked["terminating"]["message"]


def test_an_empty_folder_installs_nothing_and_says_why(module: Module) -> None:
    (module.folder / "empty").mkdir()
    result = module.call("Install-EflowProv", having=place(module), Source="empty", Python=sys.executable)
    assert result["terminating"]["id"] == "EflowProv.InstallFailed,Install-EflowProv"
    assert "eflowprov" in result["terminating"]["message"]


def test_a_folder_that_is_not_there_is_a_usage_error(module: Module) -> None:
    result = module.call("Install-EflowProv", having=place(module), Source="nowhere", Python=sys.executable)
    assert result["terminating"]["id"] == "EflowProv.Usage,Install-EflowProv"
    assert not home(module).exists()


def test_what_if_makes_nothing(module: Module) -> None:
    wheel(module.folder / "wheels", "9.9.9")
    options: dict[str, Any] = {"Source": "wheels", "Python": sys.executable, "WhatIf": True}
    result = module.call("Install-EflowProv", having=place(module), **options)
    assert (result["terminating"], result["output"]) == (None, [])
    assert not home(module).exists()


@pytest.mark.parametrize("path", ["nowhere/python.exe", "Microsoft/WindowsApps/python.exe"])
def test_what_is_no_python_is_refused(module: Module, path: str) -> None:
    result = module.call("Install-EflowProv", having=place(module), Python=path)
    assert result["terminating"]["id"] == "EflowProv.NoPython,Install-EflowProv"
    assert result["terminating"]["status"] == 2
    assert not home(module).exists()


@pytest.mark.linux
@pytest.mark.parametrize(
    ("said", "why"), [("3.10\n/usr/bin/python3.10", "is Python 3.10"), ("Python was not found", "is no working Python")]
)
def test_an_old_or_odd_python_is_refused(module: Module, said: str, why: str) -> None:
    python = module.folder / "python3"
    python.write_text(f"#!/bin/sh\ncat <<END\n{said}\nEND\n", encoding="ascii")
    python.chmod(0o755)
    result = module.call("Install-EflowProv", having=place(module), Python=str(python))
    assert result["terminating"]["id"] == "EflowProv.NoPython,Install-EflowProv"
    assert why in result["terminating"]["message"]


@pytest.mark.linux
def test_without_a_name_the_python_on_path_is_taken(module: Module) -> None:
    folder = module.folder / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    having = {**place(module), "PATH": str(folder)}
    result = module.call("Install-EflowProv", having=having, WhatIf=True)
    assert (result["terminating"], result["output"]) == (None, [])
    assert str(folder / "python3") in module.stdout
