"""The transcript: on disk as things happen, one JSON object a line, without secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from eflowprov.errors import StorageError
from eflowprov.workflows.disk.transcript import Transcript


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_every_event_is_on_disk_before_the_next_thing_happens(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    with Transcript(path) as transcript:
        transcript.event("cmdlet", text="Gerät\nzwei", records=[{"n": 1}], ok=True, none=None, path=Path("x"))
        (event,) = events(path)
    assert event.pop("event") == "cmdlet"
    assert abs((datetime.now(UTC) - datetime.fromisoformat(str(event.pop("time")))).total_seconds()) < 60
    assert event == {"text": "Gerät\nzwei", "records": [{"n": 1}], "ok": True, "none": None, "path": "x"}


def test_a_second_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with Transcript(tmp_path / "run.jsonl") as transcript:
            transcript.event(name)
    assert [event["event"] for event in events(tmp_path / "run.jsonl")] == ["one", "two"]


def test_no_secret_is_kept_however_deep_it_lies(tmp_path: Path) -> None:
    secret = "c2VjcmV0"  # a made-up value
    with Transcript(tmp_path / "run.jsonl") as transcript:
        transcript.event("x", a=f"SharedAccessKey={secret}", b=[{"c": (f"password={secret}",)}], d={1: f"sig={secret}"})
    text = (tmp_path / "run.jsonl").read_text("ascii")
    assert secret not in text and text.count("***") == 3


def test_without_a_path_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Transcript(None) as transcript:
        transcript.event("x")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_with_the_flag(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Name another file with --transcript"), Transcript(tmp_path):
        pass


def test_a_disk_that_runs_full_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Transcript(tmp_path / "run.jsonl") as transcript:

        def full(_text: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(transcript._file, "write", full)
        with pytest.raises(StorageError, match=r"run\.jsonl: cannot be written \(No space left on device\)"):
            transcript.event("x")


class FullDisk(StringIO):
    """A buffered file on a disk that has no room: it tells so at each flush, and once more when it is closed."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        if not self.closed:
            super().close()
            raise OSError(28, "No space left on device")


def test_a_full_disk_is_no_second_error_when_the_file_is_closed(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space left on device"), Transcript(tmp_path / "run.jsonl") as transcript:
        transcript._file.close()
        transcript._file = FullDisk()
        transcript.event("x")
