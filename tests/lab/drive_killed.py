"""`python -m tests.lab.drive_killed POINT ARGUMENTS`: eflowprov as a process that ends itself with SIGKILL at POINT.

POINT is the beginning of a line of progress, `STEP/fsync` for the first flush to the disk in that step, or `-` for
none. Everything else is the product's own: no part of it is replaced.
"""

from __future__ import annotations

import os
import signal
import sys

from eflowprov.cli import terminal
from eflowprov.cli.main import run_command


def main() -> int:
    point, arguments = sys.argv[1], sys.argv[2:]
    step = ""
    flush, tell = os.fsync, terminal.progress

    def progress(text: str) -> None:
        nonlocal step
        step = text.removeprefix("step ") if text.startswith("step ") else step
        tell(text)
        if text.startswith(point):
            os.kill(os.getpid(), signal.SIGKILL)

    def fsync(descriptor: int) -> None:
        if point == f"{step}/fsync":
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)

    terminal.progress, os.fsync = progress, fsync
    return run_command(arguments)


if __name__ == "__main__":
    sys.exit(main())
