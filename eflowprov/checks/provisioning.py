"""`provisioning/dps-assigned` and `provisioning/hub-connected`: fresh proof in the runtime's own words, newest first.

edgeAgent's log is the best proof there is: it connected with the identity. Without it identityd's
`Identity reconciliation complete.` says that the hub took the identity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from eflowprov.checks.catalogue import explain_causes
from eflowprov.checks.judgement import Draft, evidence
from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.checks.words import Event, Word, named_identity, quoted, said, timeline
from eflowprov.model import Finding, Log, LogEntry, Outcome, Problem

_DPS = "provisioning/dps-assigned"
_HUB = "provisioning/hub-connected"
_TITLES = {_DPS: "DPS assigned the device to an IoT hub", _HUB: "the device reached its IoT hub"}
_SOURCES = {"journal": "iotedge system logs", "agent": "iotedge logs edgeAgent"}

_WAIT = "Wait two minutes, then verify again."
_READ_LOGS = 'Read the whole journal: Invoke-EflowVmCommand -command "sudo iotedge system logs -- --no-pager".'
_REPROVISION = 'Register anew: Invoke-EflowVmCommand -command "sudo iotedge system reprovision".'
_OR_REPROVISION = f"Or r{_REPROVISION[1:]}"
_NETWORK = (
    "Let the VM out on ports 443, 5671 and 8883 to *.azure-devices.net (Get-EflowVmEndpoint shows its address and "
    "gateway), "
    "then look in IoT Hub whether the device exists and is enabled."
)
_DEVICE = f"Look in IoT Hub whether the device exists and is enabled. {_REPROVISION}"

_DPS_WORDS = {Word.TRYING, Word.DPS_OK, Word.DPS_FAILED, Word.BACKUP}
_HUB_WORDS = {Word.HUB_OK, Word.HUB_FAILED, Word.RECONCILING}


def judge_provisioning(journal: Log | Problem, agent: Log | Problem) -> tuple[Draft, Draft]:
    """Judge the registration with DPS and the connection to the hub."""
    events = timeline(journal)
    hub = _hub_connected(events, agent)
    return _dps_assigned(events, journal, hub.finding.outcome is Outcome.PASS), hub


def _draft(
    id_: str,
    outcome: Outcome,
    detail: str,
    remedy: str = "",
    *,
    entries: Sequence[LogEntry] = (),
    source: str = "journal",
    is_open: bool = False,
) -> Draft:
    lines = evidence(quoted(entry) for entry in entries)
    return Draft(Finding(id_, _TITLES[id_], outcome, detail, remedy, lines, _SOURCES[source]), is_open)


# --------------------------------------------------------------------------------------------- dps-assigned


def _dps_assigned(events: tuple[Event, ...], journal: Log | Problem, connected: bool) -> Draft:
    ours = [event for event in events if event.word in _DPS_WORDS]
    ended = [event for event in ours if event.word is not Word.TRYING]
    if not ours or any(event.word is Word.BY_HAND and event.place > ours[-1].place for event in events):
        return _dps_untold(events, connected, unread=isinstance(journal, Problem))
    if not ended or (ended[-1].word is not Word.DPS_FAILED and ours[-1].word is Word.TRYING):
        return _dps_trying(events, ours[-1], connected)
    if ended[-1].word is Word.DPS_FAILED:
        return _dps_failed(events)
    return _dps_backup(ended[-1]) if ended[-1].word is Word.BACKUP else _dps_ok(events, journal)


def _dps_untold(events: tuple[Event, ...], connected: bool, *, unread: bool = False) -> Draft:
    by_hand = [event.entry for event in events if event.word is Word.BY_HAND]
    what = "The device is provisioned by hand, without DPS." if by_hand else "The journal says nothing about DPS."
    what = "The journal, which would tell, could not be read (logs/journal)." if unread else what
    if connected:
        return _draft(
            _DPS,
            Outcome.SKIP,
            f"{what} The connection to the hub proves the identity (provisioning/hub-connected).",
            "Nothing to do.",
            entries=by_hand[-1:],
        )
    remedy = "Put right logs/journal first." if unread else f"Provision the VM: eflowprov provision. {_OR_REPROVISION}"
    return _draft(_DPS, Outcome.ERROR, what, remedy, entries=by_hand[-1:], is_open=True)


def _dps_trying(events: tuple[Event, ...], last: Event, connected: bool) -> Draft:
    after = [event for event in events if event.place > last.place]
    if any(event.word is Word.COMPLETE for event in after):
        return _dps_untold(events, connected)
    return _draft(
        _DPS,
        Outcome.ERROR,
        "The registration with DPS began and has not ended.",
        f"{_WAIT} If it stays so, the VM does not reach global.azure-devices-provisioning.net on port 443.",
        entries=[last.entry],
        is_open=True,
    )


def _dps_ok(events: tuple[Event, ...], journal: Log | Problem) -> Draft:
    hub, device = named_identity(journal)
    whom = f"Device {device} is assigned" if device else "The device is assigned"
    lines = [event.entry for event in events if event.word is Word.DPS_OK][-3:]
    return _draft(_DPS, Outcome.PASS, f"{whom} to {hub or 'its IoT hub'}.", entries=lines)


def _dps_backup(last: Event) -> Draft:
    return _draft(
        _DPS,
        Outcome.WARN,
        "The identity comes from a backup of an earlier registration: no fresh proof.",
        _REPROVISION,
        entries=[last.entry],
    )


def _dps_failed(events: tuple[Event, ...]) -> Draft:
    entries = _last_failure(events, Word.DPS_FAILED)
    causes = _causes(entries)
    known = explain_causes(causes)
    if known.id == "unknown":
        return _draft(_DPS, Outcome.FAIL, f"The registration failed: {causes[-1]}", _READ_LOGS, entries=entries)
    return _draft(
        _DPS, Outcome.FAIL, f"The registration failed: {causes[-1]}. {known.cause}", known.remedy, entries=entries
    )


def _last_failure(events: tuple[Event, ...], word: Word) -> list[LogEntry]:
    """The entries of the last failure of this kind: they come in a row (`Failed to …`, `service encountered …`)."""
    block: list[LogEntry] = []
    for event in reversed(events):
        if event.word is word:
            block.insert(0, event.entry)
        elif block:
            break
    return block[-3:]


def _causes(entries: Sequence[LogEntry]) -> list[str]:
    """The chain of the failure, outermost first; of several entries the one with the longest chain tells most."""
    fullest = max(entries, key=lambda entry: len(entry.causes))
    return [cause.strip().rstrip(".") for cause in (fullest.message, *fullest.causes) if cause.strip()] or [
        "no reason given"
    ]


# -------------------------------------------------------------------------------------------- hub-connected

# Read in edge-agent's source (EdgeAgentConnection, IoTHubReporter, ModuleClient).
_CONNECTED = re.compile(
    r"Edge agent connected to IoT Hub|Obtained Edge agent twin|^Updated reported properties|ConfigEmptyException"
    r"|desired properties is empty|has an empty configuration|Empty edge agent config was received",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"Error creating a device-to-cloud connection|non-transient exception|Error calling SignAsync"
    r"|Updating reported properties failed",
    re.IGNORECASE,
)
_ATTEMPT = re.compile(r"Edge agent attempting to connect to IoT Hub", re.IGNORECASE)


def _hub_connected(events: tuple[Event, ...], agent: Log | Problem) -> Draft:
    ours = [event for event in events if event.word in _HUB_WORDS]
    told = _by_agent(agent)
    if told is None:
        return _by_identityd(ours)
    draft, when = told
    newest = ours[-1] if ours else None
    # Of a request to sign that was refused edgeAgent says itself whether it matters.
    failed = newest and newest.word is Word.HUB_FAILED and not _SIGN.search(said(newest.entry))
    if draft.finding.outcome is Outcome.PASS and newest and failed and _is_later(newest, when):
        return _by_identityd(ours)
    return draft


def _is_later(event: Event, when: datetime | None) -> bool:
    return event.entry.time is not None and when is not None and event.entry.time > when


def _by_agent(agent: Log | Problem) -> tuple[Draft, datetime | None] | None:
    """Judge edgeAgent's own words, and when it said the last of them; None when it says nothing of the hub."""
    if isinstance(agent, Problem):
        return None
    hits = [entry for entry in agent.entries if any(p.search(said(entry)) for p in (_CONNECTED, _REFUSED, _ATTEMPT))]
    if not hits:
        return None
    last = max((place for place, entry in enumerate(hits) if _CONNECTED.search(said(entry))), default=-1)
    since = hits[last + 1 :]
    refused = [entry for entry in since if _REFUSED.search(said(entry))]
    if not since:
        detail = "edgeAgent connected to IoT Hub."
        return _draft(_HUB, Outcome.PASS, detail, entries=hits[-1:], source="agent"), hits[-1].time
    if refused:
        return _refused(refused), refused[-1].time
    return _attempts(since), since[-1].time


def _refused(refused: list[LogEntry]) -> Draft:
    cause, remedy = _at_hub(said(entry) for entry in refused[-2:])
    detail = f"edgeAgent tried to connect to IoT Hub and was not let in. {cause}".rstrip()
    return _draft(_HUB, Outcome.FAIL, detail, remedy, entries=refused[-2:], source="agent")


def _at_hub(causes: Iterable[str]) -> tuple[str, str]:
    """What a failure at the hub means ("" when that is not known), and the way out."""
    told = list(causes)
    if _SIGN.search("\n".join(told)):
        return _SIGN_FAILED.cause, _SIGN_FAILED.remedy
    if _NO_DEVICE.search("\n".join(told)):
        return _UNKNOWN_DEVICE, _DEVICE
    known = explain_causes(told).id
    return _AT_HUB.get(known, ""), _DEVICE if known in ("unauthorized", "hub-link") else _NETWORK


# The hub's own words for a device that it does not have, or does not let in.
_NO_DEVICE = re.compile(r"Device(?:NotFound|Disabled|NotRegistered)|device\b.{0,80} is disabled", re.IGNORECASE)
_SIGN_FAILED = next(known for known in KNOWN_MESSAGES if known.id == "agent-sign-failed")
_SIGN = _SIGN_FAILED.pattern
_UNKNOWN_DEVICE = "The hub does not know the device or its key, or the device is disabled there."
_AT_HUB = {
    "unauthorized": _UNKNOWN_DEVICE,
    "hub-link": _UNKNOWN_DEVICE,  # the hub's own words for it; here it is the device that asked, not DPS
    "network": "The hub cannot be reached over the network.",
    "dns": "The hub's name cannot be resolved.",
    "tls": "TLS failed on the way to the hub.",
    "proxy": "A proxy stands in the way.",
}


def _attempts(attempts: list[LogEntry]) -> Draft:
    if len(attempts) > 1:
        detail = f"edgeAgent tried {len(attempts)} times to connect to IoT Hub and got no answer."
        return _draft(_HUB, Outcome.FAIL, detail, _NETWORK, entries=attempts[-2:], source="agent")
    detail = "edgeAgent began to connect to IoT Hub, and nothing is said after it."
    return _draft(_HUB, Outcome.ERROR, detail, _WAIT, entries=attempts, source="agent", is_open=True)


def _by_identityd(ours: list[Event]) -> Draft:
    if not ours:
        detail = "Neither edgeAgent's log nor the journal says whether the device reached its hub."
        remedy = 'Read edgeAgent\'s log: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail 200".'
        return _draft(_HUB, Outcome.ERROR, detail, remedy, is_open=True)
    last = ours[-1]
    if last.word is Word.HUB_OK:
        return _draft(_HUB, Outcome.PASS, "IoT Hub took the device's identity.", entries=[last.entry])
    ended = [event for event in ours if event.word is not Word.RECONCILING]
    if ended and ended[-1].word is Word.HUB_FAILED:
        failures = _last_failure(events=tuple(ours), word=Word.HUB_FAILED)
        causes = _causes(failures)
        meaning, remedy = _at_hub(causes)
        detail = f"IoT Hub did not take the identity, or was not reached: {causes[-1]}. {meaning}".rstrip()
        return _draft(_HUB, Outcome.FAIL, detail, remedy, entries=failures)
    detail = "The identity service began to ask IoT Hub, and nothing is said after it."
    return _draft(_HUB, Outcome.ERROR, detail, _WAIT, entries=[last.entry], is_open=True)
