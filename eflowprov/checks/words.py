"""Whose words a log's entries are, and what the runtime's own words about provisioning say, in order.

Read in the source of aziot-identityd and aziot-edged 1.2 to 1.6 and of iotedged 1.0 and 1.1.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from eflowprov.checks.log_digest import LogDigest
from eflowprov.checks.log_patterns import SIGN_REFUSED
from eflowprov.model import Log, LogEntry, LogRecord, Problem, as_entry

# The daemons; "" is a line that does not tell its service (Windows, `<6>` prefixes, pastes).
_OWN = {"identityd", "edged", "keyd", "certd", "tpmd", "iotedged", "iotedge", ""}
_PROVISIONERS = {"identityd", "edged", "iotedged", "iotedge", ""}
_OWN_UNIT = re.compile(r"\b(?:aziot-(?:edged|identityd|keyd|certd|tpmd)|iotedge)(?:\.service|\.socket)?\b")


@lru_cache(maxsize=256)
def short(service: str) -> str:
    """`aziot-identityd.service` -> `identityd`."""
    return service.removesuffix(".service").removeprefix("aziot-")


def said(entry: LogEntry) -> str:
    """An entry's message and causes, each on a line."""
    return "\n".join((entry.message, *entry.causes))


def quoted(entry: LogEntry) -> str:
    """An entry as evidence: its message, and under it the chain of its causes."""
    return "\n".join((entry.message, *(f"caused by: {cause}" for cause in entry.causes)))


def own_entries(log: Log | Problem) -> Iterator[tuple[int, LogEntry]]:
    """The runtime's own entries with their places; systemd's when they are about one of its units.

    Other programs on the device speak of DPS and of 401 too (iotedge#5700, iot-hub-device-update#459): not counted.
    """
    if isinstance(log, Problem):
        return
    for place, entry in (
        zip(log.places, log.entries, strict=True) if isinstance(log, LogDigest) else enumerate(log.entries)
    ):
        if is_own(entry.service, entry.message):
            yield place, entry


def is_own(service: str, message: str) -> bool:
    """Whether a service's message is the runtime's own."""
    name = short(service)
    return name in _OWN or (name in ("systemd", "init.scope") and _OWN_UNIT.search(message) is not None)


class Word(StrEnum):
    """One thing that the runtime said about its provisioning."""

    TRYING = "trying"  # a registration with DPS began or goes on
    DPS_OK = "dps-ok"
    DPS_FAILED = "dps-failed"
    BACKUP = "backup"
    BY_HAND = "by-hand"  # provisioned without DPS
    COMPLETE = "complete"
    RECONCILING = "reconciling"  # the hub is being asked
    HUB_OK = "hub-ok"
    HUB_FAILED = "hub-failed"
    FAILED = "failed"  # told apart by what went before; stands in no timeline


@dataclass(frozen=True, slots=True)
class Event:
    """A word, the place of its entry in the log, and the entry."""

    word: Word
    place: int
    entry: LogEntry


# The first that matches counts. DPS before hub: a DPS refusal may name the hub's error (iotedge#6675).
_WORDS = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        (Word.DPS_FAILED, r"DPS client error|DPS registration failed|custom allocation failed"),
        (
            Word.HUB_FAILED,
            r"Could not reconcile Identities|Network not available for Identity reconciliation|Hub client error"
            rf"|Could not get (?:identity|module) \$?edgeAgent|{SIGN_REFUSED}",
        ),
        (
            Word.FAILED,
            r"^Failed to provision with IoT Hub|^service encountered an error"
            r"|could not start up successfully.*provision"
            r"|HTTP request failed: \[40[13]",
        ),
        (Word.BACKUP, r"^Provisioned with backup for"),
        (
            Word.DPS_OK,
            r"^Successfully provisioned with DPS|^DPS registration complete|^Assigned to IoT hub:"
            r"|^Successful DPS provisioning"
            r"|^DPS registration assigned device",
        ),
        (
            Word.BY_HAND,
            r"^Updated device info for|^Manually provisioning|via manual mode|^Successfully manually provisioned",
        ),
        (Word.HUB_OK, r"^Identity reconciliation complete"),
        (Word.RECONCILING, r"^Identity reconciliation started"),
        (Word.COMPLETE, r"^Provisioning complete|^Finished provisioning edge device"),
        (
            Word.TRYING,
            r"^Sending DPS registration request|^Checking DPS registration status"
            r"|^DPS registration is still in progress"
            r"|^Provisioning starting|^Starting provisioning edge device|^Starting DPS registration"
            r"|^Provisioning edge device",
        ),
    )
)
_IDENTITY_UPDATE = re.compile(r"^Updating identity for module \$edgeAgent")
_AGENT_CREATED = re.compile(
    r"^Successfully (?:created|started) module edgeAgent|^(?:Created|Started) Edge runtime module"
)
_NOT_PROVISIONED = re.compile(r"^Failed to provision with IoT Hub")
_TELLING = (*(pattern for _, pattern in _WORDS), _IDENTITY_UPDATE, _AGENT_CREATED, _NOT_PROVISIONED)


def timeline(log: Log | Problem) -> tuple[Event, ...]:
    """The runtime's words about its provisioning, oldest first; of a digest, those that judgement looks at."""
    if isinstance(log, LogDigest):
        return log.events
    reader = _Reader()
    events = []
    for place, entry in own_entries(log):
        text = said(entry)
        word = reader.read(entry.service, mention({pattern for pattern in _TELLING if pattern.search(text)}))
        events += [Event(word, place, entry)] if word else []
    return tuple(events)


@dataclass(frozen=True, slots=True)
class Mention:
    """What one message may say of the provisioning, before it is told apart by what went before."""

    word: Word | None
    updates: bool
    creates: bool
    not_provisioned: bool


def mention(matching: Container[re.Pattern[str]]) -> Mention | None:
    """What a message says that these patterns match; None for nothing."""
    word = next((word for word, pattern in _WORDS if pattern in matching), None)
    others = [pattern in matching for pattern in (_IDENTITY_UPDATE, _AGENT_CREATED, _NOT_PROVISIONED)]
    return Mention(word, *others) if word or any(others) else None


_FAILED_AT = {None: None, False: Word.DPS_FAILED, True: Word.HUB_FAILED}


class _Reader:
    """Tells failures apart by the phase they fall into, and 1.1's proof of the hub by its two halves."""

    def __init__(self) -> None:
        self._at_hub: bool | None = None  # None: neither with DPS nor with the hub yet
        self._updated = False

    def read(self, service: str, told: Mention | None) -> Word | None:
        if told is None or short(service) not in _PROVISIONERS:
            return None
        word = self._told_apart(self._word(told))
        if word is not None:
            self._follow(word)
        return word

    def _word(self, told: Mention) -> Word | None:
        if self._at_hub is None and told.not_provisioned:
            self._at_hub = False  # the log begins in the middle: the registration itself is the more usual failure
        if told.updates:
            self._updated = True  # iotedged logs it before it asks the hub; creating edgeAgent comes after the answer
        elif self._updated and told.creates:
            return Word.HUB_OK
        return told.word

    def _told_apart(self, word: Word | None) -> Word | None:
        if word is Word.FAILED:
            return _FAILED_AT[self._at_hub]
        return word

    def _follow(self, word: Word) -> None:
        self._at_hub = word not in (Word.TRYING, Word.DPS_FAILED)
        self._updated = self._updated and word is Word.HUB_OK


_NEWEST = 8  # events of each word; judgement quotes three
_AT_HUB = {Word.HUB_OK, Word.HUB_FAILED, Word.RECONCILING}
_Told = tuple[int, Word, LogRecord]


class TimelineDigest:
    """The timeline of a log of any size: the newest events of each word, each with the one before it.

    The one before is kept, of all and of those about the hub, so that two failures that something came between are
    not taken for one.
    """

    def __init__(self) -> None:
        self._reader = _Reader()
        self._newest: dict[Word, deque[tuple[_Told, ...]]] = {word: deque(maxlen=_NEWEST) for word in Word}
        self._last: tuple[_Told, ...] = ()
        self._last_at_hub: tuple[_Told, ...] = ()

    def add(self, record: LogRecord, told: Mention) -> None:
        """The next entry, and what it says."""
        word = self._reader.read(record[3], told)
        if word is None:
            return
        event = (record[0], word, record)
        self._newest[word].append((*self._last, *self._last_at_hub, event))
        self._last = (event,)
        if word in _AT_HUB:
            self._last_at_hub = self._last

    def events(self) -> tuple[Event, ...]:
        """What is kept, oldest first."""
        kept = {event[0]: event for newest in self._newest.values() for events in newest for event in events}
        return tuple(Event(word, place, as_entry(record)) for place, word, record in (kept[at] for at in sorted(kept)))


# 1.1 puts names in quotes. A name that a terminal cut off (`contoso…`) is no name.
_DEVICE_NAME = r"\"?(?P<device>[^\"\s]+)\"?"
_HUB_NAME = r"\"?(?P<hub>[A-Za-z0-9][\w.-]*)\"?(?:\s|$)"
_ASSIGNED = (
    re.compile(rf"^Device is {_DEVICE_NAME} on {_HUB_NAME}"),
    re.compile(rf"^DPS registration assigned device {_DEVICE_NAME} in hub {_HUB_NAME}"),
    re.compile(rf"^Assigned to IoT hub: {_HUB_NAME}"),
    re.compile(rf"^Manually provisioning device {_DEVICE_NAME} in hub {_HUB_NAME}"),
)


def named_identity(log: Log | Problem) -> tuple[str, str]:
    """The hub and the device ID that the journal names last; "" for what it does not name.

    The hub is what `iotedge check --iothub-hostname` needs on a device that DPS provisioned.
    """
    hub = device = ""
    for _, entry in own_entries(log):
        for pattern in _ASSIGNED:
            if found := pattern.search(entry.message):
                hub = found["hub"].rstrip(".")
                device = found.groupdict().get("device") or device
    return hub, device


LOOKED_FOR = (*_TELLING, *_ASSIGNED)  # in the journal
