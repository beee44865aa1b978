"""`certs` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from eflowprov.cli import certs, terminal
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


def test_check_is_ready_for_what_device_issued(run: Run, out: Path, capsys: Captured) -> None:
    chain, key = str(out / f"{DEVICE}.chain.pem"), str(out / f"{DEVICE}.key.pem")
    assert run("check", chain, key, "--registration-id", DEVICE) == 0
    said = capsys.readouterr().out
    assert "verdict: ready" in said
    assert "pass  certificate/key-match" in said
    assert f"{key}: a private key" in said


def test_check_tells_every_finding_as_json(run: Run, out: Path, capsys: Captured) -> None:
    assert run("check", str(out / f"{DEVICE}.chain.pem"), "--registration-id", "other", "--format", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "not-ready"
    assert document["summary"]["fail"] == 1
    (file,) = document["files"]
    assert {f["id"] for f in file["findings"] if f["outcome"] == "fail"} == {"certificate/common-name"}


def test_a_ca_given_as_identity_is_refused_in_plain_words(run: Run, pki: Path, capsys: Captured) -> None:
    assert run("check", str(pki / "issuing-chain.pem"), str(pki / "private" / "issuing.ca.key.pem")) == 1
    assert "A CA certificate was given as the identity." in " ".join(capsys.readouterr().out.split())


def test_one_bad_file_does_not_hide_the_next(run: Run, out: Path, capsys: Captured) -> None:
    Path("torn.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB")
    assert run("check", "torn.pem", "missing.pem", str(out / f"{DEVICE}.chain.pem")) == 2
    said = capsys.readouterr()
    assert "pass  certificate/ca-as-identity" in said.out
    assert "verdict: unknown" in said.out
    assert [line.split(":")[1].split(",")[0].strip() for line in said.err.splitlines()] == ["torn.pem", "missing.pem"]


def test_the_right_key_is_found_among_several(run: Run, pki: Path, out: Path, capsys: Captured) -> None:
    run("device", "other", "--ca", str(pki), "--out", "out")
    capsys.readouterr()
    keys = [str(Path("out") / name / f"{name}.key.pem") for name in ("other", DEVICE)]
    chains = [str(Path("out") / name / f"{name}.chain.pem") for name in (DEVICE, "other")]
    assert run("check", *keys, *chains) == 0
    assert capsys.readouterr().out.count("pass  certificate/key-match") == 2
    assert run("check", chains[0], keys[0]) == 1
    assert "fail  certificate/key-match" in capsys.readouterr().out


def test_the_right_key_is_found_among_several_in_one_folder(run: Run, pki: Path, out: Path, capsys: Captured) -> None:
    run("device", "other", "--ca", str(pki), "--out", "out")
    Path("flat").mkdir()
    for source in Path("out").rglob("*.pem"):
        (Path("flat") / source.name).write_bytes(source.read_bytes())
    capsys.readouterr()
    assert run("check", "flat/other.key.pem", f"flat/{DEVICE}.key.pem", f"flat/{DEVICE}.chain.pem") == 0
    assert "pass  certificate/key-match" in capsys.readouterr().out


def test_keys_alone_cannot_be_judged(run: Run, out: Path, capsys: Captured) -> None:
    assert run("check", str(out / f"{DEVICE}.key.pem")) == 2
    assert "no certificate is among the files" in capsys.readouterr().err


def test_show_says_what_is_in_a_file_and_never_the_key(run: Run, out: Path, capsys: Captured) -> None:
    key = out / f"{DEVICE}.key.pem"
    assert run("show", str(out / f"{DEVICE}.chain.pem"), str(key)) == 0
    said = capsys.readouterr().out
    assert f"subject      CN={DEVICE}" in said
    assert "SHA-256" in said
    assert "private key EC P-256" in said
    assert key.read_text("ascii").splitlines()[1] not in said
    assert run("show", str(out / f"{DEVICE}.chain.pem"), "--format", "json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [one["is_ca"] for one in file["certificates"]] == [False, True]
    assert file["private_key"] is None


def test_show_of_a_bad_file_is_status_2_after_the_others(run: Run, out: Path, capsys: Captured) -> None:
    assert run("show", "missing.pem", str(out / f"{DEVICE}.leaf.pem")) == 2
    said = capsys.readouterr()
    assert "subject" in said.out
    assert said.err.startswith("error: missing.pem: there is no such file.")


def test_findings_are_folded_to_the_terminal(
    run: Run, out: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "width", lambda: 90)
    run("check", str(out / f"{DEVICE}.leaf.pem"))
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 90


@pytest.mark.parametrize("command", ["ca", "device", "check", "show"])
def test_every_help_has_a_worked_example(run: Run, capsys: Captured, command: str) -> None:
    assert run(command, "--help") == 0
    assert f"Example: eflowprov certs {command} " in capsys.readouterr().out


def test_importing_the_commands_loads_no_cryptography() -> None:
    code = (
        "import sys, eflowprov.cli.certs, eflowprov.workflows.issue, eflowprov.workflows.certificates; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'cryptography', 'paramiko', 'winrm', 'azure'}))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
