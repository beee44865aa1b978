"""Behind a module's state: restart loops, stops on purpose, modules that are wanted and could not be made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eflowprov.checks.module_trouble import uptime
from eflowprov.model import Module, ModuleList, Outcome, Verdict
from tests.unit.checks.facts import (
    CONNECTED,
    DEPLOYED,
    EMPTY,
    MISSING,
    RECONCILED,
    agent_log,
    facts,
    found,
    ids,
    log,
    modules,
    verdict,
)

SOON = "Module 'sensor' scheduled to restart after {}s ({:02d}s left)."


def _listed(**descriptions: str) -> ModuleList:
    rows = {"edgeAgent": "Up 2 hours", "edgeHub": "Up 2 hours"} | descriptions
    return ModuleList(tuple(Module(name, "running", told, "image") for name, told in rows.items()))


@pytest.mark.parametrize(
    ("description", "seconds"),
    [
        ("Up 5 seconds", 5),
        ("Up a minute", 60),
        ("Up an hour", 3600),
        ("Up 2 days", 172800),
        ("Up a month", 2592000),
        ("Up Less than a second", 1),
        ("Up now", 0),
    ],
)
def test_the_runtimes_rough_english_is_read(description: str, seconds: int) -> None:
    assert uptime(description) == timedelta(seconds=seconds)


@pytest.mark.parametrize("description", ["Up", "Stopped", "Failed (139) 3 minutes ago", "", "Up since Monday"])
def test_a_description_without_a_time_tells_none(description: str) -> None:
    assert uptime(description) is None


def test_three_restarts_that_edgeagent_planned_are_a_loop_and_a_failure() -> None:
    words = [SOON.format(pause, left) for pause in (10, 20, 40) for left in (9, 4)]
    given = facts(modules=_listed(sensor="Up 5 seconds"), agent=agent_log(*DEPLOYED, *words))
    finding = found(given, "module/sensor")
    assert finding.outcome is Outcome.FAIL and "3 times" in finding.detail
    assert "scheduled to restart" in finding.evidence
    assert verdict(given) is Verdict.NOT_READY


def test_one_restart_is_a_warning() -> None:
    given = facts(modules=_listed(sensor="Up 5 seconds"), agent=agent_log(*DEPLOYED, SOON.format(10, 9)))
    assert found(given, "module/sensor").outcome is Outcome.WARN


def test_a_module_that_has_been_up_for_long_is_over_its_restarts() -> None:
    words = [SOON.format(pause, 9) for pause in (10, 20, 40)]
    given = facts(modules=_listed(sensor="Up 3 hours"), agent=agent_log(*DEPLOYED, *words))
    assert found(given, "module/sensor").outcome is Outcome.PASS


def test_starts_in_the_journal_since_the_runtime_began_are_counted() -> None:
    starts = [f"aziot-edged> {line}" for line in ["Started Edge runtime module edgeAgent"] * 3]
    loop = facts(modules=_listed(edgeAgent="Up 4 seconds"), logs=log(*RECONCILED, *starts))
    assert found(loop, "module/edgeAgent").outcome is Outcome.FAIL
    rebooted = facts(modules=_listed(edgeAgent="Up 4 seconds"), logs=log(*starts, *RECONCILED))
    assert found(rebooted, "module/edgeAgent").outcome is Outcome.PASS


def test_up_for_seconds_on_a_device_that_ran_for_long_is_a_warning() -> None:
    """The watchdog's words every minute show that the runtime ran on all the while."""
    long = log(*RECONCILED, *["aziot-edged> Edge runtime is running"] * 30, every_s=60)
    given = facts(modules=_listed(edgeHub="Up 5 seconds"), logs=long, agent=agent_log(*CONNECTED))
    assert found(given, "module/edgeHub").outcome is Outcome.WARN
    short = log(*RECONCILED, *["aziot-edged> Edge runtime is running"] * 5, every_s=30)
    fresh = facts(modules=_listed(edgeHub="Up 5 seconds"), logs=short, agent=agent_log(*CONNECTED))
    assert found(fresh, "module/edgeHub").outcome is Outcome.PASS


def test_a_module_that_edgeagent_has_just_made_is_no_restart() -> None:
    long = log(*RECONCILED, *["aziot-edged> Edge runtime is running"] * 30, every_s=60)
    made = agent_log(*CONNECTED, 'Executing command: "Create module edgeHub"')
    given = facts(modules=_listed(edgeHub="Up 5 seconds"), logs=long, agent=made)
    assert found(given, "module/edgeHub").outcome is Outcome.PASS


def test_a_module_that_its_deployment_stopped_is_stopped_on_purpose() -> None:
    stopped = ModuleList((*_listed().modules, Module("sensor", "stopped", "Stopped 5 days ago", "image")))
    words = agent_log(*DEPLOYED, 'Executing command: "Start module sensor"', 'Executing command: "Stop module sensor"')
    finding = found(facts(modules=stopped, agent=words), "module/sensor")
    assert finding.outcome is Outcome.PASS and "on purpose" in finding.detail
    again = agent_log(*DEPLOYED, 'Executing command: "Stop module sensor"', 'Executing command: "Start module sensor"')
    assert found(facts(modules=stopped, agent=again), "module/sensor").outcome is Outcome.WARN
    assert found(facts(modules=stopped, agent=MISSING), "module/sensor").outcome is Outcome.WARN


def test_edgehub_is_never_stopped_on_purpose() -> None:
    words = agent_log(*DEPLOYED, 'Executing command: "Stop module edgeHub"')
    given = facts(modules=modules("edgeAgent", edgeHub="stopped"), agent=words)
    assert found(given, "module/edgeHub").outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Could not pull image registry.example/sensor:9: manifest unknown", "there is no such image"),
        ("Could not pull image x: unauthorized: authentication required", "the registry refused the credentials"),
        ("Could not pull image x: dial tcp: lookup registry.example: no such host", "name cannot be resolved"),
        ("Could not pull image x: i/o timeout", "the registry cannot be reached"),
        ("Bind for 0.0.0.0:443 failed: port is already allocated", "one of its ports is taken"),
    ],
)
def test_a_module_that_could_not_be_made_fails_with_the_reason_from_the_log(words: str, why: str) -> None:
    failure = ("Executing command for operation [create] failed.", f"Error calling Create module sensor: {words}")
    given = facts(modules=_listed(), agent=agent_log(*DEPLOYED, failure))
    finding = found(given, "module/sensor")
    assert finding.outcome is Outcome.FAIL and why in finding.detail
    assert ("image" in finding.detail) is ("pull" in words)


def test_a_step_that_is_said_to_have_failed_does_not_hide_why_it_did() -> None:
    failure = (
        "Executing command for operation [create] failed.",
        "Error calling Create module sensor: port is already allocated",
    )
    again = "Step failed in deployment 3, continuing execution. Failure when running command Create module sensor."
    given = facts(modules=_listed(), agent=agent_log(*DEPLOYED, failure, again))
    assert "one of its ports is taken" in found(given, "module/sensor").detail


def test_a_module_that_was_made_after_all_is_not_missing() -> None:
    failure = ("Executing command for operation [create] failed.", "Error calling Create module sensor: i/o timeout")
    given = facts(modules=_listed(sensor="Up 2 hours"), agent=agent_log(*CONNECTED, failure, *DEPLOYED[2:]))
    assert found(given, "module/sensor").outcome is Outcome.PASS


def test_edgehub_is_missed_where_a_deployment_was_carried_out() -> None:
    given = facts(modules=modules("edgeAgent", "sensor"))
    assert found(given, "module/edgeHub").outcome is Outcome.FAIL
    assert verdict(given) is Verdict.NOT_READY


def test_edgehub_that_is_still_being_made_could_not_be_found_out() -> None:
    begun = agent_log(*CONNECTED, "Plan execution started for deployment 3")
    assert found(facts(modules=modules("edgeAgent", "sensor"), agent=begun), "module/edgeHub").outcome is Outcome.ERROR


def test_edgehub_is_not_missed_on_a_new_device() -> None:
    assert "module/edgeHub" not in ids(facts(modules=modules("edgeAgent"), agent=agent_log(*EMPTY)))
