"""PEM (RFC 7468) taken apart by hand, so that what is odd about a file can be said and not only refused."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 #]{1,40})-----")
_LINE = 64  # RFC 1421, 4.3.2.4
_REST_OF_LINE = re.compile(r"[ \t\0]*(?:[\r\n]|\Z)")
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
    """Name what is odd about a PEM file.

    `bom utf-16`: a byte order mark; `crlf cr`: line ends; `text-before text-between text-after trailing`: what stands
    around the blocks, `trailing` being white space alone (one newline is as it should be); `dash-line`: a BEGIN or END
    that is no line of its own (two files glued together, indented); `blank-line`: an empty line inside a block. OpenSSL
    reads neither of the last two, nor lines that end in CR alone.
    """
    text = to_text(data)
    found = [name for mark, _, name in _MARKS if data.startswith(mark)]
    if "\r" in text:
        found.append("cr" if _has_lone_cr(text.rstrip()) else "crlf")
    found += _around(text, blocks)
    if not all(_stands_alone(text, block) for block in blocks):
        found.append("dash-line")
    if any(_has_blank_line(block) for block in blocks):
        found.append("blank-line")
    return tuple(found)


def _around(text: str, blocks: list[Block]) -> Iterator[str]:
    if not blocks:
        return
    gaps = [text[a.end : b.start] for a, b in pairwise(blocks)]
    if text[: blocks[0].start].strip():
        yield "text-before"
    if any(gap.strip() for gap in gaps):
        yield "text-between"
    behind = text[blocks[-1].end :]
    if behind.replace("\r", "") not in ("", "\n"):
        yield "text-after" if behind.strip("\0\ufeff \t\r\n") else "trailing"


def _stands_alone(text: str, block: Block) -> bool:
    """Whether BEGIN and END each begin a line, and nothing but white space follows them on it."""
    if block.start and text[block.start - 1] not in "\r\n":
        return False
    inner = _inner(block)
    if not _REST_OF_LINE.match(inner):
        return False
    return not block.complete or (inner[-1:] in ("\r", "\n") and bool(_REST_OF_LINE.match(text, block.end)))


def _has_lone_cr(text: str) -> bool:
    """A CR that no LF follows, as old Macs wrote it; several before one LF come from double conversion, and do no harm.

    By splitting, since a pattern would search a long run of CRs once for each of them.
    """
    *lines, rest = text.split("\n")
    return "\r" in rest or any("\r" in line.rstrip("\r") for line in lines)


def _has_blank_line(block: Block) -> bool:
    """An empty line right behind BEGIN does no harm, nor one behind the headers of an old key.

    Behind such a line OpenSSL wants full lines of 64 characters, but for the last; elsewhere they may have any length.
    """
    lines = [line.rstrip() for line in _inner(block).replace("\r", "").split("\n")[1:-1]]
    if block.headers and block.label.endswith("PRIVATE KEY"):
        lines = lines[block.headers.count("\n") + 1 :]
    if not lines or lines[0]:
        return not all(lines)
    *full, last = lines[1:] or [""]
    return any(len(line) != _LINE for line in full) or not 0 < len(last) <= _LINE


def _inner(block: Block) -> str:
    """What stands between the two dash lines, with the ends of both."""
    inner = block.text[len(f"-----BEGIN {block.label}-----") :]
    return inner.removesuffix(f"-----END {block.label}-----") if block.complete else inner


def _headers(inner: str) -> str:
    """The lines `Name: value` before the empty line (RFC 1421), as old encrypted keys have them."""
    head, blank, _ = inner.replace("\r\n", "\n").lstrip("\n").partition("\n\n")
    return head if blank and ":" in head.partition("\n")[0] else ""
