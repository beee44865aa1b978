"""Waiting for readiness: back-off, what it waits for, the first final failure, one new connection after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eflowprov.errors import DeadlineError, HostKeyError, TransportError
from eflowprov.model import CommandResult, Finding, Outcome, Refused, Report, Verdict
from eflowprov.workflows.readiness import until_ready as readiness
from eflowprov.workflows.readiness.until_ready import LAST_LOOK_S, STEADY_S, ReadinessWait, lasting_failures
from eflowprov.workflows.readiness.verify import VerifyOptions
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import DEVICE, REFUSED, FakeVm

NOTHING = (0, b"", b"")


class Vm(FakeVm):
    """One that also has `true`, which asks whether the VM is still there."""

    def __init__(self, scenario: str = "healthy") -> None:
        super().__init__(scenario, {"true": NOTHING})


GONE = TransportError("SSH vm:22", "no answer within 15 s", "Check that the VM runs")


class Waiting:
    """A wait over fake VMs with a clock of its own; `at[n]` happens before the n-th pause (from 1)."""

    def __init__(self, *vms: FakeVm | Exception) -> None:
        self.vms = list(vms)
        self.opened: list[FakeVm | Exception] = []
        self.now = 0.0
        self.pauses: list[float] = []
        self.told: list[str] = []
        self.at: dict[int, Callable[[], object]] = {}
        self.is_open = {id(vm): True for vm in vms}

    def open(self) -> OpenChannel:
        vm = self.vms.pop(0)
        self.opened.append(vm)
        if isinstance(vm, Exception):
            raise vm
        return OpenChannel(vm, "SSH is open", lambda: self.is_open[id(vm)])

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.at.get(len(self.pauses), lambda: None)()

    def run(self, wait_s: float = 900.0, *, save_to: Path | None = None, **options: str) -> Report:
        wait = ReadinessWait(
            self.open(),
            VerifyOptions(**options),  # type: ignore[arg-type]
            reopen=self.open,
            progress=self.told.append,
            host="local",
            save_to=save_to,
            clock=lambda: self.now,
            pause=self.pause,
        )
        return wait.run(wait_s)


def test_a_ready_device_is_looked_at_once_and_nothing_is_waited_for() -> None:
    vm = Vm().start()
    waiting = Waiting(vm)
    assert waiting.run().verdict is Verdict.READY
    assert waiting.pauses == [] and waiting.told == [] and vm.closed.is_set()


def test_it_looks_with_back_off_until_the_device_is_ready_and_says_what_is_missing() -> None:
    vm = Vm()
    waiting = Waiting(vm)
    waiting.at = {4: vm.start}
    report = waiting.run()
    assert report.verdict is Verdict.READY
    assert waiting.pauses == [5.0, 7.5, 11.25, 16.875]
    assert waiting.told[0].startswith("waiting for module/edgeAgent: The runtime does not answer")
    assert len(vm.commands("iotedge list")) == 5 and waiting.opened == [vm], "one connection for all looks"


def test_the_time_that_is_up_ends_it_with_what_was_seen_last() -> None:
    waiting = Waiting(Vm())
    report = waiting.run(40.0)
    assert report.verdict in (Verdict.UNKNOWN, Verdict.NOT_READY)
    assert sum(waiting.pauses) == 40.0 and waiting.now == 40.0


def test_a_refusal_by_dps_ends_it_once_it_stands_and_not_before() -> None:
    vm = Vm("dps-refused")
    vm.registration = REFUSED
    waiting = Waiting(vm.start())
    report = waiting.run()
    assert report.verdict is not Verdict.READY
    assert STEADY_S <= waiting.now < STEADY_S + 31, "not at the first sight, and long before the 15 minutes"


def test_a_refusal_that_is_followed_by_an_assignment_is_not_final() -> None:
    vm = Vm()
    vm.registration = REFUSED
    vm.start()
    waiting = Waiting(vm)

    def enroll() -> None:
        vm.registration = type(vm)().registration
        vm.runtime.stop()
        vm.start()

    waiting.at = {5: enroll}  # after 66 s
    assert waiting.run().verdict is Verdict.READY


def test_another_refusal_begins_a_count_of_its_own() -> None:
    vm = Vm()
    vm.registration = REFUSED
    waiting = Waiting(vm.start())

    def refuse_otherwise() -> None:
        vm.registration = Refused(DEVICE, 404, 404201, "Registration not found.", "tracking")
        vm.runtime.stop()
        vm.start()

    waiting.at = {5: refuse_otherwise}
    waiting.run()
    assert waiting.now >= 65 + STEADY_S


@pytest.mark.parametrize(
    ("id_", "detail", "is_lasting"),
    [
        ("provisioning/dps-assigned", "The registration failed: CA certificate not found. It is.", True),
        ("provisioning/dps-assigned", "The registration failed: connection refused (os error 111). It is.", False),
        ("provisioning/dps-assigned", "The registration failed: no reason given", False),
        ("identity/certificate", "Another certificate.", True),
        ("module/edgeHub", "edgeHub does not run.", False),
        ("provisioning/hub-connected", "edgeAgent was not let in.", False),
        ("deployment/present", "A deployed device was expected.", False),
    ],
)
def test_only_what_a_person_must_change_is_lasting(id_: str, detail: str, is_lasting: bool) -> None:
    finding = Finding(id_, "title", Outcome.FAIL, detail)
    assert bool(lasting_failures([finding])) is is_lasting


def test_expecting_a_deployment_waits_for_it() -> None:
    vm = Vm("new-device").start()
    waiting = Waiting(vm)
    assert waiting.run(300.0, expect="deployed").verdict is Verdict.NOT_READY
    assert waiting.now == 300.0 and "deployment/present" in waiting.told[-1]


def test_a_vm_that_restarts_is_reached_again_over_one_new_connection() -> None:
    before, after = Vm(), Vm().start()
    waiting = Waiting(before, GONE, GONE, after)
    waiting.at = {2: lambda: waiting.is_open.update({id(before): False})}
    report = waiting.run()
    assert report.verdict is Verdict.READY
    assert waiting.opened == [before, GONE, GONE, after]
    assert before.closed.is_set() and after.closed.is_set()
    assert any("the VM to answer (no answer within 15 s)" in text for text in waiting.told)


def test_a_connection_that_breaks_during_a_look_spoils_no_report() -> None:
    before, after = Vm().start(), Vm().start()
    waiting = Waiting(before, after)

    def break_off() -> tuple[int | None, bytes, bytes]:
        waiting.is_open[id(before)] = False
        return None, b"", b""

    before.answers["iotedge list"] = break_off
    assert waiting.run().verdict is Verdict.READY
    assert waiting.opened == [before, after]


class Frozen(Vm):
    """A VM that was switched off: its connection looks whole."""

    frozen = False

    def run(self, argv: tuple[str, ...], *, timeout_s: float, cap: int = 0) -> CommandResult:  # type: ignore[override]
        if self.frozen:
            raise DeadlineError("SSH vm:22", "the server opened no session", "Wait")
        return super().run(argv, timeout_s=timeout_s, cap=cap)


def test_a_vm_that_answers_nothing_any_more_is_connected_anew() -> None:
    before, after = Frozen(), Vm().start()
    waiting = Waiting(before, after)
    waiting.at = {1: lambda: setattr(before, "frozen", True)}
    assert waiting.run().verdict is Verdict.READY
    assert waiting.opened == [before, after] and waiting.pauses == [5.0]


def test_a_second_loss_ends_the_wait_and_what_was_seen_before_is_kept(tmp_path: Path) -> None:
    one, two = Vm(), Vm("service-down-after-ok").start()
    waiting = Waiting(one, two)
    waiting.at = {
        1: lambda: waiting.is_open.update({id(one): False}),
        3: lambda: waiting.is_open.update({id(two): False}),
    }
    report = waiting.run(save_to=tmp_path)
    assert len(waiting.pauses) == 3
    assert (report.verdict, report.exit_status) == (Verdict.UNKNOWN, 3)
    assert (report.findings[0].id, report.findings[0].outcome) == ("vm/lost", Outcome.ERROR)
    assert "the connection was lost" in report.findings[0].detail
    assert {"service/aziot-edged", "module/edgeAgent"} <= {found.id for found in report.findings}
    assert (tmp_path / "iotedge-list.txt").exists()


def test_a_look_that_the_loss_spoiled_does_not_take_the_place_of_a_whole_one() -> None:
    one = Vm("service-down-after-ok").start()
    waiting = Waiting(one)
    looks: list[int] = []

    def spoil() -> tuple[int | None, bytes, bytes]:
        looks.append(1)
        if len(looks) == 1:
            return one._programs["iotedge"](("iotedge", "list"), root=True)
        waiting.is_open[id(one)] = False
        return None, b"", b""

    one.answers["iotedge list"] = spoil
    waiting.vms += [GONE] * 50
    report = waiting.run(60.0)
    assert [found.id for found in report.findings if found.outcome is Outcome.ERROR] == ["vm/lost"]
    assert len(report.findings) > 5 and report.exit_status == 3


def test_another_host_key_after_a_restart_ends_it_at_once() -> None:
    before = Vm()
    waiting = Waiting(before, HostKeyError("vm", "the host key has changed", "Do not connect"))
    waiting.at = {1: lambda: waiting.is_open.update({id(before): False})}
    with pytest.raises(HostKeyError):
        waiting.run()
    assert len(waiting.pauses) == 1


def test_what_was_seen_is_saved_whatever_ends_the_wait(tmp_path: Path) -> None:
    before = Vm().start()
    before.answers["iotedge list"] = (1, b"", b"not yet")
    waiting = Waiting(before, HostKeyError("vm", "the host key has changed", "Do not connect"))
    waiting.at = {1: lambda: waiting.is_open.update({id(before): False})}
    with pytest.raises(HostKeyError):
        waiting.run(save_to=tmp_path)
    assert (tmp_path / "commands.json").exists()


def test_a_vm_that_stays_away_is_told_when_the_time_is_up() -> None:
    before = Vm()
    waiting = Waiting(before, *[GONE] * 50)
    waiting.at = {1: lambda: waiting.is_open.update({id(before): False})}
    report = waiting.run(120.0)
    assert waiting.now == 120.0 and report.exit_status == 3
    assert "no answer within 15 s" in report.findings[0].detail
    assert len([text for text in waiting.told if "was lost" in text]) == 1, "once is enough"


def test_the_last_looks_outputs_are_saved(tmp_path: Path) -> None:
    vm = Vm()
    waiting = Waiting(vm)
    waiting.at = {2: vm.start}
    waiting.run(save_to=tmp_path / "saved")
    assert "edgeAgent" in (tmp_path / "saved" / "iotedge-list.txt").read_text(encoding="utf-8")


def test_a_look_near_the_end_has_time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    collect = readiness.collect
    monkeypatch.setattr(
        readiness, "collect", lambda vm, options: (given.append(options.timeout_s), collect(vm, options))[1]
    )
    Waiting(Vm()).run(20.0)
    assert given[0] == LAST_LOOK_S and given[-1] == LAST_LOOK_S


def test_ctrl_c_closes_the_connection() -> None:
    vm = Vm()
    waiting = Waiting(vm)

    def interrupt() -> None:
        raise KeyboardInterrupt

    waiting.at = {1: interrupt}
    with pytest.raises(KeyboardInterrupt):
        waiting.run()
    assert vm.closed.is_set()
