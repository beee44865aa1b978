"""`iotedge check` of the simulated VM: a healthy EFLOW of version 1.5, with what follows from the runtime's state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from eflowprov.lab.runtime import LabRuntime

_HUB_HOST = ("host-connect-iothub-amqp", "host-connect-iothub-https", "host-connect-iothub-mqtt")
_HUB_CONTAINER = tuple(
    f"container-{network}connect-upstream-{protocol}" for network in ("default-", "") for protocol in ("amqp", "https", "mqtt")
)
# id -> title, in the order of execution
_TITLES = {
    "keyd-config-well-formed": "keyd configuration is well-formed",
    "certd-config-well-formed": "certd configuration is well-formed",
    "tpmd-config-well-formed": "tpmd configuration is well-formed",
    "identityd-config-well-formed": "identityd configuration is well-formed",
    "configs-up-to-date": "daemon configurations up-to-date with config.toml",
    "hostname": "identityd config toml file specifies a valid hostname",
    "aziot-version": "aziot-identity-service package is up-to-date",
    "host-local-time": "host time is close to reference time",
    "identity-certificate-expiry": "production readiness: identity certificates expiry",
    "certs-preloaded": "preloaded certificates are valid",
    "keyd-running": "keyd is running",
    "certd-running": "certd is running",
    "identityd-running": "identityd is running",
    "certs-match-private-keys": "ensure all preloaded certificates match preloaded private keys with the same ID",
    "host-connect-iothub-amqp": "host can connect to and perform TLS handshake with iothub AMQP port",
    "host-connect-iothub-https": "host can connect to and perform TLS handshake with iothub HTTPS / WebSockets port",
    "host-connect-iothub-mqtt": "host can connect to and perform TLS handshake with iothub MQTT port",
    "host-connect-dps-endpoint": "host can connect to and perform TLS handshake with DPS endpoint",
    "aziot-edged-config-well-formed": "aziot-edged configuration is well-formed",
    "config-up-to-date": "configuration up-to-date with config.toml",
    "container-engine-uri": "container engine is installed and functional",
    "aziot-edge-version": "aziot-edge package is up-to-date",
    "container-local-time": "container time is close to host time",
    "container-engine-dns": "DNS server",
    "container-engine-logrotate": "production readiness: logs policy",
    "edge-agent-storage-mounted-from-host": "production readiness: Edge Agent's storage directory is persisted on the host filesystem",
    "edge-hub-storage-mounted-from-host": "production readiness: Edge Hub's storage directory is persisted on the host filesystem",
    "check-agent-image": "Agent image is valid and can be pulled from upstream",
    "proxy-settings": "proxy settings are consistent in aziot-edged, aziot-identityd, moby daemon and config.toml",
    "container-default-connect-upstream-amqp": "container on the default network can connect to upstream AMQP port",
    "container-default-connect-upstream-https": "container on the default network can connect to upstream HTTPS / WebSockets port",
    "container-default-connect-upstream-mqtt": "container on the default network can connect to upstream MQTT port",
    "container-connect-upstream-amqp": "container on the IoT Edge module network can connect to upstream AMQP port",
    "container-connect-upstream-https": "container on the IoT Edge module network can connect to upstream HTTPS / WebSockets port",
    "container-connect-upstream-mqtt": "container on the IoT Edge module network can connect to upstream MQTT port",
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
    return [special.get(id_, LabCheck(id_)) for id_ in _TITLES]


def as_json(results: Iterable[LabCheck], now: datetime) -> dict[str, object]:
    """The document of `--output json`: ids sorted, `details` for warnings and errors only."""
    checks = {}
    for result in sorted(results, key=lambda result: result.id):
        details = {"details": list(result.details)} if result.outcome in ("warning", "error") else {}
        checks[result.id] = {"result": {"result": result.outcome, **details}, "additional_info": {}}
    info = {"aziot_edged_version": "1.5.21", "docker_version": "24.0.9", "now": now.isoformat().replace("+00:00", "Z")}
    return {"additional_info": info, "checks": checks}


def as_text(results: Iterable[LabCheck], *, verbose: bool) -> str:
    """The text form, one section; skipped checks have a line only when verbose, and are in no other total."""
    counts = dict.fromkeys(_MARKS, 0)
    lines = ["", "Configuration checks", "--------------------"]
    for result in results:
        counts[result.outcome] += 1
        if result.outcome == "skipped" and not verbose:
            continue
        mark, word = _MARKS[result.outcome]
        lines.append(f"{mark} {_TITLES[result.id]} - {word}")
        told = ("skipping because of previous failures",) if result.outcome == "skipped" else result.details
        lines += [f"    {line}" for line in told[:1]]
        lines += [f"        caused by: {line}" for line in told[1:] if verbose]
    lines.append(f"{counts['ok']} check(s) succeeded.")
    totals = {"warning": "raised warnings.", "error": "raised errors.", "skipped": "were skipped due to errors from other checks."}
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
    told = ("Could not check current state of edgeHub container", "docker returned exit status: 1, stderr = Error: No such object: edgeHub")
    return {id_: LabCheck(id_, "error", told)}


def _of_services(runtime: LabRuntime) -> dict[str, LabCheck]:
    if not runtime.services["aziot-identityd"].startswith("Down"):
        return {}
    told = ("Could not connect to identityd socket", "Connection refused (os error 111)")
    skipped = {id_: LabCheck(id_, "skipped") for id_ in (*_HUB_HOST, *_HUB_CONTAINER, "check-agent-image", "certs-match-private-keys")}
    return skipped | {"identityd-running": LabCheck("identityd-running", "error", told)}
