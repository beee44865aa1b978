"""`iotedge check` of the simulated VM: a healthy EFLOW of version 1.5, with what follows from the runtime's state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from eflowprov.lab.runtime import LabRuntime
from eflowprov.parsers.check_ids import check_title

_HUB_HOST = ("host-connect-iothub-amqp", "host-connect-iothub-https", "host-connect-iothub-mqtt")
_HUB_CONTAINER = tuple(
    f"container-{network}connect-upstream-{protocol}"
    for network in ("default-", "")
    for protocol in ("amqp", "https", "mqtt")
)
# In the order of execution.
_IDS = (
    "keyd-config-well-formed",
    "certd-config-well-formed",
    "tpmd-config-well-formed",
    "identityd-config-well-formed",
    "configs-up-to-date",
    "hostname",
    "aziot-version",
    "host-local-time",
    "identity-certificate-expiry",
    "certs-preloaded",
    "keyd-running",
    "certd-running",
    "identityd-running",
    "certs-match-private-keys",
    "host-connect-iothub-amqp",
    "host-connect-iothub-https",
    "host-connect-iothub-mqtt",
    "host-connect-dps-endpoint",
    "aziot-edged-config-well-formed",
    "config-up-to-date",
    "container-engine-uri",
    "aziot-edge-version",
    "container-local-time",
    "container-engine-dns",
    "container-engine-logrotate",
    "edge-agent-storage-mounted-from-host",
    "edge-hub-storage-mounted-from-host",
    "check-agent-image",
    "proxy-settings",
    *_HUB_CONTAINER,
)
# A VM as Deploy-Eflow makes it: a read-only root that is full by design, and the data disk.
_SYSTEM = {
    "used_ram": "412.63 MiB",
    "total_ram": "1.95 GiB",
    "used_swap": "0.00 B",
    "total_swap": "0.00 B",
    "disks": [
        {"name": "/dev/sda2", "percent_free": "0.0%", "total_space": "1.20 GiB", "file_system": "ext4"},
        {"name": "/dev/sda9", "percent_free": "71.3%", "total_space": "14.21 GiB", "file_system": "ext4"},
    ],
}
_MARKS = {"ok": ("√", "OK"), "warning": ("‼", "Warning"), "error": ("×", "Error"), "skipped": ("‼", "Warning")}


@dataclass(frozen=True, slots=True)
class LabCheck:
    """One result: `outcome` in the words of the JSON form."""

    id: str
    outcome: str = "ok"
    details: tuple[str, ...] = ()


def run_checks(runtime: LabRuntime, *, hub: str) -> list[LabCheck]:
    """Every check's result; the hub's ports are tested only when its name is given, as on every DPS device."""
    special = _on_every_eflow() | _of_modules(runtime) | (_without_hub() if not hub else {}) | _of_services(runtime)
    return [special.get(id_, LabCheck(id_)) for id_ in _IDS]


def as_json(results: Iterable[LabCheck], now: datetime) -> dict[str, object]:
    """The document of `--output json`: ids sorted, `details` for warnings and errors only."""
    checks = {}
    for result in sorted(results, key=lambda result: result.id):
        details = {"details": list(result.details)} if result.outcome in ("warning", "error") else {}
        checks[result.id] = {"result": {"result": result.outcome, **details}, "additional_info": {}}
    info = {"aziot_edged_version": "1.5.21", "docker_version": "24.0.9", "now": now.isoformat().replace("+00:00", "Z")}
    return {"additional_info": {**info, "system_info": _SYSTEM}, "checks": checks}


def as_text(results: Iterable[LabCheck], *, verbose: bool) -> str:
    """The text form, one section; skipped checks have a line only when verbose, and are in no other total."""
    counts = dict.fromkeys(_MARKS, 0)
    lines = ["", "Configuration checks", "--------------------"]
    for result in results:
        counts[result.outcome] += 1
        if result.outcome == "skipped" and not verbose:
            continue
        mark, word = _MARKS[result.outcome]
        lines.append(f"{mark} {check_title(result.id, _IDS)} - {word}")
        told = ("skipping because of previous failures",) if result.outcome == "skipped" else result.details
        lines += [f"    {line}" for line in told[:1]]
        lines += [f"        caused by: {line}" for line in told[1:] if verbose]
    lines.append(f"{counts['ok']} check(s) succeeded.")
    totals = {
        "warning": "raised warnings.",
        "error": "raised errors.",
        "skipped": "were skipped due to errors from other checks.",
    }
    lines += [f"{counts[name]} check(s) {words}" for name, words in totals.items() if counts[name]]
    return "\n".join(lines) + "\n"


def _on_every_eflow() -> dict[str, LabCheck]:
    """A stock EFLOW VM has no DNS server in its container engine's configuration (iotedge-eflow#221)."""
    told = "Container engine is not configured with DNS server setting, which may impact connectivity to IoT Hub."
    return {"container-engine-dns": LabCheck("container-engine-dns", "warning", (told,))}


def _without_hub() -> dict[str, LabCheck]:
    told = ("Could not retrieve iothub_hostname from provisioning file.", "all hub connectivity tests will be skipped.")
    warned = {id_: LabCheck(id_, "warning", told) for id_ in _HUB_HOST}
    return warned | {id_: LabCheck(id_, "skipped") for id_ in _HUB_CONTAINER}


def _of_modules(runtime: LabRuntime) -> dict[str, LabCheck]:
    """The documented error: edgeHub's storage cannot be looked at while there is no edgeHub."""
    if any(module.name == "edgeHub" for module in runtime.modules):
        return {}
    id_ = "edge-hub-storage-mounted-from-host"
    told = (
        "Could not check current state of edgeHub container",
        "docker returned exit status: 1, stderr = Error: No such object: edgeHub",
    )
    return {id_: LabCheck(id_, "error", told)}


def _of_services(runtime: LabRuntime) -> dict[str, LabCheck]:
    if not runtime.services["aziot-identityd"].startswith("Down"):
        return {}
    told = ("Could not connect to identityd socket", "Connection refused (os error 111)")
    skipped = {
        id_: LabCheck(id_, "skipped")
        for id_ in (*_HUB_HOST, *_HUB_CONTAINER, "check-agent-image", "certs-match-private-keys")
    }
    return skipped | {"identityd-running": LabCheck("identityd-running", "error", told)}
