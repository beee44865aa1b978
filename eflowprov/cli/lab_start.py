"""`lab start`: a simulated machine that stays, for the other commands to work on."""

from __future__ import annotations

import signal
import textwrap
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import terminal

if TYPE_CHECKING:
    from eflowprov.lab.machine import LabMachine
    from eflowprov.lab.scenarios import Scenario

_POLL_S = 0.2  # Windows interrupts no wait without an end


def start(
    scenario: Annotated[str, typer.Option(metavar="NAME", help="See `eflowprov lab scenarios`.")] = "healthy",
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="The lab's folder: authority, configuration, what to log in with.")
    ] = Path("lab"),
) -> None:
    """Start a simulated machine and print the commands to try on it; Ctrl-C ends it.

    What the machine is asked is told on standard error, a line each. The folder keeps authority, identities, reports
    and journal for the next start; the machine itself begins anew each time.
    """
    from eflowprov.lab.machine import LabMachine
    from eflowprov.lab.scenarios import scenario as named
    from eflowprov.lab.site import PKI, machine_folder
    from eflowprov.workflows.disk.files import make_folder
    from eflowprov.workflows.identities.authority_files import ISSUING, create_authority

    for name in (signal.SIGINT, signal.SIGTERM):  # a shell starts what it puts into the background deaf to Ctrl-C
        signal.signal(name, signal.default_int_handler)
    chosen = named(scenario)
    folder = output.absolute()
    make_folder(folder)
    with machine_folder(folder) as place:
        issuing = folder / PKI / ISSUING
        if not issuing.exists():
            create_authority(folder / PKI)
        with LabMachine(chosen, place, enrolled_ca=issuing.read_text("ascii"), tell=_told) as machine:
            terminal.hint(f"lab: scenario {chosen.name}: {chosen.title}")
            terminal.hint(f"lab: stand-ins: {machine.label}\n")
            _stay(machine, folder, chosen)


def _stay(machine: LabMachine, folder: Path, scenario: Scenario) -> None:
    """Write what a person needs, say how to go on, and wait for Ctrl-C, which is how a lab ends."""
    from eflowprov.lab.site import CONFIG, CONNECTION, commands, site_config
    from eflowprov.workflows.disk.files import write_whole

    write_whole(folder / CONFIG, site_config(machine, folder, scenario).encode("utf-8"))
    write_whole(folder / CONNECTION, f"{machine.connection_string.reveal()}\n".encode("ascii"), private=True)
    terminal.result(commands(machine, folder, scenario))
    terminal.hint("\nlab: it runs; Ctrl-C ends it")
    try:
        while True:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        terminal.hint("lab: ended")


def _told(text: str) -> None:
    line = textwrap.shorten(text, max(terminal.width() - 9, 40), placeholder=" ...")
    terminal.hint(f"{datetime.now():%H:%M:%S} {line}")
