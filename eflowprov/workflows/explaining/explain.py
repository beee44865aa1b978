"""`explain ID|TEXT`: what a finding, a message, a verdict or a status means, its usual cause, and the way out.

One catalogue (eflowprov/checks) serves the judgements, this command and docs/troubleshooting.md. A query is taken for
an id or a number first, then for a pasted message, then for words to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from eflowprov.checks.catalogue import explain_refusal
from eflowprov.checks.entries import message_entries
from eflowprov.errors import InputError, ParseError
from eflowprov.parsers.check_ids import check_id
from eflowprov.parsers.text import clean, first_words
from eflowprov.workflows.explaining.pasted import by_message, named_codes, named_ids
from eflowprov.workflows.explaining.search import nearest_names, ranked
from eflowprov.workflows.explaining.topics import Topic, by_id, topics

_LONGEST = 200_000  # characters of a pasted transcript that are looked at
_SHOWN, _NEAR = 4, 5  # what a person reads in one go
_GOOD = 0.4  # share of the words' weight that has to be there; below, a hit is a coincidence
_POOR = 0.2
_STATUS = re.compile(r"(?:http |exit[ -]?)?(?:status|code|error)?(?: code)?[ :]*(\d{1,3})")
_CODE = re.compile(r"(?:(?:dps )?error ?(?:code)?)?[ :]*(\d{6})")
_CONNACK = re.compile(r"(?:mqtt )?(?:connack|connection refused)[ ,:]*(?:rc|code|return code)?[ =:]*([0-5])")
_SHAPE = re.compile(r"(?:logs/)?unknown-\w+")  # an error that is put together by its shape
_MISTYPED = 0.85  # difflib's ratio for a letter or two in an id
_LONGEST_ID = 120
_MARKS = " \t\"'`.:;!?"  # what people paste along with an id
# Ids of which the second part is the device's own: the entry stands under NAME.
_CONTRACT = ("verdict/", "outcome/", "exit-status/")  # one's first question: what does this word of the report mean?
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
    looks = (("id", _by_id), ("code", _by_number), ("message", by_message), ("id", named_ids), ("code", _named_numbers))
    for by, look in looks:
        found = _each_once(look(text))
        if found:
            return Explained(text, by, found[:_SHOWN], (*found[_SHOWN:], *_others(text, found))[:_NEAR])
    return _by_words(text)


def _by_id(text: str) -> list[Topic]:
    name = text.casefold().strip(_MARKS)
    if _SHAPE.fullmatch(name):
        return [by_id()["logs/unknown"]]
    family, slash, _ = name.partition("/")
    found = by_id().get(name) or (by_id().get(f"{family}/name") if slash and _is_family(family, name) else None)
    if found or slash:
        return [found] if found else []
    name = re.sub(r"[\s,]+", "-", name)  # READY, AWAITING DEPLOYMENT
    whole = [topic for topic in topics() if topic.entry.id.casefold().partition("/")[2] == name]
    whole.sort(key=lambda topic: not topic.entry.id.startswith(_CONTRACT))
    title = check_id(text)
    return whole or ([by_id()[f"iotedge-check/{title}".casefold()]] if title else [])


def _is_family(family: str, name: str) -> bool:
    """Whether the second part is the device's own; a check's is only where it is no mistyped one of the catalogue."""
    if family == "iotedge-check":
        return not get_close_matches(name, by_id(), 1, _MISTYPED)
    return family in _FAMILIES


def _by_number(text: str) -> list[Topic]:
    """An exit status, DPS's code, or a status of HTTP or of the deployment; one number may have several meanings."""
    lowered = text.casefold()
    code = _CODE.fullmatch(lowered)
    if code:
        return _of_code(int(code[1]))
    refused = _CONNACK.fullmatch(lowered)
    if refused:
        return [_refusal(0, int(refused[1]))]
    found = _STATUS.fullmatch(lowered)
    return _of_status(int(found[1])) if found else []


def _named_numbers(text: str) -> list[Topic]:
    return [topic for number in named_codes(text) for topic in (_of_code if number > 999 else _of_status)(number)]


def _of_status(number: int) -> list[Topic]:
    numbered = [topic for topic in topics() if number in topic.entry.codes]
    if 500 <= number < 600:
        numbered.append(_refusal(number, 0))
    numbered += [by_id()[known.entry.id.casefold()] for known in message_entries("dps") if number in known.statuses]
    return numbered + [topic for topic in topics() if any(re.match(rf"{number}\b", m) for m in topic.entry.messages)]


def _of_code(code: int) -> list[Topic]:
    shared = [topic for topic in topics() if code in topic.entry.comes_with]
    known = _refusal(code // 1000, code)
    return shared or ([] if known.entry.id == "dps/unknown" else [known])


def _refusal(http_status: int, code: int) -> Topic:
    return by_id()[f"dps/{explain_refusal(http_status, code, '').id}"]


def _by_words(text: str) -> Explained:
    mistyped = get_close_matches(text.casefold(), by_id(), _NEAR, _MISTYPED) if len(text) <= _LONGEST_ID else []
    if mistyped:
        return Explained(text, "words", (by_id()[mistyped[0]],), tuple(by_id()[name] for name in mistyped[1:]))
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
