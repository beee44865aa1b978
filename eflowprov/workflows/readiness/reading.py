"""From an output to facts, or to the `Problem` that stands in their place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, TypeVar

from eflowprov.errors import ParseError
from eflowprov.model import CommandResult, Log, Problem
from eflowprov.parsers.text import decode, first_words
from eflowprov.parsers.usage import is_refused
from eflowprov.workflows.readiness.outputs import Output, SavedLog

T = TypeVar("T")
NO_COMMAND = "this version of iotedge does not have the command"
_NOT_FOUND = 127  # a shell's status for a program that is not there
_HEAD = 64 * 2**10  # bytes of a log that tell whether anything was printed


def parsed(output: Output, parse: Callable[[str], T], *, errors_too: bool = False) -> T | Problem:
    """Parse an output; with `errors_too` the error that the command printed in its place is facts as well."""
    if isinstance(output, Problem):
        return output
    text, errors = decode(output.stdout), decode(output.stderr)
    problem = _without_facts(output, text, errors, errors_too=errors_too)
    if problem is not None:
        return problem
    text = text if text.strip() else errors or text
    try:
        return parse(text)
    except ParseError as error:
        if is_refused(text):
            return Problem(NO_COMMAND, missing=True, seen=first_words(text))
        return Problem(error.why, seen=first_words(text))


def read_log(output: Output, read: Callable[[BinaryIO, str], Log], *, errors_too: bool = False) -> Log | Problem:
    """The same for a log of any size. `read` is given its bytes, and what of it was left out."""
    if isinstance(output, Problem):
        return output
    head, errors = decode(output.stdout[:_HEAD]), decode(output.stderr)
    problem = _without_facts(output, head, errors, errors_too=errors_too)
    if problem is not None:
        return problem
    try:
        with _opened(output, errors=not head.strip()) as stream:
            log = read(stream, output.note)
    except ParseError as error:
        return Problem(error.why, seen=first_words(head if head.strip() else errors or head))
    except OSError as error:
        return Problem(f"the saved log cannot be read ({error.strerror})")
    return replace(log, torn=True) if output.dropped else log


def _opened(output: CommandResult, *, errors: bool) -> AbstractContextManager[BinaryIO]:
    if isinstance(output, SavedLog):
        return output.path.open("rb")
    return BytesIO(output.stderr if errors and output.stderr else output.stdout)


def _without_facts(output: CommandResult, text: str, errors: str, *, errors_too: bool) -> Problem | None:
    """What is wrong with an output of which the text cannot be what it should be; None when it can."""
    if output.status is None:
        return Problem(output.note or "the command did not end", seen=first_words(text or errors))
    if text.strip() or not errors.strip():
        return None
    problem = _known_trouble(output, errors)
    if problem or not errors_too:
        return problem or Problem(f"it printed only an error: {first_words(errors)}", seen=first_words(errors))
    return None


def _known_trouble(result: CommandResult, errors: str) -> Problem | None:
    if result.status == _NOT_FOUND or "command not found" in errors:
        return Problem("the program is not there", seen=first_words(errors))
    if errors.lstrip().startswith("sudo:"):
        return Problem(
            "sudo refused it (the user needs sudo without a password: --ssh-user iotedge-user, or --channel cmdlet)",
            seen=first_words(errors),
        )
    return None
