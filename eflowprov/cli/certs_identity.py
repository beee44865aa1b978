"""`certs request`, `import`, `proof`, `export`, `renew` and `list`: one identity's life after or beside issuing."""

from __future__ import annotations

import typer


def register(group: typer.Typer) -> None:
    """Add these commands to `certs`."""
