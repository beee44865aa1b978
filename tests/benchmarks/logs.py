"""How long a journal of a million lines takes, beside a bare `json.loads` loop over the same bytes; and its memory.

    python tests/benchmarks/logs.py [lines]

The product's bounds: 1.5 times that loop, and 100 MB in all. Two forms: `full` has the fields that journald writes,
`short` has only the few that are read. In each, nine lines of ten are the watchdog's and the management API's, the rest
is a runtime that fails and recovers, with causes, and errors in no catalogue. Both loops run in turn, three times; the
best of each counts, in the time of the processor, so that a busy machine matters less.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eflowprov.workflows.readiness.log_reading import read_journal

ALLOWED, ALLOWED_BYTES = 1.5, 100e6
_BOOT, _MACHINE = "8f5d2a7c3e1b4f6a9d0c5e8b7a6f4d3c", "0123456789abcdef0123456789abcdef"
_QUIET = (
    "Watchdog checking Edge runtime status",
    "Edge runtime is running.",
    '[work] - - - [2026-11-22 05:10:11.{n} UTC] "GET /modules?api-version=2018-06-28 HTTP/1.1" 200 OK {n} pid({n})',
)
_TROUBLE: tuple[tuple[str, str, str], ...] = (
    ("aziot-identityd", "INFO", "Sending DPS registration request."),
    (
        "aziot-identityd",
        "ERR!",
        "Failed to provision with IoT Hub, and no valid device backup was found: DPS client error",
    ),
    ("aziot-identityd", "ERR!", "service encountered an error"),
    ("aziot-identityd", "ERR!", "caused by: DPS client error"),
    ("aziot-identityd", "ERR!", "caused by: CA certificate not found."),
    ("aziot-edged", "WARN", "Failed to obtain device identity: connection error"),
    ("aziot-certd", "INFO", "!!! certificate request {n} failed"),
    ("aziot-certd", "INFO", "!!! caused by: os error {n}"),
    ("aziot-identityd", "INFO", "Assigned to IoT hub: plant7.azure-devices.net"),
    ("aziot-identityd", "INFO", "Identity reconciliation complete."),
)


def journal(lines: int, *, full: bool) -> Iterator[str]:
    for n in range(lines):
        service, level, message = ("aziot-edged", "INFO", _QUIET[n % 3]) if n % 100 < 90 else _TROUBLE[n % 100 - 90]
        yield json.dumps(_fields(n, service, level, message.replace("{n}", str(n)), full), separators=(",", ":")) + "\n"


def _fields(n: int, service: str, level: str, message: str, full: bool) -> dict[str, str]:
    at = 1795324211000000 + n * 1_000_000
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1_000_000))
    read = {
        "__REALTIME_TIMESTAMP": str(at),
        "_SYSTEMD_UNIT": f"{service}.service",
        "SYSLOG_IDENTIFIER": service,
        "MESSAGE": f"{stamp} [{level}] - {message}",
    }
    return {**_others(n, at, service), **read} if full else read


def _others(n: int, at: int, service: str) -> dict[str, str]:
    return {
        "__CURSOR": f"s=5f0e2c0e3a6b4d0f9f1d6a2c7b8e9f10;i={n:x};b={_BOOT};m={n * 77:x};t={at:x};x={n * 7919:x}",
        "__MONOTONIC_TIMESTAMP": str(n * 1000),
        "_BOOT_ID": _BOOT,
        "_TRANSPORT": "stdout",
        "PRIORITY": "6",
        "SYSLOG_FACILITY": "3",
        "_PID": "901",
        "_UID": "0",
        "_GID": "0",
        "_COMM": service[:15],
        "_EXE": f"/usr/libexec/aziot/{service}",
        "_CMDLINE": f"/usr/libexec/aziot/{service}",
        "_CAP_EFFECTIVE": "1ffffffffff",
        "_SYSTEMD_CGROUP": f"/system.slice/{service}.service",
        "_SYSTEMD_SLICE": "system.slice",
        "_MACHINE_ID": _MACHINE,
        "_HOSTNAME": "HOST-EFLOW",
        "_STREAM_ID": "aabbccddeeff00112233445566778899",
        "_SYSTEMD_INVOCATION_ID": "11223344556677889900aabbccddeeff",
    }


def bare(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def ours(path: Path) -> None:
    with path.open("rb") as file:
        read_journal(file)


def taken(work: Callable[[Path], None], path: Path) -> float:
    begin = time.process_time()
    work(path)
    return time.process_time() - begin


def peak_bytes() -> float:
    """The most memory that this process had; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def main() -> int:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    worst = 0.0
    for form in ("full", "short"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.json"
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(journal(lines, full=form == "full"))
            pairs = [(taken(bare, path), taken(ours, path)) for _ in range(3)]
            loads, read = (min(times) for times in zip(*pairs, strict=True))
            worst = max(worst, read / loads)
            size = path.stat().st_size / 1e6
            print(f"{form}: {size:.0f} MB, json.loads {loads:.2f} s, read {read:.2f} s: {read / loads:.2f}")
    print(f"worst ratio {worst:.2f} (bound {ALLOWED}), most memory {peak_bytes() / 1e6:.0f} MB (bound 100 MB)")
    return 0 if worst <= ALLOWED and peak_bytes() <= ALLOWED_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
