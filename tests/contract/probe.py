"""The program that the contract tests run in the VM: as a process by a real shell, or called by the lab's.

`argv ARGS…` prints its arguments as JSON; `exit N`; `both` prints on both streams and ends with 3; `bytes N` prints
N bytes with every value on each stream; `sleep S`; `meet FOLDER N` ends with 0 once N of it run at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

Answer = tuple[int, bytes, bytes]


def probe(argv: Sequence[str], *, root: bool = False) -> Answer:
    """Do what `argv` says (its own name first)."""
    task, *rest = argv[1:]
    answers: dict[str, Callable[[], Answer]] = {
        "argv": lambda: (0, json.dumps(rest).encode("ascii"), b""),
        "exit": lambda: (int(rest[0]), b"", b""),
        "both": lambda: (3, b"to stdout\n", b"to stderr\n"),
        "bytes": lambda: (0, _bytes(int(rest[0])), _bytes(int(rest[0]))),
        "sleep": lambda: _sleep(float(rest[0])),
        "meet": lambda: _meet(Path(rest[0]), int(rest[1])),
    }
    return answers[task]()


def _sleep(seconds: float) -> Answer:
    time.sleep(seconds)
    return 0, b"slept", b""


def _bytes(count: int) -> bytes:
    return (bytes(range(256)) * (count // 256 + 1))[:count]


def _meet(folder: Path, count: int) -> Answer:
    """Whether `count` of us are here before ten seconds are over: it takes that many at once."""
    (folder / uuid.uuid4().hex).touch()
    end = time.monotonic() + 10
    while len(list(folder.iterdir())) < count:
        if time.monotonic() > end:
            return 1, b"", b"nobody came"
        time.sleep(0.01)
    return 0, b"", b""


def _stubborn(pid_file: str) -> None:
    """Print something, ignore SIGTERM, and stay."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(pid_file).write_text(str(os.getpid()), encoding="ascii")
    sys.stdout.write("I stay\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    if sys.argv[1] == "stubborn":
        _stubborn(sys.argv[2])
    status, out, err = probe(sys.argv)
    sys.stdout.buffer.write(out)
    sys.stderr.buffer.write(err)
    sys.stdout.flush()
    sys.exit(status)
