"""A stream into the VM over a Hyper-V socket, the only way for SSH from EFLOW 1.2 on (iotedge-eflow#205).

With Python 3.12 or newer on Windows it is a socket of the family AF_HYPERV; elsewhere Windows' own `hvc.exe nc` as a
child process, which is what `hvc ssh` uses itself (Win32-OpenSSH#2200).
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.transports.process_tree import start_pipe
from eflowprov.transports.threaded_stream import ThreadedStream

VARIABLE = "EFLOWPROV_HVC"
"""Names a program to use in place of a socket; it is called as `PROGRAM nc -t vsock VMID PORT`."""

_TEMPLATE = "facb-11e6-bd58-64006a7986d3"  # Linux maps a vsock port to this service (net/vmw_vsock/hyperv_transport.c)
_CHECK = "Check that the VM runs and its ID (hcsdiag list, or (Get-VM).Id), or use --channel cmdlet"
_ELEVATE = "Open the terminal as administrator, or use --channel cmdlet"
_REASONS = {  # on Windows, errno has Winsock's numbers under these names
    errno.ECONNREFUSED: ("nothing listens on that port in the VM", _CHECK),
    errno.EACCES: ("Windows does not allow it", _ELEVATE),
    errno.EPERM: ("Windows does not allow it", _ELEVATE),
}


def service_id(port: int) -> str:
    """The Hyper-V service under which a Linux VM's vsock port is known to its host."""
    return f"{port:08x}-{_TEMPLATE}"


@dataclass(frozen=True, slots=True)
class HvSocket:
    """The vsock `port` of the VM with the GUID `vm_id`."""

    vm_id: str
    port: int = 22

    def open(self, end: float) -> ThreadedStream:
        """Connect until `end` of the monotonic clock. Raises `DeadlineError` or `TransportError`."""
        program = hvc_program(os.environ)
        if not program and hasattr(socket, "AF_HYPERV"):
            return self._open_native(end)
        if not program:
            raise TransportError(
                self._where,
                "there is neither Python's own Hyper-V socket (Windows, Python 3.12 or newer) nor hvc.exe",
                "Run eflowprov with Python 3.12 on the host, or use --channel cmdlet",
            )
        return ThreadedStream(start_pipe((program, "nc", "-t", "vsock", self.vm_id, str(self.port)), os.environ))

    @property
    def _where(self) -> str:
        return f"SSH hvsocket:{self.vm_id}:{self.port}"

    def _open_native(self, end: float) -> ThreadedStream:
        try:
            sock = within(lambda: connect_native(self.vm_id, service_id(self.port)), end)
        except TimeoutError:
            raise DeadlineError(self._where, "the Hyper-V socket did not connect in time", _CHECK) from None
        except OSError as error:
            why, next_step = _REASONS.get(error.errno or 0, (error.strerror or str(error), _CHECK))
            raise TransportError(self._where, why, next_step) from error
        return ThreadedStream(SocketStream(sock))


def hvc_program(environ: Mapping[str, str]) -> str:
    """The program that stands in for a socket: the one named in the environment, or Windows' own where Python has no
    such sockets; "" for none."""
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    return "" if hasattr(socket, "AF_HYPERV") else shutil.which("hvc") or ""


def is_possible(environ: Mapping[str, str]) -> bool:
    """Whether there is anything here that can open a Hyper-V socket; whether a VM answers there is another question."""
    return bool(hvc_program(environ)) or hasattr(socket, "AF_HYPERV")


def connect_native(vm_id: str, service: str) -> socket.socket:
    """Block until the socket is connected; that can take for ever (ocaml-hvsock), so call it in a thread."""
    family, protocol = getattr(socket, "AF_HYPERV"), getattr(socket, "HV_PROTOCOL_RAW")  # noqa: B009 - Windows alone
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        sock.connect((vm_id, service))
    except BaseException:
        sock.close()
        raise
    return sock


def within(connect: Callable[[], socket.socket], end: float) -> socket.socket:
    """The connected socket; TimeoutError at `end`, and a connection that comes later is closed. OSError as raised."""
    lock, answer, given_up = threading.Lock(), list[socket.socket | OSError](), threading.Event()

    def work() -> None:
        try:
            got: socket.socket | OSError = connect()
        except OSError as error:
            got = error
        with lock:
            answer.append(got)
            late = given_up.is_set()
        if late and isinstance(got, socket.socket):
            got.close()

    thread = threading.Thread(target=work, name="eflowprov-hvsocket", daemon=True)
    thread.start()
    thread.join(max(end - time.monotonic(), 0.001))
    with lock:
        if not answer:
            given_up.set()
            raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


class SocketStream:
    """A connected socket, used with blocking calls alone."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        self._sock = sock

    def read(self, size: int) -> bytes:
        return self._sock.recv(size)

    def write(self, data: bytes) -> None:
        self._sock.sendall(data)

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # ends a recv in another thread, which close alone does not on Linux
        self._sock.close()

    def complaint(self) -> str:
        return ""
