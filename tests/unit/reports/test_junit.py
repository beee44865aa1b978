"""JUnit XML: well-formed whatever a device said, in the one shape that every common reader takes."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import junitparser
import pytest
from hypothesis import given, settings

from eflowprov.model import Finding, Identity, Outcome, Report, Target
from eflowprov.reports.junit import to_junit
from tests.unit.reports.samples import HOSTILE, finding, hostile_report, report, reports

# Jenkins' junit-10.xsd: the attributes that each element may have, and the order of what stands in a suite.
ALLOWED = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
FAILED = Finding("a/b", "it works", Outcome.FAIL, "It does not.", "Mend it.", "line 1\nline 2", "iotedge list")


def suite(shown: Report) -> ET.Element:
    return ET.fromstring(to_junit(shown))[0]


def cases(shown: Report) -> list[ET.Element]:
    return list(suite(shown).iter("testcase"))


@pytest.mark.parametrize(
    ("outcome", "element"),
    [
        (Outcome.FAIL, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.SKIP, "skipped"),
        (Outcome.PASS, "system-out"),
        (Outcome.EXPECTED, "system-out"),
        (Outcome.WARN, "system-out"),
    ],
)
def test_each_outcome_is_one_element_with_the_whole_story(outcome: Outcome, element: str) -> None:
    ((told,),) = cases(report(replace(FAILED, outcome=outcome)))
    assert told.tag == element
    assert (told.text or "").split("\n") == [
        f"{outcome.value.upper()}: it works",
        "It does not.",
        "Next: Mend it.",
        "Source: iotedge list",
        "line 1",
        "line 2",
    ]
    assert told.get("message") == (None if element == "system-out" else "It does not.")


def test_cases_are_grouped_by_device_and_kind_and_named_by_their_lasting_id() -> None:
    shown = replace(report(finding(Outcome.PASS, "host/disk")), identity=Identity(device_id="line4.press2"))
    (case,) = cases(shown)
    assert case.attrib == {"classname": "line4_press2.host", "name": "host/disk", "time": "0.000"}
    (unnamed,) = cases(report(finding(Outcome.PASS, "")))
    assert unnamed.attrib["classname"] == "eflowprov.unnamed" and unnamed.attrib["name"] == "unnamed"


def test_two_findings_with_one_id_stay_two_tests() -> None:
    shown = report(*(finding(Outcome.PASS, name) for name in ("a/b", "a/b (2)", "a/b")))
    assert [case.attrib["name"] for case in cases(shown)] == ["a/b", "a/b (2)", "a/b (3)"]


def test_the_suite_says_where_and_when_and_for_how_long() -> None:
    told = suite(replace(report(FAILED), target=Target(host="PRESS-HOST"))).attrib
    assert told["timestamp"] == "2026-11-22T05:12:10" and told["time"] == "1.250" and told["hostname"] == "PRESS-HOST"
    properties = {each.attrib["name"]: each.attrib["value"] for each in suite(report(FAILED)).iter("property")}
    assert properties["verdict"] == "not-ready" and properties["headline"] == "1 failed. Next: put right a/b."


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    written = to_junit(hostile_report(text))
    assert written.isascii() and not re.search("[\x00-\x09\x0b-\x1f\x7f]", written)
    told = ET.fromstring(written)
    words = "".join(told.itertext()) + "".join(value for each in told.iter() for value in each.attrib.values())
    assert not re.search("[\x80-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]", words)
    assert len(list(told.iter("testcase"))) == len(Outcome)


def test_the_end_of_a_cdata_section_and_an_entity_come_back_as_they_were() -> None:
    ((told,),) = cases(report(replace(FAILED, detail="a ]]> <b> &amp; \N{SNOWMAN} \U0001f600")))
    assert told.get("message") == "a ]]> <b> &amp; \N{SNOWMAN} \U0001f600"


@settings(deadline=None)
@given(reports)
def test_every_report_has_the_shape_that_jenkins_schema_describes(any_report: Report) -> None:
    root = ET.fromstring(to_junit(any_report))
    for element in root.iter():
        assert set(element.attrib) <= ALLOWED[element.tag], element.tag
    (only,) = root
    last = ["system-out"] if any_report.baseline else []
    assert [element.tag for element in only] == ["properties", *["testcase"] * len(any_report.findings), *last]
    assert all(len(case) == 1 for case in only.iter("testcase"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", only.attrib["timestamp"])
    named = [(case.attrib["classname"], case.attrib["name"]) for case in only.iter("testcase")]
    assert len(set(named)) == len(named) and all(len(kind.split(".")) == 2 for kind, _ in named)


@settings(deadline=None)
@given(reports)
def test_another_reader_sees_the_same_results(any_report: Report) -> None:
    xml = junitparser.JUnitXml.fromstring(to_junit(any_report).encode("ascii"))
    kinds = {junitparser.Failure: Outcome.FAIL, junitparser.Error: Outcome.ERROR, junitparser.Skipped: Outcome.SKIP}
    (only,) = xml
    seen = [kinds[type(each.result[0])] if each.result else None for each in only]
    assert seen == [one.outcome if one.outcome in kinds.values() else None for one in any_report.findings]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp437"])
def test_it_is_well_formed_however_a_shell_saved_it(encoding: str) -> None:
    """`> report.xml` in Windows PowerShell writes UTF-16; the declaration must not say another encoding."""
    saved = to_junit(report(replace(FAILED, detail="Müller \N{CHECK MARK}"))).encode(encoding)
    assert ET.parse(BytesIO(saved)).getroot().find(".//failure[@message='Müller \N{CHECK MARK}']") is not None
