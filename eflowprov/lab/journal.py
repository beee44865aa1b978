"""The simulated VM's journal: what its services wrote, in journalctl's JSON and text forms."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_PRIORITY = {"INFO": "6", "WARN": "4", "ERR!": "3"}
_PID = {"aziot-edged": 901, "aziot-identityd": 812, "aziot-certd": 820, "aziot-keyd": 815}
_HOST = "LAB-EFLOW"


@dataclass(frozen=True, slots=True)
class Line:
    time: datetime
    service: str
    level: str
    message: str


class LabJournal:
    """Lines in the order in which they were written; safe to use from several threads."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._lock = threading.Lock()

    def write(self, service: str, *messages: str, level: str = "INFO") -> None:
        with self._lock:
            self._lines += [Line(datetime.now(UTC), service, level, message) for message in messages]

    def render(self, arguments: Sequence[str], *, now: datetime) -> str:
        """What journalctl would print for `--since X [-o json]`."""
        options = dict(zip(arguments, [*arguments, ""][1:], strict=True))
        since = _since(options["--since"], now) if "--since" in options else datetime.min.replace(tzinfo=UTC)
        with self._lock:
            lines = [line for line in self._lines if line.time >= since]
        if options.get("-o") == "json":
            return "".join(_as_json(line) + "\n" for line in lines)
        return "".join(_as_text(line) + "\n" for line in lines) or "-- No entries --\n"


def _since(text: str, now: datetime) -> datetime:
    """`@seconds`, or `-1h` and the like."""
    if text.startswith("@"):
        return datetime.fromtimestamp(int(text[1:]), UTC)
    digits = text.lstrip("-").rstrip("smindh")
    unit = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}[
        text.lstrip("-")[len(digits) :]
    ]
    return now - timedelta(**{unit: int(digits)})


def _stamped(line: Line) -> str:
    return f"{line.time:%Y-%m-%dT%H:%M:%SZ} [{line.level}] - {line.message}"


def _as_json(line: Line) -> str:
    return json.dumps(
        {
            "__REALTIME_TIMESTAMP": str(int(line.time.timestamp() * 1_000_000)),
            "_SYSTEMD_UNIT": f"{line.service}.service",
            "SYSLOG_IDENTIFIER": line.service,
            "_HOSTNAME": _HOST,
            "_PID": str(_PID[line.service]),
            "PRIORITY": _PRIORITY[line.level],
            "MESSAGE": _stamped(line),
        }
    )


def _as_text(line: Line) -> str:
    return f"{line.time:%b %d %H:%M:%S} {_HOST} {line.service}[{_PID[line.service]}]: {_stamped(line)}"
