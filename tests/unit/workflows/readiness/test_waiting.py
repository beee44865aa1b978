"""Waiting: pauses that grow, an end at readiness, at the first final failure and when the time is up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from eflowprov.errors import CmdletError, DeniedError, HostKeyError, InputError, TransportError
from eflowprov.workflows.readiness import patience, waiting
from eflowprov.workflows.readiness.patience import SPACED, patiently
from eflowprov.workflows.readiness.waiting import Backoff, Look, Standing, Waited, wait_until


@dataclass
class Time:
    """A clock that stands still but in a pause; a look takes `look_s`."""

    now: float = 100.0
    look_s: float = 0.0
    pauses: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    left: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def wait(self, *standings: Standing, timeout_s: float = 60.0, backoff: Backoff | None = None) -> Waited[int]:
        """Look as often as there are standings; the last one stays."""
        seen = [0]

        def poll(left_s: float) -> Look[int]:
            self.left.append(left_s)
            self.now += self.look_s
            number = min(seen[0], len(standings) - 1)
            seen[0] += 1
            return Look(seen[0], standings[number], "the press")

        return wait_until(
            poll,
            timeout_s=timeout_s,
            progress=self.told.append,
            backoff=backoff,
            pause=self.pause,
            clock=lambda: self.now,
        )


PENDING, READY, FAILED = Standing.PENDING, Standing.READY, Standing.FAILED


def test_what_is_ready_at_once_is_not_waited_for() -> None:
    time = Time()
    waited = time.wait(READY)
    assert (waited.value, waited.looks, waited.last.standing) == (1, 1, READY)
    assert time.pauses == time.told == []


def test_the_pauses_grow_up_to_the_longest() -> None:
    time = Time()
    assert time.wait(*[PENDING] * 5, READY, backoff=Backoff(1, 2, 5)).looks == 6
    assert time.pauses == [1, 2, 4, 5, 5]


def test_the_first_final_failure_ends_the_wait() -> None:
    time = Time()
    assert time.wait(PENDING, FAILED, READY).last.standing is FAILED
    assert len(time.pauses) == 1


def test_when_the_time_is_up_one_last_look_was_made_at_its_end() -> None:
    time = Time()
    waited = time.wait(PENDING, timeout_s=12.0, backoff=Backoff(5, 1, 5))
    assert waited.last.standing is PENDING and waited.waited_s == 12.0
    assert time.pauses == [5, 5, 2] and time.left[-1] == 0.0


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_without_any_time_there_is_one_look_and_no_pause(timeout_s: float) -> None:
    time = Time()
    assert time.wait(PENDING, timeout_s=timeout_s).looks == 1
    assert time.pauses == [] and time.left == [0.0]


def test_a_look_that_takes_long_counts_against_the_time() -> None:
    time = Time(look_s=20.0)
    assert time.wait(PENDING, timeout_s=30.0).looks == 2
    assert time.left == [30.0, 9.0]


def test_each_look_is_told_what_is_left_and_progress_what_is_waited_for() -> None:
    time = Time()
    time.wait(PENDING, PENDING, READY, timeout_s=600.0, backoff=Backoff(500, 1, 500))
    assert time.left == [600.0, 100.0, 0.0]
    assert time.told == ["waiting for the press (at most 10 min more)", "waiting for the press (at most 100 s more)"]


# ------------------------------------------------------------------------------------------------- with patience


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time; time passes by them alone."""
    made: list[float] = []
    monkeypatch.setattr(patience, "wait_until", _without_waiting(made))
    return made


def _without_waiting(made: list[float]) -> object:
    def wait(poll: object, **more: object) -> object:
        return waiting.wait_until(poll, **more, pause=made.append, clock=lambda: sum(made))  # type: ignore[arg-type]

    return wait


def answers(*each: object) -> object:
    left = list(each)

    def act() -> object:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return one

    return act


SILENT = TransportError("SSH vm:22", "no answer", "Check it")
NO_MODULE = CmdletError("Get-EflowVm", "the module is not there", "Install EFLOW")


def patient(act: object, patience_s: float, told: list[str] | None = None, **more: object) -> object:
    told = [] if told is None else told
    return patiently(act, what="the VM", patience_s=patience_s, progress=told.append, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [SILENT, NO_MODULE])
def test_what_does_not_answer_at_first_is_asked_again(pauses: list[float], error: Exception) -> None:
    told: list[str] = []
    assert patient(answers(error, error, "there"), 600, told) == "there"
    assert pauses == [20.0, 20.0] and told[0].startswith(f"waiting for the VM: {error.why}")  # type: ignore[attr-defined]


def test_a_vm_is_not_connected_to_more_than_three_times_a_minute() -> None:
    assert 60 / SPACED.first_s <= 3 and SPACED.after(SPACED.first_s) == SPACED.first_s


def test_without_patience_the_first_error_is_the_last(pauses: list[float]) -> None:
    with pytest.raises(TransportError, match="no answer"):
        patient(answers(SILENT, "there"), 0)
    assert pauses == []


def test_the_last_error_is_raised_when_the_time_is_up(pauses: list[float]) -> None:
    with pytest.raises(TransportError, match="no answer"):
        patient(answers(SILENT), 50)
    assert pauses == [20.0, 20.0, 10.0]


@pytest.mark.parametrize(
    "error",
    [
        HostKeyError("SSH", "another key", "Look"),
        DeniedError("SSH", "the server refused the key", "Name another"),
        InputError("--ssh", "bad", "Give it"),
    ],
)
def test_what_time_does_not_mend_is_raised_at_once(pauses: list[float], error: Exception) -> None:
    with pytest.raises(type(error)):
        patient(answers(error, "there"), 600)
    assert pauses == []


def test_a_value_that_lacks_something_is_asked_for_again_and_given_in_the_end(pauses: list[float]) -> None:
    lacks = {"lacks": lambda value: "" if value == "fit" else "it is off"}
    assert patient(answers("off", "off", "fit"), 600, **lacks) == "fit"
    assert patient(answers("off"), 30, **lacks) == "off"
