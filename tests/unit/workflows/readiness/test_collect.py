"""Asking the VM: in parallel, the logs before check, nothing lost when a command fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from eflowprov.errors import TransportError
from eflowprov.model import CommandResult, Problem
from eflowprov.parsers.text import decode
from eflowprov.workflows.readiness.collect import Collector
from eflowprov.workflows.readiness.outputs import AGENT, CHECK, LIST, LOGS, STATUS, VM, Outputs
from tests.machine import HUB, FakeVm, Printed

HUB_LINE = b'{"MESSAGE": "2026-11-22T05:10:11Z [INFO] - Assigned to IoT hub: hub-of-the-logs.azure-devices.net"}\n'
REFUSED_BY_CLAP: Printed = (2, b"", b"error: unrecognized subcommand 'system'\n\nUsage: iotedge <COMMAND>\n")


def hub_of(logs: CommandResult) -> str:
    return "hub-of-the-logs" if b"hub-of-the-logs" in logs.stdout else ""


def collect(vm: FakeVm, *, timeout_s: float = 20.0, hub: str = "") -> Outputs:
    return Collector(vm, since="-1h", timeout_s=timeout_s, find_hub=hub_of, hub=hub).collect()


def text_of(outputs: Outputs, name: str) -> str:
    result = outputs.results[name]
    assert isinstance(result, CommandResult), result
    return decode(result.stdout)


def problem_of(outputs: Outputs, name: str) -> Problem:
    result = outputs.results[name]
    assert isinstance(result, Problem), result
    return result


def test_every_output_is_asked_for_once_as_root_without_a_prompt() -> None:
    vm = FakeVm().start()
    outputs = collect(vm)
    assert set(outputs.results) == {LIST, CHECK, LOGS, STATUS, AGENT, VM}
    assert sorted(words[1] for words in vm.asked) == ["-c", "check", "list", "logs", "system", "system"]
    assert all(
        result.argv[:2] == ("sudo", "-n") for result in outputs.results.values() if isinstance(result, CommandResult)
    )
    assert vm.commands("iotedge system logs") == [
        ("iotedge", "system", "logs", "--", "--no-pager", "--since", "-1h", "-o", "json")
    ]
    assert "edgeAgent" in text_of(outputs, LIST) and outputs.refused == ()


def test_check_is_given_the_hub_that_the_logs_name() -> None:
    vm = FakeVm(answers={"iotedge system logs": (0, HUB_LINE, b"")}).start()
    outputs = collect(vm)
    assert outputs.hub_asked == "hub-of-the-logs"
    assert vm.commands("iotedge check") == [
        ("iotedge", "check", "--output", "json", "--iothub-hostname", "hub-of-the-logs")
    ]


def test_check_runs_without_a_hub_when_the_logs_name_none() -> None:
    vm = FakeVm(answers={"iotedge system logs": TransportError("SSH", "it broke", "Try again")}).start()
    outputs = collect(vm)
    assert outputs.hub_asked == ""
    assert vm.commands("iotedge check") == [("iotedge", "check", "--output", "json")]
    assert "it broke" in problem_of(outputs, LOGS).why and not problem_of(outputs, LOGS).missing


def test_check_does_not_wait_for_the_logs_when_the_hub_is_known() -> None:
    began = threading.Event()

    def logs() -> Printed:
        assert began.wait(10)
        return 0, HUB_LINE, b""

    def check() -> Printed:
        began.set()
        return 0, b"{}", b""

    vm = FakeVm(answers={"iotedge system logs": logs, "iotedge check": check}).start()
    assert collect(vm, hub=HUB).hub_asked == HUB


@pytest.mark.parametrize("slow", ["iotedge list", "iotedge system status", "iotedge logs edgeAgent"])
def test_check_is_not_held_up_by_a_slow_command(slow: str) -> None:
    began = threading.Event()

    def check() -> Printed:
        began.set()
        return 0, b"{}", b""

    def waits_for_check() -> Printed:
        assert began.wait(10)
        return 0, b"late", b""

    vm = FakeVm(answers={slow: waits_for_check, "iotedge check": check}).start()
    assert any(
        isinstance(result, CommandResult) and result.stdout == b"late" for result in collect(vm).results.values()
    )


def test_four_commands_run_at_once_and_check_after_the_logs() -> None:
    vm = FakeVm().start()
    vm.delays = {"iotedge": 0.5, "sh": 0.5}  # the VM's own answer follows the status, in its place
    started = time.monotonic()
    collect(vm)
    took = time.monotonic() - started
    assert vm.at_once == 4 and 1.0 <= took < 1.5
    order = [" ".join(words[:2]) for words in vm.asked]
    assert {"iotedge check", "sh -c"} == set(order[-2:])


def test_json_that_this_version_does_not_have_is_asked_for_as_text() -> None:
    refused: Printed = (1, b"", b"error: Found argument '--output' which wasn't expected\n")
    log_refused: Printed = (1, b"", b"journalctl: invalid option -- 'o'\n")
    vm = FakeVm(
        answers={
            "iotedge check --output json": refused,
            "iotedge system logs -- --no-pager --since -1h -o json": log_refused,
        }
    ).start()
    outputs = collect(vm, hub=HUB)
    assert vm.commands("iotedge check")[1] == ("iotedge", "check", "--verbose", "--iothub-hostname", HUB)
    assert "succeeded" in text_of(outputs, CHECK) and "[INFO] -" in text_of(outputs, LOGS)
    assert {result.stderr for result in outputs.refused} == {refused[2], log_refused[2]}


def test_version_1_1_without_iotedge_system_gives_its_journal_and_no_status() -> None:
    vm = FakeVm(answers={"iotedge system": REFUSED_BY_CLAP, "journalctl": (0, HUB_LINE, b"")}).start()
    outputs = collect(vm)
    assert vm.commands("journalctl") == [("journalctl", "-u", "iotedge", "--no-pager", "--since", "-1h", "-o", "json")]
    assert text_of(outputs, LOGS) == HUB_LINE.decode()
    assert problem_of(outputs, STATUS).missing
    assert len(outputs.refused) == 3  # both forms of the logs, and the status


def test_an_output_that_is_no_refusal_is_kept_whatever_its_status() -> None:
    vm = FakeVm(
        answers={"iotedge check": (1, b'{"checks": {}}', b"\n"), "iotedge list": (0, b"usage: of modules", b"")}
    )
    outputs = collect(vm.start())
    assert text_of(outputs, CHECK) == '{"checks": {}}' and text_of(outputs, LIST) == "usage: of modules"
    assert outputs.refused == ()


def test_the_total_deadline_holds_and_what_was_not_run_says_so() -> None:
    vm = FakeVm(answers={"iotedge system logs": (0, HUB_LINE, b"")}).start()
    vm.delays = {"iotedge": 30.0}
    started = time.monotonic()
    outputs = collect(vm, timeout_s=0.3)
    assert time.monotonic() - started < 2
    assert problem_of(outputs, CHECK) == Problem("the time was up before it could be run (--timeout left it no more)")
    logs = outputs.results[LOGS]
    assert isinstance(logs, CommandResult) and logs.status is None


@pytest.mark.parametrize("at", ["iotedge list", "iotedge check"])
def test_ctrl_c_cuts_off_what_runs_and_begins_nothing_more(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread waits for the results; there the interrupt arrives."""
    vm = FakeVm().start()
    vm.delays = {at: 60.0}
    monkeypatch.setattr("eflowprov.workflows.readiness.collect.Future.result", interrupted(vm, at))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        collect(vm, hub=HUB)
    assert time.monotonic() - started < 5 and vm.closed.is_set()


def interrupted(vm: FakeVm, begins: str) -> Callable[..., None]:
    def result(_future: object, timeout: float | None = None) -> None:
        while not vm.commands(begins):
            time.sleep(0.005)
        raise KeyboardInterrupt

    return result


class OneAtOnce(FakeVm):
    """A VM behind the cmdlets, which take one call after the other."""

    name = "cmdlet"

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 0) -> CommandResult:
        with self._turn:
            return super().run(argv, timeout_s=timeout_s, cap=cap)


def test_through_the_cmdlets_the_deadlines_of_the_commands_do_not_add_up() -> None:
    vm = OneAtOnce().start()
    vm.delays = {"iotedge": 30.0}
    started = time.monotonic()
    outputs = collect(vm, timeout_s=0.5)
    assert time.monotonic() - started < 1.2
    logs = outputs.results[LOGS]
    assert isinstance(logs, CommandResult) and logs.status is None, "the logs had all of the time"
    for name in (LIST, STATUS, AGENT, CHECK, VM):
        assert "the time was up before it could be run" in problem_of(outputs, name).why


def test_through_the_cmdlets_every_command_has_its_turn() -> None:
    outputs = collect(OneAtOnce().start())
    assert all(isinstance(result, CommandResult) for result in outputs.results.values())
