"""The words that every form has in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eflowprov.model import Identity, Outcome, Target
from eflowprov.reports.words import counts, device, facts, headline, seconds
from tests.unit.reports.samples import START, finding, report


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ([Outcome.PASS], "provisioned, connected and running. Nothing to do."),
        ([Outcome.PASS, Outcome.EXPECTED], "nothing deployed yet. Next: set modules in IoT Hub."),
        ([Outcome.FAIL, Outcome.FAIL], "2 failed. Next: put right a/0."),
        ([Outcome.FAIL, Outcome.ERROR], "1 could not be told. Next: put right a/1."),
        ([Outcome.SKIP], "Nothing was proved. Next: verify again."),
        ([], "Nothing was proved. Next: verify again."),
    ],
)
def test_the_headline_says_what_to_do_first(outcomes: list[Outcome], wanted: str) -> None:
    assert headline(report(*(finding(outcome, f"a/{at}") for at, outcome in enumerate(outcomes)))) == wanted


def test_the_counts_name_every_outcome_and_the_exit_status() -> None:
    shown = report(finding(Outcome.FAIL), finding(Outcome.PASS), finding(Outcome.PASS))
    assert counts(shown) == "1 fail, 0 error, 0 warn, 0 skip, 0 expected, 2 pass; exit status 1"


def test_a_device_without_a_name_of_its_own_is_its_registration() -> None:
    assert device(report()) == ""
    assert device(replace(report(), identity=Identity(registration_id="r"))) == "r"
    assert device(replace(report(), identity=Identity(registration_id="r", device_id="d"))) == "d"


def test_facts_are_what_is_known_and_the_registration_only_where_it_differs() -> None:
    assert list(facts(report())) == ["at"]
    known = replace(report(), identity=Identity("r", "d", "hub", "0ne", START), target=Target("host", "vm", "ssh"))
    assert facts(known) == {
        "device": "d",
        "registration ID": "r",
        "hub": "hub",
        "ID scope": "0ne",
        "certificate until": "2026-11-22 05:12 UTC",
        "VM": "vm",
        "host": "host",
        "channel": "ssh",
        "at": "2026-11-22 05:12 UTC, 1.2 s",
    }
    assert "registration ID" not in facts(replace(report(), identity=Identity("d", "d")))


@pytest.mark.parametrize(
    ("duration", "wanted"), [(0, "0 ms"), (0.2304, "230 ms"), (1, "1.0 s"), (59.94, "59.9 s"), (725, "12 min 5 s")]
)
def test_durations_are_said_as_a_person_would(duration: float, wanted: str) -> None:
    assert seconds(duration) == wanted
