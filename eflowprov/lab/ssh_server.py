"""A real SSH server on loopback as the simulated VM's: paramiko's server side, one public key, `exec` alone."""

from __future__ import annotations

import base64
import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)

from eflowprov.model import CommandResult, Secret
from eflowprov.transports.known_hosts import HostKey, host_name

Handler = Callable[[str], CommandResult]
"""Answers one command text as the VM's shell would; a status of None ends the session without an exit status."""

_WAIT_S = 5.0  # for threads to end at stop; a handler that takes longer is on its own
_POLL_S = 0.05  # how soon the listening thread sees that it is to stop


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An Ed25519 key: `private` in OpenSSH's form, `public` as a line of authorized_keys."""

    private: Secret
    public: str


def make_key_pair() -> KeyPair:
    """A fresh key, for a client or a host."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode("ascii")
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    return KeyPair(Secret(private), public)


class LabSshServer:
    """The VM's SSH server. `handler` gets the raw command text of each `exec`, in a thread of its own.

    For tests, `is_silent` makes new connections get no answer at all, `refuses_keys` refuses the right key too, and
    `drop_connections` cuts what is open. `stopping` is set at `stop`: a handler that waits, waits for it.
    """

    def __init__(
        self, handler: Handler, *, client_key_public: str, user: str = "iotedge-user", max_sessions: int = 10
    ) -> None:
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # a client that vanishes is no news here
        self.handler = handler
        self.user = user
        self.max_sessions = max_sessions
        self.client_key = _blob(client_key_public)
        self.host_key = make_key_pair()
        self.is_silent = False
        self.refuses_keys = False
        self.stopping = threading.Event()
        self.connections = 0
        self.sessions = 0
        self.port = 0
        self._open: list[_Connection] = []
        self._silent: list[socket.socket] = []
        self._listening: threading.Thread | None = None

    @property
    def host_key_line(self) -> str:
        """The line of known_hosts that pins this server."""
        kind = self.host_key.public.split()[0]
        return HostKey(kind, _blob(self.host_key.public)).line(host_name("127.0.0.1", self.port))

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1, said in `port`."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(_POLL_S)
        self.port = listener.getsockname()[1]
        self._listening = threading.Thread(target=self._listen, args=(listener,), name="lab-sshd", daemon=True)
        self._listening.start()

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads. May be called again."""
        self.stopping.set()
        if self._listening:
            self._listening.join()
        self.drop_connections()
        for connection in self._open:
            connection.wait()

    def drop_connections(self) -> None:
        """Cut every connection, as a VM that loses its power would."""
        for connection in list(self._open):
            connection.cut()
        while self._silent:
            self._silent.pop().close()

    def __enter__(self) -> LabSshServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self, listener: socket.socket) -> None:
        with listener:
            while not self.stopping.is_set():
                with suppress(OSError):  # nobody came in time, or one is gone already
                    self._accept(listener.accept()[0])

    def _accept(self, client: socket.socket) -> None:
        self.connections += 1
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.is_silent:
            self._silent.append(client)
            return
        self._open.append(_Connection(client, self))


class _Connection(paramiko.ServerInterface):
    """One client: who it is, and its sessions."""

    def __init__(self, client: socket.socket, lab: LabSshServer) -> None:
        self._lab = lab
        self._count = threading.Lock()
        self._sessions = 0
        self._workers: list[threading.Thread] = []
        self._client = client
        self._transport = _ReplyingTransport(client)
        self._transport.add_server_key(paramiko.Ed25519Key.from_private_key(io.StringIO(lab.host_key.private.reveal())))
        self._transport.start_server(event=threading.Event(), server=self)

    def cut(self) -> None:
        """Break the wire first, so that nothing goes over it any more."""
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        self._transport.close()

    def wait(self) -> None:
        """Until the threads of this connection have ended, within a limit."""
        end = time.monotonic() + _WAIT_S
        for thread in (self._transport, *self._workers):
            thread.join(max(end - time.monotonic(), 0))

    # paramiko asks these, in the connection's own thread

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        lab = self._lab
        right = username == lab.user and key.asbytes() == lab.client_key and not lab.refuses_keys
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, _chanid: int) -> int:
        if kind != "session":
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        with self._count:
            if self._sessions >= self._lab.max_sessions:
                return OPEN_FAILED_CONNECT_FAILED  # what OpenSSH says at MaxSessions
            self._sessions += 1
            self._lab.sessions += 1
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        def start() -> None:
            worker = threading.Thread(target=self._answer, args=(channel, command), name="lab-ssh-exec", daemon=True)
            worker.start()
            self._workers.append(worker)

        self._transport.after_reply(start)
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        try:
            result = self._lab.handler(command.decode("utf-8", errors="replace"))
            with suppress(OSError, EOFError, paramiko.SSHException):  # the client may be gone
                channel.sendall(result.stdout)
                channel.sendall_stderr(result.stderr)
                if result.status is not None:
                    channel.send_exit_status(result.status)
        finally:
            with self._count:
                self._sessions -= 1  # first, so that a client that saw the end may open its next session
            with suppress(OSError, EOFError, paramiko.SSHException):
                channel.close()


class _ReplyingTransport(paramiko.Transport):
    """paramiko replies to a request only after its handler returned; an answer must not come before that reply."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(client)
        self._waiting: list[Callable[[], None]] = []

    def after_reply(self, action: Callable[[], None]) -> None:
        """Call `action` once the reply to the request being handled is out."""
        self._waiting.append(action)

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs: paramiko's own, for all channels
        if threading.current_thread() is self:
            while self._waiting:
                self._waiting.pop()()


def _blob(public: str) -> bytes:
    """A key's wire form from its line in OpenSSH's form."""
    return base64.b64decode(public.split()[1], validate=True)
