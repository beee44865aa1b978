"""Why a check of `iotedge check` failed, in one sentence."""

from __future__ import annotations

import pytest

from eflowprov.checks.check_causes import why_failed
from eflowprov.model import Check, CheckOutcome


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ((), "The check gives no reason."),
        (("Could not ask.",), "Could not ask."),
        (("Could not ask.", "the name is wrong"), "Could not ask: the name is wrong"),
        (("Could not ask: the name is wrong", "the name is wrong"), "Could not ask: the name is wrong"),
    ],
)
def test_the_innermost_cause_stands_behind_the_headline_once(details: tuple[str, ...], why: str) -> None:
    assert why_failed(Check("hostname", "hostname", CheckOutcome.ERROR, details)) == why
