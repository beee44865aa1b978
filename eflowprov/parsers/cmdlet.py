"""What EFLOW's cmdlets print and return: `OK`, or an exception block in the host's text.

`[MM/dd/yyyy HH:mm:ss] text` steps, ` - ` bullets, `Exception caught!!!` with the reason behind it or below it. The
line number in the reason changes with every build (iotedge-eflow#301, #115), so that it is no part of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import dropwhile, takewhile

from eflowprov.model import CmdletAnswer, ProvisionVerdict
from eflowprov.parsers.text import clean, refusal

_STAMP = re.compile(r"\s*\[\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}(?: [AP]M)?\]\s*")
_EXCEPTION = re.compile(r"Exception caught!*\s*", re.IGNORECASE)
_ERROR = re.compile(r"Error:\s*(?=\S)", re.IGNORECASE)  # early builds (iotedge-eflow#7)
_BULLET = re.compile(r"^\s*-\s*(?=\S)")
_LINE_NUMBER = re.compile(r"\s+(?:at line \d+|\(L\d+\))\s*\.?\s*$", re.IGNORECASE)
_OWN_STREAMS = {"output", "host", "information"}
_WRAPPED = 6  # lines that one reason may take in a narrow console


def parse_provision(answer: CmdletAnswer) -> ProvisionVerdict:
    """Judge what `Provision-EflowVm` returned.

    It is ok when `OK` is the last text on the output stream and no exception was printed: `OK` also comes after
    failures, as the return value of an inner step. Else the message is the failure's own, without its line number,
    or the last text returned. ParseError when nothing was returned and no failure is told.
    """
    lines = _lines(record.text for record in answer.records)
    failure = _without_number(clean(answer.error).strip()) or failure_message(_told(answer))
    returned = [line for text in answer.output for line in [clean(text).strip()] if line]
    if failure:
        return ProvisionVerdict(False, failure, lines)
    if not returned:
        raise refusal(
            "Provision-EflowVm", "\n".join(lines), "it returned nothing", "Read the VM's logs with `eflowprov verify`"
        )
    if returned[-1].casefold() == "ok":
        return ProvisionVerdict(True, "OK", lines)
    return ProvisionVerdict(False, _without_number(_one_line(returned[-1])), lines)


def failure_message(lines: Iterable[str]) -> str:
    """The reason of the first failure in a cmdlet's text, without its line number; "" when it tells of none."""
    told = [line for line in lines if line.strip()]
    for number, line in enumerate(told):
        step = _STAMP.sub("", line, count=1).strip()
        exception = _EXCEPTION.search(step)
        if exception:
            return _reason(step[exception.end() :], told[number + 1 :]) or "Exception caught"
        if _STAMP.match(line) and (error := _ERROR.match(step)):
            return _without_number(step[error.end() :])
        if _LINE_NUMBER.search(line):
            return _without_number(_BULLET.sub("", step, count=1))
    return ""


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.rstrip() for text in texts for line in clean(text).split("\n") if line.strip())


def _told(answer: CmdletAnswer) -> tuple[str, ...]:
    """What the cmdlet itself wrote; lines of other streams break into the middle of a block (iotedge-eflow#177)."""
    return _lines(record.text for record in answer.records if record.stream in _OWN_STREAMS)


def _reason(behind: str, below: Sequence[str]) -> str:
    """The text behind `Exception caught!!!`, else the bullet below it; either may go on until its line number."""
    block = list(takewhile(lambda line: not _STAMP.match(line), below[:_WRAPPED]))
    if not behind.strip():
        block = list(dropwhile(lambda line: not _BULLET.match(line), block)) or block
        behind, block = (_BULLET.sub("", block[0]), block[1:]) if block else ("", [])
    ends = [number for number, line in enumerate(block) if _LINE_NUMBER.search(line)]
    goes_on = ends and not _LINE_NUMBER.search(behind)
    wrapped = block[: ends[0] + 1] if goes_on and not any(map(_BULLET.match, block[: ends[0] + 1])) else []
    return _without_number(" ".join([behind, *wrapped]))


def _without_number(text: str) -> str:
    return _LINE_NUMBER.sub("", _one_line(text))


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())
