"""Proof of a provisioning: only what the VM shows, and only what is newer than the call."""

from __future__ import annotations

import time

import pytest

from eflowprov.errors import TransportError
from eflowprov.model import Outcome
from eflowprov.workflows.provisioning.evidence import Evidence, await_evidence, gather
from tests.machine import HUB, REFUSED, FakeVm

LONG_AGO = int(time.time()) - 3600


def wait_for(vm: FakeVm, pauses: list[float], **settings: float) -> Evidence:
    """Await evidence without waiting: a pause is written down, and the VM's services come up in the third."""

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            vm.start()

    return await_evidence(
        vm, since=LONG_AGO, timeout_s=settings.get("timeout_s", 60.0), progress=lambda _: None, pause=pause
    )


def test_the_journal_and_the_list_prove_it() -> None:
    evidence = gather(FakeVm().start(), since=LONG_AGO)
    assert evidence.proved and (evidence.hub, evidence.device_id) == (HUB, "line4-press2")


def test_the_journal_is_asked_for_since_the_time_before_the_call() -> None:
    vm = FakeVm().start()
    gather(vm, since=1700000000)
    assert vm.commands("iotedge system logs") == [
        ("iotedge", "system", "logs", "--", "--no-pager", "--since", "@1700000000", "-o", "json")
    ]


def test_an_old_success_in_the_journal_is_no_proof() -> None:
    evidence = gather(FakeVm().start(), since=int(time.time()) + 60)
    assert not evidence.proved and evidence.assigned.outcome is Outcome.ERROR and evidence.hub == ""
    assert evidence.agent.outcome is Outcome.PASS  # the list has no time of its own: alone it proves nothing


@pytest.mark.parametrize("silent", ["iotedge system logs", "iotedge list"])
def test_silence_is_no_proof(silent: str) -> None:
    for answer in ((0, b"", b""), (None, b"", b""), TransportError("SSH", "it broke", "Try again")):
        assert not gather(FakeVm(answers={silent: answer}).start(), since=LONG_AGO).proved


def test_a_runtime_of_1_1_is_asked_through_the_journal_itself() -> None:
    """It has no `iotedge system`; the same forms as for the report are tried, in the same order."""
    message = "2026-11-22T05:10:11Z [INFO] - Successful DPS provisioning."
    line = f'{{"__REALTIME_TIMESTAMP": "1780000000000000", "MESSAGE": "{message}"}}\n'.encode()
    refused = (2, b"", b"error: Found argument 'system' which wasn't expected\n\nUSAGE:\n    iotedge <SUBCOMMAND>\n")
    vm = FakeVm(answers={"iotedge system logs": refused, "journalctl": (0, line, b"")}).start()
    assert gather(vm, since=1700000000).assigned.outcome is Outcome.PASS
    assert vm.commands("journalctl") == [
        ("journalctl", "-u", "iotedge", "--no-pager", "--since", "@1700000000", "-o", "json")
    ]


def test_it_polls_until_both_are_proved_with_longer_and_longer_pauses() -> None:
    pauses: list[float] = []
    vm = FakeVm()
    assert wait_for(vm, pauses).proved
    assert pauses == [1.0, 1.5, 2.25]
    assert len(vm.commands("iotedge list")) == 4


def test_a_refusal_seen_twice_ends_the_wait() -> None:
    vm = FakeVm()
    vm.registration = REFUSED
    pauses: list[float] = []
    evidence = wait_for(vm.start(), pauses)
    assert evidence.assigned.outcome is Outcome.FAIL and "CA certificate not found" in evidence.assigned.detail
    assert len(pauses) == 1 and "CA certificate not found" in evidence.missing


def test_the_wait_ends_when_the_time_is_up() -> None:
    pauses: list[float] = []
    started = time.monotonic()
    evidence = await_evidence(FakeVm(), since=LONG_AGO, timeout_s=0.2, progress=lambda _: None)
    assert time.monotonic() - started < 2 and not evidence.proved
    assert not wait_for(FakeVm(), pauses, timeout_s=0.0).proved and pauses == []


def test_progress_tells_what_is_waited_for() -> None:
    told: list[str] = []
    await_evidence(FakeVm(), since=LONG_AGO, timeout_s=0.05, progress=told.append)
    assert told and all(line.startswith("waiting for the VM: ") and len(line) > 25 for line in told)
