"""A pasted text: a message of a cmdlet, of DPS, of the journal, a line of `iotedge check` or of a report."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eflowprov.checks.catalogue import explain_causes, explain_cmdlet, explain_refusal
from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.errors import ParseError
from eflowprov.parsers.check_ids import check_id
from eflowprov.parsers.cmdlet import failure_message
from eflowprov.parsers.dps_refusal import parse_dps_refusal
from eflowprov.workflows.explaining.topics import OWN, Topic, by_id, topics

_SHORTEST = 8  # letters of a message below which it is found by chance
_LONGEST_LINE = 2000  # characters; patterns with two ends take the square of it
_CHECK_LINE = re.compile(r"^\W*(?P<title>\w.*?)\s+-\s+(?:OK|Warning|Error)\s*$", re.MULTILINE)
_ID = re.compile(r"(?<![\w/.-])[a-z][a-z-]*/[\w$.()-]*[\w$)]", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w-])[45]\d{5}(?![\w-])")
_EXIT = re.compile(r"\bexit[ -]?(?:status|code)\W{1,3}(\d{1,3})\b", re.IGNORECASE)
_VERDICT = re.compile(r"\b(ready,? awaiting deployment|ready-awaiting-deployment|not[ -]ready)\b", re.IGNORECASE)
# What the hub says to the runtime reads like a refusal of DPS, and is none.
_OF_THE_HUB = re.compile(r"Hub client error", re.IGNORECASE)
_NAMES_DPS = re.compile(r"\bDPS\b|registration", re.IGNORECASE)
_OF_DPS = re.compile(rf"{_NAMES_DPS.pattern}|provision", re.IGNORECASE)


def by_message(text: str) -> list[Topic]:
    """What the text's messages are, the surest first: a cmdlet's, then words of the catalogue, then patterns."""
    lines = [line[:_LONGEST_LINE] for line in text.split("\n")]
    cmdlets, cause, logs = _cmdlets_in(lines), _cause_in(lines), _logs_in(lines)
    if _OF_THE_HUB.search(text):
        found = [*cmdlets, *logs, *_told_in(text), *cause]
    elif cmdlets and not _NAMES_DPS.search(text):  # no refusal of DPS, though it may read like one (`Not Found`)
        found = [*cmdlets, *_told_in(text), *_checks_in(text), *logs]
    elif _OF_DPS.search(text):
        found = [*cmdlets, *_told_in(text), *_refusal_in(text), *_checks_in(text), *cause, *logs]
    else:
        found = [*_told_in(text), *_refusal_in(text), *_checks_in(text), *logs, *cause]
    # A line of ours is meant itself; in a page of output it only says that a device's or DPS's words had this effect.
    own = _own_words_in(text)
    ordered = [*own, *found] if len(lines) == 1 else [*found, *own]
    return [by_id()[id_.casefold()] for id_ in ordered]


def named_ids(text: str) -> list[Topic]:
    """The ids and verdicts that the text names, such as a line of a report."""
    names = [found[0].casefold() for found in _ID.finditer(text)]
    said = [re.sub("[ ,]+", "-", found[1].casefold()) for found in _VERDICT.finditer(text)]
    known = [*names, *(f"verdict/{name}" for name in said)]
    return [by_id()[name] for name in known if name in by_id()]


def named_codes(text: str) -> list[int]:
    """The numbers that the text names as an error code of DPS or as an exit status."""
    return [*(int(found[0]) for found in _CODE.finditer(text)), *(int(found[1]) for found in _EXIT.finditer(text))]


def _cmdlets_in(lines: list[str]) -> list[str]:
    known = (explain_cmdlet(line) for line in (failure_message(lines), *lines) if line)
    return [f"eflow/{found.id}" for found in known if found]


def _told_in(text: str) -> list[str]:
    """Entries whose own words stand in the text, but for eflowprov's: those come at another place."""
    return _quoted_in(text, [topic for topic in topics() if topic.kind != OWN])


def _own_words_in(text: str) -> list[str]:
    return _quoted_in(text, [topic for topic in topics() if topic.kind == OWN])


def _quoted_in(text: str, among: Iterable[Topic]) -> list[str]:
    """The longest words first: they are the narrowest."""
    said = _plain(text)
    hits = [
        (len(message), topic.entry.id)
        for topic in among
        if topic.kind != "EFLOW message"  # those have places for names, and are found by their patterns
        for message in topic.entry.messages
        if len(message) >= _SHORTEST and _plain(message) in said
    ]
    return [id_ for _, id_ in sorted(hits, key=lambda hit: -hit[0])]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _refusal_in(text: str) -> list[str]:
    try:
        refused = parse_dps_refusal(text)
    except ParseError:
        return []
    known = explain_refusal(refused.http_status, refused.error_code, refused.message or text[:300])
    return [] if known.id == "unknown" else [f"dps/{known.id}"]


def _checks_in(text: str) -> list[str]:
    return [f"iotedge-check/{id_}" for found in _CHECK_LINE.finditer(text) if (id_ := check_id(found["title"]))]


def _logs_in(lines: Iterable[str]) -> list[str]:
    joined = list(lines)
    return [f"logs/{known.id}" for known in KNOWN_MESSAGES if any(known.pattern.search(line) for line in joined)]


def _cause_in(lines: list[str]) -> list[str]:
    cause = explain_causes(lines)
    return [] if cause.id == "unknown" else [f"dps/{cause.id}"]
