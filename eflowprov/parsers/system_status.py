"""`iotedge system status` (1.2 and later): a row for each service, and the last log lines of those that are down."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from eflowprov.model import Service, ServiceStatus
from eflowprov.parsers.prompts import is_around, is_prompt, unquoted
from eflowprov.parsers.text import clean, refusal

_WHERE = "iotedge system status"
_HEADING = "System services:"
_ROW = re.compile(r"([\w@.-]+?):?\s+(Running|Ready|Down)(?:\s+-\s+(\S.*)|\s+-)?")
_ANY_SERVICE = re.compile(r"(?:aziot|iotedge)[\w.-]*:?(?:\s|$)")
_BAD_STATE = re.compile(r"([\w@.-]+) is in a bad state because:?")
_PRINTING = re.compile(r"[\w@.-]+\.(?:service|socket): .{0,400}Printing the last \d+ log lines\.")
_HINT = re.compile(r"Use '.{1,60}' to ")


@dataclass
class _Read:
    services: dict[str, Service] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    in_rows: bool = False
    block: str = ""


def parse_system_status(text: str) -> ServiceStatus:
    """Read one output of `iotedge system status`, each service with the log lines that stand below it.

    ParseError for anything without a row: an empty text (1.1 has no such command), the error sentence of a snap, a
    usage error; and for a row whose state is none of Running, Ready and Down.
    """
    text = unquoted(clean(text)).replace(_HEADING, f"\n{_HEADING}\n")  # it may stand on the prompt's or a row's line
    read = _Read()
    for line in text.split("\n"):
        if is_prompt(line) and read.services:
            break
        _take(read, line)
    if not read.services:
        raise refusal(_WHERE, text, "it has no row for a service")
    return ServiceStatus(tuple(replace(s, log=tuple(read.logs.get(s.name, ()))) for s in read.services.values()))


def _take(read: _Read, line: str) -> None:
    stripped = line.strip()
    bad = _BAD_STATE.match(stripped)
    if bad:
        read.in_rows, read.block = False, bad[1]
    elif stripped == _HEADING:
        read.in_rows = True
    elif _HINT.match(stripped):
        read.in_rows, read.block = False, ""
    elif read.block:
        if stripped and not _PRINTING.fullmatch(stripped):
            read.logs.setdefault(read.block, []).append(stripped)
    elif read.in_rows or _ANY_SERVICE.match(stripped):
        _take_row(read, line, stripped)


def _take_row(read: _Read, line: str, stripped: str) -> None:
    row = _ROW.fullmatch(stripped)
    if row:
        name = row[1].removesuffix(".service")
        read.services[name] = Service(name, row[2], (row[3] or "").strip())
    elif not is_around(line):
        raise refusal(_WHERE, line, "one of its rows is not NAME and Running, Ready or Down")
