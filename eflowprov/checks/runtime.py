"""The judgement of a VM's runtime: what its five commands told, turned into findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from eflowprov.checks.deployment import judge_deployment
from eflowprov.checks.identity import judge_identity, registration_in
from eflowprov.checks.iotedge_check import judge_check
from eflowprov.checks.judgement import Draft, Judgement, settle
from eflowprov.checks.logs import judge_agent_log, judge_logs
from eflowprov.checks.modules import judge_modules
from eflowprov.checks.policy import Policy
from eflowprov.checks.provisioning import judge_provisioning
from eflowprov.checks.services import judge_services
from eflowprov.checks.vm import judge_vm
from eflowprov.checks.words import named_identity
from eflowprov.model import CertificateFacts, Outcome, Problem, RuntimeFacts, VmFacts

_NO_POLICY = Policy()


def judge_runtime(facts: RuntimeFacts, *, now: datetime, policy: Policy = _NO_POLICY) -> Judgement:
    """Judge the runtime. `now` is the time of the judgement, timezone-aware; `policy` the site's own severities.

    The findings stand in the order in which a person would look for the cause: provisioning, deployment, modules,
    services, identity, the VM itself, checks, logs. An `error` that merely follows from a `fail` is given as a `skip`
    behind it.
    """
    assigned, connected = judge_provisioning(facts.logs, facts.agent)
    deployment = judge_deployment(facts.modules, facts.agent, facts.logs)
    deployed = deployment.finding.outcome is Outcome.PASS
    modules = judge_modules(facts.modules, facts.logs, now=now, agent=facts.agent, deployed=deployed)
    agent = next(draft for draft in modules if draft.finding.id == "module/edgeAgent")  # always there
    works = _all_pass(connected, agent)
    logs, summary = judge_logs(facts.logs, works=works)
    hub, device = named_identity(facts.logs)
    drafts = [
        assigned,
        connected,
        deployment,
        *modules,
        *judge_services(facts.services, facts.checks),
        *judge_identity(facts.vm, facts.wanted, hub=hub, device_id=device, now=now, works=works),
        *judge_vm(facts.vm, facts.checks),
        *judge_check(facts.checks, facts.modules, deployment.finding.outcome),
        *logs,
        *judge_agent_log(facts.agent, facts.modules),
    ]
    vm = facts.vm if isinstance(facts.vm, VmFacts) else None
    leaf = vm.certificate if vm and isinstance(vm.certificate, CertificateFacts) else None
    listed = () if isinstance(facts.modules, Problem) else facts.modules.modules
    return Judgement(
        settle(drafts, policy),
        listed,
        summary,
        hub,
        device,
        registration_in(vm),
        leaf.not_after if leaf else None,
        {} if isinstance(facts.checks, Problem) else _versions(facts.checks.versions),
    )


def _versions(told: Mapping[str, str]) -> dict[str, str]:
    """`aziot_edged_version` of `iotedge check` is `aziot-edged`."""
    return {name.removesuffix("_version").replace("_", "-"): version for name, version in told.items()}


def _all_pass(*drafts: Draft) -> bool:
    return all(draft.finding.outcome is Outcome.PASS for draft in drafts)
