"""The JSON report: the contract's shape, and the published schema."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from eflowprov.model import Finding, Identity, LogPattern, LogSummary, Module, Outcome, Report, Target
from eflowprov.reports.json import report_schema, to_document, to_json
from tests.unit.reports.samples import START, finding, report, reports

ROOT = Path(__file__).resolve().parents[3]
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


VALIDATOR = Draft202012Validator(report_schema(), format_checker=FORMATS)
FULL = Report(
    "1.2.3",
    START,
    12.3456,
    Target("PRESS-HOST", "172.27.120.111:22", "ssh"),
    Identity("line4-press2", "line4-press2", "plant7.azure-devices.net", "0ne00112233", START),
    (Finding("a/b", "title", Outcome.FAIL, "détail", "remedy", "line 1\nline 2", "iotedge check"),),
    (Module("edgeAgent", "running", "Up 2 minutes", "registry.example/agent:1.5"),),
    LogSummary(9, START, None, 2, 1, (LogPattern("disk-full", 2, START, START, "no space left"),)),
)


def test_the_document_is_the_contracts() -> None:
    assert to_document(FULL) == {
        "schema_version": "1.0",
        "tool": {"name": "eflowprov", "version": "1.2.3"},
        "verdict": "not-ready",
        "summary": {"pass": 0, "expected": 0, "warn": 0, "fail": 1, "skip": 0, "error": 0},
        "started_at": "2026-11-22T05:12:10.123Z",
        "duration_s": 12.346,
        "target": {"host": "PRESS-HOST", "vm": "172.27.120.111:22", "channel": "ssh"},
        "identity": {
            "registration_id": "line4-press2",
            "device_id": "line4-press2",
            "hub": "plant7.azure-devices.net",
            "scope_id": "0ne00112233",
            "expires_at": "2026-11-22T05:12:10.123Z",
        },
        "findings": [
            {
                "id": "a/b",
                "title": "title",
                "outcome": "fail",
                "detail": "détail",
                "remedy": "remedy",
                "evidence": "line 1\nline 2",
                "source": "iotedge check",
            }
        ],
        "modules": [
            {
                "name": "edgeAgent",
                "status": "running",
                "description": "Up 2 minutes",
                "image": "registry.example/agent:1.5",
            }
        ],
        "logs": {
            "lines": 9,
            "from": "2026-11-22T05:12:10.123Z",
            "to": None,
            "errors": 2,
            "warnings": 1,
            "patterns": [
                {
                    "id": "disk-full",
                    "count": 2,
                    "first": "2026-11-22T05:12:10.123Z",
                    "last": "2026-11-22T05:12:10.123Z",
                    "sample": "no space left",
                }
            ],
        },
    }


def test_what_is_not_known_is_null() -> None:
    document = to_document(report())
    assert set(document["identity"].values()) == {None}
    assert set(document["target"].values()) == {None}


def test_the_text_is_ascii() -> None:
    assert to_json(FULL).isascii()
    assert json.loads(to_json(FULL))["findings"][0]["detail"] == "détail"


def test_without_indent_it_is_one_line() -> None:
    assert "\n" not in to_json(FULL, indent=None)


def test_times_of_other_zones_are_given_in_utc() -> None:
    east = START.astimezone(timezone(timedelta(hours=9)))
    assert to_document(Report("1", east, 1, Target(), Identity(), ()))["started_at"] == "2026-11-22T05:12:10.123Z"


def test_the_published_schema_and_the_packages_are_equal() -> None:
    published = (ROOT / "docs" / "report-1.0.schema.json").read_bytes()
    assert published == (ROOT / "eflowprov" / "reports" / "report-1.0.schema.json").read_bytes()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(report_schema())


@given(reports)
def test_every_report_keeps_the_schema_and_agrees_with_the_model(any_report: Report) -> None:
    text = to_json(any_report)
    document = json.loads(text)
    VALIDATOR.validate(document)
    assert text.isascii()
    assert document["verdict"] == any_report.verdict.value
    assert document["summary"] == {outcome.value: any_report.summary[outcome] for outcome in Outcome}
    assert [one["detail"] for one in document["findings"]] == [one.detail for one in any_report.findings]


@pytest.mark.parametrize(
    "spoil",
    [
        {"verdict": "fine"},
        {"schema_version": "1.1"},
        {"started_at": "yesterday"},
        {"started_at": "2026-13-40T05:12:10Z"},
        {"started_at": "2026-11-22T05:12:10+01:00"},
        {"duration_s": -1},
        {"more": 1},
        {"summary": {"pass": 1}},
        {"target": {"host": "", "vm": None, "channel": None}},
        {"findings": [{"id": "a"}]},
    ],
)
def test_what_breaks_the_contract_breaks_the_schema(spoil: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate({**to_document(FULL), **spoil})


@pytest.mark.parametrize("field", list(to_document(FULL)))
def test_no_field_may_be_missing(field: str) -> None:
    document = to_document(FULL)
    del document[field]
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(Report("1", START, float("nan"), Target(), Identity(), (finding(Outcome.PASS),)))
