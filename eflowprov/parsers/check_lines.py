"""The lines of check's text form: whole lines out of a paste, and what one line says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from eflowprov.model import CheckOutcome
from eflowprov.parsers.check_ids import check_id
from eflowprov.parsers.prompts import unquoted

HEADING = re.compile(r"(?:Configuration|Connectivity) checks(?: \([\w-]{1,40}\))?|\(aziot-identity-service\)")
_GLUED_HEADING = re.compile(
    r"(?:^|(?<=[ \t])|(?<= - OK)|(?<= - Error)|(?<= - Warning))((?:Configuration|Connectivity) checks"
    r"(?: \([\w-]{1,40}\))?)(?=[ \t]*(?:$|-{5}))",
    re.M,
)
_GLUED_MARK = re.compile(r"(?<=[ \t])([√‼×] (?=[A-Za-z(]))")
_GLUED_TOTAL = re.compile(r"(?<=[ \t.])(\d{1,6} check\(s\) )")
_LOST_BYTES = re.compile(r"\ufffd{1,4} ?(?=[√‼×])")
_WRAP = re.compile(r"(?<=\S) {20,}(?=\S)")  # a row of a terminal that was padded to its width (129 blanks seen)

_TOTAL = re.compile(r"(\d{1,6}) check\(s\) (succeeded|raised warnings|raised errors|were skipped)")
_TOTAL_OUTCOME = {"succeeded": "ok", "raised warnings": "warning", "raised errors": "error", "were skipped": "skipped"}

_SUFFIXES = {"OK": CheckOutcome.OK, "Warning": CheckOutcome.WARNING, "Error": CheckOutcome.ERROR}
# What precedes a title: marks, what became of them, quotes and markdown. A lone v or x is a mark that a code page
# without √ and × replaced by its nearest letter (meta-iotedge#90).
_LEAD = re.compile(r"(?:[^\x00-\x7f]|[\s#>*?`!\x00-\x1f])*(?:[vVxX]\s+(?=\S))?")
_MARKS = {
    **dict.fromkeys("√✓✔ûvV", CheckOutcome.OK),  # û: √ of code page 437 read as Windows-1252
    **dict.fromkeys("‼⚠\x13", CheckOutcome.WARNING),  # U+0013: ‼ of code page 437
    **dict.fromkeys("×✗✘✖❌xX", CheckOutcome.ERROR),
}


@dataclass(frozen=True, slots=True)
class CheckLine:
    """What a line says of a check: its title, its outcome, and what tells them.

    `by_suffix`: the suffix gives the outcome; `mark`: a readable mark is there; with neither it is a `known` title.
    `rest` is text behind the suffix, of a paste that lost its line ends.
    """

    title: str
    outcome: CheckOutcome
    by_suffix: bool = False
    mark: bool = False
    known: bool = False
    rest: str = ""


def logical_lines(text: str) -> Iterator[str]:
    """The lines as the tool printed them: glued ones parted, quote marks and padding of a terminal's width removed."""
    text = _LOST_BYTES.sub("", text.replace("\ufe0f", ""))
    text = unquoted(text)
    text = _GLUED_HEADING.sub(r"\n\1\n", text)
    text = _GLUED_TOTAL.sub(r"\n\1", _GLUED_MARK.sub(r"\n\1", text))
    runs = [len(run) for run in _WRAP.findall(text)]
    width = min(runs, default=0)
    for line in text.split("\n"):
        # One blank more than the padding is a blank of the text, at the place where the row was full.
        yield _WRAP.sub(lambda run: " " if len(run[0]) == width + 1 else "", line).rstrip()


def total(line: str) -> tuple[str, int] | None:
    """The outcome and the number of a total (`3 check(s) raised warnings.`); None for any other line."""
    found = _TOTAL.match(line)
    return (_TOTAL_OUTCOME[found[2]], int(found[1])) if found else None


def check_line(line: str) -> CheckLine | None:
    """What a line, without its indent, says of a check; None when it is none."""
    lead = _LEAD.match(line)
    assert lead  # noqa: S101 - the pattern matches the empty text too
    body, mark = line[lead.end() :], _mark(lead[0])
    return _with_suffix(body, lead[0].strip("> \t"), mark) or _without_suffix(body, lead[0].strip(), mark)


def _with_suffix(body: str, lead: str, mark: CheckOutcome | None) -> CheckLine | None:
    for suffix, outcome in _SUFFIXES.items():
        if body.endswith(suffix):
            head = body.removesuffix(suffix).rstrip()
            if head[-1:] in ("-", "–", "—") and (title := head[:-1].rstrip()):
                known = bool(check_id(title))
                if known or (lead and lead != "*"):
                    return CheckLine(title, outcome, by_suffix=True, mark=mark is not None, known=known)
    return _with_rest(body)


def _with_rest(body: str) -> CheckLine | None:
    for suffix, outcome in _SUFFIXES.items():
        title, between, rest = body.partition(f" - {suffix} ")
        if between and check_id(title):
            return CheckLine(title, outcome, by_suffix=True, known=True, rest=rest)
    return None


def _without_suffix(body: str, lead: str, mark: CheckOutcome | None) -> CheckLine | None:
    if not body:
        return None
    known = bool(check_id(body))
    if mark is not None and (known or lead[-1:] in "√‼×"):
        return CheckLine(body, mark, mark=True, known=known)
    return CheckLine(body, CheckOutcome.SKIPPED, known=True) if known else None


def _mark(lead: str) -> CheckOutcome | None:
    """The one result that the marks in front of a title tell; None when there is none, or when two disagree."""
    told = {_MARKS[char] for char in lead if char in _MARKS}
    return told.pop() if len(told) == 1 else None
