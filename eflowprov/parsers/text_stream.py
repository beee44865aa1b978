"""From a stream of bytes of any size to clean lines: what `text.decode` does, a block at a time, in constant memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from eflowprov.parsers.text import MARKS, clean, decode_broken, utf16_order, with_lf

_BLOCK = 256 * 2**10  # bytes: a few hundred lines, so that a block costs little beside its lines
_LINE = 4 * 2**20  # bytes; a longer line is none of a journal (journald cuts at 48 KiB), and its rest is dropped


def lines_of(stream: BinaryIO) -> Iterator[list[str]]:
    """The lines of the stream in batches, cleaned, without their ends; never raises for what the bytes are.

    A batch that begins with JSON is cleaned no further than into lines: what is inside is the reader's to clean.
    The encoding is told by the first block. A block of UTF-8 that is broken is mended as `decode` mends a whole text.
    """
    first = stream.read(_BLOCK)
    mark, encoding = next(((mark, name) for mark, name in MARKS if first.startswith(mark)), (b"", utf16_order(first)))
    blocks = _blocks(stream, first.removeprefix(mark))
    texts = _wide(blocks, encoding) if encoding.startswith("utf-16") else _narrow(blocks)
    for text in texts:
        lines = (with_lf(text) if text.startswith("{") else clean(text)).split("\n")
        yield lines if lines[-1] else lines[:-1]


def _blocks(stream: BinaryIO, first: bytes) -> Iterator[bytes]:
    block = first
    while block:
        yield block
        block = stream.read(_BLOCK)


def _narrow(blocks: Iterator[bytes]) -> Iterator[str]:
    """Texts of whole lines out of UTF-8, or what is taken for it."""
    rest = bytearray()
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            yield _decoded(bytes(rest) + block[:end])
            rest = bytearray(block[end:])
        elif len(rest) < _LINE:
            rest += block
    if rest:
        yield _decoded(bytes(rest))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return decode_broken(data)


def _wide(blocks: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Texts of whole lines out of UTF-16; half a character at the very end is left out."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for block in blocks:
        text = decoder.decode(block)
        end = text.rfind("\n") + 1
        if end:
            yield rest + text[:end]
            rest = text[end:]
        elif len(rest) < _LINE:
            rest += text
    if rest:
        yield rest
