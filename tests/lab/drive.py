"""`python -m tests.lab.drive FACTS ARGUMENTS`: run eflowprov as a process of its own, and write down what the lab saw.

FACTS gets one JSON document: what DPS assigned and refused, the SSH server's connections, what Provision-EflowVm was
given, and what is left of the lab when the command has ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path

from eflowprov.cli.main import run_command
from eflowprov.lab import machine
from eflowprov.lab.cmdlets import EflowCmdlets
from eflowprov.lab.control import ControlServer
from eflowprov.lab.machine import LabMachine
from eflowprov.lab.ssh_server import LabSshServer

_servers: list[LabSshServer] = []
_machines: list[LabMachine] = []
_controls: list[int] = []
_calls: list[dict[str, object]] = []


class _Server(LabSshServer):
    def start(self) -> None:
        super().start()
        _servers.append(self)


class _Machine(LabMachine):
    def __enter__(self) -> LabMachine:
        _machines.append(self)
        return super().__enter__()


class _Cmdlets(EflowCmdlets):
    def __call__(self, name: str, args: dict[str, object]) -> list[dict[str, str]]:
        _calls.append({"name": name, **args})
        return super().__call__(name, args)


class _Control(ControlServer):
    def start(self, address_file: Path) -> None:
        super().start(address_file)
        _controls.append(json.loads(address_file.read_text("ascii"))["port"])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _children() -> list[str]:
    """The processes that this one has started and that are still there; told by Linux alone."""
    if sys.platform != "linux":
        return []
    own = Path(f"/proc/{os.getpid()}/task")
    return [pid for task in own.iterdir() for pid in (task / "children").read_text("ascii").split()]


def main() -> int:
    spies = {"LabSshServer": _Server, "EflowCmdlets": _Cmdlets, "ControlServer": _Control, "LabMachine": _Machine}
    for name, spy in spies.items():
        setattr(machine, name, spy)
    status = run_command(sys.argv[2:])
    ports = [*(server.port for server in _servers), *(each._dps.port for each in _machines), *_controls]
    facts = {
        "status": status,
        "registrations": [vars_of(one) for each in _machines for one in each._dps.registrations],
        "refusals": [vars_of(one) for each in _machines for one in each._dps.refusals],
        "connections": [server.connections for server in _servers],
        "calls": _calls,
        "ports": ports,
        "open": [port for port in ports if _is_open(port)],
        "threads": [each.name for each in threading.enumerate() if not each.daemon],
        "children": _children(),
    }
    Path(sys.argv[1]).write_text(json.dumps(facts), encoding="ascii", newline="\n")
    return status


def vars_of(one: object) -> dict[str, str]:
    return {name: str(getattr(one, name)) for name in one.__slots__}  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
