"""`iotedge-check/ID` for each check of `iotedge check`, and `iotedge-check/report` for what the whole lacks.

A warning of a hub connectivity check may mean "not tested" (the tool did not know the hub's name), and an error may
mean that the check's own tool failed; neither says anything about the device. Read in aziotctl's and iotedge's source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from eflowprov.checks.check_causes import headline_of, trouble_of, why_failed
from eflowprov.checks.check_texts import noise_of, remedy_of, skip_of
from eflowprov.checks.judgement import Draft, evidence
from eflowprov.model import Check, CheckOutcome, CheckReport, Finding, ModuleList, Outcome, Problem

_SOURCE = "iotedge check"
_REPORT = "iotedge-check/report"
_RUN = 'Invoke-EflowVmCommand -command "sudo iotedge check --verbose"'

_HUB_CHECK = re.compile(r"^(?:host-connect-iothub|container-(?:default-)?connect-(?:upstream|iothub))-")
_NOT_TESTED = re.compile(
    r"Could not retrieve iothub_hostname|hub name (?:is )?unknown|will be skipped"
    r"|needs to be specified with --iothub-hostname",
    re.IGNORECASE,
)


def judge_check(report: CheckReport | Problem, modules: ModuleList | Problem, deployment: Outcome) -> list[Draft]:
    """Judge the report's checks; `deployment` is the outcome of `deployment/present`."""
    if isinstance(report, Problem):
        return [_report(Outcome.ERROR, report.why, [report.seen])]
    failed = {check.id for check in report.checks if check.outcome in (CheckOutcome.ERROR, CheckOutcome.FATAL)}
    drafts = [_judge(check, modules, deployment, failed) for check in report.checks]
    return _whole(report) + drafts


def _report(outcome: Outcome, detail: str, lines: list[str] | None = None) -> Draft:
    title = "iotedge check gave its whole report"
    remedy = f"Run it by hand and wait for its end (it may pull an image first): {_RUN}."
    return Draft(Finding(_REPORT, title, outcome, detail, remedy, evidence(lines or []), _SOURCE))


def _whole(report: CheckReport) -> list[Draft]:
    if any(check.outcome is CheckOutcome.FATAL for check in report.checks):
        return []  # a fatal check ends the run: what is missing after it is explained
    if not report.checks:
        return [_report(Outcome.ERROR, "The report holds no check at all.")]
    if not report.complete:
        return [_report(Outcome.ERROR, "The report was cut off: its totals are missing or disagree with its lines.")]
    if report.skipped_unlisted:
        return [_report(Outcome.SKIP, f"{report.skipped_unlisted} checks were skipped without a line.")]
    return []


def _judge(check: Check, modules: ModuleList | Problem, deployment: Outcome, failed: Collection[str]) -> Draft:
    if check.outcome is CheckOutcome.SKIPPED:
        return _draft(check, Outcome.SKIP, *skip_of(check, failed))
    if check.outcome is not CheckOutcome.ERROR:
        return _ordinary(check)
    if check.id == _EDGEHUB and _EDGEHUB_UNKNOWN.search("\n".join(check.details)):
        return _edge_hub(check, modules, deployment)
    noise = _NOISE.get(check.id)
    detail = noise("\n".join(check.details)) if noise else ""
    return _draft(check, Outcome.WARN, detail, "Nothing to do.") if detail else _ordinary(check)


def _draft(check: Check, outcome: Outcome, detail: str, remedy: str, *, is_open: bool = False) -> Draft:
    lines = "" if outcome is Outcome.PASS else evidence(check.details)
    return Draft(Finding(f"iotedge-check/{check.id}", check.title, outcome, detail, remedy, lines, _SOURCE), is_open)


def _ordinary(check: Check) -> Draft:
    if check.outcome in (CheckOutcome.OK, CheckOutcome.IGNORED):
        return _draft(check, Outcome.PASS, "Not applicable." if check.outcome is CheckOutcome.IGNORED else "", "")
    text = "\n".join(check.details)
    if _HUB_CHECK.match(check.id) and _NOT_TESTED.search(text):
        return _not_tested(check)
    if noise := noise_of(check):
        return _draft(check, Outcome(noise.as_), f"{noise.because} It says: {headline_of(check)}", "Nothing to do.")
    fault = _tool_fault(check, text) if check.outcome in (CheckOutcome.ERROR, CheckOutcome.FATAL) else ""
    if fault:
        return _draft(
            check, Outcome.ERROR, f"The check could not run: {fault}.", f"Run it again: {_RUN}.", is_open=True
        )
    if check.outcome is CheckOutcome.WARNING:
        return _draft(check, Outcome.WARN, headline_of(check), remedy_of(check))
    return _draft(check, Outcome.FAIL, why_failed(check), _way_out(check, text))


def _way_out(check: Check, text: str) -> str:
    trouble = trouble_of(check)
    if trouble and trouble.id == "disk-full":
        return f"{trouble.remedy} Then pull the image again: {_BY_HAND}." if _PULL.search(text) else trouble.remedy
    if _PULL.search(text) or _ASKED_REGISTRY.search(text):
        return _REGISTRY
    # Of a network without a way out the check's own remedy says more: it names the address.
    return trouble.remedy if trouble and trouble.id != "network-unreachable" else remedy_of(check)


def _not_tested(check: Check) -> Draft:
    detail = "Not tested: the check did not know the hub's name (it does not with DPS)."
    remedy = 'Give the name: Invoke-EflowVmCommand -command "sudo iotedge check --iothub-hostname HUB".'
    return _draft(check, Outcome.SKIP, detail, remedy)


# ----------------------------------------------------------------------- the check's own tool failed, not the device

_PULL = re.compile(r"azureiotedge-diagnostics|Pulling from|Unable to find image", re.IGNORECASE)
_ASKED_REGISTRY = re.compile(r"response from daemon: Get \"?https?://")
_BY_HAND = 'Invoke-EflowVmCommand -command "sudo docker pull mcr.microsoft.com/azureiotedge-diagnostics:1.5"'
_REGISTRY = (
    f"Pull the image by hand and read why it fails: {_BY_HAND}. Let the VM out to mcr.microsoft.com on port 443, or "
    "set its proxy."
)
# Failures of a pull that are the device's: the registry is out of reach for its modules as well, or the disk is full.
_DEVICE_FAULT = re.compile(
    r"no space left|not enough space|failed to register layer|dial tcp|lookup |i/o timeout|Client\.Timeout"
    r"|request canceled"
    r"|TLS handshake|connection (?:refused|reset|timed out)|proxyconnect|no route|unreachable|x509:|Retrying in"
    r"|unauthorized",
    re.IGNORECASE,
)
_NO_IMAGE = re.compile(r"manifest unknown|manifest for \S+ not found|no matching manifest", re.IGNORECASE)
_SOCKET = re.compile(
    r"Permission denied[^\n]*(?:mgmt|workload)\.sock|One or more errors occurred\. \(Permission denied"
)
_NO_RIGHT = re.compile(r"run this command as root|Permission denied \(os error 13\)")  # of a configuration's file
_URL_AS_NAME = re.compile(r"https?://[\w.-]+(?:azure-devices|:\d)", re.IGNORECASE)


def _tool_fault(check: Check, text: str) -> str:
    """Say why an error is the tool's own and not the device's; "" when it is the device's."""
    if _NO_IMAGE.search(text) and _PULL.search(text):
        return "its diagnostics image does not exist in the registry (iotedge#3037)"
    if _PULL.search(text) and not _DEVICE_FAULT.search(text):
        return "its diagnostics image was still being pulled (iotedge#3829)"
    if _SOCKET.search(text):
        return "its diagnostics container may not open the runtime's socket (iotedge#4011)"
    if check.id.endswith("-well-formed") and _NO_RIGHT.search(text):
        return "it had no right to read the configuration; it needs sudo"
    if _HUB_CHECK.match(check.id) and _URL_AS_NAME.search(text):
        return "the hub's name was given with https:// in front (iotedge#2033)"
    return ""


# ------------------------------------------------------------------------------------------------ special cases

_EDGEHUB = "edge-hub-storage-mounted-from-host"
_EDGEHUB_UNKNOWN = re.compile(r"Could not check current state of (?:the )?edge ?hub", re.IGNORECASE)
_HUB_LOGS = (
    'Read why: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail 200", then '
    'Invoke-EflowVmCommand -command "sudo iotedge restart edgeHub".'
)


def _edge_hub(check: Check, modules: ModuleList | Problem, deployment: Outcome) -> Draft:
    """The documented error of a new device: expected while there is no deployment and no edgeHub that failed."""
    listed = () if isinstance(modules, Problem) else modules.modules
    failed = any(module.name == "edgeHub" and module.status != "running" for module in listed)
    if deployment is Outcome.EXPECTED and not failed:
        detail = "edgeHub does not run before the device has a deployment; the documentation says to expect this."
        return _draft(check, Outcome.EXPECTED, detail, "Set modules for the device in IoT Hub, then verify again.")
    if deployment is Outcome.ERROR:
        detail = "edgeHub does not exist, and nothing tells whether it should."
        return _draft(check, Outcome.ERROR, detail, _HUB_LOGS, is_open=True)
    return _draft(check, Outcome.FAIL, "A deployment is there, and edgeHub does not run.", _HUB_LOGS)


def _trust_bundle(text: str) -> str:
    others = re.search(r"cert(?:ificate)? with ID \"(?!aziot-edged-trust-bundle)", text, re.IGNORECASE)
    # With another cause than that there is none, the service itself is in trouble (meta-iotedge#90).
    missing = re.search(r"not found|has an invalid value", text, re.IGNORECASE)
    if "trust-bundle" not in text or others or not missing:
        return ""
    return "Only the trust bundle is missing: normal on a device without downstream devices (iotedge#6675)."


def _connection_string(text: str) -> str:
    if not re.search(r"not using manual provisioning|--iothub-hostname", text):
        return ""
    return "Runtimes of 1.0 report an error here for every DPS device; it is none (iotedge#2500)."


def _container_time(text: str) -> str:
    # Host and container have one clock: a drift says that the container took 10 s and more to start.
    if "time drift" not in text:
        return ""
    return "The diagnostics container was slow to start: it shares the VM's clock (iotedge#7389)."


# Errors that are none: each says why, or "" when this one is real.
_NOISE: dict[str, Callable[[str], str]] = {
    "certs-read": _trust_bundle,
    "connection-string": _connection_string,
    "container-local-time": _container_time,
}
