"""Small things that several tests share."""

from __future__ import annotations

import os
import shutil


def find_powershell() -> str | None:
    """A real PowerShell: what EFLOWPROV_POWERSHELL names, else pwsh or powershell.exe on PATH."""
    named = os.environ.get("EFLOWPROV_POWERSHELL")
    return named or shutil.which("pwsh") or shutil.which("powershell.exe")
