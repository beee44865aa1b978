"""docs/certificate-findings.md describes every lasting id, once, and says the worst that can come of it."""

from __future__ import annotations

import re
from pathlib import Path

from eflowprov.checks.certificate import IDS
from eflowprov.model import Outcome
from tests.unit.checks.test_certificate import CASES

_PAGE = Path(__file__).parents[3] / "docs" / "certificate-findings.md"
_ROW = re.compile(r"^\| `certificate/([a-z0-9-]+)` \| (\w+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_ROWS = _ROW.findall(_PAGE.read_text(encoding="utf-8"))


def test_every_id_is_described_once() -> None:
    assert sorted(id_ for id_, *_ in _ROWS) == sorted(IDS)


def test_what_it_leads_to_and_the_way_out_are_never_empty() -> None:
    assert [row[0] for row in _ROWS if not all(cell.strip() for cell in row[2:])] == []


def test_the_worst_outcome_is_the_one_that_the_tests_have_seen() -> None:
    seen: dict[str, set[Outcome]] = {"key-unused": {Outcome.WARN}}
    for rule, outcome, *_ in CASES:
        seen.setdefault(rule, set()).add(outcome)
    worst = {rule: Outcome.FAIL if Outcome.FAIL in found else Outcome.WARN for rule, found in seen.items()}
    assert {id_: worst_said for id_, worst_said, *_ in _ROWS} == worst
