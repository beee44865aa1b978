"""The judgement of a VM's runtime: what its five commands told, turned into findings."""

from __future__ import annotations

from datetime import datetime

from eflowprov.checks.deployment import judge_deployment
from eflowprov.checks.iotedge_check import judge_check
from eflowprov.checks.judgement import Draft, Judgement, settle
from eflowprov.checks.logs import judge_agent_log, judge_logs
from eflowprov.checks.modules import judge_modules
from eflowprov.checks.provisioning import judge_provisioning
from eflowprov.checks.services import judge_services
from eflowprov.checks.words import named_identity
from eflowprov.model import Outcome, Problem, RuntimeFacts


def judge_runtime(facts: RuntimeFacts, *, now: datetime) -> Judgement:
    """Judge the runtime. `now` is the time of the judgement, timezone-aware.

    The findings stand in the order in which a person would look for the cause: provisioning, deployment, modules,
    services, checks, logs. An `error` that merely follows from a `fail` is given as a `skip` behind it.
    """
    assigned, connected = judge_provisioning(facts.logs, facts.agent)
    deployment = judge_deployment(facts.modules, facts.agent, facts.logs)
    modules = judge_modules(facts.modules, facts.logs, now=now)
    agent = next(draft for draft in modules if draft.finding.id == "module/edgeAgent")  # always there
    works = _all_pass(connected, agent)
    logs, summary = judge_logs(facts.logs, works=works)
    drafts = [
        assigned,
        connected,
        deployment,
        *modules,
        *judge_services(facts.services),
        *judge_check(facts.checks, facts.modules, deployment.finding.outcome),
        *logs,
        *judge_agent_log(facts.agent, facts.modules),
    ]
    hub, device = named_identity(facts.logs)
    listed = () if isinstance(facts.modules, Problem) else facts.modules.modules
    return Judgement(settle(drafts), listed, summary, hub, device)


def _all_pass(*drafts: Draft) -> bool:
    return all(draft.finding.outcome is Outcome.PASS for draft in drafts)
