"""Stand-ins for a Hyper-V socket in front of a real OpenSSH server: a UNIX socket, and a child that carries bytes."""

from __future__ import annotations

import select
import socket
import struct
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from eflowprov.transports.hvsocket import HvSocket
from eflowprov.transports.ssh import SshTarget
from tests.contract.real_sshd import RealSshd

VM_ID = "b52a5ac7-7f3f-4f0a-9d0f-5d0a1b2c3d4e"

# What `hvc.exe nc -t vsock VMID PORT` does, towards a TCP port; its arguments are kept beside it.
HVC = """\
#!{python} -IS
import os, pathlib, socket, sys, threading
pathlib.Path(__file__).with_suffix(".args").write_text(" ".join(sys.argv[1:]))
pathlib.Path(__file__).with_suffix(".pid").write_text(str(os.getpid()))
sock = socket.create_connection(("127.0.0.1", {port}))
def up():
    while data := os.read(0, 65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := sock.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""


def make_hvc(folder: Path, port: int) -> Path:
    """The program, towards `port` of loopback."""
    program = folder / "hvc"
    program.write_text(HVC.format(python=sys.executable, port=port), encoding="utf-8")
    program.chmod(0o755)
    return program


def hvsocket_target(server: RealSshd, **more: object) -> SshTarget:
    """How to reach the server as a VM behind a Hyper-V socket: its key is pinned by the VM's ID."""
    pins = server.folder / "vm_pins"
    pins.write_text(f"{VM_ID} {server.host_key.public}\n", encoding="ascii")
    socket = HvSocket(VM_ID)
    return replace(server.target(known_hosts=pins, **more), host=VM_ID, port=22, wire=socket.open)


class TcpProxy:
    """A TCP port whose connections go on to another port of loopback, until it resets them, or lets no byte through."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._others: dict[socket.socket, socket.socket] = {}
        self._is_silent = self._is_to_reset = self._is_to_end = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def swallow(self) -> None:
        """From now on all bytes are lost, and both sides believe that the connection stands."""
        self._is_silent = True

    def reset(self) -> None:
        """Cut what stands now, as a router or a restarted host does (RST)."""
        self._is_to_reset = True

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_to_end = True
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._is_to_end:
            ready, _, _ = select.select([self._listener, *self._others], [], [], 0.02)
            for one in ready:
                if one is self._listener:
                    self._accept()
                elif one in self._others:
                    self._carry(one)
            if self._is_to_reset:
                self._drop()
        self._drop()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._to))
        self._others |= {near: far, far: near}

    def _carry(self, one: socket.socket) -> None:
        try:
            data = one.recv(65536)
            if data and not self._is_silent:
                self._others[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            for sock in (one, self._others.pop(one)):
                self._others.pop(sock, None)
                sock.close()

    def _drop(self) -> None:
        for sock in self._others:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self._others.clear()
        self._is_to_reset = False


class UnixRelay:
    """A UNIX socket whose connections go on to a TCP port of loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self._folder.name) / "s")
        self._listener = socket.socket(socket.AF_UNIX)
        self.asked: list[tuple[str, str]] = []

    def connect(self, vm_id: str, service: str) -> socket.socket:
        """In place of `hvsocket.connect_native`."""
        self.asked.append((vm_id, service))
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        return sock

    def __enter__(self) -> UnixRelay:
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
