"""docs/ and README: each command and flag is described, each line to copy is one that there is, each page is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from eflowprov.checks.entries import entries
from eflowprov.cli.main import COMMANDS, build
from tests.conftest import ROOT

CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# Said once for all commands at the top of the page.
COMMON = {"--format", "--output", "--help"}


def _commands() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        found = typer.main.get_command(build(name)).commands[name]  # type: ignore[attr-defined]
        yield from _leaves(name, found)


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, each in below.items():
        yield from _leaves(f"{path} {name}", each)


def _flags(command: Any) -> set[str]:
    return {flag for each in command.params for flag in (*each.opts, *each.secondary_opts) if flag.startswith("--")}


FLAGS = {path: _flags(command) for path, command in _commands()}
GLOBAL = _flags(typer.main.get_command(build("")))


def _section(command: str) -> str:
    """The parts of the page whose heading names the command, and those parts alone."""
    parts = re.split(r"^## ", CLI, flags=re.MULTILINE)
    return "\n".join(part for part in parts[1:] if command in re.findall(r"\w+", part.partition("\n")[0]))


def _named(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text))


@pytest.mark.parametrize("command", FLAGS)
def test_every_command_and_flag_is_on_the_page_of_commands(command: str) -> None:
    section = _section(command.split()[0])
    assert f"{command} " in section or f"`{command}`" in section
    assert FLAGS[command] - COMMON - _named(section) == set()


def test_what_all_commands_share_is_said_at_the_top() -> None:
    top = CLI.partition("\n## ")[0]
    assert _named(top) >= COMMON | GLOBAL


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_line_to_copy_names_a_command_and_flags_that_there_are(page: Path) -> None:
    wrong = []
    for line in re.findall(r"^ {4,}eflowprov +(.*)$", page.read_text("utf-8"), re.MULTILINE):
        words = line.split("#")[0].split()
        path = next((p for p in FLAGS if words[: len(p.split())] == p.split()), None)
        if path is None or _named(line) - FLAGS[path] - GLOBAL:
            wrong.append(line)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_flag_that_a_page_names_in_passing_is_one_of_the_tool_or_of_another(page: Path) -> None:
    others = {
        *("--alg", "--edge-enabled", "--install-completion", "--iothub-hostname", "--lines", "--tail", "--wheel-dir"),
        *("--password", "--enrollment-id", "--dps-name"),
    }
    known = set().union(*FLAGS.values()) | GLOBAL | others | {"--help", "--editable", "--check"}
    code = re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))
    assert {flag for text in code for flag in _named(text)} - known == set()


def test_every_lasting_id_of_a_report_is_on_its_page() -> None:
    text = (ROOT / "docs" / "report.md").read_text("utf-8")
    ids = {id_ for file in ("runtime", "steps") for id_ in entries(file)}
    families = {"module/edgeHub": "module/NAME", "service/aziot-identityd": "service/NAME"}
    families["iotedge-check/NAME"] = "iotedge-check/ID"
    assert {id_ for id_ in ids if f"`{families.get(id_, id_)}`" not in text} == set()


def _links(page: Path) -> set[Path]:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    return {(page.parent / target).resolve() for target in targets if "://" not in target}


def test_every_page_is_found_from_the_readme_and_no_link_leads_nowhere() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            ahead += _links(page)
    assert set(PAGES) - seen == set()
    assert [link for page in PAGES for link in _links(page) if not link.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", page.read_text("utf-8")):
        text = ((page.parent / target) if target else page).read_text("utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = {"".join(c for c in h.lower().replace(" ", "-") if c.isalnum() or c in "-_") for h in headings}
        assert anchor in slugs, (target, anchor)
