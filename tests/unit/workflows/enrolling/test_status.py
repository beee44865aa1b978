"""What `dps status` makes of the records of DPS: their fields as texts, and why a device is kept out."""

from __future__ import annotations

from typing import Any, cast

import pytest

from eflowprov.model import EnrollmentKind, ServiceRecord
from eflowprov.transports.dps_service import REGISTRATIONS, DpsService
from eflowprov.workflows.enrolling.status import NO_EDGE, Status, read_status

GOOD = {"provisioningStatus": "enabled", "capabilities": {"iotEdge": True}}


class Service:
    """DPS, with one enrollment and one registration."""

    def __init__(self, enrollment: dict[str, Any] | None, registration: dict[str, Any] | None) -> None:
        self._enrollment, self._registration = enrollment, registration

    def read(self, collection: str, _id: str) -> ServiceRecord | None:
        body = self._registration if collection == REGISTRATIONS else self._enrollment
        return None if body is None else ServiceRecord(body, "1")


def status(enrollment: dict[str, Any] | None, registration: dict[str, Any] | None, kind: str = "individual") -> Status:
    return read_status(cast(DpsService, Service(enrollment, registration)), EnrollmentKind(kind), "press2")


def test_every_hub_of_an_enrollment_stands_by_itself() -> None:
    told = status({**GOOD, "iotHubs": ["a.example", "b.example"]}, {"status": "assigned"})
    assert told.enrollment is not None and told.enrollment["hubs"] == "a.example b.example" and told.is_good


def test_a_registration_that_failed_is_told_with_its_cause_and_its_remedy() -> None:
    (fault,) = status(
        GOOD, {"status": "failed", "errorCode": 401002, "errorMessage": "CA certificate not found."}
    ).faults
    cause_and_remedy = fault.removeprefix("The registration's status is failed. ")
    assert cause_and_remedy != fault and cause_and_remedy.count(". ") >= 1 and "certificate" in cause_and_remedy


@pytest.mark.parametrize("state", ["assigning", "unassigned", "disabled"])
def test_a_registration_without_an_error_is_told_by_its_status_alone(state: str) -> None:
    assert status(GOOD, {"status": state}).faults == (f"The registration's status is {state}.",)


@pytest.mark.parametrize(
    ("enrollment", "fault"),
    [
        ({**GOOD, "provisioningStatus": "disabled"}, "The enrollment is disabled: DPS refuses its device."),
        ({**GOOD, "capabilities": {"iotEdge": False}}, NO_EDGE),
        (None, "There is no group enrollment press2 in this DPS."),
    ],
)
def test_what_keeps_the_devices_of_a_group_out_is_a_fault(enrollment: dict[str, Any] | None, fault: str) -> None:
    assert status(GOOD, None, "group").is_good
    told = status(enrollment, None, "group")
    assert told.faults == (fault,) and not told.is_good
