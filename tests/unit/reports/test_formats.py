"""One model, five forms: the same verdict, the same counts, in each of them and for any report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.model import Outcome, Report, Verdict
from eflowprov.reports.formats import FORMS, PAPER, ReportFormat, render
from eflowprov.reports.words import VERDICT_WORDS, headline
from tests.conftest import ROOT
from tests.unit.reports.samples import finding, report, reports

Told = tuple[str, dict[str, int], int]
_LINE = re.compile(r"(\d+) fail, (\d+) error, (\d+) warn, (\d+) skip, (\d+) expected, (\d+) pass; exit status (\d)")
_ORDER = ("fail", "error", "warn", "skip", "expected", "pass")
_VERDICTS = {word: verdict.value for verdict, word in VERDICT_WORDS.items()}


def in_words(verdict: str, text: str) -> Told:
    (found,) = _LINE.findall(text)
    return _VERDICTS[verdict], dict(zip(_ORDER, map(int, found), strict=False)), int(found[-1])


def from_console(text: str) -> Told:
    first = text.partition("\n")[0]
    assert text.rstrip("\n").rpartition("\n")[2] == first
    end = text.rstrip("\n").rpartition("\n\n")[2]  # the counts, on a narrow page the next step, the verdict
    return in_words(first.partition(":")[0], " ".join(end.split()))


def from_json(text: str) -> Told:
    document = json.loads(text)
    status = {"ready": 0, "ready-awaiting-deployment": 0, "not-ready": 1, "unknown": 3}
    return document["verdict"], document["summary"], status[document["verdict"]]


def from_junit(text: str) -> Told:
    """The properties say all of it, and the attributes and elements that readers count agree with them."""
    suites = ET.fromstring(text)
    (suite,) = suites
    told = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    summary = {outcome.value: int(told[f"summary.{outcome.value}"]) for outcome in Outcome}
    cases = list(suite.iter("testcase"))
    for level in (suites, suite):
        wanted = {"tests": len(cases), "failures": summary["fail"], "errors": summary["error"]}
        assert {name: int(level.attrib[name]) for name in wanted} == wanted
    assert int(suite.attrib["skipped"]) == summary["skip"]
    elements = {"failure": "fail", "error": "error", "skipped": "skip"}
    assert {outcome: len(suite.findall(f"testcase/{name}")) for name, outcome in elements.items()} == {
        outcome: summary[outcome] for outcome in elements.values()
    }
    words = [(case.findtext("system-out") or "skip:").partition(":")[0].lower() for case in cases]
    assert all(words.count(outcome) == summary[outcome] for outcome in ("pass", "expected", "warn"))
    return told["verdict"], summary, int(told["exit_status"])


def from_markdown(text: str) -> Told:
    heading = text.partition("\n")[0].removeprefix("## ").partition(":")[0]
    return in_words(heading, text[: text.index("exit status ") + 20])


class _Page(HTMLParser):
    """The words that stand in each element with a class or an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "circle", "path", "rect"):
            self.open.append(given.get("id") or f"{tag}.{(given.get('class') or '').split(' ')[0]}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "circle", "path", "rect"):
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            name = next((name for name in reversed(self.open) if name == "verdict" or name.startswith("li.")), "")
            self.told[name] = f"{self.told.get(name, '')} {data.strip()}".strip()


def from_html(text: str) -> Told:
    told = _Page(text).told
    summary = {outcome: int(told[f"li.{outcome}"].split()[0]) for outcome in _ORDER}
    (status,) = re.findall(r"exit status (\d)\. The same report as JSON", text)
    return _VERDICTS[told["verdict"]], summary, int(status)


READERS: dict[ReportFormat, Callable[[str], Told]] = {
    ReportFormat.CONSOLE: from_console,
    ReportFormat.JSON: from_json,
    ReportFormat.JUNIT: from_junit,
    ReportFormat.MARKDOWN: from_markdown,
    ReportFormat.HTML: from_html,
}


@settings(deadline=None, max_examples=60)
@given(reports)
def test_verdict_and_counts_agree_in_every_form(any_report: Report) -> None:
    summary = {outcome.value: count for outcome, count in any_report.summary.items()}
    wanted = (any_report.verdict.value, summary, any_report.exit_status)
    for form, read in READERS.items():
        assert read(render(any_report, form)) == wanted, form


_IDS = st.from_regex(r"[a-z]{3,8}/[a-z]{3,8}[0-9]{5}", fullmatch=True)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(_IDS, st.sampled_from(Outcome), max_size=12))
def test_every_finding_stands_in_every_form_with_its_id_its_outcome_and_its_words(named: dict[str, Outcome]) -> None:
    shown = report(*(finding(outcome, id_, detail=f"Why {at}.") for at, (id_, outcome) in enumerate(named.items())))
    for form in ReportFormat:
        text = render(shown, form)
        assert [id_ for id_ in named if id_ not in text] == [], form
        assert [at for at in range(len(named)) if f"Why {at}." not in text] == [], form


@pytest.mark.parametrize("form", ReportFormat)
@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([Outcome.PASS], Verdict.READY),
        ([Outcome.PASS, Outcome.EXPECTED], Verdict.READY_AWAITING_DEPLOYMENT),
        ([Outcome.PASS, Outcome.FAIL], Verdict.NOT_READY),
        ([Outcome.FAIL, Outcome.ERROR], Verdict.UNKNOWN),
        ([Outcome.SKIP, Outcome.WARN], Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ],
)
def test_every_verdict_is_said_in_every_form(form: ReportFormat, outcomes: list[Outcome], verdict: Verdict) -> None:
    shown = report(*(finding(outcome) for outcome in outcomes))
    assert READERS[form](render(shown, form))[0] == verdict


@pytest.mark.parametrize("outcome", Outcome)
def test_the_console_says_the_same_headline_as_the_other_forms(outcome: Outcome) -> None:
    shown = report(finding(outcome), finding(Outcome.PASS) if outcome is Outcome.EXPECTED else finding(outcome))
    first = render(shown, ReportFormat.CONSOLE).partition("\n")[0]
    assert first == f"{VERDICT_WORDS[shown.verdict]}: {headline(shown)}"


def test_every_form_is_in_the_table_with_a_file_of_its_own() -> None:
    assert list(FORMS) == list(READERS) == list(ReportFormat)
    assert len({form.file_name for form in FORMS.values()}) == len(FORMS)
    assert PAPER.verbose and not PAPER.color


@pytest.mark.parametrize(
    ("form", "unwanted"),
    [("json", {"rich", "jinja2"}), ("junit", {"rich", "jinja2"}), ("markdown", {"rich", "jinja2"})],
)
def test_a_form_loads_no_library_of_another(form: str, unwanted: set[str]) -> None:
    code = (
        "import sys; from tests.unit.reports.samples import report; from eflowprov.reports import formats;"
        f"formats.render(report(), formats.ReportFormat({form!r})); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "eflowprov.reports.formats" in done.stdout and not unwanted & set(done.stdout.split())


@pytest.mark.parametrize("form", [ReportFormat.CONSOLE, ReportFormat.MARKDOWN, ReportFormat.HTML])
def test_what_the_headline_names_stands_before_the_rest(form: ReportFormat) -> None:
    failed, untold = (
        finding(Outcome.FAIL, "a/failed", detail="It failed."),
        finding(Outcome.ERROR, "b/untold", detail="Nothing tells."),
    )
    text = render(report(failed, untold, finding(Outcome.PASS, "c/c")), form)
    assert "put right b/untold" in text
    assert text.index("Nothing tells.") < text.index("It failed.")
