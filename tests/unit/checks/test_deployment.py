"""deployment/present: edgeAgent's newest word, else the list of modules."""

from __future__ import annotations

import pytest

from eflowprov.model import ModuleList, Outcome, Verdict
from tests.unit.checks.facts import (
    CONNECTED,
    DEPLOYED,
    EMPTY,
    MISSING,
    NEW,
    RECONCILED,
    UNREADABLE,
    agent_log,
    facts,
    found,
    log,
    modules,
    refused,
    verdict,
)

ID = "deployment/present"
FAILED = 'Executing command for operation ["create"] failed.'


def _by_agent(*lines: str | tuple[str, ...]) -> Outcome:
    return found(facts(modules=modules("edgeAgent"), agent=agent_log(*CONNECTED, *lines)), ID).outcome


@pytest.mark.parametrize(
    "word",
    [
        "Deployment config in edge agent's desired properties is empty.",
        "This device has an empty configuration for the edge agent. Please set a deployment manifest.",
        "Empty edge agent config was received. Attempting to read config from backup (/tmp/backup) instead",
        ("Error refreshing edge agent configuration from twin.", "Agent.Core.ConfigSources.ConfigEmptyException"),
    ],
)
def test_an_empty_configuration_is_417_and_expected(word: str | tuple[str, ...]) -> None:
    finding = found(facts(agent=agent_log(*CONNECTED, word)), ID)
    assert finding.outcome is Outcome.EXPECTED
    assert "417" in finding.detail


def test_a_plan_that_ended_without_a_failure_is_a_pass() -> None:
    assert _by_agent(*DEPLOYED) is Outcome.PASS


@pytest.mark.parametrize(
    "failure",
    [FAILED, "Step failed in deployment 3, continuing execution. Failure when running command Create module x"],
)
def test_a_plan_with_a_failed_command_is_a_fail_although_it_ended(failure: str) -> None:
    plan = ("Plan execution started for deployment 3", failure, "Plan execution ended for deployment 3")
    assert _by_agent(*plan) is Outcome.FAIL
    assert _by_agent(*plan, *DEPLOYED) is Outcome.PASS
    assert _by_agent(*DEPLOYED, *plan) is Outcome.FAIL


@pytest.mark.parametrize(
    "word",
    [
        "Edge agent plan execution failed.",
        "Reconcile failed because of invalid schema",
        "Reconcile failed because of invalid configuration format",
    ],
)
def test_a_broken_deployment_is_a_fail(word: str) -> None:
    assert _by_agent(*DEPLOYED, word) is Outcome.FAIL


def test_the_newest_word_wins_in_both_directions() -> None:
    assert _by_agent(EMPTY[-1], *DEPLOYED) is Outcome.PASS
    assert _by_agent(*DEPLOYED, EMPTY[-1]) is Outcome.EXPECTED


def test_a_plan_under_way_is_an_error_until_modules_are_there() -> None:
    started = agent_log(*CONNECTED, "Plan execution started for deployment 3")
    assert found(facts(modules=modules("edgeAgent"), agent=started), ID).outcome is Outcome.ERROR
    assert found(facts(agent=started), ID).outcome is Outcome.PASS


def test_without_the_agents_word_edgeagent_alone_is_expected() -> None:
    assert found(facts(NEW, agent=MISSING), ID).outcome is Outcome.EXPECTED
    assert found(facts(NEW, agent=agent_log(*CONNECTED)), ID).outcome is Outcome.EXPECTED


def test_without_the_agents_word_other_modules_are_a_pass() -> None:
    assert found(facts(agent=MISSING), ID).outcome is Outcome.PASS


def test_without_any_module_nothing_tells() -> None:
    assert found(facts(modules=ModuleList(), agent=MISSING), ID).outcome is Outcome.ERROR
    assert found(facts(modules=UNREADABLE, agent=MISSING), ID).outcome is Outcome.ERROR


def test_a_module_that_the_journal_asked_for_is_no_new_device() -> None:
    failed = log(*RECONCILED, ("aziot-edged> Could not create module edgeHub", "no space left on device"))
    assert found(facts(NEW, agent=MISSING, logs=failed), ID).outcome is Outcome.FAIL
    asked = log(*RECONCILED, "aziot-edged> Creating module edgeHub...")
    assert found(facts(NEW, agent=MISSING, logs=asked), ID).outcome is Outcome.ERROR


def test_behind_a_refusal_by_dps_it_is_a_skip_and_the_verdict_not_ready() -> None:
    given = facts(modules=ModuleList(), agent=MISSING, logs=log(*refused("Unauthorized")))
    finding = found(given, ID)
    assert finding.outcome is Outcome.SKIP
    assert "behind provisioning/dps-assigned" in finding.detail
    assert verdict(given) is Verdict.NOT_READY
