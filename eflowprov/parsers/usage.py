"""Usage errors: a tool that does not know the command or the option it was given (iotedge#1470)."""

from __future__ import annotations

import re

from eflowprov.parsers.prompts import is_around
from eflowprov.parsers.text import clean

_LINES = 6  # a usage error is the first thing that a tool prints
_REFUSED = re.compile(
    r"""(?xi)
    (?:\S{1,40}:\s)?(?:error:\s)?(?:
        found\ argument\ | unexpected\ argument\ | unrecogni[sz]ed\ (?:subcommand|argument|option)
      | the\ subcommand\ .{0,80}wasn't\ recognized | no\ such\ subcommand
      | (?:one\ of\ )?the\ (?:following\ )?(?:required\ )?arguments?\ .{0,80}(?:requires|not\ provided|cannot\ be\ used)
      | invalid\ (?:value|option)\b | unknown\ (?:command|option|argument|subcommand|output)
      | a\ value\ is\ required\ for | .{1,80}isn't\ a\ valid\ value | option\ .{1,60}requires\ an\ argument
    )
    | usage:(?:\s|$)
    """
)


def is_refused(text: str) -> bool:
    """Whether the text is a tool's usage error and not an answer (clap 2 to 4, getopt of journalctl)."""
    lines = [line.strip() for line in clean(text).split("\n") if not is_around(line)]
    return any(_REFUSED.match(line) for line in lines[:_LINES])
