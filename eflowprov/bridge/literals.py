"""Texts as PowerShell's own literals, for commands that people copy. What runs gets its values as data."""

from __future__ import annotations

import re

# PowerShell takes the typographic ones for the same as the plain one (about_Quoting_Rules, CharTraits.IsSingleQuote).
_SINGLE_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


def single_quoted(text: str) -> str:
    """A text in single quotes, in which PowerShell takes nothing for anything else; each quote inside is doubled."""
    return "'" + _SINGLE_QUOTES.sub(r"\1\1", text) + "'"
