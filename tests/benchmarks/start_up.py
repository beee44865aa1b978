"""How much longer `eflowprov --help` takes than `import typer` alone: a ratio of medians, measured interleaved in one
run.

    python tests/benchmarks/start_up.py [rounds]

The product's bound is 1.5. Not a test: a busy machine would make it fail for no reason of the code's.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BOUND = 1.5


def seconds(*arguments: str) -> float:
    """The wall time of one Python process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    times: dict[str, list[float]] = {"typer": [], "help": []}
    seconds("-m", "eflowprov", "--help")  # once beforehand: byte code and the disk's cache
    for _ in range(rounds):
        times["typer"].append(seconds("-c", "import typer"))
        times["help"].append(seconds("-m", "eflowprov", "--help"))
    typer, help_ = (statistics.median(times[name]) for name in ("typer", "help"))
    print(
        f"import typer {typer * 1000:.0f} ms, --help {help_ * 1000:.0f} ms: ratio {help_ / typer:.2f} (bound {BOUND})"
    )
    return 0 if help_ / typer <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
