"""Which way into the VM, and why it is that one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eflowprov.bridge.eflow import EflowHost
from eflowprov.errors import EflowprovError, HostKeyError, InputError, TransportError
from eflowprov.lab.ssh_server import make_key_pair
from eflowprov.model import HostFacts
from eflowprov.transports import hvsocket
from eflowprov.transports.ssh import SshTarget
from eflowprov.workflows.vm import channels
from eflowprov.workflows.vm.channels import ChannelRequest, OpenChannel, open_channel
from eflowprov.workflows.vm.connections import ConnectionLedger
from tests.machine import FakeHost, FakeVm

VM_ID = "b52a5ac7-7f3f-4f0a-9d0f-5d0a1b2c3d4e"
REFUSED = TransportError("SSH vm:22", "the connection was refused", "Use --channel cmdlet")
UNKNOWN_KEY = HostKeyError("SSH vm:22", "the host key is unknown", "Give --accept-new-host-key")
NO_POWERSHELL = TransportError("PowerShell", "no pwsh is on PATH", "Install PowerShell 7")


class Ways:
    """The two transports replaced: each opens, or raises what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ssh_error: EflowprovError | None = None
        self.cmdlet_error: EflowprovError | None = None
        self.target: SshTarget | None = None
        self.host = FakeHost(FakeVm())
        self.host.facts = HostFacts(module_version="1.1.2112.12183", vm_id=VM_ID)
        self.told: list[str] = []
        monkeypatch.setattr(channels, "open_ssh", self._ssh)
        monkeypatch.setattr(channels, "CmdletChannel", self._cmdlet)

    def open(self, request: ChannelRequest) -> OpenChannel:
        return open_channel(request, lambda: self.host, self.told.append)

    def _ssh(self, target: SshTarget) -> FakeVm:
        self.target = target
        if self.ssh_error:
            raise self.ssh_error
        return FakeVm()

    def _cmdlet(self, _host: EflowHost) -> FakeVm:
        ways = self

        class Cmdlets(FakeVm):
            name = "cmdlet"

            def probe(self) -> None:
                if ways.cmdlet_error:
                    raise ways.cmdlet_error

        return Cmdlets()


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    return Ways(monkeypatch)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    path.write_text(make_key_pair().private.reveal(), encoding="ascii", newline="\n")
    return path


def request(key: Path | None, ssh: str = "vm:2222", channel: str = "auto") -> ChannelRequest:
    return ChannelRequest(channel, ssh, ssh_key=key, known_hosts=Path("known_hosts"), ledger=Counted())


@pytest.mark.parametrize(("channel", "because"), [("auto", "SSH is open"), ("ssh", "asked for by --channel ssh")])
def test_ssh_is_taken_where_it_is_open(ways: Ways, key: Path, channel: str, because: str) -> None:
    opened = ways.open(request(key, channel=channel))
    assert (opened.channel.name, opened.because) == ("ssh", because)
    assert ways.target is not None
    assert (ways.target.host, ways.target.port, ways.target.user) == ("vm", 2222, "iotedge-user")
    assert "PRIVATE" not in repr(ways.target)


@pytest.mark.parametrize(
    ("error", "because"),
    [
        (REFUSED, "SSH is not open (the connection was refused)"),
        (UNKNOWN_KEY, "SSH is not open (the host key is unknown)"),
    ],
)
def test_auto_falls_back_to_the_cmdlets_and_says_why(
    ways: Ways, key: Path, error: EflowprovError, because: str
) -> None:
    ways.ssh_error = error
    opened = ways.open(request(key))
    assert (opened.channel.name, opened.because) == ("cmdlet", because)


def test_without_ssh_the_cmdlets_are_the_way(ways: Ways) -> None:
    opened = ways.open(request(None, ssh=""))
    assert (opened.channel.name, opened.because) == ("cmdlet", "no SSH: --ssh was not given")


def test_when_no_way_is_open_both_reasons_stand_in_one_line(ways: Ways, key: Path) -> None:
    ways.ssh_error, ways.cmdlet_error = REFUSED, NO_POWERSHELL
    with pytest.raises(TransportError) as caught:
        ways.open(request(key))
    assert str(caught.value) == (
        "SSH vm:22: the connection was refused; and through the cmdlets: no pwsh is on PATH. Install PowerShell 7."
    )


@pytest.mark.parametrize("channel", ["ssh", "cmdlet"])
def test_a_way_that_was_asked_for_is_never_replaced(ways: Ways, key: Path, channel: str) -> None:
    ways.ssh_error, ways.cmdlet_error = (REFUSED, None) if channel == "ssh" else (None, NO_POWERSHELL)
    with pytest.raises(TransportError):
        ways.open(request(key, channel=channel))


@pytest.mark.parametrize(
    ("ssh", "has_key", "channel", "missing"),
    [("", True, "ssh", "--ssh "), ("vm", False, "ssh", "--ssh-key"), ("vm", False, "auto", "--ssh-key")],
)
def test_flags_that_do_not_fit_together_are_refused(
    ways: Ways, key: Path, ssh: str, has_key: bool, channel: str, missing: str
) -> None:
    with pytest.raises(InputError, match=missing):
        ways.open(request(key if has_key else None, ssh, channel))


@pytest.mark.parametrize("channel", ["ssh", "auto"])
def test_a_key_that_is_none_is_wrong_input_and_no_reason_to_fall_back(ways: Ways, tmp_path: Path, channel: str) -> None:
    (tmp_path / "key").write_text("no key\n", encoding="ascii", newline="\n")
    for path in (tmp_path / "key", tmp_path / "gone"):
        with pytest.raises(InputError):
            ways.open(request(path, channel=channel))
    ways.ssh_error = InputError("known_hosts", "is no file of host keys", "Mend it")
    good = tmp_path / "id_ed25519"
    good.write_text(make_key_pair().private.reveal(), encoding="ascii", newline="\n")
    with pytest.raises(InputError, match="known_hosts"):
        ways.open(request(good, channel=channel))


@pytest.mark.parametrize("ssh", [":22", "vm:", "vm:0", "vm:65536", "user@vm", "ssh://vm", "a\nb"])
def test_what_is_no_address_is_refused_by_the_name_of_its_flag(ways: Ways, key: Path, ssh: str) -> None:
    with pytest.raises(InputError, match=r"^--ssh: .* is not HOST or HOST:PORT"):
        ways.open(request(key, ssh))
    assert ways.target is None


@pytest.mark.parametrize(
    ("ssh", "port"), [(f"hvsocket:{VM_ID}", 22), (f"hvsocket:{VM_ID.upper()}:2222", 2222), (f"HVSOCKET:{VM_ID}:22", 22)]
)
def test_a_hyper_v_socket_is_named_by_the_vm_and_its_port(ways: Ways, key: Path, ssh: str, port: int) -> None:
    assert ways.open(request(key, ssh)).channel.name == "ssh"
    assert ways.target is not None and ways.target.wire is not None
    assert (ways.target.host, ways.target.port) == (VM_ID, port)
    assert ways.target.address == f"hvsocket:{VM_ID}:{port}"


@pytest.mark.parametrize("ssh", ["hvsocket:", "hvsocket:EFLOW", f"hvsocket:{VM_ID}:0", f"hvsocket:{VM_ID}0"])
def test_what_is_no_vm_id_is_refused(ways: Ways, key: Path, ssh: str) -> None:
    with pytest.raises(InputError, match=r"^--ssh: "):
        ways.open(request(key, ssh))


def test_a_port_that_is_none_behind_a_vm_id_is_told_as_such(ways: Ways, key: Path) -> None:
    with pytest.raises(InputError, match="is not VMID or VMID:PORT"):
        ways.open(request(key, f"hvsocket:{VM_ID}:0"))


class Counted(ConnectionLedger):
    """A ledger that keeps the names and makes nobody wait."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.names: list[str] = []

    def take_turn(self, vm: str, tell: Callable[[str], None]) -> None:
        self.names.append(vm)


def test_connections_over_tcp_are_counted_and_those_over_a_hyper_v_socket_are_not(ways: Ways, key: Path) -> None:
    ledger = Counted()
    for ssh in ("vm:2222", f"hvsocket:{VM_ID}"):
        ways.open(replace(request(key, ssh), ledger=ledger))
    assert ledger.names == ["vm:2222"]


# ------------------------------------------------------------------------------------- what the host's EFLOW has open

RELEASES = {"1.1": "1.1.2112.12183", "1.3": "1.3.1.02092", "1.4": "1.4.2.12122", "1.5": "1.5.6.0"}


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with Hyper-V sockets, as far as anybody asks."""
    monkeypatch.setenv(hvsocket.VARIABLE, "hvc.exe")


@pytest.mark.parametrize("release", ["1.1", "1.3"])
@pytest.mark.usefixtures("sockets")
def test_up_to_1_3_auto_knocks_at_the_tcp_port_that_was_given(ways: Ways, key: Path, release: str) -> None:
    ways.host.facts = HostFacts(module_version=RELEASES[release], vm_id=VM_ID)
    ledger = Counted()
    opened = ways.open(replace(request(key), ledger=ledger))
    assert (opened.because, ledger.names) == ("SSH is open", ["vm:2222"])
    assert ways.target is not None and ways.target.address == "vm:2222"


@pytest.mark.parametrize("release", ["1.4", "1.5"])
@pytest.mark.parametrize("ssh", ["vm:2222", ""])
@pytest.mark.usefixtures("sockets")
def test_from_1_4_on_auto_takes_the_hyper_v_socket_and_never_knocks_at_tcp(
    ways: Ways, key: Path, release: str, ssh: str
) -> None:
    ways.host.facts = HostFacts(module_version=RELEASES[release], vm_id=VM_ID)
    ledger = Counted()
    opened = ways.open(replace(request(key, ssh), ledger=ledger))
    assert opened.channel.name == "ssh" and ledger.names == []
    assert ways.target is not None and ways.target.address == f"hvsocket:{VM_ID}:22"
    assert opened.because == f"EFLOW {RELEASES[release]} has the VM's TCP port 22 closed, its Hyper-V socket open"


@pytest.mark.parametrize("release", ["1.4", "1.5"])
@pytest.mark.parametrize(
    ("sockets_there", "vm_id", "why"),
    [
        (False, VM_ID, "and Python here has no Hyper-V sockets (Windows, 3.12 or newer), and there is no hvc.exe"),
        (True, "", "and the host did not tell the VM's ID for a Hyper-V socket"),
    ],
)
def test_from_1_4_on_without_a_way_over_the_socket_the_cmdlets_are_taken_and_nobody_knocks(
    ways: Ways,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
    sockets_there: bool,
    vm_id: str,
    why: str,
) -> None:
    monkeypatch.setattr("eflowprov.workflows.vm.eflow_release.is_possible", lambda _: sockets_there)
    ways.host.facts = HostFacts(module_version=RELEASES[release], vm_id=vm_id)
    ledger = Counted()
    opened = ways.open(replace(request(key), ledger=ledger))
    assert (opened.channel.name, ways.target, ledger.names) == ("cmdlet", None, [])
    assert opened.because == f"EFLOW {RELEASES[release]} has the VM's TCP port 22 closed, {why}"


@pytest.mark.usefixtures("sockets")
def test_a_hyper_v_socket_that_does_not_open_is_said_before_the_cmdlets_are_taken(ways: Ways, key: Path) -> None:
    ways.host.facts = HostFacts(module_version=RELEASES["1.5"], vm_id=VM_ID)
    ways.ssh_error = TransportError(f"SSH hvsocket:{VM_ID}", "the VM does not take this key", "Use --channel cmdlet")
    opened = ways.open(request(key))
    assert opened.channel.name == "cmdlet"
    assert opened.because.endswith("closed, and its Hyper-V socket is not open (the VM does not take this key)")


@pytest.mark.parametrize("facts", [HostFacts(), HostFacts(module_version="unknown"), NO_POWERSHELL])
def test_a_host_that_does_not_tell_its_release_leaves_the_port_that_was_given(
    ways: Ways, key: Path, monkeypatch: pytest.MonkeyPatch, facts: HostFacts | TransportError
) -> None:
    def told(**_: object) -> HostFacts:
        if isinstance(facts, TransportError):
            raise facts
        return facts

    monkeypatch.setattr(ways.host, "host_facts", told)
    assert ways.open(request(key)).because == "SSH is open"
    assert ways.told == ["asking the host which EFLOW it has"]


@pytest.mark.parametrize(
    ("ssh", "channel"), [("127.0.0.1:2222", "auto"), (f"hvsocket:{VM_ID}", "auto"), ("vm", "ssh"), ("vm", "cmdlet")]
)
def test_nobody_is_asked_where_the_release_decides_nothing(
    ways: Ways, key: Path, monkeypatch: pytest.MonkeyPatch, ssh: str, channel: str
) -> None:
    monkeypatch.setattr(ways.host, "host_facts", lambda **_: pytest.fail("it was asked"))
    ways.open(replace(request(key, ssh, channel), ledger=Counted()))


def test_what_the_host_told_before_is_not_asked_again(ways: Ways, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways.host.last_facts = ways.host.facts
    monkeypatch.setattr(ways.host, "host_facts", lambda **_: pytest.fail("it was asked"))
    assert ways.open(request(key)).because == "SSH is open" and ways.told == []
