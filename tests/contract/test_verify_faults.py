"""`verify` against a real OpenSSH server with one thing broken for real: status and text are right, and nothing is
left running in the VM."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.lab.ssh_server import make_key_pair
from eflowprov.transports.ssh import open_ssh
from eflowprov.workflows.readiness import until_ready as readiness
from eflowprov.workflows.readiness.waiting import Backoff
from eflowprov.workflows.vm import channels, connections
from tests.contract.real_sshd import RealSshd
from tests.contract.relays import VM_ID, TcpProxy, make_hvc
from tests.contract.test_verify_over_sshd import Vm, verify

pytestmark = pytest.mark.linux

COMMANDS = {
    "list": "iotedge list*",
    "check": "iotedge check*",
    "logs": "iotedge system logs*",
    "status": "iotedge system status*",
    "agent": "iotedge logs edgeAgent*",
    "probe": "sh -c *aziotks*",
}
# `sudo -n sh -c TETHER eflowprov timeout -k 5 SECONDS PROGRAM …`: a fault stands behind tether and guard, where the
# program would be.
SUDO = """\
#!/bin/sh
[ "$1 $2 $6" = "-n sh timeout" ] || exit 99
tether=$4 guard="$6 $7 $8 $9"
shift 9
case "$*" in
{faults}
esac
exec sh -c "$tether" eflowprov $guard "$@"
"""


class BrokenVm(Vm):
    """The healthy device, with a shell text in place of some of its commands."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.started = folder / "started"
        self.marker = f"77{os.getpid()}{time.monotonic_ns() % 10**6}"  # a number of seconds that no other sleep has

    @property
    def hangs(self) -> str:
        return f"touch {self.started}; sleep {self.marker}"

    def breaks(self, **faults: str) -> None:
        for name, fault in faults.items():
            self._program(f"fault-{name}", f"#!/bin/sh\n{fault}\n")
        cases = [f'{_pattern(COMMANDS[name])}) set -- fault-{name} "$@" ;;' for name in faults]
        self._program("sudo", SUDO.format(faults="\n".join(cases)))


def _pattern(text: str) -> str:
    """The shell's pattern: all but the stars is literal."""
    return "*".join(f'"{part}"' if part else "" for part in text.split("*"))


@pytest.fixture
def vm(tmp_path: Path) -> BrokenVm:
    return BrokenVm(tmp_path)


@contextmanager
def vm_server(sshd: str, vm: BrokenVm, folder: Path, *options: str) -> Iterator[RealSshd]:
    """A server of its own. Whatever is broken: in the end nothing may be left running in the VM."""
    with RealSshd(sshd, folder, f"{vm.option} HOME={folder}", *options) as running:
        yield running
        until(lambda: not running.in_the_vm(), within_s=5)


@pytest.fixture
def server(sshd: str, vm: BrokenVm, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealSshd]:
    with vm_server(sshd, vm, tmp_path, *getattr(request, "param", ())) as running:
        yield running


class Answer:
    """What a `verify` printed, and its status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        self.report = json.loads(out) if out.startswith("{") else {}

    def finding(self, id_: str) -> dict[str, str]:
        return next(found for found in self.report["findings"] if found["id"] == id_)


@pytest.fixture
def ask(server: RealSshd, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def run(*more: str) -> Answer:
        status = verify(server, "--channel", "ssh", *more)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err + shown.out
        return Answer(status, shown.out, shown.err)

    return run


def until(happened: Callable[[], bool], within_s: float = 12) -> None:
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def once(happened: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    def watch() -> None:
        until(happened)
        then()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def pin_also(server: RealSshd, port: int) -> None:
    """Pin the server's key for another port of loopback that leads to it."""
    with server.known_hosts.open("a", encoding="ascii") as pins:
        pins.write(f"[127.0.0.1]:{port} {server.host_key.public}\n")


def cut(server: RealSshd) -> None:
    for session in server.children():
        os.kill(session, signal.SIGKILL)


# What of the report rests on each command's output alone.
RESTS_ON = {
    "list": "module/edgeHub",
    "check": "iotedge-check/hostname",
    "logs": "provisioning/dps-assigned",
    "status": "service/aziot-edged",
    "agent": "provisioning/hub-connected",
    "probe": "vm/clock",
}
FOLLOWS = {"logs": ("check",), "status": ("probe",)}


def _is_alone(server: RealSshd, vm: BrokenVm, name: str) -> Callable[[], bool]:
    """Whether all commands but `name` have ended, and their answers had time to arrive."""
    asked = {"logs": 3, "probe": 5}.get(name, 4)  # check waits for the logs
    quiet = 0

    def look() -> bool:
        nonlocal quiet
        lines = vm.log.read_text(encoding="utf-8").count("\n") if vm.log.exists() else 0
        guards = [line for line in server.in_the_vm() if line.startswith("timeout ")]
        quiet = quiet + 1 if vm.started.exists() and lines == asked and len(guards) == 1 else 0
        return quiet > 10

    return look


@pytest.mark.parametrize("how", ["killed", "reset"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_connection_cut_during_any_command_is_unknown_and_keeps_what_was_told(
    name: str, how: str, server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(**{name: vm.hangs})
    with TcpProxy(server.port) as proxy:
        pin_also(server, proxy.port)
        cutter = once(_is_alone(server, vm, name), proxy.reset if how == "reset" else lambda: cut(server))
        begun = time.monotonic()
        answer = ask("--ssh", f"127.0.0.1:{proxy.port}", "--timeout", "60")
        cutter.join(5)
        assert time.monotonic() - begun < 30, "it did not wait for the deadline"
        until(lambda: not server.in_the_vm(), within_s=5)
    assert server.connections() == (1, 1), "it never connects again by itself"
    if name == "probe":  # the question beside the five commands: without it, the rest is judged all the same
        assert (answer.status, answer.finding("vm/answers")["outcome"]) == (0, "skip")
        assert "connection lost" in answer.finding("vm/answers")["detail"]
    else:
        assert (answer.status, answer.report["verdict"]) == (3, "unknown"), "what is not known is not judged"
        told = " ".join(found["detail"] for found in answer.report["findings"] if found["outcome"] == "error")
        assert "connection lost" in told, told
    spoiled = {name, *FOLLOWS.get(name, ())}
    kept = {id_: answer.finding(id_)["outcome"] for other, id_ in RESTS_ON.items() if other not in spoiled}
    assert set(kept.values()) == {"pass"}, kept


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "probe"])
def test_a_command_that_never_ends_is_ended_and_told(name: str, vm: BrokenVm, ask: Callable[..., Answer]) -> None:
    vm.breaks(**{name: vm.hangs})
    begun = time.monotonic()
    answer = ask("--timeout", "3")
    assert time.monotonic() - begun < 5
    assert (answer.status, answer.report["verdict"]) == (3, "unknown")
    assert any("no end within" in found["detail"] for found in answer.report["findings"]), answer.report["findings"]


def test_a_vm_that_stops_answering_does_not_outlast_the_deadline(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(check=vm.hangs)
    frozen: list[int] = []

    def freeze() -> None:
        frozen.extend(server.children())
        for session in frozen:
            os.kill(session, signal.SIGSTOP)

    freezer = once(vm.started.exists, freeze)
    begun = time.monotonic()
    answer = ask("--timeout", "4")
    freezer.join(5)
    assert frozen and time.monotonic() - begun < 8
    assert answer.status == 3 and answer.finding("iotedge-check/report")["outcome"] == "error"
    for session in frozen:
        os.kill(session, signal.SIGCONT)


def test_a_network_that_swallows_everything_does_not_outlast_the_deadline(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(check=vm.hangs)
    with TcpProxy(server.port) as proxy:
        pin_also(server, proxy.port)
        watch = once(_is_alone(server, vm, "check"), proxy.swallow)
        begun = time.monotonic()
        answer = ask("--ssh", f"127.0.0.1:{proxy.port}", "--timeout", "6")
        watch.join(5)
        assert time.monotonic() - begun < 9
        assert answer.status == 3
        assert re.search(r"no end within \d(\.\d)? s \(--timeout", answer.finding("iotedge-check/report")["detail"])
        assert answer.finding(RESTS_ON["list"])["outcome"] == "pass"
        until(lambda: not any(line.startswith("timeout ") for line in server.in_the_vm()))  # the guard in the VM


def test_a_gigabyte_of_output_is_read_to_its_end_in_bounded_memory(server: RealSshd) -> None:
    size, cap = 10**9, 2**20
    import resource  # Linux alone has it

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    channel = open_ssh(server.target())
    result = channel.run(("head", "-c", str(size), "/dev/zero"), timeout_s=120, cap=cap)
    channel.close()
    assert (result.status, len(result.stdout), result.dropped) == (0, cap, size - cap)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 100, "MiB"


def test_a_list_without_end_is_bounded_by_the_deadline_and_is_no_list(vm: BrokenVm, ask: Callable[..., Answer]) -> None:
    vm.breaks(list="yes no-list")
    answer = ask("--timeout", "4")
    assert answer.status == 3


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "probe"])
def test_bytes_that_are_no_text_are_never_a_pass_and_never_a_traceback(
    name: str, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(**{name: r"printf '\377\376\200NAME\000\r\n\303('"})
    answer = ask("--timeout", "30")
    without_it = (0, 1, 3) if name in ("status", "agent") else (1, 3)  # the report can do without these two
    assert answer.status in without_it, answer.report
    source = COMMANDS[name].removesuffix("*")
    assert [
        found for found in answer.report["findings"] if (found["source"], found["outcome"]) == (source, "pass")
    ] == []
    json.dumps(answer.report).encode("ascii")


def test_invalid_bytes_within_a_good_journal_are_shown_and_change_nothing(
    vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(logs=r"""printf '{"MESSAGE": "\377\303( noise"}\n'; "$@" """)
    answer = ask()
    assert (answer.status, answer.report["verdict"]) == (0, "ready"), answer.report["findings"]


@pytest.mark.parametrize("server", [("MaxSessions 1",)], indirect=True)
def test_a_server_that_allows_one_session_gives_the_whole_report(server: RealSshd, ask: Callable[..., Answer]) -> None:
    answer = ask()
    assert (answer.status, answer.report["verdict"]) == (0, "ready")
    assert server.connections() == (1, 1)


def test_a_sudo_that_asks_for_a_password_is_told_with_the_way_out(vm: BrokenVm, ask: Callable[..., Answer]) -> None:
    vm._program("sudo", '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n')
    answer = ask()
    assert (answer.status, answer.report["verdict"]) == (3, "unknown")
    details = [found["detail"] for found in answer.report["findings"] if found["outcome"] == "error"]
    assert any("sudo without a password" in detail for detail in details), details


def test_a_host_key_that_changes_between_two_runs_stops_the_second(
    server: RealSshd, ask: Callable[..., Answer]
) -> None:
    assert ask().status == 0
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {make_key_pair().public}\n", encoding="ascii")
    answer = ask("--accept-new-host-key")
    assert (answer.status, answer.out) == (3, "")
    assert answer.err.startswith("error: ") and "the host key has changed" in answer.err


LIMITED = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
from eflowprov.cli.main import run_command

sys.exit(run_command(sys.argv[1:]))
"""


def argv_for(server: RealSshd, *more: str) -> list[str]:
    key = server.folder / "client_key"
    key.write_text(server.client_key.private.reveal(), encoding="ascii")
    where = ["--ssh", f"127.0.0.1:{server.port}", "--ssh-user", server.target().user, "--ssh-key", str(key)]
    return ["verify", "--channel", "ssh", *where, "--known-hosts", str(server.known_hosts), "--format", "json", *more]


def test_a_disk_that_takes_no_more_is_told_and_nothing_half_written_is_left(server: RealSshd, tmp_path: Path) -> None:
    """The system itself refuses to write beyond 512 bytes a file."""
    saved = tmp_path / "saved"
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, *argv_for(server, "--save", str(saved))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 3, ran.stderr
    assert re.search(r"^error: .*(too large|space|cannot be written)", ran.stderr, re.MULTILINE), ran.stderr
    assert "Traceback" not in ran.stderr
    assert json.loads(ran.stdout)["verdict"] == "ready", "the report is not lost with the files"
    left = {path.name: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    assert all(data.endswith(b"\n") and len(data) <= 512 for data in left.values()), "each is whole or not there"
    assert "iotedge-check.json" not in left and "commands.json" not in left


def test_two_runs_at_once_each_get_the_whole_truth(server: RealSshd, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    command = [sys.executable, "-m", "eflowprov", *argv_for(server, "--save", str(saved))]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    reports = [json.loads(run.communicate(timeout=60)[0]) for run in runs]
    assert [report["verdict"] for report in reports] == ["ready", "ready"]
    assert run_command(["verify", "--from", str(saved)]) == 0, "what is kept is whole, whoever came last"


# ------------------------------------------------------------------------------------------------------ --wait


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute of patience: the pauses, and the ledger's window, are short."""
    monkeypatch.setattr(readiness, "BACKOFF", Backoff(0.2, 1.0, 0.2))
    monkeypatch.setattr(connections, "WINDOW_S", 1.0)


@pytest.mark.usefixtures("quickly")
def test_waiting_looks_over_one_connection_until_the_device_is_ready(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer], tmp_path: Path
) -> None:
    vm.breaks(list=f"if [ -e {tmp_path}/third ]; then exec \"$@\"; fi; if [ -e {tmp_path}/second ]; then "
              f"touch {tmp_path}/third; fi; touch {tmp_path}/second; echo not yet >&2; exit 1")  # fmt: skip
    answer = ask("--wait", "60s")
    assert (answer.status, answer.report["verdict"]) == (0, "ready"), answer.report["findings"]
    assert server.connections() == (1, 1)
    assert len(re.findall("^list$", vm.log.read_text(encoding="utf-8"), re.MULTILINE)) == 1


@pytest.mark.usefixtures("quickly")
def test_waiting_survives_a_restart_of_the_vm_with_one_new_connection(
    server: RealSshd, vm: BrokenVm, ask: Callable[..., Answer]
) -> None:
    vm.breaks(check=f'if [ ! -e {vm.started} ]; then {vm.hangs}; fi; exec "$@"')
    cutter = once(vm.started.exists, lambda: cut(server))
    answer = ask("--wait", "60s", "--timeout", "20")
    cutter.join(5)
    assert (answer.status, answer.report["verdict"]) == (0, "ready"), answer.report["findings"]
    assert server.connections() == (2, 2)
    cut(server)


def test_a_third_run_within_a_minute_waits_so_that_the_vm_does_not_block_us(
    server: RealSshd, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WINDOW_S", 4.0)
    monkeypatch.setattr(channels, "is_this_host", lambda host: False)
    assert (ask("--verbose").status, ask("--verbose").status) == (0, 0)
    begun = time.monotonic()
    assert ask().status == 0
    assert time.monotonic() - begun > 1.0


# -------------------------------------------------------------------------------------------------- hvsocket


def test_verify_goes_through_the_child_that_stands_for_hvc_and_leaves_none(
    server: RealSshd, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hvc = make_hvc(tmp_path, server.port)
    monkeypatch.setenv("EFLOWPROV_HVC", str(hvc))
    server.known_hosts.write_text(f"{VM_ID} {server.host_key.public}\n", encoding="ascii")
    argv = argv_for(server)
    argv[argv.index("--ssh") + 1] = f"hvsocket:{VM_ID}"
    assert run_command(argv) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["target"]["vm"]) == ("ready", f"hvsocket:{VM_ID}:22")
    assert hvc.with_suffix(".args").read_text() == f"nc -t vsock {VM_ID} 22"
    assert not Path(f"/proc/{hvc.with_suffix('.pid').read_text()}").exists()
