"""The texts of the catalogue, as data: `texts/*.toml`, one file for each theme, read when first used.

An entry says what a lasting id, a message or a status means, why it is usually seen, and what to do. The judgements
take titles, severities and remedies from here; `explain` and docs/troubleshooting.md show the same words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

BLOCKING, ADVICE, NOISE = "blocking", "advice", "noise"
SEVERITIES: Mapping[str, str] = {
    BLOCKING: "stops the device until it is put right",
    ADVICE: "the device works; it deserves a look",
    NOISE: "normal on EFLOW; says nothing about the device",
}


@dataclass(frozen=True, slots=True)
class Noise:
    """When a check's warning is none on EFLOW: it counts as `as_` (pass or skip), for the reason `because`.

    `when` is a pattern that the warning's text must have; "" for every warning.
    """

    as_: str
    because: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the catalogue for one thing. `id` is what `explain` is asked for: THEME/NAME.

    `severity` is a key of SEVERITIES, "" where the word has no sense (a verdict, an exit status). `explanation` and
    `remedy` are whole sentences. `messages` are texts by which it is met; `codes` the numbers, `comes_with` those that
    are shared with others. `also` are words that people look it up by and that stand nowhere else in it.
    """

    id: str
    title: str
    explanation: str
    remedy: str
    severity: str = ""
    messages: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    comes_with: tuple[int, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """A check of `iotedge check`: its entry, and what its warnings and skips mean.

    `needs` are the checks whose failure makes it skip, `skipped` the harmless reason for a skip ("" when there is
    none).
    """

    entry: Entry
    noise: Noise | None = None
    needs: tuple[str, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """A known message: the pattern that finds it, and DPS's codes, HTTP statuses and CONNACK codes for it."""

    entry: Entry
    pattern: str = ""
    statuses: tuple[int, ...] = field(default=())
    connack: tuple[int, ...] = field(default=())


@cache
def check_entries() -> Mapping[str, CheckEntry]:
    """Every check of `iotedge check` by its id, whatever the version."""
    return {
        id_: _check(id_, title, table)
        for table in _tables("iotedge-check", "check")
        for id_, title in table["ids"].items()
    }


@cache
def message_entries(theme: str) -> tuple[MessageEntry, ...]:
    """The known messages of a theme (`dps`, `eflow`), the narrower before the wider."""
    return tuple(_message(theme, table) for table in _tables(theme, "message"))


@cache
def entries(file: str) -> Mapping[str, Entry]:
    """The entries of a file of plain ones (`runtime`, `certificate`, `host`, `steps`, `tool`, `words`) by id."""
    return {table["id"]: _entry(table["id"], table) for table in _tables(file, "entry")}


def _tables(file: str, name: str) -> list[dict[str, Any]]:
    text = files("eflowprov.checks").joinpath("texts", f"{file}.toml").read_text(encoding="utf-8")
    tables: list[dict[str, Any]] = tomllib.loads(text)[name]
    return tables


def _check(id_: str, title: str, table: Mapping[str, Any]) -> CheckEntry:
    noise = table.get("noise")
    return CheckEntry(
        _entry(f"iotedge-check/{id_}", {**table, "title": title}),
        Noise(noise["as"], noise["because"], noise.get("when", "")) if noise else None,
        tuple(table.get("needs", ())),
        table.get("skipped", ""),
    )


def _message(theme: str, table: Mapping[str, Any]) -> MessageEntry:
    entry = _entry(f"{theme}/{table['id']}", {**table, "explanation": table["cause"], "severity": BLOCKING})
    numbers = {name: tuple(table.get(name, ())) for name in ("statuses", "connack")}
    return MessageEntry(entry, table.get("pattern", ""), **numbers)


def _entry(id_: str, table: Mapping[str, Any]) -> Entry:
    return Entry(
        id_,
        table["title"],
        table["explanation"],
        table["remedy"],
        table.get("severity", ""),
        tuple(table.get("messages", ())),
        tuple(table.get("codes", ())),
        tuple(table.get("comes_with", ())),
        tuple(table.get("also", ())),
    )
