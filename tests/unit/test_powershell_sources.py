"""Every PowerShell file of the project: parsed, within what Windows PowerShell 5.1 knows, ASCII, CRLF.

There is no PowerShell on the development machines, so tree-sitter-powershell reads the files. It knows the language of
7 in part: what it does not know is an error node, what it does is refused here by its node. It also stumbles over a few
right things (`4MB`, `--opt=x`, `"`n#"`, a statement on the line of `param()`): the sources say those another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("eflowprov", "powershell", "tests")
SUFFIXES = (".ps1", ".psm1", ".psd1")
SOURCES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES and path.is_file()
)
# Members of ForEach-Object, ConvertFrom-Json and the like that came after 5.1.
NEWER_PARAMETERS = {"-parallel", "-ashashtable", "-asarray", "-throttlelimit", "-enumsasstrings", "-escapehandling"}
_PARSER = Parser(Language(tree_sitter_powershell.language()))


def refusals(source: bytes) -> list[str]:
    """What in `source` does not parse, or is not 5.1's; each with its line."""
    return [f"line {node.start_point[0] + 1}: {why}" for node, why in _refused(_PARSER.parse(source).root_node)]


def _refused(node: Node) -> Iterator[tuple[Node, str]]:
    text = (node.text or b"").decode("utf-8", "replace")
    if node.is_error or node.is_missing:
        yield node, f"does not parse: {text.strip() or node.type!r:.40}"
        return
    if node.type == "pipeline_chain_tail":
        yield node, f"{text} came with 7"
    elif node.type == "command_parameter" and text.lower() in NEWER_PARAMETERS:
        yield node, f"{text} came after 5.1"
    elif node.type == "command_name" and text.lower() == "clean" and _has_block(node):
        yield node, "a clean block came with 7.3"
    for child in node.children:
        yield from _refused(child)


def _has_block(name: Node) -> bool:
    """Whether the command is a bare word with a script block: how the grammar sees a block that it does not know."""
    command = name.parent
    return command is not None and (command.text or b"").rstrip().endswith(b"}")


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
class TestEverySource:
    def test_parses_and_asks_for_nothing_newer_than_5_1(self, path: Path) -> None:
        assert refusals(path.read_bytes().replace(b"\r\n", b"\n")) == []

    def test_is_ascii_with_windows_line_ends_and_one_at_its_end(self, path: Path) -> None:
        """5.1 reads a file without a mark in the machine's code page, and Authenticode signs CRLF."""
        data = path.read_bytes()
        assert data.isascii()
        assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
        assert data.endswith(b"\r\n") and not data.endswith(b"\r\n\r\n")


def test_the_bridge_and_the_stand_in_are_among_the_sources() -> None:
    names = {path.name for path in SOURCES}
    assert {"bootstrap.ps1", "invoke-cmdlet.ps1", "describe-cmdlet.ps1", "host-facts.ps1", "AzureEFLOW.psm1"} <= names


@pytest.mark.parametrize(
    "sample",
    [
        "$a ?? 1",
        "$a ??= 1",
        "${a}?.Name",
        "${a}?[0]",
        "$a?.Name",
        "$x = $y ? 1 : 2",
        "Get-A ? 1 : 2; $z = ($a) ? 'b' : 'c'",
        "Get-A && Get-B",
        "Get-A || Get-B",
        '"in a string: $(Get-A && Get-B)"',
        "1..3 | ForEach-Object -Parallel { $_ }",
        "1..3 | ForEach-Object -parallel { $_ } -ThrottleLimit 2",
        "$t | ConvertFrom-Json -AsHashtable",
        "ConvertTo-Json -AsArray 1",
        "function f { begin { 1 } process { 2 } clean { 3 } }",
        "function f { clean { 1 } }",
        "if ($a) { 1",
        '"unclosed',
        "function f { param($a,) }",
        "$a = @{ b = 1",
    ],
)
def test_what_5_1_lacks_or_nobody_parses_is_refused(sample: str) -> None:
    assert refusals(sample.encode())


@pytest.mark.parametrize(
    "sample",
    [
        "'$a ?? 1; $b?.c; $x ? 1 : 2; Get-A && Get-B || Get-C'",
        '"a ?? b, c?.d, e ? 1 : 2, f && g || h, -Parallel -AsHashtable clean { }"',
        "# $a ?? 1; $b?.c; Get-A && Get-B; ForEach-Object -Parallel { }; clean { }\nGet-A",
        "<# $a ?? 1\n Get-A || Get-B\n clean { } #>\nGet-A",
        "@'\n$a ?? 1 && $b?.c -Parallel\n'@",
        "Get-A -Name '-Parallel' -Value '-AsHashtable'",
        "$x | ? { $_.Name } | % { $_ }",
        "$parallel = 1; $h = @{ clean = { 1 } }; $h.clean",
        "if ($a -and $b) { 1 } elseif (-not $c) { 2 } else { 3 }",
        "try { Get-A *>&1 | ForEach-Object { $_ } } catch { throw }",
        "function f { begin { 1 } process { 2 } end { 3 } }",
    ],
)
def test_the_same_characters_elsewhere_are_no_false_alarm(sample: str) -> None:
    assert refusals(sample.encode()) == []
