"""`verify` against a real OpenSSH server, ended by a person or by the system, and `--wait` when the VM goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eflowprov.lab.ssh_server import make_key_pair
from eflowprov.workflows.readiness import until_ready as readiness
from eflowprov.workflows.readiness.waiting import Backoff
from eflowprov.workflows.vm import connections
from tests.contract.real_sshd import RealSshd
from tests.contract.test_verify_faults import COMMANDS, Answer, BrokenVm, argv_for, cut, once, until, vm_server
from tests.contract.test_verify_over_sshd import verify

pytestmark = pytest.mark.linux


@pytest.fixture
def vm(tmp_path: Path) -> BrokenVm:
    return BrokenVm(tmp_path)


@pytest.fixture
def server(sshd: str, vm: BrokenVm, tmp_path: Path) -> Iterator[RealSshd]:
    with vm_server(sshd, vm, tmp_path) as running:
        yield running


class Run:
    """A `verify` of its own process; ended in any case."""

    def __init__(self, server: RealSshd, *more: str) -> None:
        command = [sys.executable, "-m", "eflowprov", *argv_for(server, *more)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_by(self, number: signal.Signals) -> tuple[int, str, str, float]:
        """Status, both streams, and the seconds that it took to end."""
        begun = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err, time.monotonic() - begun


INTERRUPTED = "error: eflowprov: interrupted. Nothing half written is left; run the command again to go on.\n"


@pytest.mark.parametrize("wait", [(), ("--wait", "15m")], ids=["once", "waiting"])
@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_during_any_command_ends_it_here_and_in_the_vm(
    name: str, wait: tuple[str, ...], server: RealSshd, vm: BrokenVm, tmp_path: Path
) -> None:
    vm.breaks(**{name: vm.hangs})
    run = Run(server, "--save", str(tmp_path / "saved"), *wait)
    until(vm.started.exists)
    status, out, err, took = run.end_by(signal.SIGINT)
    assert (status, out) == (130, "")
    assert err.splitlines(keepends=True)[-1] == INTERRUPTED and len(err.splitlines()) == 2, err
    assert took < 2
    until(lambda: not server.in_the_vm(), within_s=2)
    assert not (tmp_path / "saved").exists() or not list((tmp_path / "saved").iterdir()), "nothing half written"


def test_ctrl_c_between_two_looks_keeps_what_was_seen(server: RealSshd, vm: BrokenVm, tmp_path: Path) -> None:
    vm.breaks(list="echo not yet >&2; exit 1")
    run = Run(server, "--save", str(tmp_path / "saved"), "--wait", "15m", "--verbose")
    assert run.process.stderr
    while not run.process.stderr.readline().startswith("waiting for module/edgeAgent"):
        assert run.process.poll() is None
    status, _out, err, took = run.end_by(signal.SIGINT)
    assert (status, err) == (130, INTERRUPTED) and took < 2
    assert json.loads((tmp_path / "saved" / "commands.json").read_bytes())


def test_a_run_that_is_killed_leaves_nothing_in_the_vm_and_no_lock_in_the_way(
    server: RealSshd, vm: BrokenVm, tmp_path: Path
) -> None:
    vm.breaks(check=f'if [ ! -e {vm.started} ]; then {vm.hangs}; fi; exec "$@"')
    runs = [Run(server, "--wait", "15m") for _ in range(2)]
    until(vm.started.exists)
    for run in runs:
        assert run.end_by(signal.SIGKILL)[0] == -signal.SIGKILL
    until(lambda: not server.in_the_vm(), within_s=2)
    done = subprocess.run(
        [sys.executable, "-m", "eflowprov", *argv_for(server)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "ready"), done.stderr


# ------------------------------------------------------------------------------------------------------ --wait


@pytest.fixture
def ask(server: RealSshd, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """With short pauses: nobody has a minute of patience."""
    monkeypatch.setattr(readiness, "BACKOFF", Backoff(0.2, 1.0, 0.2))
    monkeypatch.setattr(connections, "WINDOW_S", 1.0)

    def run(*more: str) -> Answer:
        status = verify(server, "--channel", "ssh", *more)
        return Answer(status, *capsys.readouterr())

    return run


def _restarts(server: RealSshd) -> None:
    """The server ends with all its sessions, and starts again on the same port."""
    cut(server)
    server.restart()


def test_a_server_that_restarts_is_reached_again_once(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(list=f'if [ -e {vm.started} ]; then exec "$@"; fi; touch {vm.started}; echo not yet >&2; exit 1')
    watch = once(vm.started.exists, lambda: _restarts(server))
    answer = ask("--wait", "60s", "--verbose")
    watch.join(10)
    assert (answer.status, answer.report["verdict"]) == (0, "ready"), answer.report["findings"]
    assert answer.err.count("the connection to the VM was lost, making it anew") == 1


def test_another_host_key_after_a_restart_ends_the_wait_at_once(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer], tmp_path: Path
) -> None:
    vm.breaks(list=f"touch {vm.started}; echo not yet >&2; exit 1")
    pins = server.known_hosts.read_bytes()

    def restart_with_another_key() -> None:
        (server.folder / "host_key").write_text(make_key_pair().private.reveal(), encoding="ascii")
        _restarts(server)

    watch = once(vm.started.exists, restart_with_another_key)
    begun = time.monotonic()
    answer = ask("--wait", "15m", "--accept-new-host-key", "--save", str(tmp_path / "saved"))
    watch.join(10)
    assert (answer.status, answer.out) == (3, "") and time.monotonic() - begun < 20
    assert answer.err.splitlines()[-1].startswith("error: ") and "the host key has changed" in answer.err
    assert server.known_hosts.read_bytes() == pins
    assert (tmp_path / "saved" / "iotedge-list.txt").exists(), "what was seen before is not lost"


def test_a_second_loss_is_unknown_with_all_that_was_seen(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer], tmp_path: Path
) -> None:
    looks = tmp_path / "looks"
    vm.breaks(list=f"echo >>{looks}; echo not yet >&2; exit 1")

    def seen(count: int) -> Callable[[], bool]:
        return lambda: looks.exists() and len(looks.read_bytes()) >= count and not server.in_the_vm()

    def cut_twice() -> None:
        cut(server)
        until(seen(len(looks.read_bytes()) + 1))
        cut(server)

    watch = once(seen(1), cut_twice)
    answer = ask("--wait", "60s")
    watch.join(20)
    assert (answer.status, answer.report["verdict"]) == (3, "unknown")
    assert answer.finding("vm/lost")["outcome"] == "error" and "was lost" in answer.finding("vm/lost")["detail"]
    assert answer.finding("provisioning/dps-assigned")["outcome"] == "pass", "of the last whole look"
    assert server.connections() == (2, 2)


def test_a_vm_that_stays_away_is_told_when_the_time_is_up(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(list=f"touch {vm.started}; echo not yet >&2; exit 1")

    def go_away() -> None:
        sessions = server.children()
        server.stop()
        for session in sessions:
            os.kill(session, signal.SIGKILL)

    watch = once(vm.started.exists, go_away)
    answer = ask("--wait", "4s", "--verbose")
    watch.join(10)
    assert (answer.status, answer.report["verdict"]) == (3, "unknown")
    assert "the connection was refused" in answer.finding("vm/lost")["detail"]
    assert answer.err.count("the connection to the VM was lost") == 1


def test_a_clock_that_jumps_changes_no_wait_and_no_duration(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """This host's clock is set a day on while the wait goes on."""
    real = time.time
    vm.breaks(list=f"touch {vm.started}; echo not yet >&2; exit 1")
    monkeypatch.setattr(time, "time", lambda: real() + 86_400 * vm.started.exists())
    begun = time.monotonic()
    answer = ask("--wait", "5s")
    assert 5 <= time.monotonic() - begun < 15
    assert 4 <= answer.report["duration_s"] < 15  # the wait's five seconds began a little before its report
    assert answer.finding("vm/clock")["outcome"] == "fail", "a difference of a day is told"


def test_a_run_that_nobody_watches_says_no_more_than_its_way(server: RealSshd, vm: BrokenVm) -> None:
    vm.breaks(list="echo not yet >&2; exit 1")
    done = subprocess.run(
        [sys.executable, "-m", "eflowprov", *argv_for(server, "--wait", "6s")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 3 and json.loads(done.stdout)["verdict"] == "unknown"
    assert len(done.stderr.splitlines()) == 1 and "by ssh" in done.stderr, done.stderr
