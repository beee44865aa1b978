"""service/NAME and service/system-status."""

from __future__ import annotations

import pytest

from eflowprov.model import Outcome, Service, ServiceStatus, Verdict
from tests.unit.checks.facts import MISSING, UNREADABLE, facts, found, ids, services, verdict

STATUS = "service/system-status"


@pytest.mark.parametrize("state", ["Running", "Ready"])
def test_running_and_ready_services_pass(state: str) -> None:
    assert found(facts(services=services(identityd=state)), "service/aziot-identityd").outcome is Outcome.PASS


def test_a_service_that_is_down_fails_with_its_last_lines() -> None:
    down = Service("aziot-identityd", "Down", "failed", ("service encountered an error", "caused by: Unauthorized"))
    finding = found(facts(services=ServiceStatus((down,))), "service/aziot-identityd")
    assert finding.outcome is Outcome.FAIL
    assert "Down - failed" in finding.detail
    assert finding.evidence.endswith("caused by: Unauthorized")


def test_keyd_stays_a_pass_beside_an_identityd_that_is_down() -> None:
    given = facts(services=services(identityd="Down activating"))
    assert found(given, "service/aziot-keyd").outcome is Outcome.PASS
    assert verdict(given) is Verdict.NOT_READY


def test_a_service_that_is_down_without_its_lines_sends_to_the_journal() -> None:
    finding = found(facts(services=services(edged="Down failed")), "service/aziot-edged")
    assert "iotedge system logs" in finding.remedy and "below" not in finding.remedy


def test_a_state_that_is_not_known_is_an_error() -> None:
    assert found(facts(services=services(edged="Dozing")), "service/aziot-edged").outcome is Outcome.ERROR


def test_a_missing_status_is_a_skip_and_an_unreadable_one_an_error() -> None:
    assert found(facts(services=MISSING), STATUS).outcome is Outcome.SKIP
    assert found(facts(services=UNREADABLE), STATUS).outcome is Outcome.ERROR
    assert verdict(facts(services=MISSING)) is Verdict.READY
    assert verdict(facts(services=UNREADABLE)) is Verdict.UNKNOWN


def test_an_empty_status_is_an_error() -> None:
    assert found(facts(services=ServiceStatus()), STATUS).outcome is Outcome.ERROR


def test_a_status_with_rows_has_no_finding_of_its_own() -> None:
    assert STATUS not in ids(facts())
