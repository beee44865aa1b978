"""A socket for paramiko over a stream that can only block: its reads and writes are made by two threads.

Hyper-V sockets know neither `select` nor time-outs reliably (ocaml-hvsock: "we must always use blocking I/O from
background threads"), and on Windows pipes know neither. Here the time-outs are the condition's, so they always hold.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol

_LIMIT = 2**18  # bytes kept in each direction, a multiple of SSH's largest packet (RFC 4253, 6.1: 35,000)
_CHUNK = 65536
_JOIN_S = 2.0


class RawStream(Protocol):
    """What blocks: `read` until something or the end (b"") is there, `write` until all is gone.

    `close` may come from any thread, and ends a `read` and a `write` that are under way.
    """

    def read(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def complaint(self) -> str:
        """What went wrong, in its own words; "" when it said nothing."""
        ...


class ThreadedStream:
    """The part of a socket that paramiko uses. `close` ends both threads."""

    def __init__(self, raw: RawStream) -> None:
        self._raw = raw
        self._in, self._out = bytearray(), bytearray()
        self._changed = threading.Condition()
        self._timeout: float | None = None
        self._in_ended = self._out_ended = False
        self._closed = False  # paramiko reads it under this name
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes, b"" at the end. TimeoutError when none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._in or self._in_ended, self._timeout):
                raise TimeoutError
            data = bytes(self._in[:size])
            del self._in[:size]
            self._changed.notify_all()
            return data

    def send(self, data: bytes) -> int:
        """How many of the bytes were taken. TimeoutError when there was no room in time, BrokenPipeError at the end."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._out_ended or len(self._out) < _LIMIT, self._timeout):
                raise TimeoutError
            if self._out_ended:
                raise BrokenPipeError
            taken = data[: _LIMIT - len(self._out)]
            self._out += taken
            self._changed.notify_all()
            return len(taken)

    def complaint(self) -> str:
        """Why the stream ended, in its own words."""
        return self._raw.complaint()

    def close(self) -> None:
        """End the stream and its threads; may be called again, also by them.

        paramiko's thread closes it too. The raw stream is closed once: a child's process group, and its job on Windows,
        are gone then, and another may have their numbers.
        """
        with self._changed:
            is_first, self._closed = not self._closed, True
            self._in_ended = self._out_ended = True
            self._changed.notify_all()
        if is_first:
            self._raw.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_S)

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # ValueError: a file object that is closed
            while data := self._raw.read(_CHUNK):
                with self._changed:
                    self._changed.wait_for(lambda: self._in_ended or len(self._in) < _LIMIT)
                    self._in += data
                    self._changed.notify_all()
        with self._changed:
            self._in_ended = True
            self._changed.notify_all()

    def _write(self) -> None:
        with suppress(OSError, ValueError):
            while data := self._next():
                self._raw.write(data)
        with self._changed:
            self._out_ended = True
            self._changed.notify_all()

    def _next(self) -> bytes:
        """What is to be written next, b"" when nothing will be any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._out or self._out_ended)
            data = b"" if self._out_ended else bytes(self._out)
            self._out.clear()
            self._changed.notify_all()
            return data
