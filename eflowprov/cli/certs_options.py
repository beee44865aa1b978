"""Flags that the commands of `certs` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eflowprov.cli import options

# What cannot be read is told with the findings of the others, not refused before them.
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", readable=False, help="PEM, DER or PFX files; keys beside them.")
]
Form = Annotated[options.AnswerFormat, typer.Option("--format", help="For people, or one JSON document.")]
Organization = Annotated[str, typer.Option(metavar="O", help="The organization (O) in the subject.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(metavar="F", help="A file whose one line is the passphrase; never given on the command line."),
]


def json_text(document: object) -> str:
    """One JSON document as the commands print it: indented, ASCII alone."""
    return json.dumps(document, indent=2)
