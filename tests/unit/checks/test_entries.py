"""The catalogue is whole: every id that a report can have, and every message, has a title, a meaning and a way out."""

from __future__ import annotations

import ast
import csv
import re
from importlib.resources import files
from pathlib import Path

import pytest

import eflowprov
from eflowprov.certs.keys import MIN_PASSPHRASE
from eflowprov.checks.certificate import IDS
from eflowprov.checks.entries import SEVERITIES, check_entries, entries, message_entries
from eflowprov.checks.host import judge_host
from eflowprov.model import EXIT_STATUS, HostFacts, Outcome, Verdict
from tests.unit.checks.facts import NOW

ROWS = list(csv.DictReader(files("eflowprov.parsers").joinpath("check-ids.csv").read_text("utf-8").splitlines()))
PLAIN = [
    entry for file in ("runtime", "steps", "host", "certificate", "tool", "words") for entry in entries(file).values()
]
CHECKS = [known.entry for known in check_entries().values()]
MESSAGES = [known.entry for theme in ("dps", "eflow") for known in message_entries(theme)]


@pytest.mark.parametrize("id_", sorted({row["id"] for row in ROWS}))
def test_every_check_of_every_version_has_an_entry_under_one_of_its_titles(id_: str) -> None:
    known = check_entries()[id_]
    assert known.entry.title in {row["title"] for row in ROWS if row["id"] == id_}
    assert known.entry.severity in SEVERITIES


@pytest.mark.parametrize("entry", [*PLAIN, *CHECKS, *MESSAGES], ids=lambda entry: entry.id)
def test_every_entry_has_a_title_a_meaning_and_a_way_out_in_whole_sentences(entry: object) -> None:
    title, explanation, remedy = (getattr(entry, name) for name in ("title", "explanation", "remedy"))
    assert title and not title.endswith(".")
    assert re.search(r"[.!]$", explanation) and "\n" not in explanation and "  " not in explanation
    assert remedy and "\n" not in remedy and remedy == remedy.strip()
    assert getattr(entry, "severity") in {*SEVERITIES, ""}  # noqa: B009 - the parameter is of any kind of entry


def test_no_id_stands_twice() -> None:
    ids = [entry.id for entry in (*PLAIN, *CHECKS, *MESSAGES)]
    assert len(ids) == len(set(ids))


def test_only_what_is_known_to_be_normal_on_eflow_is_noise() -> None:
    noisy = {id_: known.noise.as_ for id_, known in check_entries().items() if known.noise}
    assert noisy == {
        "container-engine-dns": "warn",
        "aziot-version": "skip",
        "aziot-edge-version": "skip",
        "iotedged-version": "skip",
    }
    assert [id_ for id_, known in check_entries().items() if known.entry.severity == "noise"] == [
        "container-engine-dns"
    ]


def test_what_a_check_needs_is_a_check() -> None:
    for id_, known in check_entries().items():
        assert set(known.needs) <= check_entries().keys() - {id_}


def test_every_finding_of_the_certificate_and_of_the_host_has_its_entry() -> None:
    assert {f"certificate/{id_}" for id_ in IDS} == entries("certificate").keys()
    assert {finding.id for finding in judge_host(HostFacts(), now=NOW)} == entries("host").keys()


def test_every_verdict_outcome_and_exit_status_has_its_entry() -> None:
    ids = {f"verdict/{verdict}" for verdict in Verdict} | {f"outcome/{outcome}" for outcome in Outcome}
    statuses = {f"exit-status/{status}" for status in (*EXIT_STATUS.values(), 2, 130)}
    assert entries("words").keys() == ids | statuses


@pytest.mark.parametrize("theme", ["dps", "eflow"])
def test_every_message_that_an_entry_quotes_is_found_by_its_own_pattern_and_by_no_earlier_one(theme: str) -> None:
    known = message_entries(theme)
    for place, each in enumerate(known):
        for message in each.entry.messages:
            hits = [
                at for at, one in enumerate(known) if one.pattern and re.search(one.pattern, message, re.IGNORECASE)
            ]
            assert hits and hits[0] == place, (each.entry.id, message, [known[at].entry.id for at in hits])


def test_what_the_tool_is_quoted_with_stands_in_its_source() -> None:
    package = Path(eflowprov.__file__).parent
    trees = [ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")]
    source = [str(node.value) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    source += [text.replace("{MIN_PASSPHRASE}", str(MIN_PASSPHRASE)) for text in map(ast.unparse, _joined(trees))]
    quoted = [message for entry in entries("tool").values() for message in entry.messages]
    assert [message for message in quoted if not any(message in text for text in source)] == []


def _joined(trees: list[ast.Module]) -> list[ast.JoinedStr]:
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
