"""The simulated `iotedge support-bundle`: the same files in the zip, and the same noise before it (iotedge's source).

In 1.5: check.json, each module's log and `docker inspect`, each network's, and the services' journals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from eflowprov.lab.journal import LabJournal
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.runtime_checks import as_json, run_checks
from eflowprov.model import Module

SAID = b"Making support bundle\n"
"""It says so on standard output, with `--quiet` and before a zip on standard output too."""

_FLAGS = {"-o": "--output", "-q": "--quiet", "-e": "--include-edge-runtime-only"}
_SWITCHES = ("--quiet", "--include-edge-runtime-only")
_VALUES = ("--output", "--since", "--until", "--iothub-hostname")
_RUNTIME = ("edgeAgent", "edgeHub")
_UNITS = ("aziot-keyd", "aziot-certd", "aziot-identityd", "aziot-edged", "docker")


def read_options(words: Sequence[str]) -> dict[str, str] | str:
    """The options by their long names, "" for a switch; or the word that it does not know."""
    options, rest = {"--output": "support_bundle.zip"}, list(words)
    while rest:
        name = _FLAGS.get(rest[0], rest[0])
        if name not in (*_SWITCHES, *_VALUES) or (name in _VALUES and len(rest) < 2):
            return rest[0]
        options[name] = rest[1] if name in _VALUES else ""
        del rest[: 2 if name in _VALUES else 1]
    return options


def make_zip(runtime: LabRuntime, journal: LabJournal, options: Mapping[str, str]) -> bytes:
    """The zip, its files in iotedge's order."""
    now, file = datetime.now(UTC), BytesIO()
    modules = runtime.modules if runtime.is_up else ()
    if "--include-edge-runtime-only" in options:
        modules = tuple(module for module in modules if module.name in _RUNTIME)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        checks = run_checks(runtime, hub=options.get("--iothub-hostname", ""))
        archive.writestr("check.json", json.dumps(as_json(checks, now)) + "\n")
        for module in modules:
            archive.writestr(f"logs/{module.name}_log.txt", _log(module, runtime))
            archive.writestr(f"inspect/{module.name}.json", json.dumps([_inspected(module)], indent=4) + "\n")
        archive.writestr("network/azure-iot-edge.json", json.dumps([{"Name": "azure-iot-edge"}], indent=4) + "\n")
        for unit in _UNITS:
            lines = journal.render((), now=now).splitlines(keepends=True)
            archive.writestr(f"logs/{unit}.txt", "".join(line for line in lines if f" {unit}[" in line))
    return file.getvalue()


def _log(module: Module, runtime: LabRuntime) -> str:
    return "".join(f"{line}\n" for line in runtime.agent_log) if module.name == "edgeAgent" else ""


def _inspected(module: Module) -> dict[str, object]:
    """What `docker inspect` says of a container, as far as it tells something."""
    environment = [f"IOTEDGE_MODULEID={module.name}", "IOTEDGE_AUTHSCHEME=sasToken", "PATH=/usr/bin:/bin"]
    return {
        "Name": f"/{module.name}",
        "State": {"Status": module.status, "Running": module.status == "running"},
        "Config": {"Image": module.image, "Env": environment},
    }
