"""Text from outside made harmless: what a log or a device says may steer no terminal and forge no line.

Removed are terminal escape sequences, control characters, and everything of Unicode's format category (bidirectional
marks, zero-width characters, tags); lone surrogates and Unicode's noncharacters become U+FFFD, so that XML takes the
rest. Markup is the renderer's own business.
"""

from __future__ import annotations

import re
import unicodedata

# ECMA-48: CSI sequences, OSC/DCS/PM/APC/SOS strings up to BEL or ST (or the end), and two-character escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"\r\n?|[\n\v\f\x85\u2028\u2029]")
_UNSEEN = {"Cc", "Cf"}


def clean(text: str) -> str:
    """Return the text with line feeds as its only control characters; tabs become single blanks."""
    text = _BREAKS.sub("\n", _ESCAPES.sub("", text)).replace("\t", " ")
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_seen(char) for char in text)


def _seen(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cs" or _is_noncharacter(ord(char)):
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in _UNSEEN and char != "\n" else char


def _is_noncharacter(code: int) -> bool:
    """Unicode 23.7: the last two of every plane, and 32 more; HTML and XML 1.0 forbid or discourage them."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def clean_line(text: str, limit: int) -> str:
    """Return one line of at most `limit` characters, white space folded; a longer one ends in `...`."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def clean_lines(text: str, limit: int, count: int) -> list[str]:
    """Return at most `count` lines of at most `limit` characters, without empty ones; the last says how many more."""
    lines = [line for raw in clean(text).split("\n") if (line := raw.rstrip())]
    shown = [line if len(line) <= limit else f"{line[: limit - 3]}..." for line in lines[:count]]
    return [*shown, f"(and {len(lines) - count} more lines)"] if len(lines) > count else shown
