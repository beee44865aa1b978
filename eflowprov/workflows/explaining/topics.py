"""Everything that `explain` knows, as one list: the catalogue's entries with what kind of thing each is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from eflowprov.checks.entries import ADVICE, BLOCKING, NOISE, Entry, check_entries, entries, message_entries
from eflowprov.checks.log_patterns import KNOWN_MESSAGES, Gravity

_GRAVITY = {Gravity.BLOCKING: BLOCKING, Gravity.NOTABLE: ADVICE, Gravity.HARMLESS: NOISE}
OWN = "message of eflowprov"
# The file of plain entries -> what its entries are, for people; `words` has three kinds.
_FILES = {
    "runtime": "finding",
    "steps": "finding",
    "host": "finding",
    "certificate": "finding",
    "tool": OWN,
    "words": "",
}
_WORDS = {"verdict": "verdict", "outcome": "outcome of a finding", "exit-status": "exit status"}
KINDS = ("finding", "iotedge check", "log message", "DPS message", "EFLOW message", OWN, *_WORDS.values())


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to explain: an entry of the catalogue, and its kind in a person's words (one of KINDS)."""

    kind: str
    entry: Entry


@cache
def topics() -> tuple[Topic, ...]:
    """Every topic, each id once."""
    return tuple(_all())


@cache
def by_id() -> Mapping[str, Topic]:
    """Every topic by its id in lower case."""
    return {topic.entry.id.casefold(): topic for topic in topics()}


def _all() -> Iterator[Topic]:
    for file, kind in _FILES.items():
        for entry in entries(file).values():
            yield Topic(kind or _WORDS[entry.id.partition("/")[0]], entry)
    yield from (Topic("iotedge check", known.entry) for known in check_entries().values())
    yield from (Topic("DPS message", known.entry) for known in message_entries("dps"))
    yield from (Topic("DPS message", known.entry) for known in message_entries("dps-service"))
    yield from (Topic("EFLOW message", known.entry) for known in message_entries("eflow"))
    for known in KNOWN_MESSAGES:
        remedy = known.remedy or "Nothing to do."
        yield Topic("log message", Entry(f"logs/{known.id}", known.title, known.cause, remedy, _GRAVITY[known.gravity]))
