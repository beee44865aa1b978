"""Small things that several tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache


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
