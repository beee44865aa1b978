"""Small things that several tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from typing import NoReturn

import pytest


def find_powershell() -> str | None:
    """A real PowerShell: what EFLOWPROV_POWERSHELL names, else pwsh or powershell.exe on PATH, if it is one."""
    named = os.environ.get("EFLOWPROV_POWERSHELL")
    found = named or shutil.which("pwsh") or shutil.which("powershell.exe")
    return found if named or (found and _calculates(found)) else None


@cache
def _calculates(program: str) -> bool:
    """Wine brings a powershell.exe that does nothing."""
    command = [program, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "40 + 2"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == b"42"


def missing(what: str) -> NoReturn:
    """A part of the machine is not there: a failure where `.ci/run` should have installed it, else a skip by name."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and .ci/run should have installed it")
    pytest.skip(f"needs {what}")


def require(program: str) -> str:
    """The path of a program of the machine."""
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(["/usr/sbin", "/sbin"]))
    return found or missing(program)
