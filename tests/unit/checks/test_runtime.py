"""The judgement as a whole: what every finding has, and how an error follows from a fail."""

from __future__ import annotations

import re

import pytest

from eflowprov.checks.judgement import Draft, evidence, settle
from eflowprov.checks.runtime import judge_runtime
from eflowprov.model import Finding, Log, ModuleList, Outcome, RuntimeFacts, Verdict
from tests.unit.checks.facts import (
    HEALTHY,
    HUB,
    MISSING,
    NEW,
    NOW,
    UNREADABLE,
    check,
    checks,
    facts,
    found,
    log,
    modules,
    refused,
    report,
    services,
    verdict,
)
from tests.unit.checks.test_field_cases import CASES

ALWAYS = {"provisioning/dps-assigned", "provisioning/hub-connected", "deployment/present", "module/edgeAgent"}
_CMDLETS = {
    "Invoke-EflowVmCommand",
    "Connect-EflowVm",
    "Stop-EflowVm",
    "Start-EflowVm",
    "Set-EflowVm",
    "Set-EflowVmDNSServers",
    "Get-EflowVm",
    "Get-EflowVmEndpoint",
    "Get-EflowVmName",
    "Get-EflowVmAddr",
    "Deploy-Eflow",
}


def test_a_healthy_device_is_ready_and_a_new_one_awaits_its_deployment() -> None:
    assert verdict(HEALTHY) is Verdict.READY
    assert verdict(NEW) is Verdict.READY_AWAITING_DEPLOYMENT


def test_the_judgement_names_hub_device_and_modules() -> None:
    judged = judge_runtime(HEALTHY, now=NOW)
    assert (judged.hub, judged.device_id) == (HUB, "line4-press2")
    assert [module.name for module in judged.modules] == ["edgeAgent", "edgeHub"]


def test_nothing_known_is_unknown() -> None:
    nothing = RuntimeFacts(MISSING, MISSING, MISSING, MISSING, MISSING)
    assert verdict(nothing) is Verdict.UNKNOWN
    outcomes = {finding.id: finding.outcome for finding in judge_runtime(nothing, now=NOW).findings}
    assert {outcomes[id_] for id_ in ("iotedge-check/report", "logs/journal", "module/edgeAgent")} == {Outcome.ERROR}


@pytest.mark.parametrize("address", CASES)
def test_every_finding_is_told_once_and_every_one_that_does_not_pass_has_a_reason_and_a_way_out(address: str) -> None:
    findings = judge_runtime(CASES[address][0], now=NOW).findings
    ids = [finding.id for finding in findings]
    assert len(ids) == len(set(ids))
    assert set(ids) >= ALWAYS
    for finding in findings:
        assert finding.title
        assert finding.source
        if finding.outcome is not Outcome.PASS:
            assert finding.detail, finding.id
            assert finding.remedy, finding.id


@pytest.mark.parametrize("address", CASES)
def test_every_fail_rests_on_evidence_and_names_no_cmdlet_that_does_not_exist(address: str) -> None:
    for finding in judge_runtime(CASES[address][0], now=NOW).findings:
        if finding.outcome is Outcome.FAIL and finding.id not in _WITHOUT_LINES:
            assert finding.evidence, finding.id
        assert set(re.findall(r"\b[A-Z][a-z]+-Eflow\w*", finding.remedy)) <= _CMDLETS


# A check may fail without a word (iotedge#2129).
_WITHOUT_LINES = {"iotedge-check/container-local-time"}


def test_an_error_that_follows_from_a_fail_is_a_skip_behind_it() -> None:
    given = facts(modules=ModuleList(), logs=log(*refused("Unauthorized")), agent=MISSING)
    for id_ in ("provisioning/hub-connected", "deployment/present", "module/edgeAgent"):
        finding = found(given, id_)
        assert finding.outcome is Outcome.SKIP
        assert finding.detail.startswith("Not judged: behind provisioning/dps-assigned.")
    assert verdict(given) is Verdict.NOT_READY


@pytest.mark.parametrize(
    "unreadable",
    [facts(modules=UNREADABLE), facts(checks=UNREADABLE), facts(logs=UNREADABLE), facts(services=UNREADABLE)],
)
def test_an_answer_that_cannot_be_read_keeps_the_verdict_unknown_beside_a_fail(unreadable: RuntimeFacts) -> None:
    broken = services(edged="Down failed") if not isinstance(unreadable.services, type(UNREADABLE)) else UNREADABLE
    given = facts(unreadable, services=broken)
    assert verdict(given) is Verdict.UNKNOWN


def test_no_way_to_the_hub_and_an_empty_list_is_not_ready() -> None:
    given = facts(
        modules=ModuleList(),
        checks=checks(check("host-connect-iothub-amqp", "error", "Connection timed out (os error 110)")),
        logs=log("Starting service..."),
        agent=Log(failure=("Could not find module edgeAgent",)),
    )
    assert verdict(given) is Verdict.NOT_READY


def test_an_open_draft_is_an_error_alone_and_a_skip_behind_a_failure() -> None:
    unsure = Draft(Finding("b", "b", Outcome.ERROR, "untold", "wait"), is_open=True)
    sure = Draft(Finding("c", "c", Outcome.ERROR, "unreadable", "read"))
    failed = Draft(Finding("a", "a", Outcome.FAIL, "broken", "mend"))
    left = Draft(Finding("d", "d", Outcome.SKIP, "not saved", "save it"), is_open=True)
    assert settle([failed, left])[1] is left.finding
    assert [finding.outcome for finding in settle([unsure, sure])] == [Outcome.ERROR, Outcome.ERROR]
    assert [f.outcome for f in settle([unsure, sure, failed])] == [Outcome.SKIP, Outcome.ERROR, Outcome.FAIL]


def test_evidence_is_bounded_and_says_how_much_is_left_out() -> None:
    lines = evidence(["x" * 1000, *(f"line {n}" for n in range(30))]).split("\n")
    assert len(lines) == 13
    assert lines[0].endswith("...")
    assert lines[-1] == "(and 19 more lines)"


def test_evidence_of_nothing_is_empty() -> None:
    assert evidence(["", "  \n"]) == ""


def test_findings_stand_in_the_order_in_which_one_looks_for_the_cause() -> None:
    rooms = [finding.id.partition("/")[0] for finding in report(facts(modules=modules("edgeAgent"))).findings]
    order = ["provisioning", "deployment", "module", "service", "iotedge-check", "logs"]
    assert rooms == sorted(rooms, key=order.index)
