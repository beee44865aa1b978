"""`iotedge check --output json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import CheckOutcome
from eflowprov.parsers.iotedge_check import parse_check

DOCUMENT: dict[str, dict[str, Any]] = {
    "additional_info": {
        "aziot_edged_version": "1.5.3",
        "docker_version": "25.0.3",
        "iotedge_version": None,
        "now": "2026-11-22T05:10:11.123456789Z",
        "os": {"id": "mariner"},
    },
    "checks": {
        "(aziot-identity-service-error)": {
            "result": {"result": "error", "details": ["no aziotctl"]},
            "additional_info": None,
        },
        "certd-running": {"result": {"result": "ok", "details": ["never read"]}, "additional_info": {}},
        "container-engine-dns": {
            "result": {"result": "warning", "details": ["No DNS.\nSee docs.", "No DNS.\nSee docs.", "os error 2"]}
        },
        "certs-read": {"result": {"result": "fatal", "details": ["bad cert\n\nCaused by:\n    not found"]}},
        "proxy-settings": {"result": {"result": "ignored"}},
        "quantum-link": {"result": {"result": "skipped"}},
    },
}
TEXT = json.dumps(DOCUMENT) + "\n"


def test_the_documented_form_is_read() -> None:
    report = parse_check(TEXT)
    assert {check.id: check.outcome.value for check in report.checks} == {
        name: value["result"]["result"] for name, value in DOCUMENT["checks"].items()
    }
    assert report.form == "json" and report.complete and not report.totals
    assert report.versions == {"aziot_edged_version": "1.5.3", "docker_version": "25.0.3"}
    assert report.now == datetime(2026, 11, 22, 5, 10, 11, 123456, tzinfo=UTC)


def test_details_are_headline_and_causes_each_once_and_only_where_something_is_wrong() -> None:
    details = {check.id: check.details for check in parse_check(TEXT).checks}
    assert details["container-engine-dns"] == ("No DNS.\nSee docs.", "os error 2")
    assert details["certs-read"] == ("bad cert", "not found")
    assert details["certd-running"] == ()


def test_titles_come_from_the_ids_and_unknown_ids_are_kept() -> None:
    titles = {check.id: check.title for check in parse_check(TEXT).checks}
    assert titles["certd-running"] == "certd is running"
    assert titles["quantum-link"] == "quantum-link"


@pytest.mark.parametrize(
    ("companion", "title"),
    [
        ("config-yaml-well-formed", "config.yaml has correct hostname"),
        ("certd-running", "identityd config toml file specifies a valid hostname"),
    ],
)
def test_an_id_of_several_versions_gets_the_title_that_fits(companion: str, title: str) -> None:
    checks = {name: {"result": {"result": "ok"}} for name in ("hostname", companion)}
    assert parse_check(json.dumps({"checks": checks})).checks[0].title == title


def test_a_result_that_is_not_nested_is_that_of_1_0_8() -> None:
    report = parse_check('{"checks": {"hostname": {"result": "warning", "details": ["a"]}}}')
    assert report.checks[0].outcome is CheckOutcome.WARNING and report.checks[0].details == ("a",)


@pytest.mark.parametrize(
    "before", ["", "\ufeff", "\n\n", "PS C:\\> iotedge check -o json\n", "user@vm:~$ sudo iotedge check -o json "]
)
@pytest.mark.parametrize("after", ["", "\nuser@vm:~$ ", "__RC__=1\n"])
def test_noise_before_and_after_the_document(before: str, after: str) -> None:
    assert len(parse_check(before + TEXT + after).checks) == 6


def test_json_that_was_indented_by_another_tool_is_read() -> None:
    assert len(parse_check(json.dumps(DOCUMENT, indent=2).replace("\n", "\r\n")).checks) == 6


def test_json_cut_off_anywhere_is_refused() -> None:
    whole = TEXT.rstrip()
    for end in range(len(whole)):
        with pytest.raises(ParseError):
            parse_check(whole[:end])


@pytest.mark.parametrize(
    "text",
    [
        '{"checks": {}}',
        '{"checks": []}',
        '{"additional_info": {}}',
        '{"checks": {"a": {"result": {"result": "passed"}}}}',
        '{"checks": {"a": {"result": {"result": null}}}}',
        '{"checks": {"a": {"result": "@{result=ok}"}}}',
        '{"checks": {"a": 1}}',
        '{"checks": {"a": {"result": {"result": "error", "details": "text"}}}}',
        '{"checks": {"a": {"result": {"result": "error", "details": [1]}}}}',
        '{"kind": "section", "name": "Configuration checks"}',
        '{"checks": ' + "[" * 100_000,
    ],
)
def test_json_in_another_form_is_refused_with_its_first_words(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_check(text)
    assert text[:12] in caught.value.why
