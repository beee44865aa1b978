"""A report with its baseline: whose it was, and what stays as it is without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eflowprov.model import Identity, Outcome
from eflowprov.workflows.readiness.baseline import against
from tests.unit.reports.samples import finding, report

NOW = report(finding(Outcome.PASS))


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (Identity(registration_id="press2", device_id="other"), "press2"),
        (Identity(device_id="press2"), "press2"),
        (Identity(registration_id="press2"), "press2"),
        (Identity(), ""),
    ],
)
def test_a_baseline_bears_the_name_of_its_device(identity: Identity, name: str) -> None:
    told = against(NOW, replace(NOW, identity=identity)).baseline
    assert told is not None and told.device == name


def test_without_a_baseline_the_report_is_the_same_one() -> None:
    assert against(NOW, None, fail_on_new=True) is NOW
