"""A machine that outlives the processes that work on it: `run` in forked processes, each killed at a given event.

An event is anything that can be the last thing a process does: a flush, a rename, a command in the VM, the cmdlet, a
registration, a line of progress. What the VM and DPS have seen is on disk before the process can be killed again.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eflowprov.model import Assigned, CmdletAnswer, CommandResult, Finding, HostFacts, Outcome
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.register import DeviceRegistration, Registered
from eflowprov.workflows.runs import run as module
from eflowprov.workflows.runs.journal import Journal, alone
from eflowprov.workflows.runs.run import Runner
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import DEVICE, HUB, FakeHost, FakeVm


class Events:
    """Counts events, and kills this process with SIGKILL at the one numbered `at` (0: at none)."""

    def __init__(self, at: int, log: Path) -> None:
        self._at = at
        self._log = log.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._count = 0
        self.step = ""

    def tick(self, name: str) -> None:
        with self._lock:
            self._count += 1
            self._log.write(f"{self.step}\t{name}\n")
            self._log.flush()
            if self._count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)

    def before(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """`act` with an event before it."""

        def watched(*args: Any, **more: Any) -> Any:
            self.tick(f"before {name}")
            return act(*args, **more)

        return watched

    def around(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """`act` with an event before and one after it."""

        def watched(*args: Any, **more: Any) -> Any:
            self.tick(f"before {name}")
            answer = act(*args, **more)
            self.tick(f"after {name}")
            return answer

        return watched


@dataclass
class World:
    """What is outside the processes: the VM's files, how often its provisioning took effect, DPS's registrations."""

    path: Path
    files: dict[str, bytes] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)  # the certificate file's name of each
    registrations: int = 0

    @classmethod
    def load(cls, path: Path) -> World:
        world = cls(path)
        if path.exists():
            told = json.loads(path.read_text("ascii"))
            world.files = {name: base64.b64decode(data) for name, data in told["files"].items()}
            world.effects, world.registrations = told["effects"], told["registrations"]
        return world

    def save(self) -> None:
        coded = {name: base64.b64encode(data).decode("ascii") for name, data in self.files.items()}
        told = {"files": coded, "effects": self.effects, "registrations": self.registrations}
        self.path.write_text(json.dumps(told), encoding="ascii", newline="\n")


class _Vm(FakeVm):
    def __init__(self, world: World, events: Events) -> None:
        super().__init__()
        self.files.update(world.files)
        self._events = events
        if world.effects:
            self.start()

    def run(self, argv: Sequence[str], *, timeout_s: float, cap: int = 0) -> CommandResult:
        self._events.tick(f"before {argv[-1]}")
        result = super().run(argv, timeout_s=timeout_s, cap=cap)
        self._events.tick(f"after {argv[-1]}")
        return result


class _Host(FakeHost):
    def __init__(self, vm: _Vm, world: World, events: Events) -> None:
        super().__init__(vm)
        self._world = world
        self._events = events
        self._its_vm = vm

    def host_facts(self, timeout_s: float = 1.0) -> HostFacts:
        self._events.tick("the host's facts")
        return super().host_facts(timeout_s)

    def provision(self, arguments: Any, switches: Sequence[str], timeout_s: float) -> CmdletAnswer:
        self._events.tick("before the cmdlet's effect")
        answer = super().provision(arguments, switches, timeout_s)
        self._world.files = dict(self._its_vm.files)
        self._world.effects.append(Path(arguments["identityCertPath"]).name)
        self._world.save()
        self._events.tick("after the cmdlet's effect")
        return answer


@dataclass
class KillSite:
    """One configuration with its journal, run again and again in processes of their own."""

    folder: Path
    settings: dict[str, Any]

    @property
    def journal(self) -> Path:
        return self.folder / "run.toml.journal.json"

    @property
    def world(self) -> World:
        return World.load(self.folder / "world.json")

    def events(self) -> list[tuple[str, str]]:
        """The events of the last run: the step and the event's name."""
        lines = (self.folder / "events.txt").read_text("utf-8").splitlines()
        return [(line.partition("\t")[0], line.partition("\t")[2]) for line in lines]

    def run(self, kill_at: int = 0) -> int:
        """The exit status of a run in a forked process; minus the signal's number when it was killed."""
        child = os.fork()
        if child == 0:
            status = 70
            try:
                status = self._in_child(kill_at)
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _in_child(self, kill_at: int) -> int:
        events = Events(kill_at, self.folder / "events.txt")
        world = self.world
        vm = _Vm(world, events)
        host = _Host(vm, world, events)
        os.fsync = events.before("fsync", os.fsync)
        for name in ("replace", "rename"):
            setattr(os, name, events.around(name, getattr(os, name)))
        module.open_channel = lambda _request, _host, _tell: OpenChannel(vm, "it is a test")  # type: ignore[attr-defined]
        module.register_device = partial(_register, world, events)  # type: ignore[attr-defined]

        def progress(line: str) -> None:
            events.step = line.removeprefix("step ") if line.startswith("step ") else events.step
            events.tick(line)

        with alone(self.journal):
            report = Runner(
                RunConfig.model_validate(self.settings),
                host=lambda: host,
                journal=Journal.load(self.journal),
                transcript=Transcript(None),
                progress=progress,
                known_hosts=self.folder / "known_hosts",
            ).run()
        (self.folder / "verdict.txt").write_text(str(report.verdict), encoding="ascii", newline="\n")
        return report.exit_status


def _register(world: World, events: Events, _device: DeviceRegistration) -> Registered:
    events.tick("before the registration")
    world.registrations += 1
    world.save()
    events.tick("after the registration")
    return Registered(Assigned(DEVICE, HUB, DEVICE), Finding("dps/registration", "DPS takes the device", Outcome.PASS))
