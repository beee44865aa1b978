"""`verify --channel auto` on played hosts of 1.1, 1.4 and 1.5, with a real OpenSSH server: which way, at what cost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.transports.hvsocket import VARIABLE
from eflowprov.workflows.vm import channels, connections
from tests.contract.real_sshd import RealSshd
from tests.contract.relays import VM_ID, make_hvc
from tests.contract.test_verify_over_sshd import server, vm  # noqa: F401 - fixtures
from tests.machine import FakeHost, FakeVm

pytestmark = pytest.mark.linux


@dataclass
class Played:
    """One `verify` with a TCP address that this host's EFLOW may have closed."""

    verdict: str
    vm: str
    err: str
    counted: int  # connections that the VM's block would count


@pytest.fixture
def play(
    server: RealSshd,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> object:
    host = FakeHost(FakeVm())
    monkeypatch.setattr(options, "eflow_host", lambda _target: host)
    monkeypatch.setattr(channels, "is_this_host", lambda _host: False)  # the server stands for a VM, not for a tunnel
    ledger = connections.ConnectionLedger(tmp_path / "ledger")
    monkeypatch.setattr(connections, "default_ledger", lambda: ledger)
    real = options.channel_request
    monkeypatch.setattr(options, "channel_request", lambda *flags: replace(real(*flags), ledger=ledger))

    def run(module_version: str) -> Played:
        host.facts = replace(host.facts, module_version=module_version, vm_id=VM_ID)
        key = tmp_path / "client_key"
        key.write_text(server.client_key.private.reveal(), encoding="ascii")
        where = ["--ssh", f"127.0.0.1:{server.port}", "--ssh-user", server.target().user, "--ssh-key", str(key)]
        run_command(["verify", *where, "--known-hosts", str(server.known_hosts), "--format", "json"])
        out, err = capsys.readouterr()
        report = json.loads(out)
        entries = [json.loads(path.read_bytes()) for path in (tmp_path / "ledger").glob("*.json")]
        return Played(report["verdict"], report["target"]["vm"], err, sum(len(e["connections"]) for e in entries))

    return run


def test_a_host_of_1_1_is_asked_over_tcp_and_the_connection_counts(play: object, server: RealSshd) -> None:  # noqa: F811
    played = play("1.1.2112.12183")  # type: ignore[operator]
    assert (played.verdict, played.vm, played.counted) == ("ready", f"127.0.0.1:{server.port}", 1)
    assert played.err == "into the VM by ssh: SSH is open\n"


@pytest.mark.parametrize("release", ["1.4.2.12122", "1.5.6.0"])
def test_a_later_host_is_asked_over_its_hyper_v_socket_and_no_connection_counts(
    play: object,
    server: RealSshd,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
) -> None:
    hvc = make_hvc(tmp_path, server.port)
    monkeypatch.setenv(VARIABLE, str(hvc))
    server.known_hosts.write_text(f"{VM_ID} {server.host_key.public}\n", encoding="ascii")
    played = play(release)  # type: ignore[operator]
    assert (played.verdict, played.vm, played.counted) == ("ready", f"hvsocket:{VM_ID}:22", 0)
    assert played.err == (
        f"into the VM by ssh: EFLOW {release} has the VM's TCP port 22 closed, its Hyper-V socket open\n"
    )
    assert hvc.with_suffix(".args").read_text() == f"nc -t vsock {VM_ID} 22"
