"""`certs check` and `certs show` as a person types them."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from eflowprov.certs.authority import load_authority, make_authority
from eflowprov.certs.issuing import issue
from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.certs.requests import make_request
from eflowprov.cli import terminal
from eflowprov.cli.main import run_command
from eflowprov.workflows.disk.files import write_new_private
from tests.pki import DEVICE, curve_key, odd_certificate, plain_key
from tests.unit.certs.test_contents import PFX

Captured = pytest.CaptureFixture[str]
# Commands read the clock, so that what they judge is made now.
_NOW = datetime.now(UTC)
_MADE = make_authority(AuthorityProfile(key_type=KeyType.EC_P256), _NOW)
_AUTHORITY = load_authority(_MADE.chain, _MADE.issuing_key, "pki")
_DEVICE = issue(_AUTHORITY, DEVICE, LeafProfile(), _NOW)
CHAIN, LEAF, KEY = _DEVICE.chain_pem, _DEVICE.leaf_pem, _DEVICE.key_pem
FILES = {
    "chain.pem": CHAIN,
    "leaf.pem": LEAF,
    "key.pem": KEY,
    "other.key.pem": issue(_AUTHORITY, "other", LeafProfile(), _NOW).key_pem,
    "issuing.pem": _MADE.issuing_certificate,
    "issuing-chain.pem": _MADE.chain,
    "issuing.key.pem": _MADE.issuing_key,
    "root.pem": _MADE.root_certificate,
    "request.pem": make_request(DEVICE, LeafProfile()).request_pem,
    "device.pfx": PFX,
    "torn.pem": CHAIN[:300],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "key.pem").unlink()
    write_new_private(tmp_path / "key.pem", KEY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _check(*words: str) -> int:
    return run_command(["certs", "check", *words])


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_a_good_identity_is_ready_and_dps_answer_is_told(capsys: Captured) -> None:
    assert _check("chain.pem", "key.pem", "--registration-id", DEVICE) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"chain.pem\n  {DEVICE}, EC P-256, until 20")
    assert "pass certificate/dps-answer: DPS would let 'line4-press2' in with an individual" in _flat(said.out)
    assert "32 pass (shown with --verbose)" in said.out
    assert "key.pem: a private key (EC P-256), judged with chain.pem" in said.out
    assert said.out.endswith("\nverdict: ready (0 fail, 0 warn, 33 pass)\n")
    assert said.err == ""


def test_verbose_shows_every_pass_and_the_evidence_of_a_failure(capsys: Captured) -> None:
    assert run_command(["-v", "certs", "check", "chain.pem", "other.key.pem"]) == 1
    said = capsys.readouterr().out
    assert "  pass  certificate/leaf-first: The first certificate is the device's." in said
    assert "  fail  certificate/key-match\n" in said
    assert "        | certificate CN=line4-press2, serial" in said


def test_every_finding_is_in_the_json_document(capsys: Captured) -> None:
    assert _check("chain.pem", "key.pem", "--registration-id", "other", "--format", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["verdict"]) == ("1.0", "not-ready")
    certificate, key = document["files"]
    failed = {f["id"] for f in certificate["findings"] if f["outcome"] == "fail"}
    assert failed == {"certificate/common-name", "certificate/dps-answer"}
    assert document["summary"]["fail"] == 2
    assert sum(document["summary"].values()) == len(certificate["findings"])
    assert (certificate["judged_with"], key["judged_with"], key["findings"]) == ("key.pem", "chain.pem", [])
    assert all(f["detail"] and (f["remedy"] or f["outcome"] in ("pass", "skip")) for f in certificate["findings"])


def test_a_ca_given_as_identity_is_refused_in_plain_words(capsys: Captured) -> None:
    assert _check("issuing-chain.pem", "issuing.key.pem") == 1
    assert "A CA certificate was given as the identity." in _flat(capsys.readouterr().out)


def test_the_planned_enrollment_decides(capsys: Captured) -> None:
    assert _check("leaf.pem", "--enrollment", "group", "--enrolled-ca", "root.pem") == 1
    said = _flat(capsys.readouterr().out)
    assert "DPS would refuse 'line4-press2' with 401 'CA certificate not found.' (401002)" in said
    assert _check("chain.pem", "--enrollment", "group", "--enrolled-ca", "root.pem") == 0
    assert _check("leaf.pem", "--enrolled-ca", "root.pem", "--enrolled-ca", "issuing.pem") == 0
    assert _check("leaf.pem", "--enrollment", "individual") == 0
    assert _check("leaf.pem", "--enrollment", "individual", "--enrolled-ca", "issuing.pem") == 1


def test_an_enrolled_ca_that_cannot_be_used_is_status_2(capsys: Captured) -> None:
    for name, why in (
        ("missing.pem", "no such file"),
        ("chain.pem", "holds 2 certificates"),
        ("key.pem", "private key"),
    ):
        assert _check("leaf.pem", "--enrolled-ca", name) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"error: {name}: ")
        assert why in said.err


def test_of_many_files_a_good_one_is_a_line_and_a_bad_one_is_told_in_full(folder: Path, capsys: Captured) -> None:
    for number in range(6):
        made = issue(_AUTHORITY, f"d{number}", LeafProfile(), _NOW)
        (folder / f"d{number}.chain.pem").write_bytes(made.chain_pem)
        write_new_private(folder / f"d{number}.key.pem", made.key_pem)
    names = [f"d{number}.{kind}.pem" for number in range(6) for kind in ("chain", "key")]
    assert _check(*names) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert all(
        line.startswith(f"d{number}.chain.pem: ready, d{number}, EC P-256, until")
        for number, line in enumerate(lines[:6])
    )
    assert _check(*names, "issuing.pem") == 1
    said = capsys.readouterr().out
    assert "\nissuing.pem\n" in said
    assert "  fail  certificate/ca-as-identity" in said


def test_the_days_left_may_be_asked_for_by_either_name() -> None:
    assert _check("leaf.pem", "--days-left", "0") == 0
    assert _check("leaf.pem", "--expiring-days", "-1") == 2


def test_one_bad_file_does_not_hide_the_next(capsys: Captured) -> None:
    assert _check("torn.pem", "missing.pem", "request.pem", "chain.pem") == 2
    said = capsys.readouterr()
    assert "fail  certificate/file-kind" in said.out
    assert "certificate/dps-answer" in said.out
    assert "verdict: unknown" in said.out
    assert [line.split(":")[1].split(",")[0].strip() for line in said.err.splitlines()] == ["torn.pem", "missing.pem"]


def test_a_file_that_may_not_be_read_hides_no_other(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith("torn"))
    assert _check("torn.pem", "chain.pem") == 2
    said = capsys.readouterr()
    assert "certificate/dps-answer" in said.out
    assert said.err.startswith("error: torn.pem, certificate 1: it is cut off")


def test_show_of_nothing_but_bad_files_prints_no_empty_line(capsys: Captured) -> None:
    assert run_command(["certs", "show", "torn.pem", "nothing"]) == 2
    assert capsys.readouterr().out == ""


def test_of_several_groups_the_nearest_is_named(capsys: Captured) -> None:
    groups = ("--enrolled-ca", "root.pem", "--enrolled-ca", "issuing.pem")
    assert _check("chain.pem", *groups) == 0
    said = _flat(capsys.readouterr().out)
    assert "With all of them there it is the nearest: CN=EFLOW Issuing CA" in said
    assert _check("chain.pem") == 0
    assert "nearest" not in capsys.readouterr().out


def test_keys_alone_cannot_be_judged(capsys: Captured) -> None:
    assert _check("key.pem") == 2
    assert "no certificate is among the files" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 200])
def test_the_text_is_readable_in_narrow_and_wide_terminals(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(terminal, "width", lambda: width)
    _check("issuing-chain.pem", "other.key.pem", "--registration-id", DEVICE)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < min(width, 111)
    assert len(lines) < 80


def test_what_a_certificate_says_steers_no_terminal(capsys: Captured) -> None:
    key = curve_key()
    Path("odd.pem").write_bytes(odd_certificate(key, name="a\x1b[2J\nverdict: ready\u202e"))
    Path("odd.key.pem").write_bytes(plain_key(key))
    assert _check("odd.pem", "odd.key.pem") == 1
    assert run_command(["certs", "show", "odd.pem"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert [line for line in said.splitlines() if line.startswith("verdict")] == [
        line for line in said.splitlines() if line.startswith("verdict: not-ready")
    ]


@pytest.mark.linux
def test_a_files_name_forges_no_verdict(capsys: Captured) -> None:
    Path("a\nverdict: ready").write_bytes(CHAIN)
    assert _check("a\nverdict: ready", "--registration-id", "other") == 1
    assert run_command(["certs", "show", "a\nverdict: ready"]) == 0
    assert "\nverdict: ready" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["with space.pem", "it's \u201cquoted\u201d.pem", "\u00fcn\u00efc\u00f6d\u00e9 \u4e2d\u6587 \U0001f600.pem"]
)
def test_a_path_may_have_spaces_quotes_and_unicode(name: str, capsys: Captured) -> None:
    Path(name).write_bytes(CHAIN)
    assert _check(name) == 0
    assert capsys.readouterr().out.startswith(name)
    assert run_command(["certs", "show", name, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["file"] == name
    assert _check(f"missing {name}") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_path_may_have_250_characters(folder: Path, capsys: Captured) -> None:
    short = folder / "d"
    path = short / ("x" * (250 - len(str(short)) - 1))
    short.mkdir()
    path.write_bytes(CHAIN)
    assert len(str(path)) == 250
    assert _check(str(path)) == 0
    assert str(path) in capsys.readouterr().out


def test_a_file_of_100_megabytes_is_one_line_at_once(folder: Path, capsys: Captured) -> None:
    with (folder / "huge.pem").open("wb") as file:
        file.write(CHAIN)
        file.truncate(100 * 2**20)
    started = time.monotonic()
    for command in ("check", "show"):
        assert run_command(["certs", command, "huge.pem"]) == 2
        said = capsys.readouterr()
        assert said.err == "error: huge.pem: it is larger than 1048576 bytes. Check that it is the right file.\n"
    assert time.monotonic() - started < 10


def test_ten_thousand_certificates_take_neither_time_nor_screens(folder: Path, capsys: Captured) -> None:
    Path("many.pem").write_bytes(LEAF * 10_000)
    Path("some.pem").write_bytes(LEAF * 1_000)
    started = time.monotonic()
    assert _check("many.pem") == 2
    assert _check("some.pem") == 2
    assert "it holds 1000 certificates" in capsys.readouterr().err
    assert run_command(["certs", "show", "some.pem"]) == 0
    said = capsys.readouterr().out
    assert said.count("  certificate ") == 100
    assert "and 900 more, which are not shown" in said
    assert time.monotonic() - started < 20


def test_show_says_what_is_in_a_file_and_never_the_key(capsys: Captured) -> None:
    assert run_command(["certs", "show", "chain.pem", "key.pem", "request.pem", "device.pfx"]) == 2
    said = capsys.readouterr()
    assert f"    subject    CN={DEVICE}\n" in said.out
    assert "    SHA-256    " in said.out
    assert "  private key\n    type       EC P-256, not encrypted" in said.out
    assert "its signature is right" in said.out
    assert KEY.splitlines()[1].decode() not in said.out
    assert said.err == (
        "error: device.pfx: the PFX is encrypted or damaged. Give its passphrase with --passphrase-file.\n"
    )


def test_show_fits_into_80_columns(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width", lambda: 80)
    Path("long.pem").write_bytes(odd_certificate(curve_key(), name="x" * 64))
    run_command(["certs", "show", "chain.pem", "key.pem", "request.pem", "long.pem"])
    assert max(map(len, capsys.readouterr().out.splitlines())) < 80


def test_show_as_json_has_every_fact(capsys: Captured) -> None:
    Path("pass.txt").write_text("a pass phrase\n", encoding="utf-8")
    words = ["chain.pem", "key.pem", "request.pem", "device.pfx", "missing.pem"]
    assert run_command(["certs", "show", *words, "--passphrase-file", "pass.txt", "--format", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    chain, key, request, pfx, missing = document["files"]
    assert [one["is_ca"] for one in chain["certificates"]] == [False, True]
    assert (chain["kind"], chain["private_key"], chain["signed_by_next"]) == ("pem", None, [True])
    assert key["private_key"]["public_key_sha256"] == chain["certificates"][0]["public_key_sha256"]
    assert request["requests"][0]["common_names"] == [DEVICE]
    assert (pfx["kind"], pfx["private_key"]["encrypted"]) == ("pfx", True)
    assert missing["error"].startswith("missing.pem: there is no such file")


def test_show_of_a_bad_file_is_status_2_after_the_others(capsys: Captured) -> None:
    assert run_command(["certs", "show", "missing.pem", "leaf.pem"]) == 2
    said = capsys.readouterr()
    assert "subject" in said.out
    assert said.err.startswith("error: missing.pem: there is no such file.")


@pytest.mark.linux
def test_a_key_that_everyone_can_read_is_a_warning(capsys: Captured) -> None:
    Path("key.pem").chmod(0o644)
    assert _check("chain.pem", "key.pem") == 0
    said = _flat(capsys.readouterr().out)
    assert "warn certificate/key-access Besides its owner, its group and everyone can read" in said
    assert "chmod 600 KEY" in said


def test_every_serial_is_what_openssl_would_show(capsys: Captured) -> None:
    run_command(["certs", "show", "leaf.pem", "--format", "json"])
    shown = json.loads(capsys.readouterr().out)["files"][0]["certificates"][0]["serial"]
    assert int(shown, 16) == x509.load_pem_x509_certificate(LEAF).serial_number
