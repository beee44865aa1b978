"""The simulated VM's SSH server: a real one, that leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.model import CommandResult
from eflowprov.transports.ssh import SshChannel, SshTarget, open_ssh
from tests.support import require

KEY = make_key_pair()


def echo(text: str) -> CommandResult:
    return CommandResult((), 3, text.encode(), b"err", 0.0)


def open_to(server: LabSshServer, folder: Path, connect_timeout_s: float = 15) -> SshChannel:
    pins = folder / "known_hosts"
    pins.write_text(server.host_key_line + "\n", encoding="ascii")
    return open_ssh(SshTarget("127.0.0.1", KEY.private, pins, server.port, connect_timeout_s=connect_timeout_s))


def test_it_counts_connections_and_sessions(tmp_path: Path) -> None:
    with LabSshServer(echo, client_key_public=KEY.public) as server:
        for _ in range(2):
            channel = open_to(server, tmp_path)
            for _ in range(3):
                channel.run(("a",), timeout_s=5)
            channel.close()
        assert (server.connections, server.sessions) == (2, 6)


def test_after_stop_there_is_no_thread_and_no_port(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    server = LabSshServer(echo, client_key_public=KEY.public)
    server.start()
    channel = open_to(server, tmp_path)
    channel.run(("a",), timeout_s=5)
    server.stop()
    assert set(threading.enumerate()) - before <= {channel._connection}
    server.stop()
    channel.close()
    with socket.socket() as again:
        again.settimeout(5)
        assert again.connect_ex(("127.0.0.1", server.port)) != 0


def test_a_handler_that_waits_for_stopping_is_let_go(tmp_path: Path) -> None:
    entered = threading.Event()

    def wait(text: str) -> CommandResult:
        entered.set()
        server.stopping.wait(30)
        time.sleep(0.2)  # and then some work of its own
        return echo(text)

    before = set(threading.enumerate())
    with LabSshServer(wait, client_key_public=KEY.public) as server, ThreadPoolExecutor(1) as pool:
        channel = open_to(server, tmp_path)
        running = pool.submit(channel.run, ("a",), timeout_s=20)
        assert entered.wait(5)
        server.stop()
        assert "lab-ssh-exec" not in {thread.name for thread in threading.enumerate()}
        running.result(5)
        channel.close()
    assert set(threading.enumerate()) <= before


def test_output_larger_than_the_window_arrives_whole(tmp_path: Path) -> None:
    big = bytes(range(256)) * 20_000

    with LabSshServer(lambda _: CommandResult((), 0, big, big, 0.0), client_key_public=KEY.public) as server:
        channel = open_to(server, tmp_path)
        got = channel.run(("a",), timeout_s=20)
        channel.close()
    assert (got.stdout == big, got.stderr == big) == (True, True)


def test_a_client_that_vanishes_amid_output_disturbs_nobody(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    big = bytes(10_000_000)
    with LabSshServer(lambda _: CommandResult((), 0, big, b"", 0.0), client_key_public=KEY.public) as server:
        first, second = open_to(server, tmp_path), open_to(server, tmp_path)
        session = first._connection.open_session(timeout=5)
        session.exec_command("a")  # its output is never read, so the server fills the window and waits
        first._connection.sock.close()
        assert len(second.run(("a",), timeout_s=20).stdout) == len(big)
        first.close()
        second.close()
    assert set(threading.enumerate()) <= before


def test_more_sessions_than_allowed_are_refused_as_openssh_does(tmp_path: Path) -> None:
    with LabSshServer(echo, client_key_public=KEY.public, max_sessions=2) as server:
        channel = open_to(server, tmp_path)
        sessions = [channel._connection.open_session(timeout=5) for _ in range(2)]
        with pytest.raises(paramiko.ChannelException) as refusal:
            channel._connection.open_session(timeout=5)
        assert (refusal.value.code, len(sessions)) == (2, 2)
        channel.close()


def test_a_silent_server_lets_the_client_run_into_its_deadline(tmp_path: Path) -> None:
    with LabSshServer(echo, client_key_public=KEY.public) as server:
        server.is_silent = True
        with pytest.raises(DeadlineError):
            open_to(server, tmp_path, connect_timeout_s=0.3)
        server.is_silent = False
        open_to(server, tmp_path).close()


def test_a_key_that_is_not_the_clients_is_refused(tmp_path: Path) -> None:
    with (
        LabSshServer(echo, client_key_public=make_key_pair().public) as server,
        pytest.raises(TransportError, match="refused the key"),
    ):
        open_to(server, tmp_path)


def test_keys_are_fresh_and_their_text_is_a_secret() -> None:
    assert make_key_pair().public != KEY.public
    assert "PRIVATE" not in repr(KEY)


@pytest.mark.linux
def test_openssh_gets_its_answer_too(tmp_path: Path) -> None:
    ssh = require("ssh")
    key, pins = tmp_path / "key", tmp_path / "pins"
    key.touch(mode=0o600)
    key.write_text(KEY.private.reveal(), encoding="ascii")
    with LabSshServer(echo, client_key_public=KEY.public) as server:
        pins.write_text(server.host_key_line + "\n", encoding="ascii")
        options = ["-F", "none", "-o", f"UserKnownHostsFile={pins}", "-o", "StrictHostKeyChecking=yes", "-i", str(key)]
        words = [ssh, *options, "-p", str(server.port), "iotedge-user@127.0.0.1", "some 'command'"]
        ran = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, b"some 'command'", b"err")
