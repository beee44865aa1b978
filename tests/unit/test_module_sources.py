"""The PowerShell module as it lies on disk: what can be proved of it without a PowerShell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tree_sitter
import tree_sitter_powershell

from eflowprov import __version__
from tests.support import require

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = ROOT / "powershell" / "EflowProv"
PUBLIC = sorted((MODULE / "Public").glob("*.ps1"))
FUNCTIONS = [*PUBLIC, *sorted((MODULE / "Private").glob("*.ps1"))]
SCRIPTS = sorted((ROOT / "tests" / "powershell" / "scripts").glob("module_*.ps1"))
SOURCES = [*FUNCTIONS, *(MODULE / f"EflowProv.{end}" for end in ("psd1", "psm1", "Format.ps1xml")), *SCRIPTS]
FIRST_CMDLETS = ["Get-EflowProvReadiness", "Install-EflowProv", "Invoke-EflowProvisioning", "New-EflowProvIdentity"]
DIRECTIVES = {"SYNOPSIS", "DESCRIPTION", "PARAMETER", "EXAMPLE"}


def name_of(path: Path) -> str:
    return path.stem


def text_of(path: Path) -> str:
    return path.read_bytes().decode("ascii").replace("\r\n", "\n")


def nodes(path: Path, kind: str) -> Iterator[tree_sitter.Node]:
    """Every node of one kind in a file's syntax tree."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    waiting = [parser.parse(path.read_bytes()).root_node]
    while waiting:
        node = waiting.pop()
        waiting += reversed(node.children)
        if node.type == kind:
            yield node


def function_names(path: Path) -> list[str]:
    return [node.text.decode() for node in nodes(path, "function_name") if node.text]


def parameter_names(path: Path) -> list[str]:
    found = [node.child_by_field_name("name") or node.children[-1] for node in nodes(path, "script_parameter")]
    return [re.findall(r"\$(\w+)", node.text.decode())[-1] for node in found if node.text]


def help_of(path: Path) -> list[tuple[str, str, str]]:
    """The comment-based help as (directive, its argument, its text)."""
    comment = re.search(r"<#\n(.*?)#>", text_of(path), re.DOTALL)
    assert comment, "no help"
    parts = re.split(r"^ *\.([A-Z]+)(?: +(\w+))?\n", comment[1], flags=re.MULTILINE)
    return [(parts[i], parts[i + 1] or "", parts[i + 2].strip()) for i in range(1, len(parts), 3)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_file_is_ascii_with_crlf_so_that_a_signature_holds(path: Path) -> None:
    data = path.read_bytes()
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
    assert not re.search(rb"[ \t]\r\n", data)


@pytest.mark.parametrize("path", FUNCTIONS, ids=name_of)
def test_a_file_holds_the_one_function_that_it_is_named_after(path: Path) -> None:
    assert function_names(path) == [path.stem]


def test_the_manifest_exports_by_name_what_lies_in_public() -> None:
    manifest = text_of(MODULE / "EflowProv.psd1")
    exported = re.search(r"FunctionsToExport\s*=\s*@\((.*?)\)", manifest, re.DOTALL)
    assert exported
    assert re.findall(r"'([^']+)'", exported[1]) == [path.stem for path in PUBLIC] == FIRST_CMDLETS
    for kind in ("Cmdlets", "Variables", "Aliases"):
        assert re.search(rf"^ *{kind}ToExport\s*=\s*@\(\)$", manifest, re.MULTILINE)


def test_the_manifest_is_for_51_and_7_and_runs_nothing_of_its_own() -> None:
    manifest = text_of(MODULE / "EflowProv.psd1")
    assert re.search(r"PowerShellVersion\s*=\s*'5\.1'", manifest)
    assert re.search(r"CompatiblePSEditions\s*=\s*@\('Desktop', 'Core'\)", manifest)
    assert re.search(rf"ModuleVersion\s*=\s*'{re.escape(__version__)}'", manifest)
    assert "ScriptsToProcess" not in manifest
    for named in re.findall(r"'([\w.]+\.(?:psm1|ps1xml))'", manifest):
        assert (MODULE / named).is_file()


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_every_exported_function_has_whole_help(path: Path) -> None:
    parts = help_of(path)
    assert {directive for directive, _, _ in parts} == DIRECTIVES
    assert all(text for _, _, text in parts)
    described = [argument for directive, argument, _ in parts if directive == "PARAMETER"]
    assert described == parameter_names(path)
    examples = [text for directive, _, text in parts if directive == "EXAMPLE"]
    assert all(path.stem in example.splitlines()[0] and len(example.splitlines()) > 2 for example in examples)


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_no_line_of_help_looks_like_a_directive_by_chance(path: Path) -> None:
    """One line that begins with an unknown directive makes PowerShell drop the whole help."""
    comment = re.search(r"<#\n(.*?)#>", text_of(path), re.DOTALL)
    assert comment
    assert set(re.findall(r"^\s*\.(\S+)", comment[1], re.MULTILINE)) <= DIRECTIVES


def test_the_views_are_for_types_that_the_module_makes_and_show_what_they_have() -> None:
    tree = ElementTree.fromstring(text_of(MODULE / "EflowProv.Format.ps1xml"))
    made = "".join(text_of(path) for path in FUNCTIONS)
    views = tree.findall("./ViewDefinitions/View")
    assert [view.findtext("Name") for view in views] == [f"EflowProv.{n}" for n in ("Readiness", "Finding", "Identity")]
    for view in views:
        name = view.findtext("./ViewSelectedBy/TypeName")
        assert name == view.findtext("Name")
        body = re.search(rf"@\{{\s+PSTypeName\s+= '{name}'(.*?)\}}", made, re.DOTALL)
        assert body
        properties = set(re.findall(r"^\s+(\w+)\s+= ", body[1], re.MULTILINE))
        shown = [item.text or "" for item in view.iter("PropertyName")]
        shown += [(item.text or "").split(".")[1] for item in view.iter("ScriptBlock")]
        assert set(shown) <= properties
        assert len(list(view.iter("TableColumnHeader"))) == len(list(view.iter("TableColumnItem"))) == len(shown)


@pytest.mark.linux
def test_every_file_can_be_signed_as_it_is(tmp_path: Path, openssl: str) -> None:
    """Signed by a tool that follows Windows' rule; the signature is put behind what was there, and holds."""
    signer = require("osslsigncode")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subject = ["-subj", "/CN=Signer", "-addext", "extendedKeyUsage=codeSigning", "-days", "2"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject]
    subprocess.run(made, check=True, capture_output=True)
    for path in set(SOURCES) - set(SCRIPTS):
        signed = tmp_path / path.name
        sign = [signer, "sign", "-h", "sha256", "-certs", certificate, "-key", key, "-in", str(path)]
        subprocess.run([*sign, "-out", str(signed)], check=True, capture_output=True)
        subprocess.run([signer, "verify", "-CAfile", certificate, "-in", str(signed)], check=True, capture_output=True)
        assert signed.read_bytes().startswith(path.read_bytes())


@pytest.mark.parametrize("path", FUNCTIONS, ids=name_of)
def test_no_text_ever_becomes_code(path: Path) -> None:
    code = re.sub(r"^\s*#.*$", "", re.sub(r"(?s)<#.*?#>", "", text_of(path)), flags=re.MULTILINE)
    forbidden = r"Invoke-Expression|\biex\b|\[scriptblock\]|Add-Type|Start-Process|ExecutionPolicy|cmd(\.exe)? /c"
    assert not re.search(forbidden, code, re.IGNORECASE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_variable_in_a_text_swallows_the_colon_behind_it(path: Path) -> None:
    """In "$name: text" PowerShell reads `name:` as a drive, and the name is lost."""
    for text in re.findall(r'"[^"\n]*"', text_of(path)):
        assert not re.search(r"\$(?!env:|global:|script:|using:)\w+:", text)


@pytest.mark.parametrize("path", FUNCTIONS, ids=name_of)
def test_functions_stay_short_enough_to_be_proved_by_reading(path: Path) -> None:
    lines = re.sub(r"<#.*?#>", "", text_of(path), flags=re.DOTALL).splitlines()
    assert len(lines) <= 90
