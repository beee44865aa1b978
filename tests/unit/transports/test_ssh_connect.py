"""From an address to a connection: every refusal is one line with the next step, and none outlasts the deadline."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from eflowprov.errors import DeadlineError, HostKeyError, InputError, TransportError
from eflowprov.lab import ssh_server
from eflowprov.lab.ssh_server import KeyPair, LabSshServer, make_key_pair
from eflowprov.model import CommandResult, Secret
from eflowprov.transports.ssh import SshTarget, open_ssh

KEY = make_key_pair()
SOON = 0.4  # a deadline for what never comes


def answer(text: str) -> CommandResult:
    return CommandResult((text,), 0, b"", b"", 0.0)


@pytest.fixture
def server() -> Iterator[LabSshServer]:
    with LabSshServer(answer, client_key_public=KEY.public) as running:
        yield running


@pytest.fixture
def target(server: LabSshServer, tmp_path: Path) -> SshTarget:
    pins = tmp_path / "known_hosts"
    pins.write_text(server.host_key_line + "\n", encoding="ascii")
    return SshTarget("127.0.0.1", KEY.private, pins, port=server.port)


@contextmanager
def plain_server(talk: Callable[[socket.socket], object]) -> Iterator[tuple[int, threading.Event]]:
    """A TCP server for one client: `talk`, then read. Gives its port, and an event for the client's close."""
    gone = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        client.settimeout(10)
        with client, suppress(TimeoutError):
            with suppress(ConnectionError):
                talk(client)
                while client.recv(4096):
                    pass
            gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], gone
        thread.join(15)


def drip(client: socket.socket) -> None:
    """A line now and then: something always comes, and never a banner."""
    while True:
        client.sendall(b"wait\r\n")
        time.sleep(0.05)


def private_text(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, protection: KeySerializationEncryption | None = None
) -> KeyPair:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, protection or NoEncryption()).decode("ascii")
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    return KeyPair(Secret(private), public)


def test_a_refused_connection_speaks_of_hyper_v_sockets_and_the_other_channel(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        TransportError, match=rf"SSH 127.0.0.1:{port}: .* refused\. .*Hyper-V sockets.*--channel cmdlet"
    ):
        open_ssh(SshTarget("127.0.0.1", KEY.private, tmp_path / "pins", port=port))


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (socket.socket.fileno, "sent no SSH banner"),
        (drip, "sent no SSH banner"),
        (lambda client: client.sendall(b"SSH-2.0-slow\r\n"), "did not finish the key exchange"),
    ],
    ids=["silent", "dripping", "banner-only"],
)
def test_a_server_that_never_gets_to_the_point_is_left_at_the_deadline(
    tmp_path: Path, talk: Callable[[socket.socket], object], said: str
) -> None:
    threads = set(threading.enumerate())
    with plain_server(talk) as (port, gone):
        begun = time.monotonic()
        with pytest.raises(DeadlineError, match=said):
            open_ssh(SshTarget("127.0.0.1", KEY.private, tmp_path / "pins", port=port, connect_timeout_s=SOON))
        assert time.monotonic() - begun < SOON + 1
        assert gone.wait(5), "the socket was not closed"
    assert set(threading.enumerate()) <= threads


def test_a_server_of_another_kind_is_no_ssh_server(tmp_path: Path) -> None:
    with (
        plain_server(lambda client: client.sendall(b"220 smtp\r\n" * 101)) as (port, _),
        pytest.raises(TransportError, match="no SSH server"),
    ):
        open_ssh(SshTarget("127.0.0.1", KEY.private, tmp_path / "pins", port=port))


def test_a_connection_closed_before_the_banner_speaks_of_the_block(tmp_path: Path) -> None:
    with (
        plain_server(lambda client: client.shutdown(socket.SHUT_WR)) as (port, _),
        pytest.raises(
            TransportError, match=r"closed the connection before its SSH banner.*three SSH connections a min"
        ),
    ):
        open_ssh(SshTarget("127.0.0.1", KEY.private, tmp_path / "pins", port=port))


def test_an_authentication_without_an_answer_ends_at_the_deadline(
    server: LabSshServer, target: SshTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_server._Connection, "check_auth_publickey", lambda *_: server.stopping.wait(10))
    with pytest.raises(DeadlineError, match="did not finish the authentication within"):
        open_ssh(replace(target, connect_timeout_s=SOON))


def test_a_connection_cut_during_authentication_is_told(
    server: LabSshServer, target: SshTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_server._Connection, "check_auth_publickey", lambda *_: server.drop_connections())
    with pytest.raises(TransportError, match="closed the connection during authentication"):
        open_ssh(target)


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (OSError(errno.EHOSTUNREACH, "x"), TransportError, r"no route to it.*Get-EflowVmAddr"),
        (OSError(errno.ENETUNREACH, "x"), TransportError, "no route to its network"),
        (OSError(errno.EACCES, "forbidden"), TransportError, "forbidden"),
        (TimeoutError("timed out"), DeadlineError, r"no answer within 15 s.*more than three SSH connections a minute"),
        (OSError(errno.ETIMEDOUT, "x"), DeadlineError, "no answer within 15 s"),
    ],
)
def test_what_tcp_says_is_told_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: OSError, kind: type[TransportError], said: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(socket.socket, "connect", fail)
    with pytest.raises(kind, match=said):
        open_ssh(SshTarget("127.0.0.1", KEY.private, tmp_path / "pins"))


def test_a_name_that_is_not_known_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransportError, match=r"its name is not known \(Name or service not known\)"):
        open_ssh(SshTarget("line4-EFLOW.mshome.net", KEY.private, tmp_path / "pins"))


def test_a_look_up_that_hangs_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [answered.wait(10)])
    with pytest.raises(DeadlineError, match="its name was not found within"):
        open_ssh(SshTarget("vm", KEY.private, tmp_path / "pins", connect_timeout_s=SOON))
    answered.set()


def test_the_next_address_is_tried_when_the_first_does_not_answer(
    server: LabSshServer, target: SshTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in (closed, ("127.0.0.1", server.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    open_ssh(target).close()


@pytest.mark.parametrize(
    "pair", [private_text(ec.generate_private_key(ec.SECP256R1())), private_text(rsa.generate_private_key(65537, 2048))]
)
def test_ecdsa_and_rsa_keys_are_taken_too(server: LabSshServer, target: SshTarget, pair: KeyPair) -> None:
    server.client_key = ssh_server._blob(pair.public)
    open_ssh(replace(target, private_key=pair.private)).close()


@pytest.mark.parametrize("text", ["", "not a key", KEY.private.reveal()[:120], "-----BEGIN OPENSSH PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_before_the_vm_is_touched_and_not_quoted(
    server: LabSshServer, target: SshTarget, text: str
) -> None:
    with pytest.raises(InputError, match="it is no Ed25519, ECDSA or RSA private key") as refusal:
        open_ssh(replace(target, private_key=Secret(text)))
    assert not text or text not in str(refusal.value)
    assert server.connections == 0


def test_an_encrypted_key_is_refused(target: SshTarget) -> None:
    locked = private_text(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"passphrase"))
    with pytest.raises(InputError, match="it is encrypted"):
        open_ssh(replace(target, private_key=locked.private))


def test_a_key_that_the_server_refuses_is_told_by_its_fingerprint(server: LabSshServer, target: SshTarget) -> None:
    server.refuses_keys = True
    with pytest.raises(
        TransportError, match=r"refused the key ssh-ed25519 SHA256:\S+ for iotedge-user\. Check --ssh-user"
    ):
        open_ssh(target)


def test_a_server_that_takes_no_signature_of_such_a_key_asks_for_another(
    target: SshTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_server._ReplyingTransport, "_preferred_pubkeys", ("ssh-ed25519",))
    pair = private_text(rsa.generate_private_key(65537, 2048))
    with pytest.raises(TransportError, match=r"takes no signature of such a key \(ssh-rsa\)\. Name another key"):
        open_ssh(replace(target, private_key=pair.private))


def test_another_user_is_refused(target: SshTarget) -> None:
    with pytest.raises(TransportError, match="for somebody"):
        open_ssh(replace(target, user="somebody"))


def test_an_unknown_host_key_is_refused_before_authentication(
    target: SshTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ssh_server._Connection, "check_auth_publickey", lambda *offer: asked.append(offer))
    with pytest.raises(HostKeyError, match=r"SHA256:.*--accept-new-host-key"):
        open_ssh(replace(target, known_hosts=tmp_path / "none"))
    assert asked == []


def test_a_new_host_key_is_pinned_only_when_asked_and_then_counts(target: SshTarget, tmp_path: Path) -> None:
    pins = tmp_path / "new" / "known_hosts"
    open_ssh(replace(target, known_hosts=pins, accept_new_host_key=True)).close()
    open_ssh(replace(target, known_hosts=pins)).close()
    assert len(pins.read_text(encoding="ascii").splitlines()) == 1


def test_small_packets_are_sent_at_once(target: SshTarget) -> None:
    channel = open_ssh(target)
    sock = channel._connection.sock
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    channel.close()


def test_a_target_shows_no_key(target: SshTarget) -> None:
    assert "PRIVATE" not in repr(target)
    assert replace(target, host="fe80::1", port=22).address == "[fe80::1]:22"
