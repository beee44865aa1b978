"""`iotedge logs edgeAgent`: what the agent's container wrote; the one place that tells the connection to the hub."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from eflowprov.errors import ParseError
from eflowprov.model import Log
from eflowprov.parsers.system_logs import LogReader, split_lines, without_entries
from eflowprov.parsers.text import clean

_WHERE = "iotedge logs edgeAgent"
_HEAD = 20  # lines; an error in place of the log comes first
_KEPT = 200  # lines of the head that are kept in case that none can be read
_NEWEST = 5000  # entries; the agent is asked for its newest 200 lines, only a saved log can have more
_MISSING = re.compile(
    r"no such (?:container|module)|(?:container|module) .{0,80}(?:not found|does not exist)", re.IGNORECASE
)


def parse_agent_log(text: str) -> Log:
    """Read the agent's log; exceptions on lines of their own become causes of the entry before them.

    An empty text is a Log without entries: the container has written nothing yet. An error in place of the log (no
    such container, a runtime that does not answer) is `failure`. ParseError for any other text.
    """
    return read_agent_log([split_lines(clean(text))])


def read_agent_log(batches: Iterable[list[str]]) -> Log:
    """The same for clean lines in batches, in constant memory: of a long log its newest entries are kept."""
    reader = LogReader("edgeAgent", joined=True)
    head: list[str] = []
    newest = deque(reader.entries(_heading(batches, head)), maxlen=_NEWEST)
    text = "\n".join(head)
    if not text.strip() and not reader.known:
        return Log()
    try:
        log = without_entries(reader, text, _WHERE)
    except ParseError:
        missing = next((line.strip() for line in head[:_HEAD] if _MISSING.search(line)), "")
        if not missing:
            raise
        return Log(lines=reader.lines, failure=(missing,))
    count = reader.counts.entries
    left_out = f"Only the newest {_NEWEST} of the {count} entries of edgeAgent's log were judged"
    return replace(log, entries=tuple(newest), left_out=left_out if count > _NEWEST else "")


def _heading(batches: Iterable[list[str]], head: list[str]) -> Iterator[str]:
    """The lines of the batches; the first of them go into `head` too."""
    for lines in batches:
        head += lines[: max(_KEPT - len(head), 0)]
        yield from lines
