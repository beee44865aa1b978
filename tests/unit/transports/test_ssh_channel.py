"""Commands over one SSH connection, against the lab's server; tests/contract has the real one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.lab import ssh_server
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.model import CommandResult
from eflowprov.transports import ssh
from eflowprov.transports.shell import tethered_command
from eflowprov.transports.ssh import SshChannel, SshTarget, open_ssh

KEY = make_key_pair()


def result(status: int | None = 0, out: bytes = b"", err: bytes = b"") -> CommandResult:
    return CommandResult((), status, out, err, 0.0)


@contextmanager
def opened(handler: Callable[[str], CommandResult], folder: Path) -> Iterator[tuple[SshChannel, LabSshServer]]:
    with LabSshServer(handler, client_key_public=KEY.public) as server:
        channel = open_ssh(SshTarget("127.0.0.1", KEY.private, _pins(server, folder), port=server.port))
        try:
            yield channel, server
        finally:
            channel.close()


def test_the_vm_gets_the_tethered_command_line(tmp_path: Path) -> None:
    seen: list[str] = []

    def see(text: str) -> CommandResult:
        seen.append(text)
        return result()

    with opened(see, tmp_path) as (channel, server):
        channel.run(("sudo", "-n", "iotedge", "list"), timeout_s=2.5)
        assert (channel.name, channel.vm) == ("ssh", f"127.0.0.1:{server.port}")
    assert seen == [tethered_command(("sudo", "-n", "iotedge", "list"), 3)]


def test_the_result_carries_argv_streams_status_and_duration(tmp_path: Path) -> None:
    with opened(lambda _: result(7, b"out", b"err"), tmp_path) as (channel, _):
        got = channel.run(["a", "b"], timeout_s=5)
    assert (got.argv, got.status, got.stdout, got.stderr, got.note) == (("a", "b"), 7, b"out", b"err", "")
    assert 0 < got.duration_s < 5


def test_a_connection_that_breaks_while_a_command_runs_is_a_result(tmp_path: Path) -> None:
    def cut(_: str) -> CommandResult:
        server.drop_connections()
        return result()

    with opened(cut, tmp_path) as (channel, server):
        got = channel.run(("a",), timeout_s=5)
        assert (got.status, got.note) == (None, "connection lost")
        with pytest.raises(TransportError, match="the connection is closed"):
            channel.run(("b",), timeout_s=5)
        assert server.connections == 1, "it connected again by itself"


def test_a_session_that_ends_without_a_status_has_none(tmp_path: Path) -> None:
    with opened(lambda _: result(None, b"half"), tmp_path) as (channel, _):
        got = channel.run(("a",), timeout_s=5)
        assert (got.status, got.stdout, got.note) == (None, b"half", "ended without an exit status")
        assert channel.run(("b",), timeout_s=5).stdout == b"half", "the connection is still good"


def test_a_server_that_refuses_to_run_commands_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_server._Connection, "check_channel_exec_request", lambda *_: False)
    with (
        opened(lambda _: result(), tmp_path) as (channel, _),
        pytest.raises(TransportError, match="refuses to run commands"),
    ):
        channel.run(("a",), timeout_s=5)


def test_a_server_that_forbids_sessions_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_server._Connection, "check_channel_request", lambda *_: 1)  # prohibited, RFC 4254, 5.1
    with opened(lambda _: result(), tmp_path) as (channel, _):
        begun = time.monotonic()
        with pytest.raises(TransportError, match="refuses to open a session"):
            channel.run(("a",), timeout_s=5)
        assert time.monotonic() - begun < 2


def test_a_request_that_is_never_answered_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(lambda _: result(), tmp_path) as (channel, server):
        monkeypatch.setattr(ssh_server._Connection, "check_channel_exec_request", lambda *_: server.stopping.wait(10))
        begun = time.monotonic()
        got = channel.run(("a",), timeout_s=0.3)
        assert (got.status, got.note) == (None, "no end within 0.3 s")
        assert time.monotonic() - begun < 1.5


def test_a_command_without_an_end_is_left_at_the_deadline(tmp_path: Path) -> None:
    def wait(_: str) -> CommandResult:
        server.stopping.wait(10)
        return result()

    with opened(wait, tmp_path) as (channel, server):
        begun = time.monotonic()
        got = channel.run(("a",), timeout_s=0.3)
        assert (got.status, got.note) == (None, "no end within 0.3 s")
        assert time.monotonic() - begun < 1.5


def test_a_wait_for_output_is_cut_up_so_that_ctrl_c_is_seen_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a wait for a lock cannot be interrupted, however long it is."""
    waits: list[float | None] = []
    wait = threading.Event.wait

    def noted(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread():
            waits.append(timeout)
        return wait(event, timeout)

    def slow(_text: str) -> CommandResult:
        time.sleep(0.5)
        return result()

    with opened(slow, tmp_path) as (channel, _):
        start = ssh.SshChannel._start

        def begun(*given: object) -> bool:
            answer: bool = start(*given)  # type: ignore[arg-type]
            monkeypatch.setattr(threading.Event, "wait", noted)
            return answer

        monkeypatch.setattr(ssh.SshChannel, "_start", begun)
        assert channel.run(("true",), timeout_s=30).status == 0
        monkeypatch.setattr(threading.Event, "wait", wait)
    assert len(waits) > 1 and all(each is not None and each <= 0.2 for each in waits)


def test_output_that_comes_after_the_exit_status_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(_: object, session: paramiko.Channel, __: bytes) -> None:
        session.send_exit_status(0)
        session.sendall(b"early and ")
        time.sleep(0.2)
        session.sendall(b"late")
        session.close()

    monkeypatch.setattr(ssh_server._Connection, "_answer", late)
    with opened(lambda _: result(), tmp_path) as (channel, _):
        got = channel.run(("a",), timeout_s=5)
        assert (got.status, got.stdout) == (0, b"early and late")


def test_waiting_for_a_session_counts_against_the_deadline(tmp_path: Path) -> None:
    def wait(_: str) -> CommandResult:
        server.stopping.wait(10)
        return result()

    with opened(wait, tmp_path) as (channel, server):
        with ThreadPoolExecutor(4) as pool:
            busy = [pool.submit(channel.run, ("a",), timeout_s=1) for _ in range(4)]
            _until(lambda: server.sessions == 4)
            with pytest.raises(DeadlineError, match="no session within"):
                channel.run(("b",), timeout_s=0.3)
        assert [got.result().status for got in busy] == [None] * 4
        assert server.sessions == 4, "the late command was sent all the same"


def test_commands_get_their_turn_in_the_order_in_which_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_AT_ONCE", 1)
    served: list[str] = []

    def serve(text: str) -> CommandResult:
        served.append(text.split()[-1])
        return result()

    with opened(serve, tmp_path) as (channel, _), ThreadPoolExecutor(1) as pool:
        channel._slots.take(1)
        patient = pool.submit(channel.run, ("patient",), timeout_s=5)
        _until(lambda: len(channel._slots._queue) == 1)
        channel._slots.give_back()
        for _ in range(10):
            channel.run(("greedy",), timeout_s=5)
        assert patient.result().status == 0
    assert served.index("patient") == 0


def test_closing_leaves_no_thread_and_may_be_done_again(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with opened(lambda _: result(), tmp_path) as (channel, _):
        channel.run(("a",), timeout_s=5)
        channel.close()
        channel.close()
    assert set(threading.enumerate()) <= before


def test_paramiko_says_nothing_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with LabSshServer(lambda _: result(), client_key_public=KEY.public) as server:
        logging.getLogger("paramiko").setLevel(logging.NOTSET)  # the lab's server quiets it too
        channel = open_ssh(SshTarget("127.0.0.1", KEY.private, _pins(server, tmp_path), port=server.port))
        server.drop_connections()
        with pytest.raises(TransportError):
            channel.run(("a",), timeout_s=5)
        channel.close()
    assert caplog.records == []


def _pins(server: LabSshServer, folder: Path) -> Path:
    pins = folder / "known_hosts"
    pins.write_text(server.host_key_line + "\n", encoding="ascii")
    return pins


def _until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
