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
from eflowprov.workflows.readiness.collect import first_taken, log_commands
from eflowprov.workflows.readiness.outputs import AGENT, CHECK, LIST, LOGS, STATUS, Output, Outputs
from eflowprov.workflows.readiness.verify import read
from eflowprov.workflows.readiness.waiting import Backoff, Look, Standing, wait_until

ASSIGNED, AGENT_RUNS = "provisioning/dps-assigned", "module/edgeAgent"

_COMMAND_S = 30.0
_BACKOFF = Backoff(1.0, 1.5, 10.0)  # identityd needs seconds, a pull of the agent's image minutes
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

    @property
    def missing(self) -> str:
        """What is not proved yet, in the finding's own words."""
        open_one = self.agent if self.assigned.outcome is Outcome.PASS else self.assigned
        return open_one.detail or open_one.title


def gather(channel: VmChannel, *, since: int) -> Evidence:
    """One look: the journal since `since` (the VM's clock, seconds since 1970) and the list of modules."""
    journal, _ = first_taken(lambda command: _run(channel, command), log_commands(f"@{since}"))
    results = {LOGS: journal, LIST: _run(channel, ("iotedge", "list"))}
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
    refused = False

    def look(_left_s: float) -> Look[Evidence]:
        nonlocal refused
        evidence = gather(channel, since=since)
        before, refused = refused, evidence.assigned.outcome is Outcome.FAIL
        waits_for = f"the VM: {evidence.missing}"
        if evidence.proved:
            return Look(evidence, Standing.READY)
        return Look(evidence, Standing.FAILED if before and refused else Standing.PENDING, waits_for)

    return wait_until(look, timeout_s=timeout_s, progress=progress, backoff=_BACKOFF, pause=pause).value


def _run(channel: VmChannel, command: tuple[str, ...]) -> Output:
    try:
        return _usable(channel.run(("sudo", "-n", *command), timeout_s=_COMMAND_S))
    except EflowprovError as error:
        return Problem(str(error))


def _usable(result: CommandResult) -> Output:
    return result if result.status is not None else Problem(result.note or "no end in time")
