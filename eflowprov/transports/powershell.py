"""The local PowerShell as a process: which program, with which arguments and environment.

What is given here was seen to matter: without `-OutputFormat Text` standard error is CLIXML; `-Command -` and `-File -`
run statement by statement and hide errors (PowerShell#3223); a script file needs a trusted signature under AllSigned,
the text of `-EncodedCommand` does not, so no `-ExecutionPolicy` is passed and none is changed.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping, Sequence
from pathlib import PureWindowsPath

from eflowprov.errors import DeniedError

VARIABLE = "EFLOWPROV_POWERSHELL"
"""Names the PowerShell to use: the path of one program, without arguments."""

ARGUMENTS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand")


def find_powershell(environ: Mapping[str, str], platform: str) -> tuple[str, ...]:
    """The program to start: what EFLOWPROV_POWERSHELL names; Windows PowerShell 5.1 on Windows; else `pwsh` on PATH.

    AzureEFLOW does not support PowerShell 7 (iotedge-eflow#42), so on Windows it is 5.1, 64-bit, by absolute path.
    `platform` is `sys.platform`. TransportError when there is none.
    """
    if named := environ.get(VARIABLE):
        return (named,)
    if platform == "win32":
        return (_windows_powershell({name.upper(): value for name, value in environ.items()}),)
    if found := shutil.which("pwsh", path=environ.get("PATH")):
        return (found,)
    next_step = f"Run this on EFLOW's Windows host, or practise: eflowprov lab start ({VARIABLE} names another program)"
    raise DeniedError("PowerShell", "no pwsh is on PATH", next_step)


def _windows_powershell(environ: Mapping[str, str]) -> str:
    """A 32-bit process sees SysWOW64 as System32, whose PowerShell lacks EFLOW's module; Sysnative is the real one."""
    system = "Sysnative" if environ.get("PROCESSOR_ARCHITEW6432") else "System32"
    root = PureWindowsPath(environ.get("SYSTEMROOT") or r"C:\Windows")
    return str(root / system / "WindowsPowerShell" / "v1.0" / "powershell.exe")


def powershell_command(program: Sequence[str], script: str) -> tuple[str, ...]:
    """The whole command line that runs `script`, a constant text: values travel on standard input."""
    return (*program, *ARGUMENTS, base64.b64encode(script.encode("utf-16-le")).decode("ascii"))


def powershell_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: this one without PSModulePath, without colours, without telemetry.

    PowerShell 7's PSModulePath, inherited, keeps 5.1 from loading its own modules (PowerShell#18681).
    """
    kept = {name: value for name, value in environ.items() if name.upper() != "PSMODULEPATH"}
    return kept | {"NO_COLOR": "1", "POWERSHELL_TELEMETRY_OPTOUT": "1"}
