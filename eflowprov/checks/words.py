"""Whose words a log's entries are, and what the runtime's own words about provisioning say, in order.

Read in the source of aziot-identityd and aziot-edged 1.2 to 1.6 and of iotedged 1.0 and 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from eflowprov.model import Log, LogEntry, Problem

# The daemons; "" is a line that does not tell its service (Windows, `<6>` prefixes, pastes).
_OWN = {"identityd", "edged", "keyd", "certd", "tpmd", "iotedged", "iotedge", ""}
_PROVISIONERS = {"identityd", "edged", "iotedged", "iotedge", ""}
_OWN_UNIT = re.compile(r"\b(?:aziot-(?:edged|identityd|keyd|certd|tpmd)|iotedge)(?:\.service|\.socket)?\b")


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
    for place, entry in enumerate(log.entries):
        service = short(entry.service)
        if service in _OWN or (service in ("systemd", "init.scope") and _OWN_UNIT.search(entry.message)):
            yield place, entry


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
            r"|Could not get (?:identity|module) \$?edgeAgent",
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


def timeline(log: Log | Problem) -> tuple[Event, ...]:
    """The runtime's words about its provisioning, oldest first."""
    reader = _Reader()
    return tuple(
        event
        for place, entry in own_entries(log)
        if short(entry.service) in _PROVISIONERS and (event := reader.read(place, entry)) is not None
    )


_FAILED_AT = {None: None, False: Word.DPS_FAILED, True: Word.HUB_FAILED}


class _Reader:
    """Tells failures apart by the phase they fall into, and 1.1's proof of the hub by its two halves."""

    def __init__(self) -> None:
        self._at_hub: bool | None = None  # None: neither with DPS nor with the hub yet
        self._updated = False

    def read(self, place: int, entry: LogEntry) -> Event | None:
        word = self._told_apart(self._word(entry))
        if word is None:
            return None
        self._follow(word)
        return Event(word, place, entry)

    def _word(self, entry: LogEntry) -> Word | None:
        if self._at_hub is None and entry.message.startswith("Failed to provision with IoT Hub"):
            self._at_hub = False  # the log begins in the middle: the registration itself is the more usual failure
        if _IDENTITY_UPDATE.search(entry.message):
            self._updated = True  # iotedged logs it before it asks the hub; creating edgeAgent comes after the answer
        elif self._updated and _AGENT_CREATED.search(entry.message):
            return Word.HUB_OK
        text = said(entry)
        return next((word for word, pattern in _WORDS if pattern.search(text)), None)

    def _told_apart(self, word: Word | None) -> Word | None:
        if word is Word.FAILED:
            return _FAILED_AT[self._at_hub]
        return word

    def _follow(self, word: Word) -> None:
        self._at_hub = word not in (Word.TRYING, Word.DPS_FAILED)
        self._updated = self._updated and word is Word.HUB_OK


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
