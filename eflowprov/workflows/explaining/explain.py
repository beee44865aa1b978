"""`explain ID|TEXT`: what a finding, a message, a verdict or a status means, its usual cause, and the way out.

One catalogue (eflowprov/checks) serves the judgements, this command and docs/troubleshooting.md. A query is taken for
an id or a number first, then for a pasted message, then for words to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eflowprov.checks.catalogue import explain_causes, explain_cmdlet, explain_refusal
from eflowprov.checks.entries import message_entries
from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.errors import InputError, ParseError
from eflowprov.parsers.check_ids import check_id
from eflowprov.parsers.cmdlet import failure_message
from eflowprov.parsers.dps_refusal import parse_dps_refusal
from eflowprov.parsers.text import clean, first_words
from eflowprov.workflows.explaining.search import nearest_names, ranked
from eflowprov.workflows.explaining.topics import Topic, by_id, topics

_LONGEST = 200_000  # characters of a pasted transcript that are looked at
_SHOWN, _NEAR = 4, 5  # what a person reads in one go
_GOOD = 0.4  # share of the words' weight that has to be there; below, a hit is a coincidence
_POOR = 0.2
_STATUS = re.compile(r"(?:exit[ -]?)?(?:status|code)?[ :]*(\d{1,3})")
_CODE = re.compile(r"(?:error ?code)?[ :]*(\d{6})")
_CHECK_LINE = re.compile(r"^\W*(?P<title>\w.*?)\s+-\s+(?:OK|Warning|Error)\s*$", re.MULTILINE)
# Ids of which the second part is the device's own: the entry stands under NAME.
_FAMILIES = ("module", "service", "step")


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found: `by` is id, code, message or words; `matches` the best first, `near` what else comes close."""

    query: str
    by: str
    matches: tuple[Topic, ...]
    near: tuple[Topic, ...] = ()


def explain(query: str) -> Explained:
    """Explain an id, a number, a message or words.

    InputError when nothing was asked; ParseError, with the nearest ids, when the catalogue does not have it.
    """
    text = clean(query[:_LONGEST]).strip()
    if not text:
        raise InputError("explain", "nothing was asked", "Give an id of a report, a message, a code or words")
    for by, look in (("id", _by_id), ("code", _by_number), ("message", _by_message)):
        found = _each_once(look(text))
        if found:
            return Explained(text, by, found[:_SHOWN], (*found[_SHOWN:], *_others(text, found))[:_NEAR])
    return _by_words(text)


def _by_id(text: str) -> list[Topic]:
    name = text.casefold()
    family, slash, _ = name.partition("/")
    found = by_id().get(name) or (by_id().get(f"{family}/name") if slash and family in _FAMILIES else None)
    if found or slash:
        return [found] if found else []
    whole = [topic for topic in topics() if topic.entry.id.casefold().partition("/")[2] == name]
    title = check_id(text)
    return whole or ([by_id()[f"iotedge-check/{title}".casefold()]] if title else [])


def _by_number(text: str) -> list[Topic]:
    """An exit status, DPS's code, or a status of HTTP or of the deployment; one number may have several meanings."""
    lowered = text.casefold()
    code = _CODE.fullmatch(lowered)
    if code:
        return _of_code(int(code[1]))
    found = _STATUS.fullmatch(lowered)
    if not found:
        return []
    number = int(found[1])
    numbered = [topic for topic in topics() if number in topic.entry.codes]
    numbered += [by_id()[known.entry.id.casefold()] for known in message_entries("dps") if number in known.statuses]
    return numbered + [topic for topic in topics() if any(re.match(rf"{number}\b", m) for m in topic.entry.messages)]


def _of_code(code: int) -> list[Topic]:
    shared = [topic for topic in topics() if code in topic.entry.comes_with]
    known = explain_refusal(code // 1000, code, "")
    return shared or ([] if known.id == "unknown" else [by_id()[f"dps/{known.id}"]])


def _by_message(text: str) -> list[Topic]:
    """A pasted message: of a cmdlet, of DPS, of the journal, or a line of `iotedge check`."""
    lines = text.split("\n")
    found: list[str] = []
    for line in (failure_message(lines), *lines):
        known = explain_cmdlet(line) if line else None
        found += [f"eflow/{known.id}"] if known else []
    found += [*_refusal_in(text), *_checks_in(text), *_logs_in(lines)]
    cause = explain_causes(lines)
    found += [] if cause.id == "unknown" else [f"dps/{cause.id}"]
    return [by_id()[id_.casefold()] for id_ in found]


def _refusal_in(text: str) -> list[str]:
    try:
        refused = parse_dps_refusal(text)
    except ParseError:
        return []
    known = explain_refusal(refused.http_status, refused.error_code, refused.message)
    return [] if known.id == "unknown" else [f"dps/{known.id}"]


def _checks_in(text: str) -> list[str]:
    return [f"iotedge-check/{id_}" for found in _CHECK_LINE.finditer(text) if (id_ := check_id(found["title"]))]


def _logs_in(lines: Iterable[str]) -> list[str]:
    joined = list(lines)
    return [f"logs/{known.id}" for known in KNOWN_MESSAGES if any(known.pattern.search(line) for line in joined)]


def _by_words(text: str) -> Explained:
    hits = ranked(text, topics())
    good = [topic for score, topic in hits if score >= _GOOD]
    if good:
        return Explained(text, "words", (good[0],), tuple(topic for _, topic in hits[1 : _NEAR + 1]))
    near = [topic.entry.id for score, topic in hits[:_NEAR] if score >= _POOR] or nearest_names(text, by_id())
    raise ParseError(
        "explain",
        f'"{first_words(text)}" is not in the catalogue',
        f"Nearest: {', '.join(near)}" if near else "Give an id of a report, a message, a code or other words",
    )


def _others(text: str, found: tuple[Topic, ...]) -> list[Topic]:
    """What else the words of a short query hit; a transcript hits everything and tells nothing."""
    if len(text) > 200:
        return []
    return [topic for score, topic in ranked(text, topics()) if score >= _GOOD and topic not in found]


def _each_once(found: Iterable[Topic]) -> tuple[Topic, ...]:
    return tuple(dict.fromkeys(found))
