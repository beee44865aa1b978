"""dps/registration: DPS's answer as a finding."""

from __future__ import annotations

from eflowprov.checks.dps import judge_registration
from eflowprov.model import Assigned, Outcome, Refused

ASSIGNED = Assigned("line4-press2", "plant7.azure-devices.net", "line4-press2")
REFUSED = Refused("line4-press2", 401, 401002, "CA certificate not found.", "4f1c-track")


def test_an_assigned_device_passes_with_its_hub_and_id() -> None:
    finding = judge_registration(ASSIGNED)
    assert finding.id == "dps/registration"
    assert finding.outcome is Outcome.PASS
    assert "plant7.azure-devices.net" in finding.detail
    assert "line4-press2" in finding.detail


def test_another_device_id_than_expected_is_a_fail() -> None:
    assert judge_registration(ASSIGNED, expected_device_id="line4-press3").outcome is Outcome.FAIL
    assert judge_registration(ASSIGNED, expected_device_id="line4-press2").outcome is Outcome.PASS


def test_hub_device_ids_are_compared_with_their_case() -> None:
    assert judge_registration(ASSIGNED, expected_device_id="Line4-Press2").outcome is Outcome.FAIL


def test_an_assignment_without_a_hub_or_device_is_an_error() -> None:
    assert judge_registration(Assigned("a", "", "a")).outcome is Outcome.ERROR
    assert judge_registration(Assigned("a", "hub", "")).outcome is Outcome.ERROR


def test_a_refusal_tells_code_message_tracking_id_cause_and_remedy() -> None:
    finding = judge_registration(REFUSED)
    assert finding.outcome is Outcome.FAIL
    for part in ("401002", "CA certificate not found", "4f1c-track", "intermediates"):
        assert part in finding.detail
    assert "ID.chain.pem" in finding.remedy
    assert "tracking ID: 4f1c-track" in finding.evidence


def test_a_refusal_without_a_code_shows_the_status() -> None:
    finding = judge_registration(Refused("a", 404, 0, ""))
    assert "refused with 404: no message" in finding.detail
