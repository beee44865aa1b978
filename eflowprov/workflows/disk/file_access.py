"""Who can read a private key's file besides its owner: by its mode on POSIX, by its access list on Windows."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from eflowprov.model import FileAccess
from eflowprov.workflows.disk.access_lists import readers_by_list


def read_access(path: Path) -> FileAccess | None:
    """Who can read the file; None when the system does not tell."""
    try:
        if sys.platform == "win32":
            from eflowprov.workflows.disk.windows_files import current_user, rights_of

            rights = rights_of(path)
            return FileAccess(str(path), readers_by_list(rights, current_user()), rights)
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return None
    return FileAccess(str(path), readers_by_mode(mode), f"mode {mode:04o}")


def readers_by_mode(mode: int) -> tuple[str, ...]:
    """Who besides the owner a POSIX mode lets read."""
    asked = ((stat.S_IRGRP, "its group"), (stat.S_IROTH, "everyone"))
    return tuple(who for bit, who in asked if mode & bit)
