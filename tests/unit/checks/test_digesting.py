"""The digest of a journal: what judgement makes of it is what it makes of the whole journal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.checks import deployment, digesting, log_patterns, module_trouble, modules, words
from eflowprov.checks.digesting import JournalDigester, digested
from eflowprov.checks.log_digest import LogDigest
from eflowprov.checks.runtime import judge_runtime
from eflowprov.checks.words import named_identity, timeline
from eflowprov.model import Log, LogCounts, LogEntry, LogLevel, LogRecord, without_digits
from tests.unit.checks.facts import MISSING, NOW, RECONCILED, facts, log, refused
from tests.unit.checks.facts import modules as listed
from tests.unit.checks.test_logs import SAMPLES

QUIET = ("aziot-edged> Watchdog checking Edge runtime status", "aziot-edged> GET /modules 200", "camera> hello")
LINES: tuple[str | tuple[str, ...], ...] = (
    *(line for line in RECONCILED),
    *refused("CA certificate not found."),
    *SAMPLES.values(),
    *QUIET,
    "iotedged> Updating identity for module $edgeAgent",
    "iotedged> Successfully created module edgeAgent",
    "HTTP request failed: [403 Forbidden]",
    "HTTP request failed: [500 Internal Server Error]",
    "Could not reconcile Identities with current device data. Reprovisioning.",
    "Provisioned with backup for line4-press2.",
    "Updated device info for line4-press2.",
    "aziot-edged> Could not create module edgeHub",
    "aziot-edged> Starting Azure IoT Edge Daemon",
    "something odd happened 4711 times",
)


def long(journal: Log, batch: int = 7) -> LogDigest:
    """The digest of a journal that is too long to be kept, as a reader would fill it."""
    digester = JournalDigester(limit=0)
    records = [record(digester, place, entry) for place, entry in enumerate(journal.entries)]
    wanted = [each for each in records[:-1] if each[1] is not None or each[4] is LogLevel.ERROR] + records[-1:]
    for begin in range(0, len(wanted), batch):
        digester.take(wanted[begin : begin + batch])
    assert digester.is_long
    return digester.digest(journal, digested(journal).counts)


def record(digester: JournalDigester, place: int, entry: LogEntry) -> LogRecord:
    kind = digester.kinds(entry.service)[without_digits("\n".join((entry.message, *entry.causes)))]
    return (place, kind, entry.time, entry.service, entry.level, entry.message, entry.causes)


journals = st.lists(st.sampled_from(LINES), min_size=1, max_size=60).flatmap(
    lambda lines: st.lists(st.sampled_from(list(LogLevel)), min_size=len(lines), max_size=len(lines)).map(
        lambda levels: with_levels(lines, levels)
    )
)


def with_levels(lines: Sequence[str | tuple[str, ...]], levels: Sequence[LogLevel]) -> Log:
    journal = log(*lines, every_s=30)
    changed = (replace(entry, level=level) for entry, level in zip(journal.entries, levels, strict=True))
    return replace(journal, entries=tuple(changed))


@given(journal=journals, agent_runs=st.booleans())
@settings(max_examples=150, deadline=None, database=None)
def test_a_digest_is_judged_as_the_whole_journal_is(journal: Log, agent_runs: bool) -> None:
    given = facts(logs=journal, agent=MISSING, modules=listed(*(["edgeAgent"] if agent_runs else ["edgeHub"])))
    reduced = replace(given, logs=long(journal))
    assert judge_runtime(reduced, now=NOW) == judge_runtime(given, now=NOW)
    assert named_identity(reduced.logs) == named_identity(journal)


@given(journal=journals)
@settings(max_examples=150, deadline=None, database=None)
def test_what_is_not_kept_of_a_long_journal_changes_no_verdict(journal: Log) -> None:
    """With room for eight entries of each kind instead of sixty: only how often a module was started may differ."""
    given = facts(logs=journal, agent=MISSING, modules=listed("edgeHub"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digesting, "_NEWEST", 8)
        patch.setattr(words, "_NEWEST", 3)
        reduced = replace(given, logs=long(journal))
    assert judge_runtime(reduced, now=NOW) == judge_runtime(given, now=NOW)


@given(journal=journals)
@settings(max_examples=100, deadline=None, database=None)
def test_the_newest_of_each_word_is_kept_and_failures_stay_apart(journal: Log) -> None:
    """With room for three of each: what judgement asks of the timeline is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "_NEWEST", 3)
        whole, kept = timeline(journal), {event.place for event in timeline(long(journal))}
    for word in {event.word for event in whole}:
        newest = [event.place for event in whole if event.word is word][-3:]
        assert kept.issuperset(newest)
        before = [earlier.place for earlier, event in pairwise(whole) if event.place in newest]
        assert kept.issuperset(before)


def test_a_long_journal_is_bounded_and_counts_everything() -> None:
    journal = log(*(RECONCILED + QUIET + tuple(SAMPLES.values())) * 100)
    digest = long(journal, batch=500)
    assert len(digest.entries) < 5000 and digest.known["disk-full"].count == 100
    times = [entry.time for entry in journal.entries if "no space left" in "".join(entry.causes)]
    assert (digest.known["disk-full"].first, digest.known["disk-full"].last) == (times[0], times[-1])
    assert digest.entries[-1] == journal.entries[-1] and list(digest.places) == sorted(digest.places)


@given(st.text(alphabet="0123456789 abfe[]()=:", max_size=40), st.sampled_from(sorted(SAMPLES)))
@settings(max_examples=300, deadline=None, database=None)
def test_a_text_without_its_digits_and_identifiers_matches_wherever_the_text_does(noise: str, sample: str) -> None:
    line = SAMPLES[sample]
    text = noise + ("\n".join(line) if isinstance(line, tuple) else line.partition("> ")[2] or line)
    shape = digesting._IDENTIFIER.sub("0", without_digits(text).decode())
    for pattern, zeroed in digesting._UNSURE:
        assert zeroed.search(shape) or not pattern.search(text), (pattern.pattern, text)
    for pattern in digesting._SURE:
        assert bool(pattern.search(text)) == bool(pattern.search(shape)), (pattern.pattern, text)


ROOMS = (deployment, module_trouble, modules, words, log_patterns)
# Patterns that are searched in edgeAgent's log, in a module's row, or in what another pattern found.
ELSEWHERE = {
    "deployment": {"_EMPTY", "_BROKEN", "_STARTED", "_ENDED", "_FAILED", "_OTHER_FAILED"},
    "module_trouble": {"_UP", "_SCHEDULED", "_COMMAND", "_IMAGE"},
    "modules": {"_CODE", "_UNREADABLE"},
    "words": {"_OWN_UNIT"},
    "log_patterns": set(),
}


@pytest.mark.parametrize("room", ROOMS)
def test_every_pattern_of_a_judge_is_looked_for_in_a_long_journal_too(room: ModuleType) -> None:
    """One that is not would see nothing of a journal of which not every entry is kept."""
    patterns = {name: value for name, value in vars(room).items() if isinstance(value, re.Pattern)}
    forgotten = {name for name, pattern in patterns.items() if pattern not in room.LOOKED_FOR}
    assert forgotten == ELSEWHERE[room.__name__.rpartition(".")[2]]


def test_a_usual_journal_is_kept_whole() -> None:
    journal = log(*QUIET * 10)
    digester = JournalDigester()
    digester.take(record(digester, place, entry) for place, entry in enumerate(journal.entries))
    digest = digester.digest(Log(lines=30), LogCounts(30))
    assert digest.entries == journal.entries and digest.lines == 30 and not digester.is_long
