"""What the host's EFLOW says about the way into its VM, before anybody knocks at it.

From 1.4 on the VM's sshd is masked and its TCP port 22 closed (iotedge-eflow#205); SSH is left over a Hyper-V socket,
for whoever has a key that the VM takes. A connection that cannot succeed would still count for the VM's block.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from eflowprov.bridge.eflow import EflowHost
from eflowprov.errors import EflowprovError
from eflowprov.model import HostFacts
from eflowprov.transports.hvsocket import is_possible

_LOG = logging.getLogger(__name__)
_TCP_CLOSED = (1, 4)


@dataclass(frozen=True, slots=True)
class Release:
    """`tcp_closed` says that nothing listens on the VM's TCP port 22. `hvsocket` is the `--ssh` that serves in its
    place, "" when there is none, and `why` the sentence for the operator."""

    tcp_closed: bool = False
    hvsocket: str = ""
    why: str = ""


def installed_release(host: Callable[[], EflowHost], tell: Callable[[str], None]) -> Release:
    """Ask the host, once for each `EflowHost`. A host that does not tell is taken to be one of before 1.4."""
    try:
        eflow = host()
        if eflow.last_facts is None:
            tell("asking the host which EFLOW it has")
        facts = eflow.last_facts or eflow.host_facts()
    except EflowprovError as error:
        _LOG.info("the host did not tell which EFLOW it has: %s", error)
        return Release()
    return release_of(facts, hvsocket_possible=is_possible(os.environ))


def release_of(facts: HostFacts, *, hvsocket_possible: bool) -> Release:
    """What follows from the AzureEFLOW module's version and the VM's ID."""
    told = re.match(r"(\d+)\.(\d+)", facts.module_version)
    if told is None or (int(told[1]), int(told[2])) < _TCP_CLOSED:
        return Release()
    closed = f"EFLOW {facts.module_version} has the VM's TCP port 22 closed"
    if not hvsocket_possible:
        lacking = "Python here has no Hyper-V sockets (Windows, 3.12 or newer), and there is no hvc.exe"
        return Release(True, why=f"{closed}, and {lacking}")
    if not facts.vm_id:
        return Release(True, why=f"{closed}, and the host did not tell the VM's ID for a Hyper-V socket")
    return Release(True, f"hvsocket:{facts.vm_id}", closed)
