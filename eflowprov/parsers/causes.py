"""Messages with their causes, as iotedge's Rust code prints them: a headline, then `caused by:` lines.

The headline may be several lines; a cause goes on in lines aligned below it. anyhow prints `Caused by:` alone on a
line and the cause below, numbered when there are several. From 1.3.0 on check's first cause repeats the headline
(iotedge#6669).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAUSED_BY = re.compile(r"caused by:\s*(.*)", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"\d{1,3}:\s+(?=\S)")
RUNTIME_ERROR = "A module runtime error occurred"


def cause_of(line: str) -> str | None:
    """What stands behind `caused by:` ("" when that is alone on its line); None for any other line."""
    found = _CAUSED_BY.match(line.strip())
    return found[1].strip() if found else None


def fold_causes(lines: Iterable[str]) -> tuple[str, ...]:
    """The headline and then its causes, each once; lines of one message are joined by LF, empty ones are gone."""
    messages: list[list[str]] = [[]]
    below = False  # a `Caused by:` alone on its line was the last to begin a cause
    for line in lines:
        stripped = line.strip()
        cause = cause_of(stripped)
        if cause is not None:
            messages.append([cause])
            below = not cause
        elif below and _NUMBERED.match(stripped):
            messages.append([_NUMBERED.sub("", stripped, count=1)])
        else:
            messages[-1].append(stripped)
    return _each_once("\n".join(filter(None, message)) for message in messages)


def printed_failure(text: str) -> tuple[str, ...]:
    """The message and causes of a command that printed an error in place of its output; () when it did not.

    Known by the runtime's own first sentence, or by a first line that `caused by:` lines follow. A final full stop
    is not part of the message: some versions print it.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if RUNTIME_ERROR.lower() in line.lower()), None)
    if start is None:
        first = next((i for i, line in enumerate(lines) if cause_of(line) is not None), None)
        if not first or cause_of(lines[first - 1]) is not None:
            return ()
        start = first - 1
    end = start + 1
    while end < len(lines) and (cause_of(lines[end]) is not None or lines[end][:1].isspace()):
        end += 1
    head = lines[start].strip()
    at = head.lower().find(RUNTIME_ERROR.lower())
    return tuple(part.removesuffix(".") for part in fold_causes([head[max(at, 0) :], *lines[start + 1 : end]]))


def _each_once(messages: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for message in messages:
        if message:
            kept.setdefault("".join(message.split()).rstrip(".").lower(), message)
    return tuple(kept.values())
