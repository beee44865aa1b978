"""Which versions took part: of this tool and its libraries, of this host, of EFLOW, and of the runtime in the VM."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from eflowprov import __version__
from eflowprov.errors import EflowprovError
from eflowprov.model import HostFacts, Problem, VmChannel
from eflowprov.parsers.iotedge_check import parse_check
from eflowprov.parsers.text import decode, first_words
from eflowprov.workflows.readiness.outputs import CHECK, Outputs
from eflowprov.workflows.readiness.reading import parsed

_PACKAGES = ("paramiko", "cryptography", "azure-iot-device", "pydantic", "typer", "rich", "jinja2", "platformdirs")
_ASK_S = 20.0


def versions_document(outputs: Outputs | None, iotedge: str, host: HostFacts | None) -> bytes:
    """`versions.json`; null for what is not known. `iotedge` is the VM's own answer, `host` what PowerShell told."""
    return (json.dumps(_versions(outputs, iotedge, host), indent=2, default=str) + "\n").encode("ascii")


def ask_iotedge(channel: VmChannel) -> str:
    """What `iotedge version` says in the VM; "" when it does not."""
    try:
        result = channel.run(("sudo", "-n", "iotedge", "version"), timeout_s=_ASK_S, cap=4096)
    except EflowprovError:
        return ""
    return first_words(decode(result.stdout)) if result.status == 0 else ""


def _versions(outputs: Outputs | None, iotedge: str, host: HostFacts | None) -> dict[str, object]:
    return {
        "eflowprov": __version__,
        "python": platform.python_version(),
        "python_build": f"{platform.python_implementation()} {' '.join(platform.python_build())}",
        "packages": {name: _package(name) for name in _PACKAGES},
        "host": {
            "system": platform.system(),
            "release": platform.release(),
            "version": platform.version(),
            "machine": platform.machine(),
            "facts": asdict(host) if host else None,
        },
        "eflow": _eflow(host),
        "iotedge": iotedge or None,
        "vm": _runtime(outputs) or None,
    }


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _eflow(host: HostFacts | None) -> dict[str, object] | None:
    if host is None:
        return None
    return {"module": host.module_version or None, "products": list(host.products)}


def _runtime(outputs: Outputs | None) -> dict[str, str]:
    """What `iotedge check` tells beside its checks: the versions of edged and of the container engine."""
    result = outputs.results.get(CHECK) if outputs else None
    report = parsed(result, parse_check) if result else Problem("not asked")
    return {} if isinstance(report, Problem) else dict(report.versions)
