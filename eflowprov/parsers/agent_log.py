"""`iotedge logs edgeAgent`: what the agent's container wrote; the one place that tells the connection to the hub."""

from __future__ import annotations

import re

from eflowprov.errors import ParseError
from eflowprov.model import Log
from eflowprov.parsers.system_logs import LogReader, read_log
from eflowprov.parsers.text import clean

_WHERE = "iotedge logs edgeAgent"
_HEAD = 20  # lines; an error in place of the log comes first
_MISSING = re.compile(
    r"no such (?:container|module)|(?:container|module) .{0,80}(?:not found|does not exist)", re.IGNORECASE
)


def parse_agent_log(text: str) -> Log:
    """Read the agent's log; exceptions on lines of their own become causes of the entry before them.

    An empty text is a Log without entries: the container has written nothing yet. An error in place of the log (no
    such container, a runtime that does not answer) is `failure`. ParseError for any other text.
    """
    text = clean(text)
    if not text.strip():
        return Log()
    try:
        return read_log(text, _WHERE, LogReader("edgeAgent", joined=True))
    except ParseError:
        lines = text.split("\n")
        missing = next((line.strip() for line in lines[:_HEAD] if _MISSING.search(line)), "")
        if not missing:
            raise
        return Log(lines=len(lines), failure=(missing,))
