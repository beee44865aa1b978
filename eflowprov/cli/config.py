"""`config`: the file of `run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eflowprov.cli import terminal


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The configuration file of `run`.", epilog="Example: eflowprov config new run.toml")
    group.command("new", epilog="Example: eflowprov config new line4-press2.toml")(new)
    group.command("check", epilog="Example: eflowprov config check line4-press2.toml")(check)
    group.command("schema", epilog="Example: eflowprov config schema > run.schema.json")(schema)
    app.add_typer(group, name="config")


def new(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; standard output if left out.")] = None,
) -> None:
    """Write a commented configuration to start from; an existing file is never overwritten."""
    from eflowprov.workflows.config import template
    from eflowprov.workflows.disk.files import write_new

    if file is None:
        terminal.result(template())
        return
    write_new(file, template().encode("utf-8"))
    terminal.hint(f"written: {file}. Fill it in, then run `eflowprov config check {file}`.")


def check(file: Annotated[Path, typer.Argument(help="The configuration to check.")]) -> None:
    """Say whether `run` would take the file; status 2 with the first places that are wrong."""
    from eflowprov.workflows.config import load_config

    config = load_config(file)
    terminal.result(f"{file}: good for {config.identity.registration_id} in ID scope {config.dps.scope_id}")


def schema() -> None:
    """Print the JSON Schema of the file."""
    from eflowprov.workflows.config import schema as config_schema

    terminal.result(json.dumps(config_schema(), indent=2))
