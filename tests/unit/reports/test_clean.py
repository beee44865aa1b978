"""Cleaning: nothing that steers a terminal or forges a line is left."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.reports.clean import clean, clean_line, clean_lines
from tests.unit.reports.samples import HOSTILE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
        ("\x1bPpayload\x1b\\after", "after"),
        ("\x1bcreset", "reset"),
        ("\x1b(Bplain", "plain"),
        ("a\rb", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("a\tb", "a b"),
        ("a\x00\x08\x7fb", "ab"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}abc\N{POP DIRECTIONAL FORMATTING}", "abc"),
        ("a\N{ZERO WIDTH SPACE}b\N{ZERO WIDTH NO-BREAK SPACE}", "ab"),
        ("lone \ud800", "lone \N{REPLACEMENT CHARACTER}"),
        ("\ufffe\uffff\ufdd0\U0010ffff", "\N{REPLACEMENT CHARACTER}" * 4),
        ("[bold]stays[/bold] ü \N{CHECK MARK}", "[bold]stays[/bold] ü \N{CHECK MARK}"),
    ],
)
def test_each_kind_of_hostile_text_is_made_plain(text: str, wanted: str) -> None:
    assert clean(text) == wanted


@given(st.text() | st.sampled_from(HOSTILE))
def test_nothing_but_line_feeds_controls_a_cleaned_text(text: str) -> None:
    cleaned = clean(text)
    assert all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in cleaned)
    assert clean(cleaned) == cleaned


@given(st.text() | st.sampled_from(HOSTILE), st.integers(4, 50))
def test_a_cleaned_line_is_one_line_and_bounded(text: str, limit: int) -> None:
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


def test_lines_are_bounded_in_number_and_say_so() -> None:
    assert clean_lines("a\n\nb\nc\nd", 10, 2) == ["a", "b", "(and 2 more lines)"]
    assert clean_lines("x" * 20, 10, 2) == ["xxxxxxx..."]
