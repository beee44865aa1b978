"""Waiting for something to become so: one look after the other with back-off, until it is, can never be, or time is up.

Nothing here knows what is looked at: `run` waits for evidence of a provisioning and for a VM that starts, `verify` for
readiness, each with a poll of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Standing(StrEnum):
    """How one look found things. FAILED is final: no later look can be better."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """What one poll saw; `waits_for` is what is still missing, in words for progress."""

    value: T
    standing: Standing
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between two looks in seconds: the first, each `factor` times the one before, none above `longest_s`."""

    first_s: float = 1.0
    factor: float = 1.5
    longest_s: float = 10.0

    def after(self, pause_s: float) -> float:
        """The pause that follows one of `pause_s`."""
        return min(pause_s * self.factor, self.longest_s)


@dataclass(frozen=True, slots=True)
class Waited(Generic[T]):
    """The last look, how many there were and how long they took in all; PENDING means that the time was up."""

    last: Look[T]
    looks: int
    waited_s: float

    @property
    def value(self) -> T:
        return self.last.value


def wait_until(
    poll: Callable[[float], Look[T]],
    *,
    timeout_s: float,
    progress: Callable[[str], None],
    backoff: Backoff | None = None,
    pause: Callable[[float], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Waited[T]:
    """Look until it is ready, has failed for good, or the time is up; at least once, also when there is no time at all.

    `poll` is told how many seconds are left (0 or more), so that its own deadlines can keep to them; what it raises
    ends the wait. The last look is made when the time is just up. `progress` is told before each pause what is waited
    for and for how long at most.
    """
    backoff, sleep = backoff or Backoff(), pause or time.sleep
    started = clock()
    looks, pause_s = 0, backoff.first_s
    while True:
        look = poll(max(0.0, timeout_s - (clock() - started)))
        looks += 1
        left = timeout_s - (clock() - started)
        if look.standing is not Standing.PENDING or left <= 0:
            return Waited(look, looks, clock() - started)
        progress(f"waiting for {look.waits_for} (at most {_spoken(left)} more)")
        sleep(min(pause_s, left))
        pause_s = backoff.after(pause_s)


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
