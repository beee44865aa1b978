"""`explain`: what a finding, a message, a verdict or a status means, its usual cause, and the way out."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal

if TYPE_CHECKING:
    from eflowprov.workflows.explaining.explain import Explained
    from eflowprov.workflows.explaining.topics import Topic

_LONGEST = 2**20  # characters of standard input
_INDENT = "  "
_COMMAND = re.compile(r'Invoke-EflowVmCommand -command "[^"]+"')
_HELD = "\N{NO-BREAK SPACE}"


def register(app: typer.Typer) -> None:
    app.command("explain", epilog="Example: eflowprov explain 'CA certificate not found.'")(explain)


def explain(
    what: Annotated[
        list[str],
        typer.Argument(metavar="ID|TEXT", help="An id of a report, a message, a code, a status, words; - for stdin."),
    ],
    format_: options.Format = options.AnswerFormat.CONSOLE,
) -> None:
    """Explain a finding, a DPS error, an EFLOW message, a verdict or an exit status.

    A pasted transcript is read too; line numbers in it do not matter. Exit status 0 when the catalogue has it, 3 when
    not (the nearest ids are named), 2 when nothing was asked.
    """
    from eflowprov.workflows.explaining.explain import explain as look_up

    query = sys.stdin.read(_LONGEST) if what == ["-"] else " ".join(what)
    found = look_up(query)
    terminal.result(_json(found) if format_ is options.AnswerFormat.JSON else _console(found))


def _json(found: Explained) -> str:
    from eflowprov.redaction import redact

    document = {
        "query": redact(found.query)[:500],
        "found_by": found.by,
        "matches": [_fields(topic) for topic in found.matches],
        "near": [{"id": topic.entry.id, "title": topic.entry.title} for topic in found.near],
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def _fields(topic: Topic) -> dict[str, object]:
    entry = topic.entry
    return {
        "id": entry.id,
        "kind": topic.kind,
        "title": entry.title,
        "severity": entry.severity or None,
        "explanation": entry.explanation,
        "remedy": entry.remedy,
        "messages": list(entry.messages),
        "codes": [*entry.codes, *entry.comes_with],
    }


def _console(found: Explained) -> str:
    width = max(40, min(terminal.width(), 100))
    blocks = [_block(topic, width) for topic in found.matches]
    if found.by == "words":
        blocks.insert(0, "No entry has this name or message; by its words the nearest is:")
    if found.near:
        names = [f"{topic.entry.id} ({topic.entry.title})" for topic in found.near]
        blocks.append("\n".join(["See also:", *(f"{_INDENT}{name}" for name in names)]))
    return "\n\n".join(blocks)


def _block(topic: Topic, width: int) -> str:
    from eflowprov.checks.entries import SEVERITIES

    entry = topic.entry
    grave = f"; {entry.severity}: {SEVERITIES[entry.severity]}" if entry.severity else ""
    parts = [entry.id, _filled(f"{entry.title} ({topic.kind}{grave})", width)]
    parts += [_filled(f'says: "{message}"', width) for message in entry.messages[:3]]
    return "\n".join(
        [*parts, "", _filled(entry.explanation, width), "", "What to do:", _filled(entry.remedy, width)],
    )


def _filled(text: str, width: int) -> str:
    """The text in lines; a command for the VM is never broken, so that it can be copied in one go."""
    held = _COMMAND.sub(lambda found: found[0].replace(" ", _HELD), text)
    filled = textwrap.fill(
        held, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(_HELD, " ")
