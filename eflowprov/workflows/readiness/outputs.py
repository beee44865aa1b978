"""The five outputs that readiness rests on: asked for in the VM, saved beside each other, read back.

The file names are the contract's; saved files may have been through PowerShell (UTF-16, marks, CRLF).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eflowprov.errors import InputError
from eflowprov.model import CommandResult, Problem
from eflowprov.parsers.text import decode
from eflowprov.redaction import redact
from eflowprov.workflows.disk.files import read_head, read_limited, write_together

LIST, CHECK, LOGS, STATUS, AGENT = "list", "check", "logs", "status", "agent"
VM = "vm"

# name -> the files it may stand in; the first is for text, the second for JSON
FILES: Mapping[str, tuple[str, ...]] = {
    LIST: ("iotedge-list.txt",),
    CHECK: ("iotedge-check.txt", "iotedge-check.json"),
    LOGS: ("iotedge-system-logs.txt", "iotedge-system-logs.json"),
    STATUS: ("iotedge-system-status.txt",),
    AGENT: ("iotedge-logs-edgeAgent.txt",),
    VM: ("vm-identity.txt",),
}
_REQUIRED = (LIST, CHECK, LOGS)
COMMANDS = "commands.json"
_HUB_FLAG = "--iothub-hostname"
_LARGEST = 512 * 2**20  # a larger file is a mistake in the path; a log may be of any size
_HEAD = 64 * 2**10
_HELD = 16 * 2**20  # bytes of a log that are held in memory; a larger one is read from its file

_LATEST = 1e11  # seconds: no time and no duration is more

Output = CommandResult | Problem


@dataclass(frozen=True, slots=True)
class SavedLog(CommandResult):
    """A saved log that is too large to be held: `stdout` is its head, `path` has all of it."""

    path: Path = Path()


@dataclass(frozen=True, slots=True)
class Outputs:
    """What each of the five commands printed, or why there is nothing; `hub_asked` is the name that check was given.

    `VM` among them is the VM's answer about itself; `vm_asked_at` is this host's time (seconds since 1970) right before
    it was asked, None when that is not known. `begins` are the seconds after the first command at which each began.
    """

    results: Mapping[str, Output]
    hub_asked: str = ""
    refused: tuple[CommandResult, ...] = field(default=())  # first tries in a form that this version does not have
    vm_asked_at: float | None = None
    begins: Mapping[str, float] = field(default_factory=dict)


def read_saved(folder: Path) -> Outputs:
    """Read saved outputs, with what `commands.json` tells of them where that is there.

    InputError when `folder` is no folder or holds none of the files, or its `commands.json` is something else.
    """
    if not _holds(folder.is_dir):
        raise InputError(str(folder), "is not a folder", "Give the folder that `verify --save` wrote")
    told = _read_commands(folder / COMMANDS)
    results = {name: _read_one(folder, name, told.get(name)) for name in FILES}
    if all(isinstance(result, Problem) and result.missing for result in results.values()):
        wanted = ", ".join(FILES[name][0] for name in _REQUIRED)
        raise InputError(str(folder), "holds none of the saved outputs", f"It needs {wanted}")
    asked = _command_of(told.get(CHECK, {}))
    hub = dict(zip(asked, [*asked, ""][1:], strict=True)).get(_HUB_FLAG, "") if asked else ""
    asked_at = _number(told.get(VM, {}), "asked_at")
    begins = {name: begin for name in FILES if (begin := _number(told.get(name, {}), "begin_s")) is not None}
    return Outputs(results, hub_asked=hub, vm_asked_at=asked_at, begins=begins)


def _number(entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name)
    return float(value) if isinstance(value, int | float) and 0 <= value < _LATEST else None


def save(folder: Path, outputs: Outputs) -> None:
    """Write every output under its contract name, and `commands.json` (command, status, duration, standard error).

    Files of an earlier save are replaced, and go where there is nothing now; two runs' files are never mixed.
    StorageError when one cannot be written: then all is as it was.
    """
    # Gone first and written last: a run that is killed in between leaves whole files without what was told of others.
    write_together(folder, _files(outputs), gone=(COMMANDS, *(_all_names() - {name for name, _ in _named(outputs)})))


def _files(outputs: Outputs) -> Iterator[tuple[str, bytes]]:
    for file, result in _named(outputs):
        yield file, _hidden(printed(result))
    yield COMMANDS, commands_document(outputs)


def _named(outputs: Outputs) -> Iterator[tuple[str, CommandResult]]:
    for name, result in outputs.results.items():
        file = file_of(name, result)
        if file is not None and isinstance(result, CommandResult):
            yield file, result


def _all_names() -> set[str]:
    return {file for names in FILES.values() for file in names}


def file_of(name: str, result: Output) -> str | None:
    """The contract's name of the file that an output goes into; None when there is nothing to put there."""
    if isinstance(result, Problem):
        return None
    if isinstance(result, SavedLog):
        return result.path.name
    return FILES[name][len(FILES[name]) > 1 and decode(printed(result)[:_HEAD]).lstrip().startswith("{")]


def printed(result: CommandResult) -> bytes:
    """What a file holds of a command: its output, or what it said in place of it."""
    return result.stdout or result.stderr


def commands_document(
    outputs: Outputs, notes: Mapping[str, str] | None = None, beside: Iterable[CommandResult] = ()
) -> bytes:
    """`commands.json`: command, status, duration and standard error of each output, and of commands `beside` them.

    `notes` says of an output, by name, what of it is not in its file.
    """
    entries = [
        {"output": name, "file": file_of(name, result), **_described(result)}
        for name, result in outputs.results.items()
    ]
    for entry in entries:
        if entry["output"] == VM and outputs.vm_asked_at is not None:
            entry["asked_at"] = round(outputs.vm_asked_at, 3)
        if entry["output"] in outputs.begins:
            entry["begin_s"] = outputs.begins[str(entry["output"])]
        if notes and entry["output"] in notes:
            entry["note"] = notes[str(entry["output"])]
    others = (*outputs.refused, *beside)
    entries += [{"output": None, "file": None, **_described(result)} for result in others]
    return (json.dumps(entries, indent=2) + "\n").encode("ascii")


def _described(result: Output) -> dict[str, object]:
    if isinstance(result, Problem):
        return {"problem": redact(result.why), "missing": result.missing, "seen": redact(result.seen)}
    return {
        "command": list(result.argv),
        "status": result.status,
        "duration_s": round(result.duration_s, 3),
        "stderr": redact(result.stderr.decode("utf-8", "replace")),
        "note": result.note,
        **({"dropped": result.dropped} if result.dropped else {}),
    }


def _read_commands(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of `commands.json` by output; none when the file is not there."""
    if not _holds(path.is_file):
        return {}
    try:
        entries = json.loads(decode(read_limited(path, _LARGEST)))
        return {entry["output"]: entry for entry in entries if entry["output"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            str(path), "is not what `verify --save` wrote", "Save anew, or take the file out of the folder"
        ) from None


def _command_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    command = entry.get("command")
    return tuple(map(str, command)) if isinstance(command, list) else ()


def _read_one(folder: Path, name: str, told: Mapping[str, Any] | None) -> Output:
    for file in reversed(FILES[name]):  # JSON tells more, so it goes first
        path = folder / file
        if _holds(path.is_file):
            if name in (LOGS, AGENT) and path.stat().st_size > _HELD:
                return _large_log(path, told if told and told.get("file") == file else {})
            data = read_limited(path, _LARGEST)
            return _result(file, data, told if told and told.get("file") == file else {})
    if told and isinstance(told.get("problem"), str):
        return Problem(told["problem"], missing=told.get("missing") is True, seen=str(told.get("seen", "")))
    expected = " or ".join(FILES[name])
    return Problem(f"{expected} is not in the folder", missing=True)


def _result(file: str, data: bytes, told: Mapping[str, Any]) -> CommandResult:
    """The command's end where it is told; else it is taken for one that ended well, with all its output in the file."""
    status, dropped = told.get("status", 0), told.get("dropped", 0)
    errors = str(told.get("stderr", "")).encode("utf-8", "surrogateescape")
    return CommandResult(
        argv=_command_of(told) or ("saved", file),
        status=status if isinstance(status, int) else None,
        stdout=b"" if errors and data == errors else data,  # what only printed an error has that in its file
        stderr=errors,
        duration_s=_number(told, "duration_s") or 0.0,
        note=str(told.get("note", "")),
        dropped=dropped if isinstance(dropped, int) else 0,
    )


def _large_log(path: Path, told: Mapping[str, Any]) -> SavedLog:
    result = _result(path.name, read_head(path, _HEAD), told)
    return SavedLog(
        *(result.argv, result.status, result.stdout, result.stderr, result.duration_s, result.note, result.dropped),
        path=path,
    )


def _holds(question: Callable[[], bool]) -> bool:
    """A question about a path; no for one that the system does not even look at, such as a name that is too long."""
    try:
        return question()
    except OSError:
        return False


def _hidden(data: bytes) -> bytes:
    """Take secrets out of an output without touching any other byte of it."""
    return redact(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
