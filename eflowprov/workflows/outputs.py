"""The five outputs that readiness rests on: asked for in the VM, saved beside each other, read back.

The file names are the contract's; saved files may have been through PowerShell (UTF-16, marks, CRLF).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eflowprov.errors import InputError
from eflowprov.model import CommandResult, Problem
from eflowprov.redaction import redact
from eflowprov.workflows.files import read_limited, write_whole

LIST, CHECK, LOGS, STATUS, AGENT = "list", "check", "logs", "status", "agent"

# name -> the files it may stand in; the first is for text, the second for JSON
FILES: Mapping[str, tuple[str, ...]] = {
    LIST: ("iotedge-list.txt",),
    CHECK: ("iotedge-check.txt", "iotedge-check.json"),
    LOGS: ("iotedge-system-logs.txt", "iotedge-system-logs.json"),
    STATUS: ("iotedge-system-status.txt",),
    AGENT: ("iotedge-logs-edgeAgent.txt",),
}
_REQUIRED = (LIST, CHECK, LOGS)
_LARGEST = 512 * 2**20  # more than a day of a chatty journal; a larger file is a mistake in the path

Output = CommandResult | Problem


@dataclass(frozen=True, slots=True)
class Outputs:
    """What each of the five commands printed, or why there is nothing; `hub_asked` is the name that check was given."""

    results: Mapping[str, Output]
    hub_asked: str = ""
    refused: tuple[CommandResult, ...] = field(default=())  # first tries in a form that this version does not have


def read_saved(folder: Path) -> Outputs:
    """Read saved outputs. InputError when `folder` is no folder or holds none of the files."""
    if not folder.is_dir():
        raise InputError(str(folder), "is not a folder", "Give the folder that `verify --save` wrote")
    results = {name: _read_one(folder, name) for name in FILES}
    if all(isinstance(result, Problem) and result.missing for result in results.values()):
        wanted = ", ".join(FILES[name][0] for name in _REQUIRED)
        raise InputError(str(folder), "holds none of the saved outputs", f"It needs {wanted}")
    return Outputs(results)


def save(folder: Path, outputs: Outputs) -> None:
    """Write every output under its contract name, and `commands.json` (command, status, duration, standard error)."""
    folder.mkdir(parents=True, exist_ok=True)
    commands = []
    for name, result in outputs.results.items():
        if isinstance(result, Problem):
            continue
        text = _hidden(result.stdout or result.stderr)
        is_json = len(FILES[name]) > 1 and text.lstrip().startswith(b"{")
        file = FILES[name][1 if is_json else 0]
        write_whole(folder / file, text)
        commands.append({"file": file, **_described(result)})
    commands += [{"file": None, **_described(result)} for result in outputs.refused]
    write_whole(folder / "commands.json", (json.dumps(commands, indent=2) + "\n").encode("ascii"))


def _described(result: CommandResult) -> dict[str, object]:
    return {
        "command": list(result.argv),
        "status": result.status,
        "duration_s": round(result.duration_s, 3),
        "stderr": redact(result.stderr.decode("utf-8", "replace")),
        "note": result.note,
    }


def _read_one(folder: Path, name: str) -> Output:
    for file in reversed(FILES[name]):  # JSON tells more, so it goes first
        path = folder / file
        if path.is_file():
            data = read_limited(path, _LARGEST)
            return CommandResult(argv=("saved", file), status=0, stdout=data, stderr=b"", duration_s=0.0)
    expected = " or ".join(FILES[name])
    return Problem(f"{expected} is not in the folder", missing=True)


def _hidden(data: bytes) -> bytes:
    """Take secrets out of an output without touching any other byte of it."""
    return redact(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
