"""Errors that are not in the catalogue, clustered by their shape, so that nothing red is hidden in a long journal.

Two errors are of one shape when they differ in numbers, identifiers, addresses, paths and quoted names alone.
"""

from __future__ import annotations

import re
import zlib

from eflowprov.checks.words import short
from eflowprov.model import LogRecord

_MASKS = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "<guid>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>)\]]+", "<url>"),
        (r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b", "<address>"),
        (r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])", "<address>"),
        (r"(?<![\w<])/[\w.%$@+-]+(?:/[\w.%$@+-]*)*", "<path>"),
        (r"\b[A-Za-z]:\\[^\s\"']+", "<path>"),
        (r"\b(?:[\w-]+\.){2,}[A-Za-z]{2,}\b", "<name>"),
        (r"\b(?:0x)?(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b", "<hex>"),
        (r"\d+", "<n>"),
    )
)
_LENGTH = 400  # characters of an error that tell its shape


def shape_of(record: LogRecord) -> str:
    """The error's service, message and causes, with what differs from time to time masked."""
    _, _, _, service, _, message, causes = record
    text = "\n".join((message, *causes))[:_LENGTH]
    for pattern, shown in _MASKS:
        text = pattern.sub(shown, text)
    return f"{short(service)}: {text}"


def shape_id(shape: str) -> str:
    """A lasting id for a shape: the same on every device and in every run."""
    return f"unknown-{zlib.crc32(shape.encode('utf-8', 'surrogatepass')):08x}"
