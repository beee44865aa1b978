"""The HTML report: one file that runs nothing and fetches nothing, whatever a device said."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.model import Finding, Identity, Outcome, Report, TimelineEntry
from eflowprov.reports.clean import clean_line
from eflowprov.reports.html import to_html
from eflowprov.reports.words import TEXT
from tests.unit.reports.samples import HOSTILE, finding, hostile_report, report, reports, texts

VOID = {"meta", "circle", "path", "rect"}
TAGS = {
    *("html", "head", "title", "style", "body", "header", "main", "footer", "section", "article", "details", "summary"),
    *("h1", "h2", "h3", "p", "div", "span", "strong", "b", "ul", "li", "dl", "dt", "dd", "pre", "svg", *VOID),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "open", "scope", "aria-hidden", "aria-label"),
    *("viewbox", "preserveaspectratio", "cx", "cy", "r", "d", "x", "width", "height"),
}
CLASSES = re.compile(r"[a-z-]+( [a-z-]+)*")
FAILED = Finding("a/b", "it works", Outcome.FAIL, "It does not.", "Mend it.", "line 1\nline 2", "iotedge list")


class Read(HTMLParser):
    """A document's elements, the text of each, and the tags that were left open or closed twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.texts:
            tag, text = self.texts[-1]
            self.texts[-1] = (tag, text + data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def of(self, tag: str) -> list[str]:
        return [" ".join(text.split()) for each, text in self.texts if each == tag]


def is_ours(text: str) -> Read:
    """Only elements, attributes and classes of the template's own, all closed."""
    read = Read(text)
    assert read.open == []
    for tag, attributes in read.elements:
        assert tag in TAGS, tag
        assert set(attributes) <= ATTRIBUTES, attributes
        assert CLASSES.fullmatch(attributes.get("class") or "x")
    return read


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    written = to_html(hostile_report(text))
    assert written.isascii() and not re.search("[\x00-\x09\x0b-\x1f\x7f]", written)
    assert not re.search(r"&#(8203|820[4-7]|823[4-8]|829[4-7]|6553[45]|1564|917\d\d\d);", written)  # bidi and the like
    read = is_ours(written)
    assert read.of("h1") == ["UNKNOWN"] and len(read.of("style")) == 1


@settings(deadline=None, max_examples=60)
@given(reports)
def test_every_report_is_made_of_our_own_elements_alone(any_report: Report) -> None:
    is_ours(to_html(any_report))


@settings(deadline=None)
@given(texts | st.text("<>&\"'{}%#;/ab \n", max_size=40))
def test_what_a_reader_shows_is_what_was_said(text: str) -> None:
    wanted = clean_line(text, TEXT)
    assert not wanted or wanted in Read(to_html(report(replace(FAILED, detail=text)))).of("p")


def test_nothing_may_run_or_be_fetched_and_the_only_style_is_our_own() -> None:
    written = to_html(report(FAILED))
    (style,) = re.findall(r"<style>(.*?)</style>", written, re.DOTALL)
    wanted = b64encode(hashlib.sha256(style.encode("ascii")).digest()).decode()
    (policy,) = re.findall(r'"Content-Security-Policy" content="(.*?)"', written)
    assert policy == (
        f"default-src &#39;none&#39;; style-src &#39;sha256-{wanted}&#39;; "
        "base-uri &#39;none&#39;; form-action &#39;none&#39;"
    ).replace("&#39;", "'")
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(|@import| style=| on[a-z]+=", written)
    assert "\r" not in style


def test_a_failure_is_open_with_its_way_out_and_what_passed_is_folded() -> None:
    written = to_html(report(FAILED, finding(Outcome.WARN, evidence="seen"), finding(Outcome.PASS, "host/disk")))
    folds = [attributes for tag, attributes in Read(written).elements if tag == "details"]
    assert ["open" in attributes for attributes in folds] == [True, False, False]
    assert "<strong>Next:</strong> Mend it." in written and "<pre>line 1\nline 2\n</pre>" in written
    assert "1 passed" in Read(written).of("summary") and "Windows host" in Read(written).of("h3")


def test_of_several_failures_the_first_has_its_evidence_open() -> None:
    """The next step would drown in what the others rest on."""
    written = to_html(report(FAILED, replace(FAILED, id="a/c"), replace(FAILED, id="a/d", outcome=Outcome.ERROR)))
    folds = [attributes for tag, attributes in Read(written).elements if tag == "details"]
    assert ["open" in attributes for attributes in folds] == [True, False, False]


def test_the_document_is_for_people_who_hear_it_too() -> None:
    read = Read(to_html(replace(report(FAILED), identity=Identity(device_id="line4-press2"))))
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert ("html", {"lang": "en"}) in read.elements and read.of("title") == ["NOT READY: line4-press2"]
    assert all("scope" in attributes for tag, attributes in read.elements if tag == "th")
    assert all("aria-hidden" in attributes for tag, attributes in read.elements if tag == "svg")


def test_passes_of_one_kind_stand_together_though_they_came_apart() -> None:
    shown = report(*(finding(Outcome.PASS, name) for name in ("host/a", "odd/b", "host/c")))
    headings = [heading for heading in Read(to_html(shown)).of("h3") if heading]
    assert headings == ["Windows host", "odd"]


def timed(*entries: TimelineEntry) -> list[tuple[float, float]]:
    written = to_html(replace(report(FAILED), duration_s=10, timeline=entries))
    return [
        (float(attributes["x"] or ""), float(attributes["width"] or ""))
        for tag, attributes in Read(written).elements
        if tag == "rect"
    ]


def test_the_bars_of_the_timeline_stand_where_and_as_long_as_things_ran() -> None:
    assert timed(TimelineEntry("check", "step", 0, 2.5), TimelineEntry("verify", "step", 2.5, 7.5)) == [
        (0, 250),
        (250, 750),
    ]
    assert timed(TimelineEntry("late", "step", 15, 5)) == [(750, 250)]  # a clock that jumped makes no bar leave its row
    assert timed(TimelineEntry("short", "step", 1, 0)) == [(100, 4)]  # and none is too short to be seen


def test_a_long_timeline_is_cut_and_says_so() -> None:
    entries = tuple(TimelineEntry("iotedge list", "command", at, 1) for at in range(100))
    assert len(timed(*entries)) == 80
    assert "and 20 more" in Read(to_html(replace(report(FAILED), timeline=entries))).of("p")


def test_a_command_that_did_not_end_well_says_how() -> None:
    written = to_html(
        replace(report(FAILED), timeline=(TimelineEntry("iotedge list", "command", 0, 1, "exit status 1"),))
    )
    assert "exit status 1" in Read(written).of("span") and 'class="command ended"' in written


def test_evidence_is_bounded_and_says_so() -> None:
    long = replace(FAILED, evidence="\n".join(f"line {at}" for at in range(1000)))
    written = to_html(report(long))
    assert "line 199\n(and 800 more lines)" in written and "line 200" not in written


def test_a_report_without_anything_says_that_nothing_was_proved() -> None:
    read = Read(to_html(report()))
    assert read.of("h1") == ["UNKNOWN"] and "Nothing was proved. Next: verify again." in read.of("p")
    assert read.of("h2") == []
