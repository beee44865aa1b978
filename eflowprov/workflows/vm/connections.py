"""At most two SSH connections a minute to one VM, counted on disk, so that one run after the other keeps to it too.

The VM blocks an address after more than three connections a minute (EFLOW's security page; iotedge-eflow#64, #78), for
everybody on the host. Two leave one for the EFLOW cmdlets and for `Connect-EflowVm`. Hyper-V sockets are no IP traffic
and are not counted.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eflowprov.errors import StorageError
from eflowprov.workflows.disk.files import make_folder, write_whole
from eflowprov.workflows.disk.locks import held

_LOG = logging.getLogger(__name__)

WINDOW_S = 60.0
LIMIT = 2


def is_this_host(host: str) -> bool:
    """Whether `host` is this machine's own loopback: a tunnel or the lab, never the VM's own door, so not counted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks, in seconds, and the sleep between two looks at them."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic  # since the host's start, so the same for every process
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a connection was begun, by both clocks."""

    wall: float
    steady: float

    def age(self, now: Stamp) -> float:
        """Seconds from this moment to `now`, rather too few than too many.

        The smaller one counts, so that a clock that jumps ahead shortens no wait; a negative one is no age: the wall
        clock was set back, or the host has restarted and the steady clock began anew. When both are negative, a restart
        of the host, and so of the VM, lies in between, and the VM has forgotten as well.
        """
        return min((age for age in (now.wall - self.wall, now.steady - self.steady) if age >= 0), default=math.inf)


class ConnectionLedger:
    """One file for each VM in `folder`; any number of runs and threads may use it at once."""

    def __init__(self, folder: Path, clocks: Clocks | None = None) -> None:
        self._folder = folder
        self._clocks = clocks or Clocks()

    def take_turn(self, vm: str, tell: Callable[[str], None]) -> None:
        """Wait until one more connection to `vm` is allowed, and count it; `tell` is told of the wait beforehand.

        A ledger that cannot be kept is logged and holds nobody up: the VM's own rule still protects it.
        """
        try:
            while wait := self._reserve(vm):
                tell(
                    f"waiting {math.ceil(wait)} s: the VM blocks an address after more than three connections a minute"
                )
                self._clocks.sleep(wait)
        except (OSError, StorageError) as error:
            _LOG.warning("the ledger of connections cannot be kept: %s", error)

    def _reserve(self, vm: str) -> float:
        """Count a connection that begins now, and give 0; or count none, and give the seconds until there is room."""
        path = self._folder / f"{hashlib.sha256(vm.lower().encode()).hexdigest()[:24]}.json"
        make_folder(self._folder)
        with held(path.with_suffix(".lock")):
            now = Stamp(self._clocks.wall(), self._clocks.steady())
            recent = [stamp for stamp in _read(path) if stamp.age(now) < WINDOW_S]
            if len(recent) >= LIMIT:
                return WINDOW_S - sorted(stamp.age(now) for stamp in recent)[LIMIT - 1]
            kept = [[stamp.wall, stamp.steady] for stamp in (*recent, now)]
            write_whole(path, json.dumps({"vm": vm, "connections": kept}).encode("utf-8"))
        return 0.0


def default_ledger() -> ConnectionLedger:
    """The user's own: in their state folder."""
    from platformdirs import user_state_path

    return ConnectionLedger(user_state_path("eflowprov", appauthor=False) / "connections")


def _read(path: Path) -> list[Stamp]:
    """What the file holds; nothing when there is none, or it is no ledger (it is replaced then)."""
    try:
        kept = json.loads(path.read_bytes())["connections"]
        return [Stamp(float(wall), float(steady)) for wall, steady in kept]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        _LOG.warning("%s is no ledger of connections", path)
        return []
