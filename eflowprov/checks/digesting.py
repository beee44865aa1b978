"""One pass over a journal of any size, in constant memory: entries in, a `LogDigest` out.

A text is looked at once for all lines that differ from it in digits alone: which patterns match it is kept in mind.
Until `ALL` entries everything is kept, so that judgement sees a usual journal whole; then only what a pattern of the
judges matches, the first and the newest of each kind.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from eflowprov.checks import deployment, log_patterns, module_trouble, modules, words
from eflowprov.checks.log_digest import LogDigest, Tally
from eflowprov.checks.log_patterns import KNOWN_MESSAGES, RECOVERED, Gravity, KnownMessage
from eflowprov.checks.log_shapes import shape_of
from eflowprov.checks.words import TimelineDigest, is_own, mention, said
from eflowprov.model import (
    Log,
    LogCounts,
    LogEntry,
    LogLevel,
    LogRecord,
    LogTime,
    as_entry,
    as_time,
    without_digits,
)

ALL = 2000  # entries: most of a day of a runtime that only watches
_NEWEST = 60  # entries that are kept of each kind, and at the end of the journal
_PLANS = 400  # sets of patterns that match one text; a runtime's own texts make a few dozen
_CLUSTERS = 50  # shapes of unknown errors: more are no help to anyone
_SHAPES = 8192  # texts and shapes that are kept in mind
_PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    dict.fromkeys(
        pattern for room in (words, log_patterns, modules, deployment, module_trouble) for pattern in room.LOOKED_FOR
    )
)
# GUIDs and other hexadecimal numbers, their digits being 0: each line has its own, and no pattern is about them.
_IDENTIFIER = re.compile(r"\b(?:(?:[0a-fA-F]{4,12}-){4}[0a-fA-F]{12}|(?=[a-fA-F]*0)[0a-fA-F]{8,64})\b")
_QUANTIFIER_OR_DIGIT = re.compile(r"\{[^}]*\}|\d")


def _without_digits(pattern: re.Pattern[str]) -> re.Pattern[str] | None:
    """The pattern for texts `without_digits`; None for one that has no digit and needs none.

    It matches wherever the pattern itself matches the text with its digits.
    """
    zeroed = _QUANTIFIER_OR_DIGIT.sub(lambda found: found[0] if found[0][0] == "{" else "0", pattern.pattern)
    return None if zeroed == pattern.pattern else re.compile(zeroed, pattern.flags)


_SURE = tuple(pattern for pattern in _PATTERNS if _without_digits(pattern) is None)
_UNSURE = tuple((pattern, zeroed) for pattern in _PATTERNS if (zeroed := _without_digits(pattern)))


def known_in(matching: Iterable[re.Pattern[str]]) -> tuple[KnownMessage, ...]:
    """The known messages in a text that these patterns match."""
    patterns = set(matching)
    if RECOVERED in patterns:
        return ()
    found = [known for known in KNOWN_MESSAGES if known.pattern in patterns]
    harmless = [known for known in found if known.gravity is Gravity.HARMLESS]
    if any(known.id == "dps-refused" for known in found):  # its cause may name the hub's error (iotedge#6675)
        found = [known for known in found if known.id != "hub-refused"]
    return tuple(harmless or found)  # a harmless line is nothing else besides


class _Count:
    """How often, when and where, while it is counted."""

    __slots__ = ("count", "first", "last", "record")

    def __init__(self) -> None:
        self.count = 0
        self.first: LogTime = None
        self.last: LogTime = None
        self.record: LogRecord | None = None

    def add(self, record: LogRecord) -> None:
        self.count += 1
        self.record = record
        self.widen(record[2])

    def widen(self, time: LogTime) -> None:
        if isinstance(time, int) and isinstance(self.last, int) and time >= self.last:  # nearly always
            self.last = time
        elif self.first is None or self.last is None:
            self.first = self.last = time
        elif time is not None:
            self.first, self.last = min(self.first, time, key=_moment), max(self.last, time, key=_moment)

    def merge(self, other: _Count) -> None:
        """Have what another one counted counted here too."""
        self.count += other.count
        self.widen(other.first)
        self.widen(other.last)
        if other.record and (self.record is None or self.record[0] < other.record[0]):
            self.record = other.record

    def tally(self) -> Tally:
        place, entry = (self.record[0], as_entry(self.record)) if self.record else (-1, None)
        return Tally(self.count, as_time(self.first), as_time(self.last), place, entry)


def _moment(time: LogTime) -> float:
    return time if isinstance(time, int) else time.timestamp() * 1_000_000 if time else 0.0


class _Plan:
    """The entries that the same patterns match: the first and the newest of them, counted; and what they mean."""

    __slots__ = ("count", "first", "is_busy", "known", "newest", "recovers", "settles", "told")

    def __init__(self, matching: frozenset[re.Pattern[str]]) -> None:
        self.known = known_in(matching)
        self.settles = tuple(known.id for known in KNOWN_MESSAGES if known.settled in matching)
        self.recovers = RECOVERED in matching
        self.told = mention(matching)
        self.first: LogRecord | None = None
        self.newest: deque[LogRecord] = deque(maxlen=_NEWEST)
        self.count = _Count()
        self.is_busy = True  # there is more to do than to keep the entry


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a text is: the plan for it, or, where digits matter, the patterns that match for sure and those to try."""

    plan: _Plan | None
    sure: frozenset[re.Pattern[str]] = frozenset()
    unsure: tuple[re.Pattern[str], ...] = ()
    resolved: dict[tuple[bool, ...], _Plan] = field(default_factory=dict)


class _Kinds(dict[bytes, _Kind | None]):
    """What the texts of one service are, by the text without its digits; None for one that nobody looks for."""

    def __init__(self, digester: JournalDigester, service: str) -> None:
        super().__init__()
        self._digester = digester
        self._service = service

    def __missing__(self, shape: bytes) -> _Kind | None:
        text = shape.decode("utf-8", "surrogatepass")
        masked = _IDENTIFIER.sub("0", text)
        if masked != text:
            kind = self[masked.encode("utf-8", "surrogatepass")]
        else:
            kind = self._digester.kind_of(text) if is_own(self._service, text.partition("\n")[0]) else None
        if len(self) >= _SHAPES:
            self.clear()
        self[shape] = kind
        return kind


class JournalDigester:
    """Takes a journal's entries in their order, and gives the digest of it at the end.

    `kinds` is for the reader, which need not hand over entries whose kind is None, once there are more than `limit`
    (`is_long` says so); errors it always hands over.
    """

    def __init__(self, limit: int = ALL) -> None:
        self._limit = limit
        self._all: list[LogRecord] | None = []
        self._kinds: dict[str, _Kinds] = {}
        self._plans: dict[frozenset[re.Pattern[str]], _Plan] = {}
        self._unknown: dict[str, _Count] = {}
        self._shapes: dict[str, str] = {}
        self._more = _Count()
        self._timeline = TimelineDigest()
        self._newest: deque[LogRecord] = deque(maxlen=_NEWEST)

    @property
    def is_long(self) -> bool:
        """Whether there are more entries than are kept whole."""
        return self._all is None

    def kinds(self, service: str) -> _Kinds:
        """What the texts of a service are."""
        if service not in self._kinds:
            if len(self._kinds) >= _CLUSTERS:
                self._kinds.clear()
            self._kinds[service] = _Kinds(self, service)
        return self._kinds[service]

    def kind_of(self, shape: str) -> _Kind | None:
        """What an own text is, given without its digits."""
        sure = frozenset(pattern for pattern in _SURE if pattern.search(shape))
        unsure = tuple(pattern for pattern, zeroed in _UNSURE if zeroed.search(shape))
        if unsure:
            return _Kind(None, sure, unsure)
        return _Kind(self._plan(sure)) if sure else None

    def take(self, records: Iterable[LogRecord]) -> None:
        """The next entries, in their order."""
        records = list(records)
        self._newest.extend(records)
        if self._all is not None:
            self._all += records
            if len(self._all) > self._limit:
                self._all = None
        for record in records:
            kind = record[1]
            plan = None if kind is None else kind.plan or self._resolve(kind, record)
            if plan is not None:
                plan.newest.append(record)
                if plan.is_busy:
                    self._follow(plan, record)
            if record[4] is LogLevel.ERROR and not (plan and plan.known):
                self._add_unknown(record)

    def digest(self, log: Log, counts: LogCounts) -> LogDigest:
        """The digest; `log` says the rest of what is known of the journal, its entries aside."""
        kept = self._all if self._all is not None else self._reduced()
        plans = self._used()
        return LogDigest(
            entries=tuple(map(as_entry, kept)),
            lines=log.lines,
            failure=log.failure,
            torn=log.torn,
            left_out=log.left_out,
            places=tuple(record[0] for record in kept),
            counts=counts,
            known=self._known(),
            settled=self._settled(),
            recovered=max((plan.newest[-1][0] for plan in plans if plan.recovers), default=-1),
            unknown={shape: count.tally() for shape, count in self._unknown.items()},
            more=self._more.tally(),
            events=self._timeline.events(),
        )

    def _used(self) -> list[_Plan]:
        return [plan for plan in self._plans.values() if plan.newest]

    def _known(self) -> dict[str, Tally]:
        counts: dict[str, _Count] = {}
        for plan in self._used():
            for known in plan.known:
                counts.setdefault(known.id, _Count()).merge(plan.count)
        return {id_: count.tally() for id_, count in counts.items()}

    def _settled(self) -> dict[str, int]:
        settled: dict[str, int] = {}
        for plan in self._used():
            if not plan.recovers:
                settled |= {id_: max(plan.newest[-1][0], settled.get(id_, -1)) for id_ in plan.settles}
        return settled

    def _reduced(self) -> list[LogRecord]:
        kept = {record[0]: record for record in self._newest}
        for plan in self._used():
            kept.update((record[0], record) for record in (plan.first, *plan.newest) if record is not None)
        return [kept[place] for place in sorted(kept)]

    def _resolve(self, kind: _Kind, record: LogRecord) -> _Plan:
        text = "\n".join((record[5], *record[6]))
        matches = tuple([pattern.search(text) is not None for pattern in kind.unsure])
        if matches not in kind.resolved:
            matching = (pattern for pattern, does in zip(kind.unsure, matches, strict=True) if does)
            kind.resolved[matches] = self._plan(kind.sure.union(matching))
        return kind.resolved[matches]

    def _plan(self, matching: frozenset[re.Pattern[str]]) -> _Plan:
        plan = self._plans.get(matching)
        if plan is None and len(self._plans) >= _PLANS:  # a flood of odd texts: one pattern of each has to do
            matching = frozenset(list(matching)[:1])
            plan = self._plans.get(matching)
        if plan is None:
            plan = self._plans[matching] = _Plan(matching)
        return plan

    def _follow(self, plan: _Plan, record: LogRecord) -> None:
        if plan.first is None:
            plan.first = record
            plan.is_busy = bool(plan.known) or plan.told is not None
        if plan.known:
            plan.count.add(record)
        if plan.told is not None:
            self._timeline.add(record, plan.told)

    def _add_unknown(self, record: LogRecord) -> None:
        said = without_digits("\n".join((record[3], record[5], *record[6]))).decode("utf-8", "surrogatepass")
        text = _IDENTIFIER.sub("0", said)
        shape = self._shapes.get(text)
        if shape is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            shape = self._shapes[text] = shape_of(record)
        if shape not in self._unknown and len(self._unknown) >= _CLUSTERS:
            self._more.add(record)
        else:
            self._unknown.setdefault(shape, _Count()).add(record)


def digested(log: Log) -> LogDigest:
    """The digest of a log that is whole in memory."""
    if isinstance(log, LogDigest):
        return log
    digester = JournalDigester(limit=len(log.entries))
    digester.take(_record(digester, place, entry) for place, entry in enumerate(log.entries))
    return digester.digest(log, _counts(log.entries))


def _record(digester: JournalDigester, place: int, entry: LogEntry) -> LogRecord:
    kind = digester.kinds(entry.service)[without_digits(said(entry))]
    return (place, kind, entry.time, entry.service, entry.level, entry.message, entry.causes)


def _counts(entries: tuple[LogEntry, ...]) -> LogCounts:
    times = [entry.time for entry in entries if entry.time is not None]
    return LogCounts(
        len(entries),
        errors=sum(entry.level is LogLevel.ERROR for entry in entries),
        warnings=sum(entry.level is LogLevel.WARNING for entry in entries),
        first=min(times, default=None),
        last=max(times, default=None),
    )
