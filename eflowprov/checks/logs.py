"""`logs/PATTERN` for each known message in the journal, `logs/unknown` for errors that are in no catalogue.

`logs/journal`, `logs/empty` and `logs/edgeAgent` are for logs that are lost or not whole.

A message that blocks the runtime is a `fail` only while nothing after it shows that the runtime got over it, and only
while the runtime is not proved to work: yesterday's failure must not spoil today's report.
"""

from __future__ import annotations

from dataclasses import replace

from eflowprov.checks.digesting import digested
from eflowprov.checks.judgement import Draft, evidence
from eflowprov.checks.log_digest import LogDigest, Tally
from eflowprov.checks.log_patterns import KNOWN_MESSAGES, Gravity, KnownMessage
from eflowprov.checks.log_shapes import shape_id
from eflowprov.checks.words import quoted
from eflowprov.model import Finding, Log, LogPattern, LogSummary, ModuleList, Outcome, Problem

_SOURCE = "iotedge system logs"
_AGENT_SOURCE = "iotedge logs edgeAgent"
_BY_HAND = 'Read it by hand: Invoke-EflowVmCommand -command "sudo iotedge system logs -- --no-pager".'
_AGENT_BY_HAND = 'Read it by hand: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail 200".'
_SAMPLE = 500  # characters: a whole `caused by` chain fits


def judge_logs(journal: Log | Problem, *, works: bool) -> tuple[list[Draft], LogSummary]:
    """Judge the journal; `works` says that the runtime is proved to work by other evidence."""
    if isinstance(journal, Problem):
        return [_missing("journal", journal.why, [journal.seen])], LogSummary()
    if journal.failure:
        return [_missing("journal", journal.failure[-1].strip(), list(journal.failure))], LogSummary(journal.lines)
    if not journal.entries:
        detail = "The journal has no entry at all: the runtime has not run, or its log was cleared."
        return [_missing("empty", detail, [])], LogSummary(journal.lines)
    digest = digested(journal)
    drafts = [_draft(known, digest, works=works) for known in KNOWN_MESSAGES if known.id in digest.known]
    return [*_not_whole(journal), *drafts, *_unknown(digest)], _summary(digest)


def _not_whole(journal: Log) -> list[Draft]:
    """Say what of the journal is missing."""
    if journal.torn:
        return [_missing("journal", "The journal was cut off: its newest words may be missing.", [])]
    if not journal.left_out:
        return []
    finding = _missing("journal", f"{journal.left_out}.", []).finding
    return [Draft(replace(finding, outcome=Outcome.WARN))]


def judge_agent_log(agent: Log | Problem, modules: ModuleList | Problem) -> list[Draft]:
    """Say what is missing when edgeAgent's own log could not be had; nothing when it is there."""
    if isinstance(agent, Problem):
        outcome = Outcome.SKIP if agent.missing else Outcome.ERROR
        return [_no_agent_log(outcome, agent.why, [agent.seen])]
    if agent.torn:
        return [_no_agent_log(Outcome.ERROR, "edgeAgent's log was cut off: its newest words may be missing.", [])]
    if agent.left_out:
        return [_no_agent_log(Outcome.WARN, f"{agent.left_out}.", [])]
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


def _draft(message: KnownMessage, digest: LogDigest, *, works: bool) -> Draft:
    tally = digest.known[message.id]
    cleared = works or tally.place < max(digest.recovered, digest.settled.get(message.id, -1))
    outcome = Outcome.PASS if message.gravity is Gravity.HARMLESS else Outcome.WARN
    after = ""
    if message.gravity is Gravity.BLOCKING:
        outcome = Outcome.WARN if cleared else Outcome.FAIL
        after = " The runtime works since." if cleared else ""
    detail = f"Seen {_times(tally.count)}. {message.cause}{after}"
    title = f"log: {message.title}"
    lines = evidence([_quoted(tally)])
    return Draft(Finding(f"logs/{message.id}", title, outcome, detail, message.remedy, lines, _SOURCE))


def _unknown(digest: LogDigest) -> list[Draft]:
    """One finding for all errors that are in no catalogue, the most frequent first."""
    if not digest.unknown:
        return []
    often = sorted(digest.unknown.values(), key=lambda tally: (-tally.count, tally.place))
    count = sum(tally.count for tally in often) + digest.more.count
    kinds = f"{len(often)} kinds and more" if digest.more.count else _counted(len(often), "kind")
    detail = f"{_counted(count, 'error')} of {kinds} that this catalogue does not know: read them."
    lines = [f"{_times(tally.count)}: {_quoted(tally)}" for tally in (*often, digest.more) if tally.count]
    title = "log: errors that are not in the catalogue"
    return [Draft(Finding("logs/unknown", title, Outcome.WARN, detail, _BY_HAND, evidence(lines), _SOURCE))]


def _quoted(tally: Tally) -> str:
    return quoted(tally.entry) if tally.entry else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _summary(digest: LogDigest) -> LogSummary:
    counts = digest.counts
    patterns = [_pattern(known.id, digest.known[known.id]) for known in KNOWN_MESSAGES if known.id in digest.known]
    patterns += [_pattern(shape_id(shape), tally) for shape, tally in digest.unknown.items()]
    patterns += [_pattern("unknown-more", digest.more)] if digest.more.count else []
    return LogSummary(digest.lines, counts.first, counts.last, counts.errors, counts.warnings, tuple(patterns))


def _pattern(id_: str, tally: Tally) -> LogPattern:
    sample = _quoted(tally)
    cut = sample if len(sample) <= _SAMPLE else f"{sample[: _SAMPLE - 3]}..."
    return LogPattern(id_, tally.count, tally.first, tally.last, cut)
