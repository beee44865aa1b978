"""A report read back from JSON is the report that was written; anything else is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eflowprov.errors import ParseError
from eflowprov.model import Outcome, Report
from eflowprov.reports.json import to_document, to_json
from eflowprov.reports.reading import from_document, from_json
from tests.unit.reports.samples import HOSTILE, finding, hostile_report, report, reports

TEXT = to_json(hostile_report("x"))


def milliseconds(time: datetime | None) -> datetime | None:
    return time and time - timedelta(microseconds=time.microsecond % 1000)


def as_written(whole: Report) -> Report:
    """What a JSON document keeps of a report: no timeline, times in milliseconds."""
    logs = whole.logs
    patterns = tuple(replace(p, first=milliseconds(p.first), last=milliseconds(p.last)) for p in logs.patterns)
    baseline = whole.baseline
    if baseline is not None:
        started_at = milliseconds(baseline.started_at)
        assert started_at is not None
        baseline = replace(baseline, started_at=started_at)
    started_at = milliseconds(whole.started_at)
    assert started_at is not None
    return replace(
        whole,
        started_at=started_at,
        duration_s=round(whole.duration_s, 3),
        identity=replace(whole.identity, expires_at=milliseconds(whole.identity.expires_at)),
        logs=replace(logs, first=milliseconds(logs.first), last=milliseconds(logs.last), patterns=patterns),
        timeline=(),
        baseline=baseline,
    )


@given(reports)
def test_a_report_comes_back_from_json_as_it_was(any_report: Report) -> None:
    back = from_json(to_json(any_report))
    assert back == as_written(any_report)
    assert to_json(back) == to_json(any_report)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(text: str) -> None:
    assert from_json(to_json(hostile_report(text))) == as_written(hostile_report(text))


def test_fields_that_are_not_known_are_passed_over() -> None:
    document = to_document(report(finding(Outcome.PASS)))
    assert from_document({**document, "later": [1]}) == from_document(document)


def test_a_whole_number_of_seconds_is_read() -> None:
    assert from_document({**to_document(report()), "duration_s": 2}).duration_s == 2.0


def refused(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)
    return caught.value.why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (" \r\n", "it is empty"),
        ("not json", "it is not whole JSON"),
        (TEXT[:-9], "it is not whole JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "another kind of JSON"),
        ("1", "another kind of JSON"),
        ("{}", "tool is missing"),
        ('{"tool": 1}', "tool is 1"),
        ('{"tool": {"name": "jest"}}', "no readiness report"),
        ('{"tool": {"name": "eflowprov"}}', "schema_version is missing"),
        ("9" * 10_000, "it is not whole JSON"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text: str, why: str) -> None:
    assert why in refused(text)


@pytest.mark.parametrize("version", ["1.1", "2.0", "0.9"])
def test_another_schema_version_is_named(version: str) -> None:
    why = refused(json.dumps({**to_document(report()), "schema_version": version, "findings": "of another form"}))
    assert why == f'its schema version is "{version}", and this eflowprov reads 1.0'


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        ({"started_at": "yesterday"}, 'started_at is "yesterday"'),
        ({"started_at": "2026-11-22T05:12:10"}, 'started_at is "2026-11-22T05:12:10"'),  # of no zone
        ({"started_at": "0001-01-01T00:00:00+23:00"}, "started_at"),
        ({"started_at": None}, "started_at is null"),
        ({"duration_s": True}, "duration_s is true"),
        ({"duration_s": float("nan")}, "duration_s is NaN"),
        ({"duration_s": 10**400}, "duration_s is 1000"),
        ({"findings": {}}, "findings is an object"),
        ({"findings": [1]}, "findings[0] is 1"),
        ({"findings": [{"id": 1, "outcome": "pass"}]}, "findings[0].id is 1"),
        ({"findings": [{**to_document(report(finding(Outcome.PASS)))["findings"][0], "outcome": "fine"}]}, '"fine"'),
        ({"findings": [{**to_document(report(finding(Outcome.PASS)))["findings"][0], "outcome": []}]}, "a list"),
        ({"baseline": 1}, "baseline is 1"),
        ({"versions": {"docker": 1}}, "versions.docker is 1"),
        ({"target": {"host": "x" * 99, "vm": 1, "channel": None}}, "target.vm is 1"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(spoil: dict[str, Any], place: str) -> None:
    assert place in refused(json.dumps({**to_document(report()), **spoil}))


def test_a_foreign_value_is_quoted_in_short() -> None:
    assert len(refused(json.dumps({**to_document(report()), "started_at": "x" * 10_000}))) < 150


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_document_is_read_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([TEXT, to_json(report(finding(Outcome.PASS)))]))
    at, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    put = data.draw(st.text(max_size=5) | st.sampled_from(["[", "{", "null", "1e999", '"', "-1", "\\ud800", "NaN"]))
    try:
        back = from_json(text[:at] + put + text[min(end, at + 5) :])
    except ParseError as error:
        assert "\n" not in str(error)
    else:
        assert from_json(to_json(back)) == back


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
@example({"tool": {"name": "eflowprov", "version": None}, "schema_version": "1.0"})
def test_any_other_json_is_refused(document: object) -> None:
    with pytest.raises(ParseError):
        from_document(document)
