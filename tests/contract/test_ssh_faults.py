"""What breaks between us and a real OpenSSH server, broken for real."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eflowprov.errors import DeadlineError, HostKeyError, TransportError
from eflowprov.lab.ssh_server import make_key_pair
from eflowprov.transports import hvsocket
from eflowprov.transports import shell as guard
from eflowprov.transports.ssh import open_ssh
from tests.contract.conftest import PROCESS
from tests.contract.real_sshd import RealSshd
from tests.contract.relays import hvsocket_target
from tests.support import missing

pytestmark = pytest.mark.linux


@pytest.fixture
def own_sshd(sshd: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealSshd]:
    """A server that the test may break, with the options of its parameter."""
    with RealSshd(sshd, tmp_path, *getattr(request, "param", ())) as server:
        yield server


def test_many_commands_use_one_connection_and_leave_no_thread(real_sshd: RealSshd) -> None:
    connections, logins = real_sshd.connections()
    threads = set(threading.enumerate())
    channel = open_ssh(real_sshd.target())
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: channel.run(("echo", str(number)), timeout_s=20), range(100)))
    channel.close()
    assert [result.stdout for result in results] == [f"{number}\n".encode() for number in range(100)]
    assert real_sshd.connections() == (connections + 1, logins + 1)
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize("own_sshd", [("MaxSessions 1",)], indirect=True)
def test_with_one_session_allowed_commands_wait_for_each_other(own_sshd: RealSshd) -> None:
    channel = open_ssh(own_sshd.target())
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: channel.run(("echo", str(number)), timeout_s=20), range(12)))
    channel.close()
    assert [result.stdout for result in results] == [f"{number}\n".encode() for number in range(12)]
    assert "no more sessions" in own_sshd.log_text(), "nothing was refused, so nothing was shown"


@pytest.mark.parametrize("own_sshd", [("MaxSessions 0",)], indirect=True)
def test_a_server_that_opens_no_session_is_a_deadline_error(own_sshd: RealSshd) -> None:
    channel = open_ssh(own_sshd.target())
    with pytest.raises(DeadlineError, match=r"no session within 0.5 s.*MaxSessions"):
        channel.run(("true",), timeout_s=0.5)
    channel.close()


def test_a_connection_cut_while_a_command_runs_keeps_what_was_printed(own_sshd: RealSshd, tmp_path: Path) -> None:
    channel = open_ssh(own_sshd.target())
    started = tmp_path / "started"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(channel.run, ("sh", "-c", f"echo half; touch {started}; sleep 20"), timeout_s=20)
        _until(started.exists)
        for session in own_sshd.children():
            os.kill(session, 9)
        result = running.result(5)
    assert (result.status, result.stdout, result.note) == (None, b"half\n", "connection lost")
    with pytest.raises(TransportError, match="the connection is closed"):
        channel.run(("true",), timeout_s=5)
    channel.close()


def test_closing_the_channel_ends_a_command_that_runs(real_sshd: RealSshd, tmp_path: Path) -> None:
    channel = open_ssh(real_sshd.target())
    started = tmp_path / "started"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(channel.run, ("sh", "-c", f"touch {started}; sleep 5"), timeout_s=20)
        _until(started.exists)
        channel.close()
        assert (running.result(3).status, running.result().note) == (None, "connection lost")


def test_a_frozen_server_does_not_outlast_the_deadline(own_sshd: RealSshd) -> None:
    channel = open_ssh(own_sshd.target())
    assert channel.run(("true",), timeout_s=5).status == 0
    sessions = own_sshd.children()
    for session in sessions:
        os.kill(session, 19)  # SIGSTOP: as a VM that is paused
    begun = time.monotonic()
    with pytest.raises(DeadlineError):
        channel.run(("true",), timeout_s=0.5)
    assert time.monotonic() - begun < 2
    channel.close()


def test_death_by_a_signal_has_the_shells_status(real_sshd: RealSshd) -> None:
    channel = open_ssh(real_sshd.target())
    assert channel.run(("sh", "-c", "kill -9 $$"), timeout_s=5).status == 128 + 9
    channel.close()


def test_an_unknown_host_key_is_refused_with_its_fingerprint(real_sshd: RealSshd, tmp_path: Path) -> None:
    with pytest.raises(HostKeyError, match=r"SHA256:.*--accept-new-host-key") as refusal:
        open_ssh(real_sshd.target(known_hosts=tmp_path / "empty"))
    assert _fingerprint(real_sshd.folder / "host_key") in refusal.value.why
    assert not (tmp_path / "empty").exists()


def test_a_new_host_key_is_pinned_on_request_in_a_form_that_ssh_reads(real_sshd: RealSshd, tmp_path: Path) -> None:
    pins = tmp_path / "state" / "known_hosts"
    open_ssh(real_sshd.target(known_hosts=pins, accept_new_host_key=True)).close()
    assert pins.read_text(encoding="ascii") == f"[127.0.0.1]:{real_sshd.port} {real_sshd.host_key.public}\n"
    found = _ssh_keygen("-F", f"[127.0.0.1]:{real_sshd.port}", "-f", str(pins))
    assert real_sshd.host_key.public in found
    open_ssh(real_sshd.target(known_hosts=pins)).close()


@pytest.mark.parametrize("accept", [False, True])
def test_a_changed_host_key_is_always_refused_and_never_overwritten(
    real_sshd: RealSshd, tmp_path: Path, accept: bool
) -> None:
    pins = tmp_path / "known_hosts"
    pins.write_text(f"[127.0.0.1]:{real_sshd.port} {make_key_pair().public}\n", encoding="ascii")
    before = pins.read_bytes()
    with pytest.raises(HostKeyError, match="the host key has changed"):
        open_ssh(real_sshd.target(known_hosts=pins, accept_new_host_key=accept))
    assert pins.read_bytes() == before


def test_the_pinned_kind_of_key_is_asked_for_when_the_server_has_several(sshd: str, tmp_path: Path) -> None:
    _ssh_keygen("-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "rsa"))
    with RealSshd(sshd, tmp_path, f"HostKey {tmp_path / 'rsa'}") as server:
        kind, blob, *_ = (tmp_path / "rsa.pub").read_text(encoding="ascii").split()
        pins = tmp_path / "pins"
        pins.write_text(f"[127.0.0.1]:{server.port} {kind} {blob}\n", encoding="ascii")
        open_ssh(server.target(known_hosts=pins)).close()


def test_a_wrong_key_is_told_with_the_user_and_the_next_step(real_sshd: RealSshd) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(TransportError, match=r"refused the key ssh-ed25519 SHA256:.* for .*--ssh-key"):
        open_ssh(real_sshd.target(key=make_key_pair()))
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize("own_sshd", [("PubkeyAuthentication no", "PasswordAuthentication yes")], indirect=True)
def test_a_server_that_takes_no_keys_says_what_it_takes(own_sshd: RealSshd) -> None:
    with pytest.raises(TransportError, match=r"takes no key for .*, only .*password"):
        open_ssh(own_sshd.target())


@pytest.mark.parametrize(
    "own_sshd", [("AuthenticationMethods publickey,password", "PasswordAuthentication yes")], indirect=True
)
def test_a_server_that_wants_a_password_too_is_told(own_sshd: RealSshd) -> None:
    with pytest.raises(TransportError, match=r"wants more than the key \(password\)"):
        open_ssh(own_sshd.target())


@pytest.mark.parametrize("own_sshd", [("MaxStartups 1",)], indirect=True)
def test_a_server_at_its_limit_of_new_connections_is_told_to_wait(own_sshd: RealSshd) -> None:
    with socket.create_connection(("127.0.0.1", own_sshd.port), timeout=5) as waiting:
        assert waiting.recv(4) == b"SSH-"
        with pytest.raises(TransportError, match=r"before its SSH banner.*wait a minute"):
            open_ssh(own_sshd.target())


@pytest.mark.parametrize("own_sshd", [("KexAlgorithms diffie-hellman-group1-sha1",)], indirect=True)
def test_a_server_without_a_common_algorithm_is_told(own_sshd: RealSshd) -> None:
    with pytest.raises(TransportError, match="share no algorithm"):
        open_ssh(own_sshd.target())


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("exec sleep 77", r"sent no SSH banner within 1 s\. .*vsock port"),
        ("echo no such VM >&2; exit 3", r"closed the connection before its SSH banner.*\(no such VM\)\. .*vsock port"),
        (r"printf 'HTTP/1.1 400\r\n\r\n'; exec sleep 77", r"no SSH banner|is no SSH server"),
        ("exec yes garbage", "what answers there is no SSH server"),
        ("head -c 100000 /dev/urandom; exec sleep 77", r"no SSH banner|no SSH server"),
        (r"printf 'SSH-2.0-x\r\n'; exec sleep 77", r"did not finish the key exchange within 1 s\. .*vsock port"),
    ],
)
def test_a_child_that_is_no_way_into_the_vm_is_told_in_time_and_ended(
    real_sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, told: str
) -> None:
    pid, program = tmp_path / "pid", tmp_path / "hvc"
    program.write_text(f"#!/bin/sh\necho $$ >{pid}\n{does}\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv(hvsocket.VARIABLE, str(program))
    threads, begun = set(threading.enumerate()), time.monotonic()
    with pytest.raises(TransportError, match=told):
        open_ssh(hvsocket_target(real_sshd, connect_timeout_s=1.0))
    assert time.monotonic() - begun < 5
    assert not _is_running(int(pid.read_text(encoding="ascii")))
    _until(lambda: set(threading.enumerate()) <= threads)


@pytest.fixture
def sudo() -> None:
    """Root without a password; skipped where this user has none."""
    program = shutil.which("sudo")
    if not program or subprocess.run([program, "-n", "true"], capture_output=True).returncode:
        missing("sudo without a password")


@pytest.mark.usefixtures("sudo")
def test_sudo_runs_without_a_terminal_and_keeps_the_status(real_sshd: RealSshd) -> None:
    channel = open_ssh(real_sshd.target())
    assert channel.run(("sudo", "-n", "true"), timeout_s=5).status == 0
    asked = channel.run(("sudo", "-n", "sh", "-c", "id -u; exit 9"), timeout_s=5)
    channel.close()
    assert (asked.status, asked.stdout) == (9, b"0\n")


@pytest.mark.usefixtures("sudo")
def test_a_program_of_root_that_ignores_sigterm_dies_after_the_deadline(
    real_sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "KILL_AFTER_S", 1)  # the test has less patience
    channel = open_ssh(real_sshd.target())
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    result = channel.run(("sudo", "-n", *PROCESS, "stubborn", str(pid_file)), timeout_s=1)
    assert (result.status, result.stdout, result.note) == (None, b"I stay\n", "no end within 1 s")
    assert time.monotonic() - begun < 2, "the answer does not wait for the program's end"
    pid = int(pid_file.read_text(encoding="ascii"))
    assert _is_running(pid), "it did not ignore SIGTERM, so nothing is shown"
    _until(lambda: not _is_running(pid), within_s=8)
    channel.close()


def _is_running(pid: int) -> bool:
    """Whether the process lives; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(happened: Callable[[], bool], within_s: float = 5) -> None:
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def _fingerprint(key_file: Path) -> str:
    return _ssh_keygen("-lf", str(key_file)).split()[1]


def _ssh_keygen(*words: str) -> str:
    program = shutil.which("ssh-keygen")
    assert program, "it comes with OpenSSH's server"
    return subprocess.run([program, *words], capture_output=True, check=True, text=True).stdout
