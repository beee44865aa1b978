"""Evidence from the VM that a provisioning took place: identityd's own words and `iotedge list`, polled for.

The cmdlet's `OK` only says that a service runs (iotedge-eflow#98), so nothing is believed but what the VM shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from eflowprov.checks.runtime import judge_runtime
from eflowprov.errors import EflowprovError
from eflowprov.model import CommandResult, Finding, Outcome, Problem, VmChannel
from eflowprov.workflows.outputs import AGENT, CHECK, LIST, LOGS, STATUS, Output, Outputs
from eflowprov.workflows.verify import read

ASSIGNED, AGENT_RUNS = "provisioning/dps-assigned", "module/edgeAgent"

_COMMAND_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 10.0  # identityd needs seconds, a pull of the agent's image minutes
_NOT_ASKED = Problem("not asked for", missing=True)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The two findings as the last poll left them; `hub` and `device_id` as the VM's logs tell them."""

    assigned: Finding
    agent: Finding
    hub: str = ""
    device_id: str = ""

    @property
    def proved(self) -> bool:
        return self.assigned.outcome is Outcome.PASS and self.agent.outcome is Outcome.PASS


def gather(channel: VmChannel, *, since: int) -> Evidence:
    """One look: the journal since `since` (the VM's clock, seconds since 1970) and the list of modules."""
    journal = ("iotedge", "system", "logs", "--", "--no-pager", "--since", f"@{since}", "-o", "json")
    results = {LOGS: _run(channel, journal), LIST: _run(channel, ("iotedge", "list"))}
    facts = read(Outputs(results | {CHECK: _NOT_ASKED, STATUS: _NOT_ASKED, AGENT: _NOT_ASKED}))
    judgement = judge_runtime(facts, now=datetime.now(UTC))
    findings = {finding.id: finding for finding in judgement.findings}
    return Evidence(findings[ASSIGNED], findings[AGENT_RUNS], judgement.hub, judgement.device_id)


def await_evidence(
    channel: VmChannel,
    *,
    since: int,
    timeout_s: float,
    progress: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Evidence:
    """Poll until both are proved, until DPS's refusal has been seen twice in a row, or until the time is up."""
    end = time.monotonic() + timeout_s
    wait, refused = _FIRST_PAUSE_S, False
    while True:
        evidence = gather(channel, since=since)
        failed = evidence.assigned.outcome is Outcome.FAIL
        left = end - time.monotonic()
        if evidence.proved or (failed and refused) or left <= 0:
            return evidence
        refused = failed
        progress(f"waiting for the VM: {evidence.assigned.detail or evidence.agent.detail}")
        pause(min(wait, left))
        wait = min(wait * 1.5, _LONGEST_PAUSE_S)


def _run(channel: VmChannel, command: tuple[str, ...]) -> Output:
    try:
        return _usable(channel.run(("sudo", "-n", *command), timeout_s=_COMMAND_S))
    except EflowprovError as error:
        return Problem(str(error))


def _usable(result: CommandResult) -> Output:
    return result if result.status is not None else Problem(result.note or "no end in time")
