"""One line of a journal or of a container's log: who wrote it, when, at which level, and what it says.

Known forms: journalctl's text (short, short-iso, short-full, short-unix; any language), `<6>DATE` of a service
without a journal, neither, the agent's `+00:00 [INF]`, Windows' `info: module -- text`, and journalctl's JSON.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from eflowprov.model import LogLevel

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEVELS = {
    **dict.fromkeys(("INFO", "INF"), LogLevel.INFO),
    **dict.fromkeys(("WARN", "WRN"), LogLevel.WARNING),
    **dict.fromkeys(("ERR!", "ERR", "ERRO", "ERROR", "FTL", "FATAL"), LogLevel.ERROR),
    **dict.fromkeys(("DBUG", "DEBUG", "DBG", "TRCE", "TRACE", "VRB"), LogLevel.DEBUG),
}
_WORDS = "|".join(re.escape(word) for word in _LEVELS)
_STAMP = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?) ?(Z|UTC|[+-]\d\d:?\d\d)?"
_BODY = re.compile(rf"{_STAMP}[ \t]+\[({_WORDS})\](?:[ \t]+\[[^\]]{{1,160}}\])?[ \t]+-(?:[ ]|$|(?=\t))(.*)", re.S)
_BODY_WITHOUT_STAMP = re.compile(rf"[ \t]*(?:<\d>)?[ \t]*\[({_WORDS})\][ \t]+-(?:[ ]|$|(?=\t))(.*)", re.S)
_WINDOWS = re.compile(
    r"\s*(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s+\d{1,2}:\d\d:\d\d(?:\s?[AP]M)?\s+)?"
    r"(info|warn|err|error|debug|dbug|trace)!?:\s+(?:[\w:]{1,120}\s+)?--\s(.*)"
)
_DATED = re.compile(r"(?:<\d>)?\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?\s+(?=[^\s+-])(.*)")
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_PREFIX = re.compile(
    rf"""[\#>\s]{{0,8}}(?:
        [^\s\d]\S{{0,14}}\s+\d{{1,2}}\.?\s+{_CLOCK}                     # Nov 22 05:10:11, in any language
      | \d{{1,2}}\S{{0,3}}\s+[^\W\d]\S{{0,14}}\s+{_CLOCK}                # 22 nov 05:10:11
      | \d{{1,2}}[^\s\d:.]{{1,2}}\s+\d{{1,2}}\s+{_CLOCK}                 # months that are a number and a sign
      | (?:\w{{2,5}}\.?\s+)?(?P<iso>\d{{4}}-\d\d-\d\d[T ]{_CLOCK})[ ]?(?P<zone>Z|UTC|[+-]\d\d:?\d\d|[A-Z]{{2,5}})?
      | (?P<unix>\d{{9,11}}\.\d{{6}})
      | \[\s*\d+\.\d{{6}}\]
    )\s+\S+\s+(?P<service>[^\s\[\]:]+)(?:\[\d+\])?:(?:\s|$)(?P<body>.*)""",
    re.VERBOSE | re.DOTALL,
)
_SERVICE = re.compile(r"([^\s\[\]:]+)(?:\[\d+\])?:\s*$")
_KERNEL = re.compile(r"\s*\[\s*\d{1,9}\.\d{6}\]\s(.*)")
_UNTIL_BODY = 400  # a stamp and level further behind belong to a message that quotes a log


class Line(NamedTuple):
    """A line read: `text` is the message without prefix, time and level; `service` "" when the line does not tell."""

    time: datetime | None
    service: str
    level: LogLevel
    text: str


def read_text_line(line: str) -> Line | None:
    """A line of a text form; None when it has neither prefix, time nor level."""
    found = _BODY.search(line)
    if found and found.start() < _UNTIL_BODY:
        service = _SERVICE.search(line, 0, found.start())
        return Line(stamp(found[1], found[2]), service[1] if service else "", _LEVELS[found[3]], found[4])
    prefixed = _PREFIX.match(line)
    if prefixed:
        level, body = _level(prefixed["body"])
        return Line(_prefix_time(prefixed), prefixed["service"], level, body)
    return _read_unprefixed(line)


def _read_unprefixed(line: str) -> Line | None:
    bare = _BODY_WITHOUT_STAMP.match(line.lstrip("#> \t"))
    if bare:
        return Line(None, "", _LEVELS[bare[1]], bare[2])
    windows = _WINDOWS.match(line)
    if windows:
        return Line(None, "", _LEVELS[windows[1].upper()], windows[2].rstrip())
    kernel = _KERNEL.match(line)
    if kernel:
        return Line(None, "kernel", LogLevel.NONE, kernel[1])
    dated = _DATED.match(line)
    return Line(None, "", LogLevel.NONE, dated[1]) if dated else None


def read_json_line(line: str) -> dict[str, object] | None:
    """The fields of a line of `journalctl -o json`; None for JSON that is no entry of a journal.

    ValueError when the line is cut off.
    """
    try:
        fields = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    is_entry = isinstance(fields, dict) and ("MESSAGE" in fields or "__REALTIME_TIMESTAMP" in fields)
    return fields if is_entry else None


def read_fields(fields: dict[str, object]) -> Line:
    """What the fields of one entry say."""
    value = fields.get("MESSAGE")
    text = value if isinstance(value, str) else _message(value)
    time = _microseconds(fields.get("__REALTIME_TIMESTAMP"))
    service = _service(fields)
    found = _BODY.match(text)
    if found:
        return Line(time or stamp(found[1], found[2]), service, _LEVELS[found[3]], found[4])
    level, text = _level(text)
    return Line(time, service, level, text)


def stamp(moment: str, zone: str | None) -> datetime | None:
    """A time in UTC; None when it has no zone that is known, so that it could be any hour."""
    if zone in ("Z", "UTC"):
        zone = "+00:00"
    if not zone or zone[0] not in "+-":
        return None
    try:
        return datetime.fromisoformat(moment[:26].replace(",", ".") + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _level(body: str) -> tuple[LogLevel, str]:
    found = _BODY_WITHOUT_STAMP.match(body)
    return (_LEVELS[found[1]], found[2]) if found else (LogLevel.NONE, body)


def _prefix_time(prefixed: re.Match[str]) -> datetime | None:
    if prefixed["unix"]:
        return _microseconds(prefixed["unix"].replace(".", ""))
    return stamp(prefixed["iso"], prefixed["zone"]) if prefixed["iso"] else None


def _microseconds(value: object) -> datetime | None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(value))
    except (ValueError, OverflowError):
        return None


def _message(value: object) -> str:
    """MESSAGE is a text, an array of bytes when it is not UTF-8, null when it is too large; an array when repeated."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    if all(isinstance(part, int) and 0 <= part < 256 for part in value):
        return bytes(value).decode("utf-8", "replace")
    return "\n".join(_message(part) for part in value if isinstance(part, str))


def _service(fields: dict[str, object]) -> str:
    """The short name of the unit for IoT Edge's own services, else the program that wrote the line."""
    unit, program = fields.get("_SYSTEMD_UNIT"), fields.get("SYSLOG_IDENTIFIER")
    short = unit.removesuffix(".service") if isinstance(unit, str) else ""
    if short.startswith("aziot-") or not isinstance(program, str) or not program:
        return short
    return program
