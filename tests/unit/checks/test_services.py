"""service/NAME and service/system-status."""

from __future__ import annotations

import pytest

from eflowprov.model import Outcome, Service, ServiceStatus, Verdict
from tests.unit.checks.facts import MISSING, UNREADABLE, check, checks, facts, found, ids, services, verdict

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


@pytest.mark.parametrize("outcome", ["ignored", "absent"])
def test_the_tpms_service_does_not_matter_where_the_check_says_that_no_tpm_is_used(outcome: str) -> None:
    told = checks() if outcome == "absent" else checks(check("tpmd-running", "ignored"))
    given = facts(services=services(tpmd="Down socket error"), checks=told)
    assert found(given, "service/aziot-tpmd").outcome is Outcome.WARN
    assert verdict(given) is Verdict.READY


@pytest.mark.parametrize("outcome", ["ok", "error"])
def test_a_tpms_service_that_is_down_fails_where_the_check_asked_it(outcome: str) -> None:
    given = facts(services=services(tpmd="Down activating"), checks=checks(check("tpmd-running", outcome)))
    assert found(given, "service/aziot-tpmd").outcome is Outcome.FAIL


def test_a_tpms_service_that_is_down_fails_while_nothing_tells_whether_it_is_used() -> None:
    assert found(facts(services=services(tpmd="Down failed"), checks=UNREADABLE), "service/aziot-tpmd").outcome is (
        Outcome.FAIL
    )


def test_only_the_tpms_service_may_be_down() -> None:
    given = facts(services=services(keyd="Down failed"), checks=checks(check("tpmd-running", "ignored")))
    assert found(given, "service/aziot-keyd").outcome is Outcome.FAIL
