"""`certs` as a person types it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from eflowprov.cli import certs, terminal
from eflowprov.cli.certs_text import argument
from eflowprov.errors import EflowprovError

DEVICE = "line4-press2"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run()


class Run:
    """`run("ca", "--out", "pki")` gives the exit status, as the gate does."""

    def __call__(self, *words: str) -> int:
        app = typer.Typer(rich_markup_mode=None)
        certs.register(app)
        try:
            return app(["certs", *words], standalone_mode=False) or 0
        except EflowprovError as error:
            typer.echo(f"error: {error}", err=True)
            return error.exit_status
        except typer.TyperException:
            return 2


Captured = pytest.CaptureFixture[str]


@pytest.fixture
def pki(run: Run, capsys: Captured) -> Path:
    assert run("ca", "--out", "pki", "--key-type", "ec-p256", "--no-passphrase") == 0
    capsys.readouterr()
    return Path("pki")


@pytest.fixture
def out(run: Run, pki: Path, capsys: Captured) -> Path:
    assert run("device", DEVICE, "--ca", str(pki), "--out", "out") == 0
    capsys.readouterr()
    return Path("out") / DEVICE


def test_the_receipt_of_an_authority_says_what_goes_where_and_what_is_next(run: Run, capsys: Captured) -> None:
    assert run("ca", "--out", "pki") == 0
    said = capsys.readouterr()
    assert str(Path("pki/issuing.ca.cert.pem")) in said.out
    assert "valid until" in said.out
    assert "next: eflowprov certs device" in said.out
    assert said.err.startswith("note: the authority's private keys are stored without a passphrase.")


def test_without_a_terminal_nobody_is_asked_for_a_passphrase(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "is_interactive", lambda: False)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: pytest.fail("asked"))
    assert run("ca", "--out", "pki", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["encrypted"] is False


def test_on_a_terminal_the_passphrase_is_asked_for_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def answer(_text: str, **how: object) -> str:
        asked.append(how)
        return "correct horse battery"

    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", answer)
    assert run("ca", "--out", "pki") == 0
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]
    assert b"ENCRYPTED" in Path("pki/private/root.ca.key.pem").read_bytes()
    assert run("device", DEVICE, "--ca", "pki", "--out", "out") == 0
    assert asked[1] == {"hide_input": True, "err": True}


def test_a_passphrase_file_protects_and_opens_an_authority(run: Run, capsys: Captured) -> None:
    Path("p").write_text("correct horse battery\n", encoding="utf-8")
    assert run("ca", "--out", "pki", "--passphrase-file", "p") == 0
    assert run("device", "a", "--ca", "pki", "--out", "out", "--passphrase-file", "p") == 0
    said = capsys.readouterr()
    assert "note:" not in said.err
    assert "correct horse" not in said.out + said.err
    assert run("device", "b", "--ca", "pki", "--out", "out") == 2
    assert "is encrypted" in capsys.readouterr().err
    assert run("ca", "--out", "other", "--passphrase-file", "p", "--no-passphrase") == 2


def test_a_folder_with_an_authority_is_refused(run: Run, pki: Path, capsys: Captured) -> None:
    assert run("ca", "--out", str(pki)) == 2
    assert "holds an authority already" in capsys.readouterr().err


def test_the_receipt_of_a_device_says_for_whom_which_file_until_when_and_what_next(
    run: Run, pki: Path, capsys: Captured
) -> None:
    assert run("device", DEVICE, "--ca", str(pki), "--out", "out") == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{DEVICE}: issued, valid until 20")
    for label, name in (("individual enrollment", "leaf"), ("device", "chain")):
        assert any(label in line and f"{DEVICE}.{name}.pem" in line for line in said.out.splitlines())
    assert "enrollment group       " + str(Path("pki/issuing.ca.cert.pem")) in said.out
    assert "next: eflowprov certs check" in said.out
    assert "eflowprov provision --scope-id SCOPE --cert" in said.out
    assert said.err.count("for tests, not for production") == 1


def test_many_devices_get_a_line_each(run: Run, pki: Path, capsys: Captured) -> None:
    assert run("device", *(f"d{number}" for number in range(6)), "--ca", str(pki), "--out", "out") == 0
    said = capsys.readouterr()
    assert len([line for line in said.out.splitlines() if ": issued" in line]) == 6
    assert said.out.count("issuing.ca.cert.pem") == 1
    assert said.err.count("for tests, not for production") == 1


def test_what_is_to_be_typed_next_survives_every_character_of_a_path() -> None:
    for name in ("a-b/c.pem", "ä@b~/c", "a b", "o'ut", "a&b", "a(1)", 'a"b', "$HOME", "a`b", "a!b", "a\\b", ""):
        typed = argument(name)
        if os.name == "nt":
            assert typed.strip("\"'").replace("''", "'") == name
        else:
            assert shlex.split(typed) == [name]
    assert argument("a b") == '"a b"'
    assert argument("pki/a@1~2.pem") == "pki/a@1~2.pem"


def test_what_powershell_takes_for_quotes_ends_no_path() -> None:
    assert argument("C:\\the \u201cfirst\u201d\\a.pem", windows=True) == "'C:\\the \u201cfirst\u201d\\a.pem'"
    assert argument("$b\\it\u2019s", windows=True) == "'$b\\it\u2019\u2019s'"
    assert argument("it\u2019s", windows=True) == '"it\u2019s"', "within double quotes it is a character like others"


def test_a_second_call_keeps_and_says_so(run: Run, pki: Path, out: Path, capsys: Captured) -> None:
    key = (out / f"{DEVICE}.key.pem").read_bytes()
    assert run("device", DEVICE, "--ca", str(pki), "--out", "out") == 0
    assert "kept" in capsys.readouterr().out
    assert (out / f"{DEVICE}.key.pem").read_bytes() == key
    assert run("device", DEVICE, "--ca", str(pki), "--out", "out", "--renew", "--format", "json") == 0
    (issued,) = json.loads(capsys.readouterr().out)["identities"]
    assert issued["replaced"].startswith(str(out) + "~")
    assert (out / f"{DEVICE}.key.pem").read_bytes() != key


def test_a_bad_id_is_status_2_and_writes_nothing_at_all(run: Run, pki: Path, capsys: Captured) -> None:
    assert run("device", "Bad ID!", "--ca", str(pki), "--out", "out") == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: registration ID 'Bad ID!': character 4 is a space")
    assert said.out == ""
    assert [path.name for path in Path().iterdir()] == ["pki"]


@pytest.mark.parametrize(
    "words", [["--days", "0"], ["--days", "99999"], ["--key-type", "secp256k1"], ["--ids-file", "x"]]
)
def test_unknown_flags_and_values_are_status_2(run: Run, pki: Path, words: list[str]) -> None:
    assert run("device", DEVICE, "--ca", str(pki), "--out", "out", *words) == 2
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["ca", "device", "check", "show"])
def test_every_help_has_a_worked_example(run: Run, capsys: Captured, command: str) -> None:
    assert run(command, "--help") == 0
    assert f"Example: eflowprov certs {command} " in capsys.readouterr().out


def test_importing_the_commands_loads_no_cryptography() -> None:
    code = (
        "import sys, eflowprov.cli.certs; "
        "import eflowprov.workflows.identities.issue, eflowprov.workflows.identities.certificates; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'cryptography', 'paramiko', 'winrm', 'azure'}))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
