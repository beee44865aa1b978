"""From the bytes of a command or of a saved file to clean text, and the first words of it for a refusal.

Saved outputs went through PowerShell redirections, consoles and tickets: UTF-8 or UTF-16, with or without a mark,
CRLF, terminal escapes, marks that were decoded with a wrong code page.
"""

from __future__ import annotations

import codecs
import re

from eflowprov.errors import ParseError
from eflowprov.parsers.mojibake import repair
from eflowprov.redaction import redact

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 4096  # bytes looked at for the NUL pattern: enough for ASCII commands, cheap for large logs

# ECMA-48: CSI sequences, OSC strings (ended by BEL or ST, never longer than a title or a link), two-byte escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,2048}(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-Z\\^-~])")
# Colours whose escape byte was lost (meta-iotedge#12) or is drawn as a letter: SGR numbers alone, and a single number
# in a single bracket only where it is a reset or a colour and no duration such as [30m].
_REMAINS_START = ("[0m", "[[0", "[[1", "[0;", "[1;")  # a coloured text has a reset; a cut one at least its start
_COLOUR_REMAINS = re.compile(
    r"(?:\^\[|[←␛\ufffd]|(?<!\\)\\u001[bB])\[(?:\d{1,3}(?:;\d{1,3}){0,4})?[mK]"
    r"|\[\[\d{1,3}(?:;\d{1,3}){0,4}m"
    r"|\[\d{1,3}(?:;\d{1,3}){1,4}m"
    r"|\[(?:0|[39][0-7])m(?!\]|[^\S\n]*\d)"
)


def decode(data: bytes) -> str:
    """Text of a command's output or of a saved file; never raises, whatever the bytes are.

    UTF-8 or UTF-16 (either order) with or without a mark, else Windows-1252. Line ends become LF; NULs, terminal
    escapes and the byte order mark are gone. UTF-8 that is broken in a few places keeps U+FFFD there.
    """
    return clean(_decode(data))


def clean(text: str) -> str:
    """The same cleaning for text that is decoded already."""
    text = with_lf(text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text).replace("\x1b", "")
    if any(start in text for start in _REMAINS_START):
        text = _COLOUR_REMAINS.sub("", text)
    return repair(text)


def with_lf(text: str) -> str:
    """Text without a byte order mark and NULs, its line ends LF: the part of the cleaning that makes lines of it."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = re.sub(r"\r+\n", "\n", text).replace("\r", "\n")
    return text


def first_words(text: str, n: int = 80) -> str:
    """At most `n` characters of the first words, on one line, printable, without keys: what a refusal quotes."""
    head = "".join(c if c.isprintable() else " " for c in text[: 20 * n])
    line = redact(" ".join(head.split()))
    return line if len(line) <= n else line[: n - 1].rstrip() + "…"


def refusal(where: str, text: str, why: str, next_step: str = "") -> ParseError:
    """The `ParseError` for a text in no known form: `why` followed by the first words seen."""
    seen = first_words(text)
    quoted = f'{why}; it begins "{seen}"' if seen else f"{why}; it is empty"
    return ParseError(where, quoted, next_step or "Run the command again and save its whole output")


def _decode(data: bytes) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _whole_units(data[len(mark) :], encoding).decode(encoding, "replace")
    order = utf16_order(data)
    if order:
        return _whole_units(data, order).decode(order, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return decode_broken(data)


def _whole_units(data: bytes, encoding: str) -> bytes:
    return data[: len(data) // 2 * 2] if encoding.startswith("utf-16") else data


def utf16_order(data: bytes) -> str:
    """UTF-16 without a mark: Latin text has a NUL in nearly every second byte, always on the same side."""
    sample = data[:_SAMPLE]
    pairs = len(sample) // 2
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if pairs and odd > pairs // 2 and even <= pairs // 10:
        return "utf-16-le"
    return "utf-16-be" if pairs and even > pairs // 2 and odd <= pairs // 10 else ""


def decode_broken(data: bytes) -> str:
    """UTF-8 with a few broken places stays UTF-8; text that is mostly not UTF-8 is Windows-1252 (or Latin-1)."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(1 for c in text if c > "\x7f") - broken
    if good >= broken or _cut_at_the_end(data):
        return text
    return "".join(bytes((b,)).decode("cp1252", "ignore") or chr(b) if b > 127 else chr(b) for b in data)


def _cut_at_the_end(data: bytes) -> bool:
    """Whether the bytes are UTF-8 but for a last character of which a part is missing."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=False)
    except UnicodeDecodeError:
        return False
    return True
