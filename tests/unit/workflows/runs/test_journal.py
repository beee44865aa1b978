"""The journal of `run`: what is done for which inputs, on disk at once, and never taken from another file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from eflowprov.errors import InputError, StorageError
from eflowprov.workflows.runs.journal import Journal, alone, step_key


def test_a_step_is_done_for_its_own_inputs_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    Journal.load(path).record("register", "key-1", hub="h", device_id="d")
    loaded = Journal.load(path)
    assert loaded.done("register", "key-1") == {"hub": "h", "device_id": "d"}
    assert loaded.done("register", "key-2") is None and loaded.done("provision", "key-1") is None


def test_what_is_forgotten_is_forgotten_on_disk_too(tmp_path: Path) -> None:
    journal = Journal.load(tmp_path / "journal.json")
    for step in ("register", "enroll"):
        journal.record(step, "key", hub="h", device_id="d")
    journal.forget(("register", "never-done"))
    loaded = Journal.load(tmp_path / "journal.json")
    assert loaded.done("register", "key") is None and loaded.done("enroll", "key") == {"hub": "h", "device_id": "d"}


def test_a_write_that_fails_leaves_the_old_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.json"
    journal = Journal.load(path)
    journal.record("enroll", "key")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        journal.record("provision", "key")
    monkeypatch.undo()
    assert Journal.load(path).done("enroll", "key") == {} and [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_journal_without_a_path_keeps_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal(None)
    journal.record("register", "key", hub="h")
    assert journal.done("register", "key") == {"hub": "h"} and not list(tmp_path.iterdir())


GOOD = {"version": 2, "steps": {"register": {"key": "k", "done_at": "", "kept": {"hub": "h", "device_id": "d"}}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps(GOOD)[:-9],
        "[]",
        "null",
        '{"steps": {}}',
        '{"version": 1, "steps": {}}',
        '{"version": 2, "steps": []}',
        '{"version": 2, "steps": {}, "under_way": 7}',
        '{"version": 2, "steps": {"register": {"kept": {}}}}',
        '{"version": 2, "steps": {"register": {"key": "k"}}}',
        '{"version": 2, "steps": {"register": {"key": "k", "kept": {"hub": 7}}}}',
        '{"version": 2, "steps": {"register": {"key": "k", "kept": []}}}',
        '{"version": 2, "steps": {"register": {"key": "k", "kept": {"hub": "h"}}}}',
        '{"version": 2, "steps": {"provision": {"key": "k", "kept": {"name": "n", "clock": "soon"}}}}',
        '{"version": 2, "steps": {"provision": {"key": "k", "kept": {"name": "n"}}}}',
        '{"version": "3", "steps": {}}',
        "[" * 100_000,
    ],
)
def test_a_torn_or_foreign_file_is_refused_and_the_way_out_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(InputError, match=r"journal\.json: is damaged, or no journal of this version\. .*--restart"):
        Journal.load(path)
    assert path.read_text(encoding="utf-8") == text


def test_a_run_that_ended_without_a_word_is_told_by_the_step_that_it_was_in(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    Journal.load(path).begin("host")
    again = Journal.load(path)
    assert again.cut_off == "host"
    again.begin("provision")
    assert again.cut_off == "host"  # of this run's own steps nothing is said
    again.end()
    assert Journal.load(path).cut_off == ""


def test_a_run_that_began_no_step_leaves_no_journal(tmp_path: Path) -> None:
    Journal.load(tmp_path / "journal.json").end()
    assert list(tmp_path.iterdir()) == []


def test_the_last_inputs_of_a_step_are_known_whatever_they_were(tmp_path: Path) -> None:
    journal = Journal.load(tmp_path / "journal.json")
    assert journal.last("provision") == {}
    journal.record("provision", "key-1", name="a")
    assert journal.last("provision") == {"name": "a"} and journal.done("provision", "key-2") is None


def test_two_runs_with_one_configuration_are_not_under_way_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.toml.journal.json"
    refused = pytest.raises(InputError, match="another run with this configuration is under way")
    with alone(path), refused, alone(path):
        pytest.fail("it was let in")
    assert list(tmp_path.iterdir()) == []
    with alone(path):
        pass


def test_a_good_journal_is_taken(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text(json.dumps(GOOD), encoding="utf-8", newline="\n")
    assert Journal.load(tmp_path / "journal.json").done("register", "k") == {"hub": "h", "device_id": "d"}


def test_a_key_changes_with_every_input_and_with_their_borders() -> None:
    assert step_key("a", "b") == step_key("a", "b")
    assert len({step_key("a", "b"), step_key("ab"), step_key("a", "b", ""), step_key("b", "a"), step_key("a,b")}) == 5


def test_a_journal_of_a_newer_version_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text('{"version": 3, "stages": []}', encoding="utf-8", newline="\n")
    with pytest.raises(InputError, match=r"was written by a newer eflowprov\. Use that version\."):
        Journal.load(tmp_path / "journal.json")
