"""The ids of `iotedge check` and their titles over the versions (read in the tool's source, 1.0.7 to 1.6.1)."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files

_OLD_VERSIONS = {"1.0", "1.1"}
# Ids that only the tool up to 1.1 knows: one of them in a report tells which of an id's titles fits.
_OLD_IDS = {"config-yaml-well-formed", "connection-string", "iotedged-version", "certificates-quickstart"}
_SLUG_LENGTH = 80
_UNAVAILABLE = "aziotidentityservicechecksunavailable"  # the rest of that title names the binary


def check_id(title: str) -> str:
    """The id of a title, "" when no version knows it.

    Case, blanks and punctuation do not count: titles differ by them between versions ("upstream  AMQP" in 1.2), and
    consoles and tickets change them.
    """
    key = _key(title)
    return _ids_by_key().get(key) or ("(aziot-identity-service-error)" if key.startswith(_UNAVAILABLE) else "")


def slug(title: str) -> str:
    """A lasting id for a title that no version knows: lower-case words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_SLUG_LENGTH].rstrip("-")


def check_title(identifier: str, others: Collection[str]) -> str:
    """The title of an id as the version that made a report with the ids `others` has it; unknown: the id itself."""
    old = bool(_OLD_IDS.intersection(others))
    return _titles_by_id(old).get(identifier) or _titles_by_id(False).get(identifier, identifier)


def _key(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


@cache
def _rows() -> tuple[tuple[str, str, bool], ...]:
    """Id, title, and whether the title is one of 1.0 or 1.1; in the order of the versions, the newest last."""
    table = files("eflowprov.parsers").joinpath("check-ids.csv").read_text(encoding="utf-8")
    rows = [(row["id"], row["title"], row["versions"].split()) for row in csv.DictReader(table.splitlines())]
    rows.sort(key=lambda row: (row[2][-1], row[2][0]))
    return tuple((identifier, title, set(versions) <= _OLD_VERSIONS) for identifier, title, versions in rows)


@cache
def _ids_by_key() -> dict[str, str]:
    return {_key(title): identifier for identifier, title, _ in _rows()}


@cache
def _titles_by_id(old: bool) -> dict[str, str]:
    """The newest title of each id, among those of 1.0 and 1.1 when `old`."""
    return {identifier: title for identifier, title, is_old in _rows() if is_old or not old}
