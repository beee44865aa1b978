"""`service/NAME` for each row of `iotedge system status`; `service/system-status` when there is none."""

from __future__ import annotations

from eflowprov.checks.judgement import Draft, evidence
from eflowprov.model import CheckOutcome, CheckReport, Finding, Outcome, Problem, Service, ServiceStatus

_SOURCE = "iotedge system status"
_BY_HAND = 'Run it by hand: Invoke-EflowVmCommand -command "sudo iotedge system status".'
_TPM = "aziot-tpmd"
_NOT_CHECKED = Problem("not asked for", missing=True)


def judge_services(status: ServiceStatus | Problem, checks: CheckReport | Problem = _NOT_CHECKED) -> list[Draft]:
    """Judge every service. Runtimes before 1.2 have no such command: a missing answer is a skip.

    `checks` tells whether the device's identity is in a TPM: the TPM's service is of no use to any other device.
    """
    if isinstance(status, Problem):
        outcome = Outcome.SKIP if status.missing else Outcome.ERROR
        return [_status(outcome, status.why, status.seen)]
    if not status.services:
        return [_status(Outcome.ERROR, "No service is listed.", "")]
    spare = _TPM if _is_without_tpm(checks) else ""
    return [Draft(_judge(service, is_spare=service.name == spare)) for service in status.services]


def _is_without_tpm(checks: CheckReport | Problem) -> bool:
    """Whether iotedge check did not look at the TPM's service: it does when the configuration says TPM.

    What is not applicable is `ignored` in JSON, and has no line in the text form (aziotctl's daemons_running.rs).
    """
    outcomes = {} if isinstance(checks, Problem) else {check.id: check.outcome for check in checks.checks}
    return "identityd-running" in outcomes and outcomes.get("tpmd-running") in (None, CheckOutcome.IGNORED)


def _status(outcome: Outcome, why: str, seen: str) -> Draft:
    title = "the state of the system services is known"
    return Draft(Finding("service/system-status", title, outcome, why, _BY_HAND, evidence([seen]), _SOURCE))


def _judge(service: Service, *, is_spare: bool) -> Finding:
    id_, title = f"service/{service.name}", f"service {service.name} works"
    if service.state in ("Running", "Ready"):
        ready = service.state == "Ready"
        detail = "Ready: it starts when it is asked." if ready else "Running."
        return Finding(id_, title, Outcome.PASS, detail, source=_SOURCE)
    row = " - ".join(part for part in (service.state, service.detail) if part)
    lines = evidence([f"{service.name}  {row}", *service.log[-10:]])
    if service.state == "Down" and is_spare:
        detail = f"{row}. It is for an identity in a TPM, and this device's is not: nothing asks it."
        return Finding(id_, title, Outcome.WARN, detail, "Nothing to do.", lines, _SOURCE)
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
