"""A member of a bundle: a text as UTF-8, redacted, no larger than a limit; of a log its newest lines.

What is cut is redacted with what stood before it, so that a key that began there is known for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from eflowprov.parsers.text import MARKS, utf16_order
from eflowprov.workflows.bundling.redacting import redact_file

MEMBER_BYTES = 8 * 2**20
"""Of one member: half a million lines of a journal as text, an hour or two as JSON."""

_BEFORE = 64 * 2**10  # bytes before the newest ones: more than the largest key has with a journal's prefix on each line
_SAMPLE = 4096
_PIECE = 2**20
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\udc80-\udcff]")  # no tab, line end, form feed, escape
_BINARY = 0.05  # of the characters: text that was broken on its way has fewer of them


@dataclass(frozen=True, slots=True)
class Member:
    """`name` within the bundle, `/` between folders; `redacted` secrets taken out, `cut` bytes of the source left out,
    and `note`, which says what is not there."""

    name: str
    data: bytes
    redacted: int = 0
    cut: int = 0
    note: str = ""


class _Reads(Protocol):
    def read(self, size: int, /) -> bytes: ...


def whole(name: str, data: bytes, *, limit: int = MEMBER_BYTES) -> Member:
    """A member of what is no log: of a larger one its beginning, to the last whole line."""
    return beginning(name, BytesIO(data), limit=limit, size=len(data))


def beginning(name: str, stream: _Reads, *, limit: int, size: int) -> Member:
    """The same from a stream of `size` bytes, of which no more than `limit` are read."""
    data = _read(stream, limit)
    text, cut = text_of(data, data), size - len(data)
    kept = redact_file(text[: text.rfind("\n") + 1] if cut else text)
    return Member(name, _bytes(kept.text), kept.count, cut, _note("first", limit) if cut else "")


def newest(name: str, data: bytes | Path, *, limit: int = MEMBER_BYTES) -> Member:
    """A member of a log, in memory or in a file: its newest lines. Raises OSError for a file that cannot be read."""
    if isinstance(data, bytes):
        return _newest(name, BytesIO(data), len(data), limit)
    with data.open("rb") as file:
        return _newest(name, file, file.seek(0, 2), limit)


def newest_of(name: str, stream: _Reads, *, limit: int = MEMBER_BYTES, spend: Callable[[int], None]) -> Member:
    """The same from a stream that can only be read on: `spend` is told of every piece, and may raise to end it."""
    head, held, dropped = b"", bytearray(), 0
    while piece := stream.read(_PIECE):
        spend(len(piece))
        head = head or piece[:_SAMPLE]
        held += piece
        over = max(0, len(held) - limit - _BEFORE) // 2 * 2  # whole units of UTF-16
        dropped += over
        del held[:over]
    return _last_lines(name, head, bytes(held), dropped, limit)


def _newest(name: str, file: BinaryIO, size: int, limit: int) -> Member:
    file.seek(0)
    head = file.read(_SAMPLE)
    start = max(0, size - limit - _BEFORE) // 2 * 2
    file.seek(start)
    return _last_lines(name, head, _read(file, limit + _BEFORE + 2), start, limit)


def _last_lines(name: str, head: bytes, data: bytes, dropped: int, limit: int) -> Member:
    """The last `limit` bytes of `data`, before which `dropped` more stood in the log, whole lines."""
    over = (max(0, len(data) - limit) + 1) // 2 * 2  # whole units of UTF-16
    before, text = text_of(data[:over], head), text_of(data[over:], head)
    if over or dropped:
        first, end, rest = text.partition("\n")
        before, text = before + first + end, rest
    kept = redact_file(text, before)
    cut = dropped + over
    return Member(name, _bytes(kept.text), kept.count, cut, _note("newest", limit) if cut else "")


def text_of(data: bytes, head: bytes) -> str:
    """The text, in the encoding that the head of its file tells; bytes that are no text in it stay as they are."""
    mark, encoding = next(((mark, name) for mark, name in MARKS if head.startswith(mark)), (b"", utf16_order(head)))
    data = data.removeprefix(mark)
    if encoding.startswith("utf-16"):
        return data[: len(data) // 2 * 2].decode(encoding, "replace")
    return data.decode("utf-8", "surrogateescape").replace("\0", "")  # PowerShell appends UTF-16 to any file


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text: nothing in it could be redacted."""
    mark = any(head.startswith(mark) for mark, _ in MARKS)
    text = text_of(head, head) if mark or utf16_order(head) else head.decode("utf-8", "surrogateescape")
    return len(_CONTROLS.findall(text)) > _BINARY * len(text)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _note(end: str, limit: int) -> str:
    return f"only the {end} {limit / 2**20:g} MiB are in the bundle"


def _read(stream: _Reads, size: int) -> bytes:
    """At most `size` bytes, in pieces: some streams give less than what was asked for."""
    data = bytearray()
    while len(data) < size and (piece := stream.read(min(_PIECE, size - len(data)))):
        data += piece
    return bytes(data)
