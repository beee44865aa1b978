"""How much memory `certs device` takes for 10,000 identities, issued and then kept: the process's largest resident set.

    python tests/benchmarks/certs_memory.py [identities]

The bound is 150 MB for either run, the program itself included. POSIX alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

BOUND_MB = 150


def largest_mb(*words: str) -> float:
    """Run a command in a process that tells the memory of its child."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere (getrusage(2))
    return int(done.stdout) * unit / 1e6


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    command = [sys.executable, "-m", "eflowprov", "certs"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "ids").write_text("".join(f"device-{number:05}\n" for number in range(count)), encoding="ascii")
        pki, out = str(place / "pki"), str(place / "out")
        empty = largest_mb(*command, "ca", "--out", pki, "--no-passphrase")
        words = [*command, "device", "--ids-file", str(place / "ids"), "--ca", pki, "--out", out]
        issued, kept, as_json = largest_mb(*words), largest_mb(*words), largest_mb(*words, "--format", "json")
    print(f"{count} identities: {issued:.0f} MB issued, {kept:.0f} MB kept, {as_json:.0f} MB as JSON", end="")
    print(f" ('certs ca' alone {empty:.0f} MB; bound {BOUND_MB} MB)")
    return 0 if max(issued, kept, as_json) < BOUND_MB else 1


if __name__ == "__main__":
    sys.exit(main())
