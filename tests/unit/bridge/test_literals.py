"""Texts as PowerShell's own literals."""

from __future__ import annotations

import pytest

from eflowprov.bridge.literals import single_quoted


def test_a_text_is_in_single_quotes_and_nothing_in_it_is_changed() -> None:
    assert single_quoted('C:\\a $b `n "c"') == "'C:\\a $b `n \"c\"'"


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_each_of_powershells_single_quotes_is_doubled(quote: str) -> None:
    assert single_quoted(f"it{quote}s") == f"'it{quote}{quote}s'"
