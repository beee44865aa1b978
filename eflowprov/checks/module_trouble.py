"""What stands behind a module's state: restarted again and again, stopped on purpose, or wanted and not there.

`iotedge list` shows a moment. Whether a module is in a restart loop, why it stopped, and which modules a deployment
wants but could not make, is told by edgeAgent's log and the journal. Read in edge-agent's source (RestartPlanner,
HealthRestartPlanner, the commands' own texts) and edgelet's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eflowprov.checks.words import own_entries, said, short
from eflowprov.model import Log, LogEntry, Module, Problem

_UP = re.compile(
    r"^Up (?:less than )?(?P<count>an?|\d{1,6})? ?(?P<unit>second|minute|hour|day|week|month|year)s?", re.IGNORECASE
)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
_FRESH = timedelta(minutes=5)  # edgeAgent's longest pause between two restarts of a module is five minutes
_LONG = timedelta(minutes=10)
_LOOP = 3  # one restart may be anybody's, a second follows an update; three within the log are a loop

# RestartPlanner's own words.
_SCHEDULED = re.compile(r"Module '(?P<name>[\w.-]+)' scheduled to restart after", re.IGNORECASE)
_STARTED = re.compile(
    r"(?:^(?:Successfully )?started (?:Edge runtime )?module|runtime status is \w+, starting module now)"
    r"(?: (?P<name>[\w.-]+))?",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\b(?P<verb>Stop|Start|Create|Update|Restart) module (?P<name>[\w.-]*\w)")
_BEGAN = re.compile(r"^Starting (?:Azure IoT Edge|management API)|^Starting service\.\.\.", re.IGNORECASE)
_RUNS = re.compile(r"^Edge runtime is running|^Started Edge runtime module", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a module was started again while the runtime itself ran on; `looping` from three times."""

    count: int
    up: timedelta
    entries: tuple[LogEntry, ...]

    @property
    def looping(self) -> bool:
        return self.count >= _LOOP


def uptime(description: str) -> timedelta | None:
    """How long a module has been up by its rough English description; None when it does not say."""
    found = _UP.match(description)
    if not found:
        return timedelta() if re.match(r"^Up (?:now|just)", description, re.IGNORECASE) else None
    count = found["count"] or "1"
    return timedelta(seconds=_UNITS[found["unit"].lower()] * (int(count) if count.isdigit() else 1))


def restarts(module: Module, journal: Log | Problem, agent: Log | Problem) -> Restarts | None:
    """What tells that a running module was started again lately; None when nothing does."""
    up = uptime(module.description)
    if up is None or up >= _FRESH:
        return None
    told = _starts_of(module.name, journal, agent)
    if len(told) >= 2 or (told and _SCHEDULED.search(said(told[-1]))):
        return Restarts(len(told), up, tuple(told[-3:]))
    if _ran_before(module.name, up, journal, agent):
        return Restarts(1, up, ())
    return None


def scheduled(module: Module, agent: Log | Problem) -> tuple[LogEntry, ...]:
    """edgeAgent's words that it is going to start this module again."""
    return tuple(entry for entry in _entries(agent) if _named(_SCHEDULED, entry) == module.name)[-3:]


def stopped_by_deployment(name: str, agent: Log | Problem) -> LogEntry | None:
    """edgeAgent's word that it stopped the module, when that is the last it did with it: its deployment says so."""
    last: tuple[str, LogEntry] | None = None
    for entry in _entries(agent):
        for found in _COMMAND.finditer(said(entry)):
            if found["name"] == name:
                last = (found["verb"], entry)
    return last[1] if last and last[0] == "Stop" else None


def _entries(log: Log | Problem) -> tuple[LogEntry, ...]:
    return () if isinstance(log, Problem) else log.entries


def _named(pattern: re.Pattern[str], entry: LogEntry) -> str:
    found = pattern.search(said(entry))
    return (found["name"] or "edgeAgent") if found else ""


def _starts_of(name: str, journal: Log | Problem, agent: Log | Problem) -> list[LogEntry]:
    """Every start of the module that is told since the runtime itself began; a restart of the VM is no loop."""
    own = [entry for _, entry in own_entries(journal)]
    began = max((place for place, entry in enumerate(own) if _BEGAN.search(entry.message)), default=-1)
    since = own[began].time if began >= 0 else None
    planned = [entry for entry in _entries(agent) if _named(_SCHEDULED, entry) == name and _is_after(entry, since)]
    started = [entry for entry in own[began + 1 :] if _named(_STARTED, entry) == name]
    return _each_once(planned) or started


def _is_after(entry: LogEntry, since: datetime | None) -> bool:
    return entry.time is None or since is None or entry.time >= since


def _each_once(planned: Iterable[LogEntry]) -> list[LogEntry]:
    """edgeAgent repeats a plan every few seconds while it counts down (`(04s left)`): one pause is one restart."""
    kept: list[tuple[str, LogEntry]] = []
    for entry in planned:
        pause = entry.message.partition("(")[0]
        if not kept or kept[-1][0] != pause:
            kept.append((pause, entry))
    return [entry for _, entry in kept]


def _ran_before(name: str, up: timedelta, journal: Log | Problem, agent: Log | Problem) -> bool:
    """Whether the device ran for long before this start, and edgeAgent did not make the module anew just now."""
    own = [entry for _, entry in own_entries(journal) if short(entry.service) != "identityd"]
    times = [entry.time for entry in own if entry.time is not None]
    began = [entry.time for entry in own if entry.time and _BEGAN.search(entry.message)]
    if not times or (began and max(times) - began[-1] < up + _LONG):
        return False
    runs = next((entry.time for entry in own if entry.time and _RUNS.search(entry.message)), None)
    made = any(found["name"] == name for entry in _entries(agent) for found in _COMMAND.finditer(said(entry)))
    return runs is not None and max(times) - runs > up + _LONG and not made


# ------------------------------------------------------------------------------------------------ wanted, not there

_FAILING = re.compile(
    r"(?:Failure when running command|Error calling|Could not|Failed to|Unable to)\s+(?:Command Group: \(\s*\[?)?"
    r"(?:create|start|update|pull|prepare update for|prepare)\w*\s+(?:image for )?module '?(?P<name>[\w.-]*\w)",
    re.IGNORECASE,
)
_IMAGE = re.compile(
    r"pull(?:ing)? image|image \S+ (?:not found|could not)|manifest unknown|toomanyrequests", re.IGNORECASE
)
LOOKED_FOR = (_STARTED, _BEGAN, _RUNS, _FAILING)  # in the journal
_REASONS = tuple(
    (re.compile(pattern, re.IGNORECASE), told)
    for pattern, told in (
        (r"no space left", "the VM's disk is full"),
        (r"port is already allocated|address already in use", "one of its ports is taken"),
        (r"unauthorized|authentication required|denied:", "the registry refused the credentials"),
        (r"manifest (?:for \S+ )?(?:not found|unknown)|not found: manifest", "there is no such image"),
        (r"lookup |no such host|server misbehaving", "the registry's name cannot be resolved"),
        (r"timeout|timed out|refused|unreachable", "the registry cannot be reached"),
    )
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A module that was wanted and could not be made: `why` in a sentence, and the words that it rests on."""

    name: str
    why: str
    entry: LogEntry


def missing(listed: Iterable[str], journal: Log | Problem, agent: Log | Problem) -> list[Missing]:
    """The modules that edgeAgent or edged could not make, and that are not there now; each once, by its last words."""
    there = {*listed, "edgeAgent"}
    own = [entry for _, entry in own_entries(journal)]
    found: dict[str, Missing] = {}
    for entry in (*own, *_entries(agent)):
        name = _named(_FAILING, entry)
        if name and name not in there and not _tells_less(entry, found.get(name)):
            found[name] = Missing(name, _why(said(entry)), entry)
    return list(found.values())


def _tells_less(entry: LogEntry, before: Missing | None) -> bool:
    """Whether an entry only repeats that a step failed, while the one before it gave the causes."""
    return before is not None and not entry.causes and bool(before.entry.causes)


def _why(text: str) -> str:
    reason = next((f" ({told})" for pattern, told in _REASONS if pattern.search(text)), "")
    what = "Its image could not be pulled" if _IMAGE.search(text) else "It could not be made or started"
    return f"{what}{reason}."
