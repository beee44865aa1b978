"""docs/troubleshooting.md is the catalogue, whole and up to date."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from eflowprov.workflows.explaining.topics import topics

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_troubleshooting", ROOT / "tools" / "make_troubleshooting.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    told = "run: python tools/make_troubleshooting.py"
    assert PAGE.read_text(encoding="utf-8") == _maker().document(), told


def test_every_topic_has_its_section_once() -> None:
    headings = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(topic.entry.id for topic in topics())


def test_every_link_of_the_page_leads_to_a_heading() -> None:
    page = PAGE.read_text(encoding="utf-8")
    anchors = {"".join(c for c in h.lower() if c.isalnum() or c in "-_") for h in re.findall(r"^### (.+)$", page, re.M)}
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links and links <= anchors
