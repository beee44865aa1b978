"""What judgement needs of a journal of any size: the digest that `digesting` makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eflowprov.model import Log, LogCounts, LogEntry


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was seen, when first and last (None while no line told a time), and where last.

    `place` is the number of its last entry in the log, `entry` that entry; -1 and None for what was never seen.
    """

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    place: int = -1
    entry: LogEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDigest(Log):
    """A log of which `entries` are those that judgement looks at; `places` are their numbers in the log.

    `counts` is about all entries. `known` are the known messages by id; `settled` are the places where the same thing
    worked, by id, and `recovered` the last place where the runtime said that it works (-1: nowhere). `unknown` are
    errors that are no known message, by their shape, and `more` those for whose shape there was no room. `events` is
    the runtime's timeline.
    """

    places: tuple[int, ...] = ()
    counts: LogCounts = field(default_factory=LogCounts)
    known: Mapping[str, Tally] = field(default_factory=dict)
    settled: Mapping[str, int] = field(default_factory=dict)
    recovered: int = -1
    unknown: Mapping[str, Tally] = field(default_factory=dict)
    more: Tally = field(default_factory=Tally)
    events: tuple[Any, ...] = ()
