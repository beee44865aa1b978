"""README's picture: there, a picture of a report, and made anew by its script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.make_picture import PICTURE, SCENARIO, make


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_the_picture_of_the_readme_is_there_and_is_no_megabyte() -> None:
    named = re.findall(r"docs/\S+\.png", (ROOT / "README.md").read_text("utf-8"))
    assert named and {ROOT / name for name in named} == {PICTURE}
    width, height = size(PICTURE.read_bytes())
    assert width > 1000 and height > 1000 and PICTURE.stat().st_size < 500_000


@pytest.mark.linux
def test_the_picture_is_made_anew_from_the_lab(chromium: str, tmp_path: Path) -> None:
    picture = tmp_path / "report.png"
    assert make(picture, SCENARIO, chromium) == "NOT READY"
    assert size(picture.read_bytes())[0] == size(PICTURE.read_bytes())[0]
