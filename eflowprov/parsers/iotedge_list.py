"""`iotedge list`: a table of the runtime's modules, or the error that stands in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eflowprov.model import Module, ModuleList
from eflowprov.parsers.causes import RUNTIME_ERROR, cause_of, printed_failure
from eflowprov.parsers.prompts import is_around, unquoted
from eflowprov.parsers.text import clean, first_words, refusal

_WHERE = "iotedge list"
# The words of edgelet's ModuleStatus; "backoff" and the like are the agent's and the portal's and never stand here.
_STATUS = ("running", "stopped", "failed", "dead", "unknown")
# Markdown may have made its words bold, together or one by one.
_HEADING = re.compile(r"\bNAME\W{1,400}STATUS\W{1,400}DESCRIPTION\W{1,400}(?:CONFIG|Config)\b[*_| \t]*")
# A row whose columns were collapsed to single blanks is still unambiguous: the name and the image have no blanks. What
# stands last must look like an image, or the last word of a description that was cut off would be taken for one.
_COLLAPSED = re.compile(
    rf"(\S+)\s+({'|'.join(_STATUS)})\s+((?:Up|Stopped|Failed|Dead|Unknown)\b.*?)\s+([^\s/:@]*[/:@]\S*)"
)


def parse_list(text: str) -> ModuleList:
    """Read one output of `iotedge list`; the heading alone is an empty list.

    An error that the command printed (its message and `caused by:` lines) is a ModuleList with `failure`. ParseError
    for an empty text, a text in no known form, and a status that the runtime does not have.
    """
    text = unquoted(clean(text))
    heading = _HEADING.search(text)
    if heading is None:
        if failure := printed_failure(text):
            return ModuleList(failure=failure)
        raise refusal(_WHERE, text, "it has neither the table's heading nor a known error")
    failure = printed_failure(text) if RUNTIME_ERROR in text else ()
    return ModuleList(tuple(_row(line) for line in _rows(text[heading.end() :])), failure)


def _rows(below: str) -> Iterator[str]:
    """The rows below the heading: up to a prompt, a frame or an error, or to an empty line that no row follows."""
    any_row = apart = False
    for line in below.split("\n"):
        if not line.strip():
            apart = any_row
            continue
        foreign = apart and not _looks_like_a_row(line)
        if foreign or is_around(line) or cause_of(line) is not None or RUNTIME_ERROR in line:
            return
        any_row, apart = True, False
        yield line.replace("`", "")  # a code span may begin or end anywhere (azure-docs#29478)


def _looks_like_a_row(line: str) -> bool:
    return len(_columns(line)) == 4 or _COLLAPSED.fullmatch(line.strip()) is not None


def _columns(line: str) -> list[str]:
    return re.split(r"\s{2,}|\t", line.strip())


def _row(line: str) -> Module:
    columns = _columns(line)
    if len(columns) != 4:
        collapsed = _COLLAPSED.fullmatch(line.strip())
        if collapsed is None:
            raise refusal(_WHERE, line, "a row of its table does not have four columns")
        columns = list(collapsed.groups())
    name, status, description, image = columns
    if status not in _STATUS:
        raise refusal(_WHERE, line, f'a row of its table has the unknown status "{first_words(status)}"')
    if " " in name or " " in image:
        raise refusal(_WHERE, line, "a row of its table has blanks in its name or image")
    return Module(name, status, description, image)
