"""`iotedge check` in JSON or in text, of 1.0 to 1.6, as users really save it."""

from __future__ import annotations

from eflowprov.model import CheckReport
from eflowprov.parsers.check_json import json_start, parse_json
from eflowprov.parsers.check_text import parse_text
from eflowprov.parsers.text import clean


def parse_check(text: str) -> CheckReport:
    """Read one output of `iotedge check`; the form is known by its first character that is neither blank nor noise.

    Raises ParseError, with the first words seen, for a text that holds no check, for JSON that was cut off, and for
    result words that no version has.
    """
    text = clean(text)
    start = json_start(text)
    return parse_text(text) if start is None else parse_json(text, start)
