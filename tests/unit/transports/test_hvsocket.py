"""A stream that can only block, behind the part of a socket that paramiko uses; and who opens it."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.transports import hvsocket
from eflowprov.transports.hvsocket import HvSocket, SocketStream, service_id, within
from eflowprov.transports.process_tree import start_pipe
from eflowprov.transports.threaded_stream import ThreadedStream

VM_ID = "b52a5ac7-7f3f-4f0a-9d0f-5d0a1b2c3d4e"


@pytest.fixture
def pair() -> Iterator[tuple[ThreadedStream, socket.socket]]:
    """Our end, and the other one as a plain socket."""
    near, far = socket.socketpair()
    stream = ThreadedStream(SocketStream(near))
    stream.settimeout(5)
    yield stream, far
    stream.close()
    far.close()


def soon(end_in: float = 5.0) -> float:
    return time.monotonic() + end_in


def test_the_service_of_a_vsock_port_is_linuxs() -> None:
    assert service_id(22) == "00000016-facb-11e6-bd58-64006a7986d3"
    assert service_id(5002) == "0000138a-facb-11e6-bd58-64006a7986d3"


def test_bytes_go_both_ways_and_the_end_is_told(pair: tuple[ThreadedStream, socket.socket]) -> None:
    stream, far = pair
    assert stream.send(b"up") == 2 and far.recv(9) == b"up"
    far.sendall(b"down")
    assert (stream.recv(2), stream.recv(9)) == (b"do", b"wn")
    far.close()
    assert (stream.recv(9), stream.recv(9)) == (b"", b"")


def test_a_read_without_an_answer_ends_at_its_time_out(pair: tuple[ThreadedStream, socket.socket]) -> None:
    stream, _ = pair
    stream.settimeout(0.2)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        stream.recv(1)
    assert 0.15 < time.monotonic() - begun < 2


def test_a_write_that_nobody_takes_ends_at_its_time_out_and_is_bounded(
    pair: tuple[ThreadedStream, socket.socket],
) -> None:
    stream, _ = pair
    stream.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 2**28:
            sent += stream.send(bytes(2**16))
    assert sent < 2**24


def test_what_nobody_reads_does_not_fill_the_memory(pair: tuple[ThreadedStream, socket.socket]) -> None:
    stream, far = pair
    far.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 2**28:
            sent += far.send(bytes(2**16))
    assert sent < 2**24
    got = 0
    while got < sent:
        got += len(stream.recv(2**16))
    assert got == sent, "nothing is lost"


@pytest.mark.parametrize(
    "act",
    [
        lambda stream: stream.recv(1),
        # Wine does not end a blocked send at shutdown, so that closing waits its four seconds there.
        pytest.param(lambda stream: _fill(stream), marks=pytest.mark.linux),
    ],
)
def test_closing_ends_what_waits_and_leaves_no_thread(act: Callable[[ThreadedStream], object]) -> None:
    threads = set(threading.enumerate())
    near, far = socket.socketpair()
    stream = ThreadedStream(SocketStream(near))
    ended = threading.Event()

    def wait() -> None:
        with suppress(OSError):
            act(stream)
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)  # let it begin to wait; ending it before that is right as well
    begun = time.monotonic()
    stream.close()
    assert time.monotonic() - begun < 1.5, "it waited for a thread that it had not ended"
    assert ended.wait(3)
    waiting.join(3)
    stream.close()
    far.close()
    assert set(threading.enumerate()) <= threads
    with pytest.raises(BrokenPipeError):
        stream.send(b"x")


def _fill(stream: ThreadedStream) -> None:
    while True:
        stream.send(bytes(2**16))


def test_a_connect_that_blocks_for_ever_ends_in_time_and_a_late_one_is_closed() -> None:
    release, (near, far) = threading.Event(), socket.socketpair()

    def connect() -> socket.socket:
        release.wait(10)
        return near

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        within(connect, soon(0.2))
    assert time.monotonic() - begun < 2
    release.set()
    far.settimeout(5)
    assert far.recv(1) == b"", "nobody is left who would use it"
    far.close()


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, str], socket.socket]], None]:
    """As on Windows with Python 3.12: `connect_native` is what the test gives."""

    def use(connect: Callable[[str, str], socket.socket]) -> None:
        monkeypatch.setattr(socket, "AF_HYPERV", 34, raising=False)
        monkeypatch.setattr(hvsocket, "connect_native", connect)

    return use


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ECONNREFUSED, "nothing listens on that port"), (errno.EACCES, "Windows does not allow it"), (99, "")],
)
def test_a_refusal_is_told_in_one_line(
    native: Callable[[Callable[[str, str], socket.socket]], None], number: int, why: str
) -> None:
    def refuse(vm_id: str, service: str) -> socket.socket:
        assert (vm_id, service) == (VM_ID, service_id(22))
        raise OSError(number, "as the system says")

    native(refuse)
    with pytest.raises(TransportError, match=f"^SSH hvsocket:{VM_ID}:22: {why or 'as the system says'}"):
        HvSocket(VM_ID).open(soon())


def test_a_vm_that_is_off_is_a_deadline_error(native: Callable[[Callable[[str, str], socket.socket]], None]) -> None:
    release = threading.Event()

    def block(_vm_id: str, _service: str) -> socket.socket:
        release.wait(10)
        raise OSError(errno.ETIMEDOUT, "late")

    native(block)
    with pytest.raises(DeadlineError, match="did not connect in time"):
        HvSocket(VM_ID).open(soon(0.2))
    release.set()


def test_without_a_socket_and_without_hvc_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_HYPERV", raising=False)
    monkeypatch.setattr("eflowprov.transports.hvsocket.shutil.which", lambda _name: None)
    with pytest.raises(TransportError, match=r"neither Python's own .* nor hvc\.exe.*--channel cmdlet"):
        HvSocket(VM_ID).open(soon())


def test_a_program_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hvsocket.VARIABLE, "no-such-hvc")
    with pytest.raises(TransportError, match="no-such-hvc: cannot be started"):
        HvSocket(VM_ID).open(soon())


ECHO = "import os\nwhile data := os.read(0, 65536):\n    os.write(1, data)"


def test_a_child_carries_bytes_both_ways_and_is_ended_by_close() -> None:
    threads = set(threading.enumerate())
    pipe = start_pipe((sys.executable, "-ISc", ECHO), os.environ)
    stream = ThreadedStream(pipe)
    stream.settimeout(20)
    data, got = bytes(range(256)) * 512, b""
    sender = threading.Thread(target=lambda: [stream.send(data[at : at + 4096]) for at in range(0, len(data), 4096)])
    sender.start()
    while len(got) < len(data):
        got += stream.recv(65536)
    sender.join(5)
    assert got == data
    stream.close()
    assert pipe._process.poll() is not None
    left = {thread for thread in threading.enumerate() if thread not in threads}
    for thread in left:
        thread.join(3)  # the reader of its standard error ends with it
    assert not any(thread.is_alive() for thread in left)


def test_what_a_child_complained_of_is_kept() -> None:
    stream = ThreadedStream(
        start_pipe((sys.executable, "-ISc", "import sys; sys.exit('The VM is not running.')"), os.environ)
    )
    stream.settimeout(20)
    assert stream.recv(1) == b""
    assert stream.complaint() == "The VM is not running."
    stream.close()


def test_the_raw_stream_is_closed_once_however_often_the_stream_is() -> None:
    """A second end of a child's process group, or of its job on Windows, could reach a stranger's."""
    closed = threading.Event()

    class Counted:
        closes = 0

        def read(self, _size: int) -> bytes:
            closed.wait(5)
            return b""

        def write(self, _data: bytes) -> None:
            pass

        def close(self) -> None:
            self.closes += 1
            closed.set()

        def complaint(self) -> str:
            return ""

    raw = Counted()
    stream = ThreadedStream(raw)
    stream.close()
    stream.close()
    assert raw.closes == 1
