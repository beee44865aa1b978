"""The table of check's ids and titles."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

from eflowprov.parsers.check_ids import check_id, check_title, slug


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(files("eflowprov.parsers").joinpath("check-ids.csv").read_text("utf-8").splitlines()))


def test_every_title_gives_its_id() -> None:
    assert [row for row in table() if check_id(row["title"]) != row["id"]] == []


def test_no_title_belongs_to_two_ids_when_case_and_punctuation_do_not_count() -> None:
    keys: dict[str, set[str]] = {}
    for row in table():
        keys.setdefault(re.sub(r"[^a-z0-9]", "", row["title"].lower()), set()).add(row["id"])
    assert [ids for ids in keys.values() if len(ids) > 1] == []


def test_a_title_that_no_version_has_becomes_a_bounded_slug() -> None:
    assert slug(" New: Check / of (2030)! ") == "new-check-of-2030"
    assert len(slug("x" * 500)) <= 80


def test_the_newest_title_stands_for_an_id_of_a_new_report() -> None:
    assert check_title("container-default-connect-upstream-amqp", []).count("  ") == 0
    assert check_title("host-connect-iothub-https", ["connection-string"]).endswith("IoT Hub HTTPS / WebSockets port")
