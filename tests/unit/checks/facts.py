"""Facts for the judgement's tests: a healthy device, and what a test changes about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from eflowprov.checks.runtime import judge_runtime
from eflowprov.model import (
    Check,
    CheckOutcome,
    CheckReport,
    Finding,
    Log,
    LogEntry,
    LogLevel,
    Module,
    ModuleList,
    Problem,
    Report,
    RuntimeFacts,
    Service,
    ServiceStatus,
    Target,
    Verdict,
)
from eflowprov.model import Identity as ReportIdentity

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
START = datetime(2026, 11, 22, 5, 10, tzinfo=UTC)
HUB = "plant7.azure-devices.net"
MISSING = Problem("not asked", missing=True)
UNREADABLE = Problem("the answer has an unknown form", seen="%PDF-1.7")


def log(*lines: str | tuple[str, ...], service: str = "aziot-identityd", every_s: float = 1) -> Log:
    """One entry a line, `every_s` s apart; a tuple is a message with its causes, `service> text` names a service."""
    return Log(tuple(_entry(place, line, service, every_s) for place, line in enumerate(lines)), len(lines))


def _entry(place: int, line: str | tuple[str, ...], service: str, every_s: float) -> LogEntry:
    message, *causes = (line,) if isinstance(line, str) else line
    head, colon, rest = message.partition("> ")
    named = bool(colon) and " " not in head
    at = START + timedelta(seconds=place * every_s)
    return LogEntry(at, head if named else service, LogLevel.INFO, rest if named else message, tuple(causes))


def modules(*names: str, **states: str) -> ModuleList:
    """Running modules by name; `edgeHub="failed (139)"` gives another state."""
    rows = [Module(name, "running", "Up 2 minutes", f"registry.example/{name.lower()}:1.5") for name in names]
    for name, state in states.items():
        status, _, code = state.partition(" ")
        rows.append(Module(name, status, f"{status.capitalize()} {code} 3 minutes ago", f"registry.example/{name}:1.5"))
    return ModuleList(tuple(rows))


def check(id_: str, outcome: str = "ok", *details: str) -> Check:
    return Check(id_, f"title of {id_}", CheckOutcome(outcome), details)


def checks(*special: Check) -> CheckReport:
    """A report with two checks that pass, and the given ones."""
    return CheckReport((check("keyd-running"), check("identityd-running"), *special), "json")


def services(**states: str) -> ServiceStatus:
    """The five services running; `identityd="Down failed"` gives another state and its detail."""
    rows = {"edged": "Running", "identityd": "Running", "keyd": "Ready", "certd": "Ready", "tpmd": "Ready", **states}
    split = {name: state.partition(" ") for name, state in rows.items()}
    return ServiceStatus(tuple(Service(f"aziot-{name}", state, detail) for name, (state, _, detail) in split.items()))


TRYING = ("Starting service...", "Provisioning starting. Reason: Startup", "Sending DPS registration request.")
ASSIGNED = (
    *TRYING,
    "Checking DPS registration status.",
    f"Assigned to IoT hub: {HUB}",
    "DPS registration complete.",
    "Successfully provisioned with DPS.",
    "Provisioning complete.",
)
RECONCILED = (
    *ASSIGNED,
    "Identity reconciliation started. Reason: Startup",
    "Identity reconciliation complete.",
    f"aziot-edged> Device is line4-press2 on {HUB}",
    "aziot-edged> Started Edge runtime module edgeAgent",
    "aziot-edged> Edge runtime is running",
)
BY_HAND = (
    "Provisioning starting. Reason: Startup",
    "Updated device info for line4-press2.",
    "Provisioning complete.",
    "Identity reconciliation started. Reason: Startup",
)
ATTEMPT = "Edge agent attempting to connect to IoT Hub via Amqp_Tcp_Only..."
CONNECTED = (ATTEMPT, "Edge agent connected to IoT Hub via Amqp_Tcp_Only.")
DEPLOYED = (*CONNECTED, "Plan execution started for deployment 3", "Plan execution ended for deployment 3")
EMPTY = (*CONNECTED, "Deployment config in edge agent's desired properties is empty.")


def refused(*causes: str) -> tuple[str | tuple[str, ...], ...]:
    """identityd's words when DPS refuses."""
    return (
        *TRYING,
        "Failed to provision with IoT Hub, and no valid device backup was found: DPS client error",
        ("service encountered an error", "DPS client error", *causes),
        "systemd> aziot-identityd.service: Main process exited, code=exited, status=1/FAILURE",
    )


def agent_log(*lines: str | tuple[str, ...]) -> Log:
    return log(*lines, service="edgeAgent")


HEALTHY = RuntimeFacts(
    modules("edgeAgent", "edgeHub"), checks(), log(*RECONCILED), services(), agent_log(*DEPLOYED), HUB
)
EDGE_HUB = check(
    "edge-hub-storage-mounted-from-host",
    "error",
    "Could not check current state of edgeHub container",
    "docker returned exit status: 1, stderr = Error: No such object: edgeHub",
)
NEW = replace(HEALTHY, modules=modules("edgeAgent"), checks=checks(EDGE_HUB), agent=agent_log(*EMPTY))


def facts(base: RuntimeFacts = HEALTHY, **changes: object) -> RuntimeFacts:
    return replace(base, **changes)  # type: ignore[arg-type]


def found(given: RuntimeFacts, id_: str) -> Finding:
    """The one finding of this id."""
    matching = [finding for finding in judge_runtime(given, now=NOW).findings if finding.id == id_]
    assert len(matching) == 1, f"{id_}: {len(matching)} findings"
    return matching[0]


def ids(given: RuntimeFacts) -> set[str]:
    return {finding.id for finding in judge_runtime(given, now=NOW).findings}


def report(given: RuntimeFacts) -> Report:
    """The judgement of the facts as a report."""
    judged = judge_runtime(given, now=NOW)
    return Report("0.1", NOW, 1.0, Target(), ReportIdentity(), judged.findings, judged.modules, judged.logs)


def verdict(given: RuntimeFacts) -> Verdict:
    return report(given).verdict
