"""What ran when, for people: the steps of a run, and the commands in the VM, by the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from eflowprov.model import CommandResult, TimelineEntry, VmChannel
from eflowprov.redaction import redact
from eflowprov.workflows.readiness.outputs import Outputs

_QUIET = ("sudo", "-n")  # stands before every command, and tells nothing
_LONGEST = 120  # characters of a command: what tells it apart


@dataclass(frozen=True, slots=True)
class Begun:
    """When something began: `at` for people, and the monotonic clock, since the other one may be set meanwhile."""

    at: datetime
    clock: float

    @classmethod
    def now(cls) -> Begun:
        return cls(datetime.now(UTC), time.monotonic())

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.clock


class Timeline:
    """Entries counted from the moment it is made; several threads may add to it at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._origin = clock()
        self._entries: list[TimelineEntry] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what stands in the `with`; a step that raises is there too."""
        begin = self._clock()
        note = "broken off"
        try:
            yield
            note = ""
        finally:
            self._add(name, "step", begin, note)

    def command(self, argv: Sequence[str], begin: float, note: str) -> None:
        """Add a command that began at `begin` of the clock and has ended now."""
        self._add(_told(argv), "command", begin, note)

    def watch(self, channel: VmChannel) -> VmChannel:
        """The channel, with every command that goes through it in the timeline."""
        return _Watched(channel, self, self._clock)

    def entries(self) -> tuple[TimelineEntry, ...]:
        """Everything so far, in the order in which it began; a step stands before the commands in it."""
        return tuple(sorted(self._entries, key=lambda entry: (entry.begin_s, -entry.duration_s)))

    def _add(self, name: str, kind: str, begin: float, note: str) -> None:
        entry = TimelineEntry(redact(name), kind, begin - self._origin, self._clock() - begin, redact(note))
        self._entries.append(entry)


class _Watched:
    """A `model.VmChannel` that tells a timeline what runs through it."""

    def __init__(self, channel: VmChannel, timeline: Timeline, clock: Callable[[], float]) -> None:
        self._channel = channel
        self._timeline = timeline
        self._clock = clock

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def vm(self) -> str:
        return self._channel.vm

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 16 * 2**20) -> CommandResult:
        begin = self._clock()
        note = "did not run"
        try:
            result = self._channel.run(argv, timeout_s=timeout_s, cap=cap)
            note = _end(result)
        finally:
            self._timeline.command(argv, begin, note)
        return result

    def close(self) -> None:
        self._channel.close()


def entries_of(outputs: Outputs) -> tuple[TimelineEntry, ...]:
    """The timeline of saved outputs; nothing where it was not saved when they began."""
    timeline = [
        TimelineEntry(_told(result.argv), "command", outputs.begins[name], result.duration_s, redact(_end(result)))
        for name, result in outputs.results.items()
        if isinstance(result, CommandResult) and name in outputs.begins
    ]
    return tuple(sorted(timeline, key=lambda entry: (entry.begin_s, -entry.duration_s, entry.name)))


def _told(argv: Sequence[str]) -> str:
    """A command for people: without `sudo -n`, a script in it as `...`, cut, and nothing secret in it."""
    words = argv[len(_QUIET) :] if tuple(argv[: len(_QUIET)]) == _QUIET else argv
    return redact(" ".join("..." if "\n" in word else word for word in words)[:_LONGEST])


def _end(result: CommandResult) -> str:
    if result.status is None:
        return result.note or "did not end"
    return f"exit status {result.status}" if result.status else ""
