"""The programs of the simulated VM: `iotedge`, `date`, `cat` and one script, as far as eflowprov uses them."""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime

from eflowprov.bridge.vm_probe import probe_command
from eflowprov.lab.file_programs import LabFilePrograms
from eflowprov.lab.journal import LabJournal
from eflowprov.lab.mini_shell import Program
from eflowprov.lab.probe import probe_answer
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.runtime_checks import as_json, as_text, run_checks
from eflowprov.lab.support_bundle import SAID, make_zip, read_options
from eflowprov.model import Module

Answer = tuple[int, bytes, bytes]
_DOWN = (
    "A module runtime error occurred\n\tcaused by: Could not list modules\n"
    "\tcaused by: error trying to connect: No such file or directory (os error 2)\n\n"
)


class LabPrograms:
    """The table of programs over one runtime, its journal and the VM's files."""

    def __init__(self, runtime: LabRuntime, journal: LabJournal, files: MutableMapping[str, bytes], name: str) -> None:
        self._runtime = runtime
        self._journal = journal
        self._files = files
        self._name = name

    def table(self) -> dict[str, Program]:
        return {
            "iotedge": self._iotedge,
            "date": _date,
            "cat": self._cat,
            "hostname": self._hostname,
            "sh": self._sh,
            **LabFilePrograms(self._files).table(),
        }

    def _hostname(self, argv: Sequence[str], *, root: bool) -> Answer:
        return _printed(f"{self._name}\n")

    def _sh(self, argv: Sequence[str], *, root: bool) -> Answer:
        """The one script that eflowprov sends as such: the VM's answer about itself."""
        if tuple(argv) != probe_command() or not root:
            return 2, b"", b"sh: this is no script that eflowprov sends\n"
        return _printed(probe_answer(self._files, datetime.now(UTC)))

    def _iotedge(self, argv: Sequence[str], *, root: bool) -> Answer:
        if not root:
            return 1, b"", b"Permission denied (os error 13)\n"
        match list(argv[1:]):
            case ["list"]:
                return self._list()
            case ["check", *options]:
                return self._check(options)
            case ["system", "logs"] | ["system", "logs", "--", *_]:
                return _printed(self._journal.render(argv[4:], now=datetime.now(UTC)))
            case ["system", "status"]:
                return _printed(self._status())
            case ["logs", "edgeAgent", *_]:
                return self._agent_log()
            case ["system", "stop"]:
                self._runtime.stop()
                return _printed("")
            case ["support-bundle", *options]:
                return self._support_bundle(options)
            case ["version"]:
                return _printed("iotedge 1.5.21\n")
        return _unknown("subcommand", " ".join(argv[1:]))

    def _list(self) -> Answer:
        if not self._runtime.is_up:
            return 1, b"", _DOWN.encode()
        rows = [_row("NAME", "STATUS", "DESCRIPTION", "Config")]
        rows += [_module_row(module) for module in sorted(self._runtime.modules, key=lambda module: module.name)]
        return _printed("".join(f"{row}\n" for row in rows))

    def _check(self, options: Sequence[str]) -> Answer:
        named = dict(zip(options, [*options, ""][1:], strict=True))
        results = run_checks(self._runtime, hub=named.get("--iothub-hostname", ""))
        status = 1 if any(result.outcome == "error" for result in results) else 0
        if named.get("--output", named.get("-o")) == "json":
            return status, (json.dumps(as_json(results, datetime.now(UTC))) + "\n").encode(), b"\n" if status else b""
        return status, as_text(results, verbose="--verbose" in options).encode(), b""

    def _status(self) -> str:
        services = self._runtime.services
        lines = ["System services:", *(f"    {name:24}{state}" for name, state in services.items()), ""]
        for name, state in services.items():
            if state.startswith("Down"):
                lines += [
                    f"{name} is in a bad state because:",
                    f"{name}.service: {state}: Printing the last 10 log lines.",
                ]
                lines += self._journal.render((), now=datetime.now(UTC)).splitlines()[-10:]
                lines.append("")
        lines.append("Use 'iotedge system logs' to check for non-fatal errors.")
        lines.append("Use 'iotedge check' to diagnose connectivity and configuration issues.")
        return "\n".join(lines) + "\n"

    def _agent_log(self) -> Answer:
        if not any(module.name == "edgeAgent" for module in self._runtime.modules):
            return 1, b"", b"A module runtime error occurred\n\tcaused by: No such container: edgeAgent\n\n"
        return _printed("".join(f"{line}\n" for line in self._runtime.agent_log))

    def _support_bundle(self, words: Sequence[str]) -> Answer:
        """To standard output with `-o -`, else into a file of the VM."""
        options = read_options(words)
        if isinstance(options, str):
            return _unknown("argument", options)
        data, path = make_zip(self._runtime, self._journal, options), options["--output"]
        if path == "-":
            return 0, SAID + data, b""
        self._files[path] = data
        return 0, SAID + f"Created support bundle at {path}\n".encode(), b""

    def _cat(self, argv: Sequence[str], *, root: bool) -> Answer:
        path = argv[-1]
        if path not in self._files:
            return 1, b"", f"cat: {path}: No such file or directory\n".encode()
        return 0, self._files[path], b""


def _date(argv: Sequence[str], *, root: bool) -> Answer:
    now = datetime.now(UTC)
    return _printed(f"{int(now.timestamp())}\n" if list(argv[1:]) == ["+%s"] else f"{now:%a %b %d %H:%M:%S UTC %Y}\n")


def _unknown(kind: str, word: str) -> Answer:
    """A usage error in clap's words."""
    return 2, b"", f"error: unrecognized {kind} '{word}'\n\nUsage: iotedge <COMMAND>\n".encode()


def _printed(text: str) -> Answer:
    return 0, text.encode(), b""


def _row(*cells: str) -> str:
    """Columns as the tab writer makes them: at least 15 wide, plus two."""
    *padded, last = cells
    return "".join(f"{cell:15}  " for cell in padded) + last


def _module_row(module: Module) -> str:
    return _row(module.name, module.status, module.description, module.image)
