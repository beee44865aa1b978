"""Markdown for a ticket: whatever a device said, it links to nothing, calls nobody and ends no block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from eflowprov.model import Finding, Identity, Module, Outcome, Report
from eflowprov.reports.clean import clean_line
from eflowprov.reports.markdown import to_markdown
from eflowprov.reports.words import TEXT
from tests.unit.reports.samples import HOSTILE, finding, hostile_report, report, reports, texts

READER = MarkdownIt("gfm-like")  # tables, bare addresses and raw HTML as GitHub has them
OUR_HTML = re.compile(r"(<details><summary>(Evidence|\d+ (passed|skipped))</summary>|</details>)\n?")
PLAIN = {"paragraph", "heading", "bullet_list", "list_item", "inline", "fence", "html_block", "strong"}
CALLS = re.compile(r"@\w|#\d|(?<!\w)[!%]\w|://|www\.|\bGH-\d|:\w+:|[<>\[\]|$^]")
FAILED = Finding("a/b", "it works", Outcome.FAIL, "It does not.", "Mend it.", "line 1\nline 2")


def tokens(text: str) -> Iterator[Token]:
    for token in READER.parse(text):
        yield token
        yield from token.children or []


def is_harmless(text: str) -> None:
    for token in tokens(text):
        kind = token.type.removesuffix("_open").removesuffix("_close")
        assert kind in PLAIN | {"text", "code_inline", "softbreak"}, (token.type, token.content)
        if token.type == "html_block":
            assert OUR_HTML.fullmatch(token.content), token.content
        if token.type == "text":
            assert not CALLS.search(token.content), token.content


def fences(text: str) -> list[str]:
    return [token.content for token in tokens(text) if token.type == "fence"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    written = to_markdown(hostile_report(text))
    is_harmless(written)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800]", written)
    every = list(tokens(written))
    top = [after.content for token, after in pairwise(every) if token.tag in ("h1", "h2")][::2]
    assert len(top) == 1 and top[0].startswith("UNKNOWN")
    orders = [token.content for token in every if token.type == "text" and token.content.startswith("/")]
    assert orders == []  # GitLab obeys `/close` at the beginning of a line


@settings(deadline=None, max_examples=60)
@given(reports)
def test_no_report_makes_a_link_a_mention_a_table_or_markup(any_report: Report) -> None:
    is_harmless(to_markdown(any_report))


@settings(deadline=None)
@given(texts | st.text("`*_|\\<>[]()#@!-+=~:/. \n1a", max_size=40))
def test_what_a_reader_shows_is_what_was_said(text: str) -> None:
    """Spans and blocks give each text back as it was cleaned, letter for letter."""
    shown = list(tokens(to_markdown(report(replace(FAILED, detail=text)))))
    wanted = clean_line(text, TEXT)
    lines = ["".join(each.content for each in token.children or []) for token in shown if token.type == "inline"]
    assert not wanted or wanted in lines


def test_evidence_is_whole_and_in_one_block_whatever_is_in_it() -> None:
    evidence = "```\n````text\n</details>\n# no heading\n/close\n| a | b |"
    text = to_markdown(report(replace(FAILED, evidence=evidence)))
    assert fences(text) == [evidence + "\n"]


def test_a_failure_comes_with_its_way_out_and_its_evidence_folded() -> None:
    text = to_markdown(replace(report(FAILED), identity=Identity(device_id="line4-press2")))
    assert text.startswith("## NOT READY: line4-press2\n\n1 failed. Next: put right a/b.\n\n- device: line4-press2\n")
    assert (
        "### FAIL: it works\n\n`a/b`\n\nIt does not.\n\n**Next:** Mend it.\n\n"
        "<details><summary>Evidence</summary>\n\n```text\nline 1\nline 2\n```\n\n</details>\n"
    ) in text


def test_what_passed_and_was_skipped_is_folded_and_what_deserves_a_look_is_not() -> None:
    text = to_markdown(report(*(finding(outcome, f"a/{outcome}", detail="Told.") for outcome in Outcome)))
    assert "<details><summary>1 passed</summary>\n\n- `a/pass` Told.\n\n</details>" in text
    assert "<details><summary>1 skipped</summary>\n\n- `a/skip` Told.\n\n</details>" in text
    assert "### Worth a look\n\n- WARN `a/warn` Told.\n- EXPECTED `a/expected` Told.\n" in text


def test_modules_are_a_list_since_a_bar_in_a_cell_is_read_differently_everywhere() -> None:
    text = to_markdown(report(modules=(Module("a|b", "running", "Up 2 minutes", "mcr.example/a:1"),)))
    assert "- `a|b` running: Up 2 minutes, `mcr.example/a:1`\n" in text


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("count", [300, 3000])
def test_findings_without_number_still_fit_and_the_rest_is_counted(outcome: Outcome, count: int) -> None:
    many = report(*(finding(outcome, f"a/{at}", detail="why " * 50, remedy="do " * 50) for at in range(count)))
    text = to_markdown(many)
    assert len(text) < 65_536 and f"{count} {outcome}" in text
    shown = len(re.findall(r"`a/\d+`", text))
    assert f"nd {count - shown} more; the JSON report has them all" in text
    is_harmless(text)


def test_a_long_report_still_fits_into_a_comment() -> None:
    evidence = "\n".join("x" * 200 for _ in range(100))
    many = report(*(replace(FAILED, id=f"a/{at}", evidence=evidence) for at in range(60)))
    few = report(*(replace(FAILED, id=f"a/{at}", evidence=evidence) for at in range(3)))
    assert len(to_markdown(many)) < 65_536 and "### FAIL" in to_markdown(many)
    assert to_markdown(few).count("x" * 200) == 90
