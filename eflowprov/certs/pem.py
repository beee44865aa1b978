"""PEM (RFC 7468) taken apart by hand, so that what is odd about a file can be said and not only refused."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from dataclasses import dataclass

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "bom"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One `-----BEGIN label-----` to its END line; `start` and `end` are its place in the text.

    `complete` is False when the END line is missing; `headers` are RFC 1421 lines such as `DEK-Info: ...`.
    """

    label: str
    text: str
    start: int
    end: int
    headers: str = ""
    complete: bool = True

    def body(self) -> bytes:
        """Decode the base64 between the lines; `b""` when it is not base64."""
        inner = self.text.partition("-----BEGIN ")[2].partition("-----")[2].partition("-----END ")[0]
        if self.headers:
            inner = inner.replace(self.headers, "", 1)
        try:
            return base64.b64decode("".join(inner.split()), validate=True)
        except (binascii.Error, ValueError):
            return b""


def to_text(data: bytes) -> str:
    """Decode a file by its byte order mark; without one, bytes beyond ASCII become U+FFFD."""
    for mark, encoding, _ in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("ascii", "replace")


def find_blocks(text: str) -> list[Block]:
    """Give every PEM block in the order of the text; linear in its length."""
    blocks: list[Block] = []
    at = 0
    while begin := _BEGIN.search(text, at):
        label, end_line = begin.group(1), f"-----END {begin.group(1)}-----"
        following = _BEGIN.search(text, begin.end())
        limit = following.start() if following else len(text)
        end = text.find(end_line, begin.end(), limit)
        at = limit if end < 0 else end + len(end_line)
        blocks.append(
            Block(label, text[begin.start() : at], begin.start(), at, _headers(text[begin.end() : at]), end >= 0)
        )
    return blocks


def quirks(data: bytes, blocks: list[Block]) -> tuple[str, ...]:
    """Name what is odd about a PEM file, of `bom utf-16 crlf text-before text-between trailing begin-line`.

    `trailing` is anything behind the last dash line but one newline; `begin-line` a BEGIN that does not start its line
    (two files glued together, or indented), which OpenSSL does not see.
    """
    text = to_text(data)
    found = [name for mark, _, name in _MARKS if data.startswith(mark)]
    if "\r" in text:
        found.append("crlf")
    gaps = [text[a:b] for a, b in zip([0, *(k.end for k in blocks)], [k.start for k in blocks], strict=False)]
    if gaps and gaps[0].strip():
        found.append("text-before")
    if any(gap.strip() for gap in gaps[1:]):
        found.append("text-between")
    if blocks and text[blocks[-1].end :] not in ("", "\n", "\r\n"):
        found.append("trailing")
    if any(block.start and text[block.start - 1] not in "\r\n" for block in blocks):
        found.append("begin-line")
    return tuple(found)


def _headers(inner: str) -> str:
    """The lines `Name: value` before the empty line (RFC 1421), as old encrypted keys have them."""
    head, blank, _ = inner.replace("\r\n", "\n").lstrip("\n").partition("\n\n")
    return head if blank and ":" in head.partition("\n")[0] else ""
