"""From an address to an authenticated SSH connection, within one deadline; every refusal told in one line."""

from __future__ import annotations

import errno
import io
import logging
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eflowprov.errors import DeadlineError, DeniedError, HostKeyError, InputError, TransportError
from eflowprov.model import Secret
from eflowprov.transports.known_hosts import HostKey, host_name, is_pinned, pin, pinned_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import paramiko

    from eflowprov.transports.threaded_stream import ThreadedStream

_USE_CMDLET = "Use --channel cmdlet"
_MASKED = (
    "From EFLOW 1.2 on SSH goes over Hyper-V sockets, and from 1.4 on the VM's sshd is masked: use --ssh hvsocket:VMID "
    "or --channel cmdlet"
)
_BLOCKED = "The VM blocks an address after more than three SSH connections a minute: wait a minute and try again"
_CHECK_VM = "Check that the VM runs (Get-EflowVm) and its address (Get-EflowVmAddr), or use --channel cmdlet"
_CHECK_SOCKET = "Check that the VM runs and that its SSH server listens on that vsock port, or use --channel cmdlet"
_CHECK_KEY = "Check --ssh-user and --ssh-key, or use --channel cmdlet"

_TCP_REASONS = {  # on Windows, errno has Winsock's numbers under these names
    errno.ECONNREFUSED: ("the connection was refused", _MASKED),
    errno.EHOSTUNREACH: ("there is no route to it", _CHECK_VM),
    errno.ENETUNREACH: ("there is no route to its network", _CHECK_VM),
}
_KEEPALIVE_S = 15  # a VM that restarted answers the first one with a reset: the lost connection is then known
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")  # how a server offers a key of kind ssh-rsa (RFC 8332)


@dataclass(frozen=True, slots=True)
class SshTarget:
    """Where the VM's SSH server is, who we are, and which host key we trust.

    `private_key` is OpenSSH's own unencrypted form; `connect_timeout_s` bounds name look-up, TCP, handshake and
    authentication together. `wire`, where it is given, opens the stream in place of TCP until the monotonic clock
    shows its argument; `host` is then the VM's ID.
    """

    host: str
    private_key: Secret
    known_hosts: Path
    port: int = 22
    user: str = "iotedge-user"
    accept_new_host_key: bool = False
    connect_timeout_s: float = 15.0
    wire: Callable[[float], ThreadedStream] | None = None

    @property
    def address(self) -> str:
        if self.wire:
            return f"hvsocket:{self.host}:{self.port}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def connect(target: SshTarget) -> paramiko.Transport:
    """An authenticated connection whose host key is pinned; one attempt, no retry, nothing left behind on failure.

    Raises `InputError` for a key that cannot be used, `HostKeyError`, `DeadlineError`, and `TransportError` for all
    else that stands in the way.
    """
    import paramiko

    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs tracebacks for what we tell in one line
    key = _private_key(target.private_key)
    end = time.monotonic() + target.connect_timeout_s
    connection = paramiko.Transport(target.wire(end) if target.wire else _open_tcp(target, end))  # type: ignore[arg-type]
    try:
        _handshake(connection, target, end)
        _check_host_key(connection, target)
        _authenticate(connection, target, key, end)
        connection.set_keepalive(_KEEPALIVE_S)
    except BaseException:
        close(connection)
        raise
    return connection


def close(connection: paramiko.Transport) -> None:
    """Close the connection, its socket and its thread; also one that is closed or has never worked."""
    connection.close()
    connection.sock.close()
    if connection.is_alive() and connection is not threading.current_thread():
        connection.join(2.0)  # its reads end within 0.1 s of the close


# ------------------------------------------------------------------------------------------------------- TCP


def _open_tcp(target: SshTarget, end: float) -> socket.socket:
    where = _where(target)
    problem: OSError = TimeoutError()
    for family, kind, protocol, _, address in _resolve(target, end):
        try:
            return _connect_one(socket.socket(family, kind, protocol), address, end)
        except OSError as error:
            problem = error
    if isinstance(problem, TimeoutError) or problem.errno == errno.ETIMEDOUT:
        raise DeadlineError(where, f"no answer within {target.connect_timeout_s:g} s", f"{_CHECK_VM}. {_BLOCKED}")
    why, next_step = _TCP_REASONS.get(problem.errno or 0, (problem.strerror or str(problem), _CHECK_VM))
    raise TransportError(where, why, next_step)


def _connect_one(sock: socket.socket, address: object, end: float) -> socket.socket:
    try:
        sock.settimeout(_left(end))
        sock.connect(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
        # Without this every small command waits for the other side's delayed acknowledgement, 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _resolve(target: SshTarget, end: float) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, object]]:
    """The host's addresses; in a thread, because the system's look-up knows no deadline."""
    answer: list[list[tuple[socket.AddressFamily, socket.SocketKind, int, str, object]] | OSError] = []

    def look_up() -> None:
        try:
            answer.append([*socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            answer.append(error if isinstance(error, OSError) else OSError(0, "not a host name"))

    thread = threading.Thread(target=look_up, name="eflowprov-look-up", daemon=True)
    thread.start()
    thread.join(_left(end))
    if not answer:
        raise DeadlineError(_where(target), f"its name was not found within {target.connect_timeout_s:g} s", _CHECK_VM)
    if isinstance(answer[0], OSError):
        raise TransportError(_where(target), f"its name is not known ({answer[0].strerror})", _CHECK_VM)
    return answer[0]


# ------------------------------------------------------------------------------------------- SSH, step by step


def _handshake(connection: paramiko.Transport, target: SshTarget, end: float) -> None:
    """Banners and key exchange; asks first for the kinds of host key that are pinned, as ssh does."""
    from paramiko import SSHException

    options = connection.get_security_options()
    pinned = {key.kind for key in pinned_keys(target.known_hosts, host_name(target.host, target.port))}
    wanted = pinned.union(_RSA_SIGNATURES) if "ssh-rsa" in pinned else pinned
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in wanted)
    connection.banner_timeout = connection.handshake_timeout = _left(end)
    try:
        connection.start_client(timeout=_left(end))
    except (SSHException, EOFError, OSError) as error:
        if time.monotonic() < end:
            raise _handshake_error(connection, target, error) from None
    if not connection.initial_kex_done:
        said = "but did not finish the key exchange" if connection.remote_version else "and sent no SSH banner"
        why = f"the server took the connection {said} within {target.connect_timeout_s:g} s"
        raise DeadlineError(_where(target), why, _CHECK_SOCKET if target.wire else _CHECK_VM)


def _handshake_error(connection: paramiko.Transport, target: SshTarget, error: Exception) -> TransportError:
    from paramiko import SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    where = _where(target)
    if isinstance(error, IncompatiblePeer):
        return TransportError(where, f"the server and paramiko share no algorithm ({error})", _USE_CMDLET)
    if isinstance(error, SSHException) and "Indecipherable" in str(error):
        return TransportError(
            where, "what answers there is no SSH server", "Check --ssh HOST:PORT, or use --channel cmdlet"
        )
    if not connection.remote_version:
        why = "the server closed the connection before its SSH banner, or is no SSH server"
        complaint = getattr(connection.sock, "complaint", str)()  # a TCP socket has none
        return TransportError(where, f"{why} ({complaint})" if complaint else why, _after_close(target))
    return TransportError(where, "the server closed the connection during the key exchange", _after_close(target))


def _after_close(target: SshTarget) -> str:
    """What to do when the server hung up: the block of addresses is there for IP alone."""
    return _CHECK_SOCKET if target.wire else _BLOCKED


def _check_host_key(connection: paramiko.Transport, target: SshTarget) -> None:
    shown = connection.get_remote_server_key()
    key = HostKey(shown.get_name(), shown.asbytes())
    name = host_name(target.host, target.port)
    if is_pinned(target.known_hosts, name, key):
        return
    if not target.accept_new_host_key:
        raise HostKeyError(
            _where(target),
            f"its host key {key.fingerprint} ({key.kind}) is not in {target.known_hosts}",
            "Compare the fingerprint with the VM's own (ssh-keygen -lf on its host key), then pin it with "
            "--accept-new-host-key",
        )
    pin(target.known_hosts, name, key)


def _authenticate(connection: paramiko.Transport, target: SshTarget, key: paramiko.PKey, end: float) -> None:
    """Offer this one key: an agent's many would use up the server's patience (iotedge-eflow#252)."""
    with _auth_errors(connection, target, key, end):
        connection.auth_timeout = _left(end)
        more = connection.auth_publickey(target.user, key)
    if more:
        raise DeniedError(_where(target), f"the server wants more than the key ({', '.join(more)})", _USE_CMDLET)


@contextmanager
def _auth_errors(connection: paramiko.Transport, target: SshTarget, key: paramiko.PKey, end: float) -> Iterator[None]:
    from paramiko import BadAuthenticationType, SSHException

    where = _where(target)
    offered = f"{key.get_name()} {HostKey(key.get_name(), key.asbytes()).fingerprint}"
    try:
        yield
    except BadAuthenticationType as error:
        why = f"the server takes no key for {target.user}, only {', '.join(error.allowed_types)}"
        raise DeniedError(where, why, _CHECK_KEY) from None
    except (SSHException, EOFError, OSError) as error:
        if time.monotonic() >= end:
            why = f"the server did not finish the authentication within {target.connect_timeout_s:g} s"
            raise DeadlineError(where, why, _CHECK_VM) from None
        if "pubkey algorithm" in str(error):  # paramiko then breaks the connection itself
            why = f"the server takes no signature of such a key ({key.get_name()})"
            raise DeniedError(where, why, "Name another key with --ssh-key, or use --channel cmdlet") from None
        if not connection.is_active():
            why = "the server closed the connection during authentication"
            raise TransportError(where, why, _after_close(target)) from None
        why = f"the server refused the key {offered} for {target.user}"
        raise DeniedError(where, why, _CHECK_KEY) from None


# ------------------------------------------------------------------------------------------------------- key


def _private_key(text: Secret) -> paramiko.PKey:
    """The key from its text. The kind is not written outside the key's own encoding, so each is tried."""
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text.reveal()))
        except paramiko.PasswordRequiredException:
            raise InputError("SSH key", "it is encrypted", "Name an unencrypted --ssh-key") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue  # another kind, or none; what is wrong with it may quote the key, so it is not passed on
    raise InputError("SSH key", "it is no Ed25519, ECDSA or RSA private key", "Name an OpenSSH key with --ssh-key")


def _where(target: SshTarget) -> str:
    return f"SSH {target.address}"


def _left(end: float) -> float:
    """Seconds until `end`, never 0, which would mean without waiting to sockets."""
    return max(end - time.monotonic(), 0.001)
