"""Where certificate and key stand while `Provision-EflowVm` copies them: a room of the user's own, and never for long.

The cmdlet takes paths, and its files keep their names in the VM, so that copies under other names are needed. A run
that is killed meanwhile cannot take them away; they stand where the next one looks, and not among the system's
temporary files, so that every `run`, `provision` and `deprovision` begins with removing what killed ones left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from eflowprov.workflows.disk.files import make_folder
from eflowprov.workflows.disk.storage import create_private, fill, told
from eflowprov.workflows.disk.workroom import Workroom, sweep


def staging_folder() -> Path:
    """The folder of all rooms: in the user's state folder, on Windows below AppData\\Local, which nobody else reads."""
    from platformdirs import user_state_path

    return user_state_path("eflowprov", appauthor=False) / "staging"


def sweep_staging() -> None:
    """Remove the copies that killed runs left; those of runs that are under way stay. Raises StorageError."""
    sweep(staging_folder())


@contextmanager
def staging_room() -> Iterator[Path]:
    """An empty folder for this user alone, gone afterwards with all that is in it. Raises StorageError."""
    folder = staging_folder()
    make_folder(folder)
    with ExitStack() as stack:
        with told(folder):
            room = stack.enter_context(Workroom(folder))
        yield room.path


def stage(place: Path, data: bytes) -> None:
    """Write a copy that only its owner can read from the first byte. It is not flushed: it need not outlive a power
    cut. Raises StorageError."""
    with told(place):
        fill(create_private(place), data)
