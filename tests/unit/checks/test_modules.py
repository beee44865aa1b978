"""module/NAME: the runtime's own states, and an edgeAgent that is not there."""

from __future__ import annotations

import pytest

from eflowprov.model import Module, ModuleList, Outcome, Verdict
from tests.unit.checks.facts import (
    MISSING,
    RECONCILED,
    TRYING,
    UNREADABLE,
    agent_log,
    facts,
    found,
    ids,
    log,
    modules,
    verdict,
)

AGENT = "module/edgeAgent"


def test_running_modules_pass_each_by_its_name() -> None:
    assert {AGENT, "module/edgeHub"} <= ids(facts())
    assert found(facts(), "module/edgeHub").outcome is Outcome.PASS


@pytest.mark.parametrize("state", ["failed", "dead"])
@pytest.mark.parametrize("name", ["edgeAgent", "edgeHub", "sensor"])
def test_a_failed_module_is_a_fail_whichever_it_is(name: str, state: str) -> None:
    given = facts(modules=modules(*({"edgeAgent"} - {name}), **{name: state}))
    assert found(given, f"module/{name}").outcome is Outcome.FAIL


@pytest.mark.parametrize(("name", "wanted"), [("edgeAgent", "fail"), ("edgeHub", "fail"), ("sensor", "warn")])
def test_a_stopped_module_is_a_fail_for_the_runtimes_own_and_else_a_warning(name: str, wanted: str) -> None:
    given = facts(modules=modules(*({"edgeAgent"} - {name}), **{name: "stopped"}))
    assert found(given, f"module/{name}").outcome == wanted


def test_a_state_that_the_runtime_does_not_know_is_an_error() -> None:
    assert found(facts(modules=modules("edgeAgent", sensor="unknown")), "module/sensor").outcome is Outcome.ERROR


def test_an_exit_code_is_told_and_explained() -> None:
    finding = found(facts(modules=modules("edgeAgent", edgeHub="failed (139)")), "module/edgeHub")
    assert "(139)" in finding.detail
    assert "segmentation fault" in finding.detail
    assert "iotedge logs edgeHub" in finding.remedy


def test_a_runtime_that_does_not_answer_is_a_fail_with_its_causes() -> None:
    failure = ("A module runtime error occurred", "Could not list modules", "Connection refused (os error 111)")
    finding = found(facts(modules=ModuleList(failure=failure)), AGENT)
    assert finding.outcome is Outcome.FAIL
    assert finding.evidence.split("\n") == list(failure)


def test_a_list_without_rights_says_nothing_about_the_device() -> None:
    denied = ModuleList(failure=("Could not list modules", "Permission denied (os error 13)"))
    assert found(facts(modules=denied), AGENT).outcome is Outcome.ERROR
    down = facts(modules=denied, logs=log("aziot-edged> The daemon could not start up successfully"))
    assert found(down, AGENT).outcome is Outcome.SKIP  # iotedge#4609


def test_an_unreadable_list_is_an_error_with_what_was_seen() -> None:
    finding = found(facts(modules=UNREADABLE), AGENT)
    assert finding.outcome is Outcome.ERROR
    assert "%PDF-1.7" in finding.evidence


def test_an_agent_that_is_missing_beside_other_modules_is_a_fail() -> None:
    assert found(facts(modules=modules("edgeHub")), AGENT).outcome is Outcome.FAIL


def test_an_agent_that_is_being_pulled_is_not_there_yet() -> None:
    pulling = log(*RECONCILED[:-2], "aziot-edged> Pulling image via tag registry.example/azureiotedge-agent:1.5...")
    given = facts(modules=ModuleList(), logs=pulling, agent=MISSING)
    assert found(given, AGENT).outcome is Outcome.ERROR
    assert verdict(given) is Verdict.UNKNOWN


def test_an_agent_that_could_not_be_pulled_is_a_fail() -> None:
    failed = "aziot-edged> Failed to pull Edge runtime module: registry operation error"
    pulling = "aziot-edged> Pulling image via tag registry.example/azureiotedge-agent:1.5..."
    assert found(facts(modules=ModuleList(), logs=log(pulling, failed, pulling)), AGENT).outcome is Outcome.FAIL
    done = "aziot-edged> Successfully pulled image registry.example/azureiotedge-agent:1.5"
    assert found(facts(modules=ModuleList(), logs=log(pulling, failed, pulling, done)), AGENT).outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "failure",
    [
        [("Failed to pull Edge runtime module", "registry operation error", "no such host")],
        ["Error in watchdog when checking for edge runtime status:", ("Could not start", "no such host")],
    ],
)
def test_a_missing_agent_says_why_it_could_not_be_made(failure: list[str | tuple[str, ...]]) -> None:
    finding = found(facts(modules=ModuleList(), logs=log(*failure)), AGENT)
    assert finding.outcome is Outcome.FAIL and finding.detail.endswith("and failed: no such host.")
    assert "no such host" in finding.evidence


def test_an_answer_that_the_tool_cannot_read_says_nothing_about_the_device() -> None:
    failure = ("A module runtime error occurred", "Serde error", "invalid type: sequence, expected a string")
    given = facts(modules=ModuleList(failure=failure))
    assert found(given, AGENT).outcome is Outcome.ERROR
    assert verdict(given) is Verdict.UNKNOWN


def test_an_agent_that_is_overdue_is_a_fail() -> None:
    up = [*RECONCILED[:-2], *["aziot-edged> Watchdog checking Edge runtime status"] * 20]
    assert found(facts(modules=ModuleList(), logs=log(*up, every_s=1), agent=MISSING), AGENT).outcome is Outcome.ERROR
    assert found(facts(modules=ModuleList(), logs=log(*up, every_s=60), agent=MISSING), AGENT).outcome is Outcome.FAIL


def test_a_header_alone_and_no_word_in_the_logs_is_unknown() -> None:
    assert verdict(facts(modules=ModuleList(), logs=log(*TRYING), agent=agent_log())) is Verdict.UNKNOWN


def test_every_module_that_fails_has_a_command_to_type_and_evidence() -> None:
    given = facts(modules=ModuleList((Module("m", "dead", "", "image"), Module("edgeAgent", "running", "Up", "image"))))
    finding = found(given, "module/m")
    assert "Invoke-EflowVmCommand" in finding.remedy
    assert finding.evidence


@pytest.mark.parametrize("names", [("edgeAgent",), ("edgeAgent", "sensor")])
def test_a_deployment_that_was_carried_out_has_an_edge_hub(names: tuple[str, ...]) -> None:
    without = facts(modules=modules(*names))
    assert found(without, "module/edgeHub").outcome is Outcome.FAIL
    assert verdict(without) is Verdict.NOT_READY
