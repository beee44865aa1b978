"""The VM over SSH with paramiko: one connection for the whole run, each command in a channel of its own.

One connection, because the VM blocks an address after more than three a minute. No end of input is ever sent: paramiko
may send it after the channel's close, and OpenSSH then drops the whole connection (paramiko#1115); every command reads
from /dev/null in the VM instead, and its session's input is the tether that ends it when the session is gone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.model import CommandResult
from eflowprov.transports.shell import deadline_note, ended_by_guard, tethered_command, whole_seconds
from eflowprov.transports.ssh_connect import SshTarget, close, connect

if TYPE_CHECKING:
    import paramiko

__all__ = ["SshChannel", "SshTarget", "open_ssh"]

_AT_ONCE = 4  # sshd's MaxSessions is 10 by default and also counts sessions that are about to end
_CHUNK = 65536
_SLICE_S = 0.2  # of a wait: on Windows Ctrl-C is not seen while a thread waits for a lock
_NO_RETRY = (1, 3)  # RFC 4254, 5.1: administratively prohibited, unknown channel type


def open_ssh(target: SshTarget) -> SshChannel:
    """Connect to the VM; see `ssh_connect.connect` for what it raises. The caller closes the channel."""
    return SshChannel(connect(target), target.address)


class SshChannel:
    """A `model.VmChannel` over one SSH connection. It never connects again by itself."""

    name = "ssh"

    def __init__(self, connection: paramiko.Transport, address: str) -> None:
        self.vm = address
        self._connection = connection
        self._slots = _Slots(_AT_ONCE)

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands, as far as this side can know."""
        return bool(self._connection.is_active())

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 16 * 2**20) -> CommandResult:
        """Run one program (see `model.VmChannel.run`); `timeout_s` includes the wait for a free session."""
        started = time.monotonic()
        end = started + timeout_s
        text = tethered_command(argv, timeout_s)
        with self._session(end, timeout_s) as session:
            output = _Output(session, cap)
            status, note = self._converse(session, text, end, output)
        ran = time.monotonic() - started
        if status is not None and ended_by_guard(status, ran, whole_seconds(timeout_s)):
            status = None
        if status is None:
            note = note or deadline_note(timeout_s)
        return CommandResult(
            tuple(argv), status, bytes(output.out.kept), bytes(output.err.kept), ran, note, output.dropped
        )

    def close(self) -> None:
        """Close the connection; commands that still run end in the VM and get a result without a status. May be called
        again."""
        close(self._connection)

    @contextmanager
    def _session(self, end: float, timeout_s: float) -> Iterator[paramiko.Channel]:
        """One of the few sessions, closed and given back at the end."""
        if not self._slots.take(timeout_s):
            raise self._no_session(timeout_s)
        try:
            session = self._open_session(end, timeout_s)
            try:
                yield session
            finally:
                _close_session(session)
        finally:
            self._slots.give_back()

    def _open_session(self, end: float, timeout_s: float) -> paramiko.Channel:
        """A new session; a server at its MaxSessions refuses, so ask again until the time is up."""
        import paramiko

        where, pause = f"SSH {self.vm}", 0.02
        while True:
            try:
                return self._connection.open_session(timeout=max(end - time.monotonic(), 0.001))
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not self._connection.is_active():
                    raise TransportError(where, "the connection is closed", "Run the command again") from None
                if isinstance(error, paramiko.ChannelException) and error.code in _NO_RETRY:
                    why = f"the server refuses to open a session ({error.text})"
                    raise TransportError(where, why, "Use --channel cmdlet") from None
            if time.monotonic() + pause >= end:
                raise self._no_session(timeout_s)
            time.sleep(pause)
            pause = min(2 * pause, 0.1)

    def _converse(self, session: paramiko.Channel, text: str, end: float, output: _Output) -> tuple[int | None, str]:
        """Start the command and read until it ends: its status, or None and why, "" for the deadline."""
        started = self._start(session, text, end)
        while started and not output.ended and time.monotonic() < end:
            output.take_or_wait(end)
        if output.ended and session.exit_status >= 0:
            return session.exit_status, ""
        if time.monotonic() >= end:
            return None, ""
        return None, "connection lost" if self._is_lost() else "ended without an exit status"

    def _start(self, session: paramiko.Channel, text: str, end: float) -> bool:
        """Ask for the command; False when no answer came, so that nobody knows whether it started."""
        import paramiko

        watch = threading.Timer(max(end - time.monotonic(), 0), _close_session, [session])  # exec_command has no limit
        watch.daemon = True
        watch.start()
        try:
            session.exec_command(text)
        except (paramiko.SSHException, EOFError, OSError):
            if time.monotonic() < end and not self._is_lost():
                why = "the server refuses to run commands"
                raise TransportError(f"SSH {self.vm}", why, "Use --channel cmdlet") from None
            return False
        finally:
            watch.cancel()
        return True

    def _is_lost(self) -> bool:
        """Whether the connection broke; its thread closes the sessions a moment before it says so itself."""
        self._connection.join(0.2)
        return not self._connection.is_active()

    def _no_session(self, timeout_s: float) -> DeadlineError:
        why = f"the server opened no session within {timeout_s:g} s (sshd's MaxSessions)"
        return DeadlineError(f"SSH {self.vm}", why, "Close other sessions in the VM, and try again")


class _Slots:
    """Some may pass at once, the others in the order in which they came; a semaphore lets newcomers push in."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def take(self, timeout_s: float) -> bool:
        """Wait for a slot; False when none came free in time."""
        turn = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._queue.append(turn)
        if turn.wait(timeout_s):
            return True
        with self._lock:
            if not turn.is_set():
                self._queue.remove(turn)
            return turn.is_set()

    def give_back(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()  # handed over, never free in between
            else:
                self._free += 1


@dataclass(slots=True)
class _Stream:
    """The head of a stream, and how many bytes came after it."""

    cap: int
    kept: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        room = self.cap - len(self.kept)
        self.kept += data[:room]
        self.dropped += max(len(data) - room, 0)


class _Output:
    """Both streams of a session, read as they come: one left unread fills the window and stops the other."""

    def __init__(self, session: paramiko.Channel, cap: int) -> None:
        self.out, self.err = _Stream(cap), _Stream(cap)
        self._session = session
        self._something = threading.Event()
        for buffer in (session.in_buffer, session.in_stderr_buffer):
            buffer.set_event(self._something)

    @property
    def dropped(self) -> int:
        return self.out.dropped + self.err.dropped

    @property
    def ended(self) -> bool:
        """Nothing is left to take, nothing more can come, and the exit status had its chance."""
        session = self._session
        over = session.closed or (session.eof_received and session.exit_status_ready())
        return bool(over) and not session.recv_ready() and not session.recv_stderr_ready()

    def take_or_wait(self, end: float) -> None:
        """Take some of what is there; when there is nothing, wait a moment for something new, not beyond `end`."""
        session = self._session
        out, err = session.recv_ready(), session.recv_stderr_ready()
        if out:
            self.out.add(session.recv(_CHUNK))
        if err:
            self.err.add(session.recv_stderr(_CHUNK))
        if not (out or err):  # after the end of both streams only the exit status is awaited
            event = session.status_event if session.eof_received else self._something
            event.wait(min(max(end - time.monotonic(), 0), _SLICE_S))


def _close_session(session: paramiko.Channel) -> None:
    from paramiko import SSHException

    with suppress(SSHException, EOFError, OSError):  # the connection may have gone first
        session.close()
