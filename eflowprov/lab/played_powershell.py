"""A stand-in for PowerShell, as a process: it plays what powershell.exe does with eflowprov's scripts, nothing else.

`python -m eflowprov.lab.played_powershell ARGUMENTS` takes the command line, the standard input and the scripts that
the bridge gives to a real PowerShell, and answers in the same form among the same kinds of noise. It runs no
PowerShell: a script is known by its text, and played in Python over the running lab. For machines that have none, so
that everything of the bridge but PowerShell itself is the real code.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession, read_script
from eflowprov.errors import EflowprovError
from eflowprov.lab import control
from eflowprov.lab.played_scripts import MODULE_NAME, SCRIPTS, ScriptError, decoded
from eflowprov.transports.powershell import ARGUMENTS, find_powershell

FAULT = "EFLOWPROV_PLAYED_FAULT"
"""Names a fault to play, for tests: no-envelope, doubled, torn, flood, stderr, exit-1, constrained or hang."""

_PYTHON = "EFLOWPROV_LAB_PYTHON"
_MODULE = Path(__file__).parent / "AzureEFLOW" / "AzureEFLOW.psm1"
_PROBE_S = 60.0
# Seen on standard output: text that a module writes past the streams, and any code page (here 850).
_NOISE = b"WARNING: no PowerShell here, a stand-in plays it\r\n" + "Gerät\r\n".encode("cp850")


class LabPowerShell(NamedTuple):
    """What plays the host: the command for a session, the module for an `EflowHost`, and `real` or `played`."""

    command: tuple[str, ...]
    module: str
    kind: str


def lab_powershell(environ: Mapping[str, str]) -> LabPowerShell:
    """A real PowerShell with the stand-in module, where one is found that loads it; else the played one."""
    try:
        real = LabPowerShell(find_powershell(environ, sys.platform), str(_MODULE), "real")
        EflowHost(PowerShellSession(real.command, environ), real.module).provision_parameters(_PROBE_S)
    except EflowprovError:
        return LabPowerShell((sys.executable, "-m", "eflowprov.lab.played_powershell"), MODULE_NAME, "played")
    return real


def lab_environment(environ: Mapping[str, str], address_file: Path) -> dict[str, str]:
    """The environment for both kinds: where the lab listens, and the Python and the package that play the cmdlets.

    The stand-in module is not signed: a real Windows PowerShell may load it in these processes alone.
    """
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package, environ.get("PYTHONPATH"))))
    own = {control.VARIABLE: str(address_file), _PYTHON: sys.executable, "PYTHONPATH": path}
    return {**environ, **own, "PSExecutionPolicyPreference": "Bypass"}


@dataclass(frozen=True, slots=True)
class Played:
    """What the process prints and how it ends; `nonce` is the request's."""

    stdout: bytes
    stderr: bytes = b""
    status: int = 0
    nonce: str = ""


def play(arguments: list[str], stdin: bytes) -> Played:
    """What a real PowerShell would do with this command line and input, if both are eflowprov's own; else it fails."""
    if tuple(arguments[:-1]) != ARGUMENTS or not _is_bootstrap(arguments[-1]):
        return Played(b"", b"ParserError: this stand-in runs eflowprov's bootstrap alone\r\n", 1)
    try:
        request = json.loads("\n".join(stdin.decode("utf-8").splitlines()))
        script, params = decoded(request["script"]), json.loads(decoded(request["params"]))
        run = next(run for name, run in SCRIPTS.items() if read_script(name) == script)
    except (ValueError, KeyError, TypeError, StopIteration):
        return Played(b"", b"ConvertFrom-Json: this stand-in knows eflowprov's own scripts alone\r\n", 1)
    answer: dict[str, object] = {"ok": True, "data": None, "error": None}
    try:
        answer["data"] = run(params)
    except ScriptError as error:
        answer |= {"ok": False, "error": error.fields}
    nonce = str(request["nonce"])
    return Played(_NOISE + envelope(nonce, answer), nonce=nonce)


def envelope(nonce: str, answer: Mapping[str, object]) -> bytes:
    """The answer as the bootstrap writes it."""
    coded = base64.b64encode(json.dumps(answer).encode())
    return b"\n##" + nonce.encode("ascii") + b":" + coded + b":##\n"


def _is_bootstrap(encoded: str) -> bool:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-16-le") == read_script("bootstrap")
    except ValueError:
        return False


def with_fault(played: Played, fault: str) -> Played:
    """The same, with what goes wrong in the field, or might."""
    noise, mark, answer = played.stdout.partition(b"\n##")
    answer = mark + answer
    faults: Mapping[str, Callable[[], Played]] = {
        "no-envelope": lambda: replace(played, stdout=noise),
        "doubled": lambda: replace(played, stdout=noise + answer + answer),
        "torn": lambda: replace(played, stdout=noise + answer[: len(answer) // 2]),
        "flood": lambda: replace(played, stdout=b"noise\r\n" * 300_000 + answer),
        "stderr": lambda: replace(played, stderr=b"ssh: Warning: Permanently added the host\r\n" * 1000),
        "exit-1": lambda: replace(played, status=1),
        "constrained": lambda: replace(played, stdout=f"##{played.nonce}:!ConstrainedLanguage:##\n".encode("ascii")),
        "hang": _hang,
    }
    return faults[fault]()


def _hang() -> Played:
    """Wait for good, with a child that holds the pipes, as ssh.exe under a cmdlet does."""
    child = [sys.executable, "-c", "__import__('time').sleep(60)"]  # no blanks: spawnv does not quote on Windows
    os.spawnv(os.P_NOWAIT, sys.executable, child)  # noqa: S606 - nothing of it comes from outside
    time.sleep(60)
    return Played(b"")


def main() -> int:
    """The process: bytes in, bytes out, a status."""
    played = play(sys.argv[1:], sys.stdin.buffer.read())
    if fault := os.environ.get(FAULT):
        played = with_fault(played, fault)
    sys.stdout.buffer.write(played.stdout)
    sys.stderr.buffer.write(played.stderr)
    return played.status


if __name__ == "__main__":
    sys.exit(main())
