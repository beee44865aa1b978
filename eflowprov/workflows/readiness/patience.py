"""Patience with a machine that is just starting: after a restart of Windows neither the cmdlets nor SSH answer at once.

The first look is made at once; the next ones are so far apart that the VM does not take them for an attack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eflowprov.errors import CmdletError, DeniedError, HostKeyError, TransportError
from eflowprov.workflows.readiness.waiting import Backoff, Look, Standing, wait_until

T = TypeVar("T")

SPACED = Backoff(20.0, 1.0, 20.0)
"""The VM blocks an address after more than three SSH connections a minute (iotedge-eflow#64)."""


def patiently(
    act: Callable[[], T],
    *,
    what: str,
    patience_s: float,
    progress: Callable[[str], None],
    lacks: Callable[[T], str] = lambda _: "",
) -> T:
    """Do `act` again while it is not answered, or while `lacks` says what its value still lacks, for `patience_s`.

    Gives the last value, or raises the last error. What is no matter of time is raised at once:
    another host key, a key that is refused.
    """

    def look(_left_s: float) -> Look[T | TransportError | CmdletError]:
        try:
            value = act()
        except (HostKeyError, DeniedError):
            raise
        except (TransportError, CmdletError) as error:
            return Look(error, Standing.PENDING, f"{what}: {error.why}")
        lacking = lacks(value)
        return Look(value, Standing.PENDING if lacking else Standing.READY, f"{what}: {lacking}")

    last = wait_until(look, timeout_s=patience_s, progress=progress, backoff=SPACED).value
    if isinstance(last, TransportError | CmdletError):
        raise last
    return last
