"""What DPS refused on its service side, as a finding."""

from __future__ import annotations

import pytest

from eflowprov.checks.enrollment import judge_service_refusal
from eflowprov.model import Outcome, Refused


@pytest.mark.parametrize(
    ("code", "message", "tracking", "begin", "evidence"),
    [
        (
            401002,
            "Unauthorised.",
            "T1",
            "DPS refused with 401002: Unauthorised (tracking ID T1). ",
            ["HTTP status: 401", "error code: 401002", "message: Unauthorised.", "tracking ID: T1"],
        ),
        (0, "", "", "DPS refused with 401: no message. ", ["HTTP status: 401"]),
    ],
)
def test_a_refusal_is_told_with_what_dps_said_and_nothing_that_it_did_not(
    code: int, message: str, tracking: str, begin: str, evidence: list[str]
) -> None:
    refused = Refused("", http_status=401, error_code=code, message=message, tracking_id=tracking)
    finding = judge_service_refusal(refused)
    assert finding.outcome is Outcome.FAIL and finding.remedy
    assert finding.detail.startswith(begin) and finding.evidence.split("\n") == evidence
