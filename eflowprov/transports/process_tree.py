"""Run one program with bytes in and bytes out, under a total deadline, and leave nothing of it behind.

The only file that starts processes. `subprocess.run(timeout=…)` does not serve: at the deadline it kills the program
alone and then waits for the pipes, which the program's own children may hold open for as long as they like.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from eflowprov.errors import TransportError

_TICK_S = 0.1  # between two looks at the clock; waiting on Windows cannot be interrupted by Ctrl-C, so it is cut up
_DRAIN_S = 0.5  # for the last bytes in the pipes once the program, and later its tree, has ended
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """A program that ran. `status` is None when it was ended at the deadline (`timed_out`), or because nobody wanted
    its answer any more (`cancelled`).

    Each stream holds its first `cap` bytes; `dropped` counts the bytes of both beyond that.
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool
    dropped: int
    cancelled: bool = False


def run_process(
    command: Sequence[str],
    stdin: bytes,
    *,
    timeout_s: float,
    env: Mapping[str, str],
    cap: int,
    cancel: threading.Event | None = None,
) -> ProcessResult:
    """Start `command`, give it `stdin` and close that, and wait at most `timeout_s` for it to end.

    Whatever it started is ended with it: at its own end, at the deadline, on Ctrl-C, and as soon as another thread sets
    `cancel`. The call returns within about
    a second of the deadline, also when a process that got away holds the pipes. TransportError when it cannot start.
    """
    deadline = time.monotonic() + timeout_s
    process = _start(command, env)
    kill_tree = _tree_killer(process)
    try:
        out, err = _Reader(process.stdout, cap), _Reader(process.stderr, cap)
        threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True).start()
        ended = _ended_by(process, deadline, cancel)
        if ended:
            _drain(out, err)
    finally:
        kill_tree()
    _drain(out, err)
    status = process.wait()
    cancelled = not ended and cancel is not None and cancel.is_set()
    return ProcessResult(
        status if ended else None,
        out.kept(),
        err.kept(),
        timed_out=not ended and not cancelled,
        dropped=out.dropped + err.dropped,
        cancelled=cancelled,
    )


def _start(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Without a console of ours and in a group of its own: Ctrl-C reaches it through `run_process` alone."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(env),
            start_new_session=True,
            creationflags=flags,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TransportError(
            command[0], f"cannot be started ({why})", "Check that it is there and may be run"
        ) from error


def _tree_killer(process: subprocess.Popen[bytes]) -> Callable[[], None]:
    """What ends the process and everything that it started."""
    if sys.platform == "win32":
        from eflowprov.transports.windows_job import job_for

        end_job = job_for(process.pid)

        def kill() -> None:
            end_job()
            process.kill()

        return kill

    def kill_group() -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)

    return kill_group


class _Reader:
    """Reads a pipe to its end in a thread of its own, keeping its first bytes."""

    def __init__(self, pipe: IO[bytes] | None, cap: int) -> None:
        self.dropped = 0
        self._pipe, self._cap, self._data = pipe, cap, bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        self._thread.join(max(0.0, timeout_s))

    def kept(self) -> bytes:
        return bytes(self._data)

    def _read(self) -> None:
        assert self._pipe is not None  # noqa: S101 - every stream is a pipe
        with suppress(OSError), self._pipe as pipe:
            while chunk := pipe.read(_CHUNK):
                room = max(0, self._cap - len(self._data))
                self._data += chunk[:room]
                self.dropped += len(chunk) - len(chunk[:room])


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """Write all and close; a program that ends without reading it is no error."""
    left = memoryview(data)
    with suppress(OSError), pipe:
        while left:
            left = left[pipe.write(left) :]


def _ended_by(process: subprocess.Popen[bytes], deadline: float, cancel: threading.Event | None) -> bool:
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0 or (cancel is not None and cancel.is_set()):
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=min(_TICK_S, left))
    return True


def _drain(*readers: _Reader) -> None:
    """Wait for the ends of the streams, but not for a process that holds them open."""
    until = time.monotonic() + _DRAIN_S
    for reader in readers:
        reader.join(until - time.monotonic())


class ProcessPipe:
    """A program whose standard input and output are a stream, such as a proxy; see `threaded_stream.RawStream`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._kill_tree = _tree_killer(process)
        self._errors = _Reader(process.stderr, _CHUNK)

    def read(self, size: int) -> bytes:
        """Block until something is there; b"" when the program has closed its output."""
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 - every stream is a pipe
        data: bytes = pipe.read(size)
        if not data:
            pipe.close()
        return data

    def write(self, data: bytes) -> None:
        """Block until the program has taken all of it. OSError when it has ended."""
        pipe, left = self._process.stdin, memoryview(data)
        assert pipe is not None  # noqa: S101 - every stream is a pipe
        while left:
            left = left[pipe.write(left) :]

    def close(self) -> None:
        """End the program and everything that it started."""
        self._kill_tree()
        self._process.wait()
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def complaint(self) -> str:
        """The last line that it wrote to standard error."""
        self._errors.join(_DRAIN_S)
        lines = self._errors.kept().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def start_pipe(command: Sequence[str], env: Mapping[str, str]) -> ProcessPipe:
    """Start `command` as a stream. TransportError when it cannot start."""
    return ProcessPipe(_start(command, env))
