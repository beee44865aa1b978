"""`logs/PATTERN` for each known message in the journal; `logs/journal`, `logs/empty`, `logs/edgeAgent` for lost logs.

A message that blocks the runtime is a `fail` only while nothing after it shows that the runtime got over it, and only
while the runtime is not proved to work: yesterday's failure must not spoil today's report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from eflowprov.checks.judgement import Draft, evidence
from eflowprov.checks.log_patterns import KNOWN_MESSAGES, Gravity, KnownMessage
from eflowprov.checks.words import own_entries, quoted, said
from eflowprov.model import Finding, Log, LogEntry, LogLevel, LogPattern, LogSummary, ModuleList, Outcome, Problem

_SOURCE = "iotedge system logs"
_AGENT_SOURCE = "iotedge logs edgeAgent"
_BY_HAND = 'Read it by hand: Invoke-EflowVmCommand -command "sudo iotedge system logs -- --no-pager".'
_AGENT_BY_HAND = 'Read it by hand: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail 200".'
# The runtime's own words that it works again.
_RECOVERED = re.compile(
    r"^Edge runtime is running|^Identity reconciliation complete|^(?:Created|Started) Edge runtime module edgeAgent"
    r"|^Successfully started module edgeAgent|^Successful DPS provisioning|^Successfully provisioned with DPS",
    re.IGNORECASE,
)
_SAMPLE = 500  # characters: a whole `caused by` chain fits


@dataclass(slots=True)
class _Seen:
    """One known message in the journal: its entries, the place of the last, and where the same thing worked later."""

    message: KnownMessage
    entries: list[LogEntry] = field(default_factory=list)
    last: int = -1
    settled: int = -1


def judge_logs(journal: Log | Problem, *, works: bool) -> tuple[list[Draft], LogSummary]:
    """Judge the journal; `works` says that the runtime is proved to work by other evidence."""
    if isinstance(journal, Problem):
        return [_missing("journal", journal.why, [journal.seen])], LogSummary()
    if journal.failure:
        return [_missing("journal", journal.failure[-1].strip(), list(journal.failure))], LogSummary(journal.lines)
    if not journal.entries:
        detail = "The journal has no entry at all: the runtime has not run, or its log was cleared."
        return [_missing("empty", detail, [])], LogSummary(journal.lines)
    seen, recovered = _scan(journal)
    torn = (
        [_missing("journal", "The journal was cut off: its newest words may be missing.", [])] if journal.torn else []
    )
    return torn + [_draft(each, cleared=works or each.last < max(recovered, each.settled)) for each in seen], _summary(
        journal, seen
    )


def judge_agent_log(agent: Log | Problem, modules: ModuleList | Problem) -> list[Draft]:
    """Say what is missing when edgeAgent's own log could not be had; nothing when it is there."""
    if isinstance(agent, Problem):
        outcome = Outcome.SKIP if agent.missing else Outcome.ERROR
        return [_no_agent_log(outcome, agent.why, [agent.seen])]
    if agent.torn:
        return [_no_agent_log(Outcome.ERROR, "edgeAgent's log was cut off: its newest words may be missing.", [])]
    if not agent.failure:
        return []
    listed = not isinstance(modules, Problem) and any(module.name == "edgeAgent" for module in modules.modules)
    outcome = Outcome.ERROR if listed else Outcome.SKIP
    return [_no_agent_log(outcome, agent.failure[-1].strip(), list(agent.failure))]


def _no_agent_log(outcome: Outcome, why: str, lines: list[str]) -> Draft:
    finding = Finding(
        "logs/edgeAgent",
        "edgeAgent's own log can be read",
        outcome,
        why,
        _AGENT_BY_HAND,
        evidence(lines),
        _AGENT_SOURCE,
    )
    return Draft(finding, is_open=True)


def _missing(id_: str, detail: str, lines: list[str]) -> Draft:
    finding = Finding(
        f"logs/{id_}", "the runtime's journal can be read", Outcome.ERROR, detail, _BY_HAND, evidence(lines), _SOURCE
    )
    return Draft(finding)


def _scan(journal: Log) -> tuple[list[_Seen], int]:
    """One pass over the journal: the known messages, and the last place where the runtime said that it works."""
    seen = [_Seen(message) for message in KNOWN_MESSAGES]
    recovered = -1
    for place, entry in own_entries(journal):
        text = said(entry)
        if _RECOVERED.search(text):
            recovered = place
            continue
        for each in seen:
            if each.message.settled and each.message.settled.search(text):
                each.settled = place
        for each in _matching(seen, text):
            each.entries.append(entry)
            each.last = place
    return [each for each in seen if each.entries], recovered


def _matching(seen: list[_Seen], text: str) -> list[_Seen]:
    found = [each for each in seen if each.message.pattern.search(text)]
    harmless = [each for each in found if each.message.gravity is Gravity.HARMLESS]
    if any(each.message.id == "dps-refused" for each in found):  # its cause may name the hub's error (iotedge#6675)
        found = [each for each in found if each.message.id != "hub-refused"]
    return harmless or found  # a harmless line is nothing else besides


def _draft(seen: _Seen, *, cleared: bool) -> Draft:
    message = seen.message
    outcome = Outcome.PASS if message.gravity is Gravity.HARMLESS else Outcome.WARN
    after = ""
    if message.gravity is Gravity.BLOCKING:
        outcome = Outcome.WARN if cleared else Outcome.FAIL
        after = " The runtime works since." if cleared else ""
    detail = f"Seen {_times(len(seen.entries))}. {message.cause}{after}"
    title = f"log: {message.title}"
    lines = evidence([quoted(seen.entries[-1])])
    return Draft(Finding(f"logs/{message.id}", title, outcome, detail, message.remedy, lines, _SOURCE))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _summary(journal: Log, seen: list[_Seen]) -> LogSummary:
    times = [entry.time for entry in journal.entries if entry.time is not None]
    return LogSummary(
        lines=journal.lines,
        first=min(times, default=None),
        last=max(times, default=None),
        errors=sum(entry.level is LogLevel.ERROR for entry in journal.entries),
        warnings=sum(entry.level is LogLevel.WARNING for entry in journal.entries),
        patterns=tuple(_pattern(each) for each in seen),
    )


def _pattern(seen: _Seen) -> LogPattern:
    times = [entry.time for entry in seen.entries if entry.time is not None]
    sample = quoted(seen.entries[-1])
    cut = sample if len(sample) <= _SAMPLE else f"{sample[: _SAMPLE - 3]}..."
    return LogPattern(seen.message.id, len(seen.entries), min(times, default=None), max(times, default=None), cut)
