"""The words of our own findings pass the redaction unchanged: none looks like a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import eflowprov.checks
from eflowprov.redaction import redact

SOURCES = sorted(Path(eflowprov.checks.__file__).parent.rglob("*.py"))
TEXT = re.compile(r'"([^"\\\n]{12,})"')


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_text_of_a_check_is_taken_for_a_secret(source: Path) -> None:
    texts = TEXT.findall(source.read_text(encoding="utf-8"))
    assert [text for text in texts if redact(text) != text] == []
