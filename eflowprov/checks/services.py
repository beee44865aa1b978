"""`service/NAME` for each row of `iotedge system status`; `service/system-status` when there is none."""

from __future__ import annotations

from eflowprov.checks.judgement import Draft, evidence
from eflowprov.model import Finding, Outcome, Problem, Service, ServiceStatus

_SOURCE = "iotedge system status"
_BY_HAND = 'Run it by hand: Invoke-EflowVmCommand -command "sudo iotedge system status".'


def judge_services(status: ServiceStatus | Problem) -> list[Draft]:
    """Judge every service. Runtimes before 1.2 have no such command: a missing answer is a skip."""
    if isinstance(status, Problem):
        outcome = Outcome.SKIP if status.missing else Outcome.ERROR
        return [_status(outcome, status.why, status.seen)]
    if not status.services:
        return [_status(Outcome.ERROR, "No service is listed.", "")]
    return [Draft(_judge(service)) for service in status.services]


def _status(outcome: Outcome, why: str, seen: str) -> Draft:
    title = "the state of the system services is known"
    return Draft(Finding("service/system-status", title, outcome, why, _BY_HAND, evidence([seen]), _SOURCE))


def _judge(service: Service) -> Finding:
    id_, title = f"service/{service.name}", f"service {service.name} works"
    if service.state in ("Running", "Ready"):
        ready = service.state == "Ready"
        detail = "Ready: it starts when it is asked." if ready else "Running."
        return Finding(id_, title, Outcome.PASS, detail, source=_SOURCE)
    row = " - ".join(part for part in (service.state, service.detail) if part)
    lines = evidence([f"{service.name}  {row}", *service.log[-10:]])
    if service.state == "Down":
        return Finding(id_, title, Outcome.FAIL, f"{row}.", _remedy(service), lines, _SOURCE)
    return Finding(id_, title, Outcome.ERROR, f"Its state is not a known one: {row}.", _BY_HAND, lines, _SOURCE)


def _remedy(service: Service) -> str:
    lines = (
        "its last lines below"
        if service.log
        else 'its lines (Invoke-EflowVmCommand -command "sudo iotedge system logs")'
    )
    return (
        f"Read {lines} for the cause, and put that right first. Then restart the runtime: "
        f'Invoke-EflowVmCommand -command "sudo iotedge system restart", and look at {service.name} again.'
    )
