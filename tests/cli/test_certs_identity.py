"""`certs request`, `import`, `proof`, `export`, `renew` and `list` as a person types them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from eflowprov.cli import terminal
from eflowprov.cli.certs_text import EXPOSED
from eflowprov.cli.main import run_command
from eflowprov.model import FileAccess
from tests.answers import PASSWORD, answer
from tests.pki import DEVICE

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal, "is_interactive", lambda: False)
    return Run(capsys)


class Run:
    """`run("list", "out")` gives the exit status; what was said is in `out` and `err`."""

    def __init__(self, capsys: Captured) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        self._capsys.readouterr()
        status = run_command(["certs", *words])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return status


@pytest.fixture
def own(run: Run) -> Path:
    """An authority in `pki` and one device's identity in `out`."""
    assert run("ca", "--out", "pki", "--key-type", "ec-p256", "--no-passphrase") == 0
    assert run("device", DEVICE, "--ca", "pki", "--out", "out") == 0
    return Path("out") / DEVICE


@pytest.fixture
def answered(run: Run) -> Path:
    """A corporate authority's answer, valid now, and the device's key."""
    del run
    a = answer()
    Path("answer.p7b").write_bytes(a.p7b())
    Path("device.key").write_bytes(a.device.key_bytes())
    Path("leaf.pem").write_bytes(a.device.pem)
    Path("root.pem").write_bytes(a.root.pem)
    return Path("answer.p7b")


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the answer's making."""
    from eflowprov.workflows.identities import certificate_import
    from tests.pki import NOW

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            assert tz is UTC
            return NOW

    monkeypatch.setattr(certificate_import, "datetime", Clock)


@pytest.mark.parametrize("command", ["request", "import", "proof", "export", "renew", "list"])
def test_every_help_has_a_worked_example(run: Run, command: str) -> None:
    assert run(command, "--help") == 0
    assert f"Example: eflowprov certs {command} " in " ".join(run.out.split())


def test_a_request_says_what_goes_where_and_what_next(run: Run) -> None:
    assert run("request", DEVICE, "--out", "out") == 0
    assert f"to the authority  {Path('out', DEVICE, DEVICE)}.csr.pem" in run.out
    assert "(keep it secret)" in run.out
    assert "next: eflowprov certs import --cert ANSWER --key" in run.out
    assert run("request", DEVICE, "--out", "out") == 2
    assert run.err.startswith(f"error: out: it holds {DEVICE} already.")
    assert run("request", "Bad ID", "--out", "new") == 2
    assert not Path("new").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["request", "d2", "--out", "x"],
        ["renew", "out", "--ca", "pki", "--within", "400d"],
        ["export", f"out/{DEVICE}", "--to", "eflow", "--out", "x"],
    ],
)
def test_a_disk_that_keeps_no_secret_is_told(
    run: Run, own: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    access = FileAccess("key", ("everyone",), "mode 0777")
    monkeypatch.setattr("eflowprov.workflows.disk.file_access.read_access", lambda _path: access)
    assert run(*words) == 0
    assert EXPOSED in run.err


@pytest.mark.usefixtures("then")
def test_an_import_says_the_chain_and_what_to_enroll(run: Run, answered: Path) -> None:
    assert run("import", "--cert", str(answered), "--key", "device.key", "--out", "out") == 0
    assert f"CN={DEVICE} -> CN=Plant Issuing CA -> CN=Plant Policy CA -> CN=Plant Root CA" in run.out
    assert f"enrollment group       {Path('out', DEVICE, DEVICE)}.issuing.pem" in run.out
    assert "the private key still stands in device.key too" in run.err
    assert run("import", "--cert", str(answered), "--key", "device.key", "--out", "out") == 0
    assert "there already, nothing was written" in run.out


@pytest.mark.usefixtures("then")
def test_files_may_follow_one_cert_flag_and_the_answer_is_one_json_document(run: Run, answered: Path) -> None:
    words = ["import", "--cert", "root.pem", "--key", "device.key", "--out", "out", "--format", "json"]
    assert run(*words, "leaf.pem") == 2
    assert "is missing: CN=Plant Issuing CA" in run.err
    assert run.out == ""
    assert run(*words, str(answered)) == 0
    document = json.loads(run.out)
    assert document["missing"] is None
    assert [one["subject"] for one in document["chain"]][1] == "CN=Plant Issuing CA"
    assert run("import", "--key", "device.key", "--out", "other") == 2


@pytest.mark.usefixtures("then")
def test_a_person_is_asked_for_the_passphrase_of_each_file_by_name(
    run: Run, answered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def prompt(text: str, **how: object) -> str:
        asked.append((text, how))
        return PASSWORD.reveal()

    Path("all.pfx").write_bytes(answer().pfx())
    assert run("import", "--cert", "all.pfx", "--out", "out") == 2
    assert "Give its passphrase with --passphrase-file" in run.err
    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert run("import", "--cert", "all.pfx", "--out", "out") == 0
    assert asked == [("Passphrase of all.pfx", {"hide_input": True, "err": True})]
    assert PASSWORD.reveal() not in run.out + run.err


def test_a_proof_is_signed_by_whom_one_says(run: Run, own: Path) -> None:
    assert run("proof", " 106A5BC5 ", "--ca", "pki", "--out", "proofs", "--by", "root") == 0
    assert "signed by  root: " in run.out
    assert Path("proofs/proof-root-106A5BC5.cert.pem").exists()
    assert run("proof", "106A5BC5", "--ca", "pki", "--out", "proofs", "--format", "json") == 0
    assert json.loads(run.out)["signed_by"] == "issuing"
    assert run("proof", "10 6A", "--ca", "pki", "--out", "proofs") == 2
    assert run("proof", "106A", "--ca", "pki", "--out", "proofs", "--by", "leaf") == 2


def test_a_pfx_password_comes_from_a_file_or_is_asked_for_twice(
    run: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def prompt(_text: str, **how: object) -> str:
        asked.append(how)
        return PASSWORD.reveal()

    assert run("export", str(own), "--to", "pfx", "--out", "x") == 2
    assert "nobody is there to be asked for it. Give --password-file" in run.err
    assert not Path("x").exists()
    Path("p").write_text("correct horse 2\n", encoding="utf-8")
    assert run("export", str(own), "--to", "pfx", "--out", "x", "--password-file", "p", "--legacy") == 0
    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert run("export", str(own), "--to", "pfx", "--out", "y") == 0
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]
    assert PASSWORD.reveal() not in run.out + run.err


def test_esf_gets_its_boxes_named_and_needs_the_scope(run: Run, own: Path) -> None:
    assert run("export", str(own), "--to", "esf", "--out", "x") == 2
    assert "--scope-id" in run.err
    assert run("export", str(own), "--to", "esf", "--out", "x", "--scope-id", "0ne1") == 0
    for box in ("device certificate", "private key", "global endpoint", "ID scope"):
        assert box in run.out
    assert "warning: certificate/esf-name: " in run.err


def test_eflow_gets_the_call_to_type(run: Run, own: Path) -> None:
    assert run("export", str(own), "--to", "eflow", "--out", "x", "--format", "json") == 0
    files = [Path(one["file"]) for one in json.loads(run.out)["files"]]
    assert [path.suffixes[-2:] for path in files] == [[".cert", ".pem"], [".key", ".pem"]]
    assert run("export", str(own), "--to", "eflow", "--out", "y") == 0
    assert "next: Provision-EflowVm -provisioningType DpsX509 -scopeId 'SCOPE' -identityCertPath '" in run.out


@pytest.mark.parametrize(
    "words",
    [
        ["--to", "eflow", "--legacy"],
        ["--to", "esf", "--scope-id", "0ne1", "--password-file", "p"],
        ["--to", "pfx", "--scope-id", "0ne1"],
        ["--to", "pem"],
        [],
    ],
)
def test_a_flag_that_would_do_nothing_is_refused(run: Run, own: Path, words: list[str]) -> None:
    assert run("export", str(own), *words, "--out", "x") == 2
    assert not Path("x").exists()


def test_a_list_is_a_table_with_status_1_when_something_is_due(run: Run, own: Path) -> None:
    assert run("list", "out") == 0
    head, row = run.out.splitlines()
    assert head.split()[:3] == ["NAME", "DAYS", "LEFT"]
    assert row.split()[:2] == [DEVICE, "364"]
    assert run("list", "out", "--within", "400d") == 1
    assert "due: 1 of 1" in run.out
    assert "next: eflowprov certs renew out --ca CA" in run.out
    assert run("list", "out", "--within", "400d", "--format", "json") == 1
    (one,) = json.loads(run.out)["certificates"]
    assert (one["is_due"], one["days_left"], one["kind"]) == (True, 364, "identity")


def test_a_list_fits_a_narrow_terminal_and_loses_nothing_elsewhere(
    run: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("list", "out")
    assert "SERIAL" in run.out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(terminal, "width", lambda: 80)
    assert run("list", "out") == 0
    assert "SERIAL" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_a_renewal_that_wrote_nothing_tells_why_for_each_and_leaves_the_summary(
    run: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eflowprov.errors import StorageError
    from eflowprov.workflows.identities import renewal

    def full(*_: object, **__: object) -> None:
        raise StorageError("disk", "it is full", "Free some space")

    monkeypatch.setattr(renewal, "write_identity", full)
    monkeypatch.setattr(renewal, "refresh_summary", full)
    assert run("renew", "out", "--ca", "pki", "--within", "400d") == 3
    assert run.out == "nothing was renewed\n"
    assert run.err == "error: disk: it is full. Free some space.\n"


def test_a_renewal_that_is_interrupted_says_how_far_it_came(
    run: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eflowprov.workflows.identities import renewal

    assert run("device", "zz", "--ca", "pki", "--out", "out") == 0
    write = renewal.write_identity

    def second_is_interrupted(*words: Any, **more: Any) -> None:
        if list(Path("out").glob("*~*")):
            raise KeyboardInterrupt
        write(*words, **more)

    monkeypatch.setattr(renewal, "write_identity", second_is_interrupted)
    assert run("renew", "out", "--ca", "pki", "--within", "400d") == 130
    assert "interrupted, at least 1 identities in out have been dealt with. Nothing half" in run.err


def test_a_list_with_something_unusable_is_status_2_after_the_others(run: Run, own: Path) -> None:
    run("device", "d2", "--ca", "pki", "--out", "out")
    Path("out/d2/d2.chain.pem").unlink()
    assert run("list", "out", "--within", "400d") == 2
    assert DEVICE in run.out
    assert run.err.startswith("error: ")
    assert "lacks d2.chain.pem" in run.err
    assert run("list", "nowhere") == 2
    assert run("list", "out", "--within", "soon") == 2


def test_a_key_that_is_only_on_its_device_is_told_and_no_fault(run: Run, own: Path) -> None:
    (own / f"{DEVICE}.key.pem").unlink()
    assert run("list", "out") == 0
    assert "key not here" in run.out
    assert run("renew", "out", "--ca", "pki", "--within", "400d") == 0
    assert (own / f"{DEVICE}.key.pem").exists()


def test_renewing_says_what_is_kept_and_what_to_do_next(run: Run, own: Path) -> None:
    key = (own / f"{DEVICE}.key.pem").read_bytes()
    assert run("renew", "out", "--ca", "pki") == 0
    assert "not due: 1, the next from " in run.out
    assert run("renew", "out", DEVICE, "--ca", "pki", "--within", "400d", "--days", "500") == 0
    assert "the old one is kept  " in run.out
    assert "secondary slot" in run.out
    assert "--discard-old" in run.out
    assert "for tests, not for production" in run.err
    assert (own / f"{DEVICE}.key.pem").read_bytes() != key
    assert run("renew", "out", "--discard-old", "--format", "json") == 0
    (removed,) = json.loads(run.out)["removed"]
    assert not Path(removed).exists()
    assert run("renew", "out", "--discard-old") == 0
    assert run.out == "nothing to remove\n"


def test_a_renewal_as_json_has_every_identity(run: Run, own: Path) -> None:
    assert run("renew", "out", "--ca", "pki", "--within", "400d", "--format", "json") == 0
    (one,) = json.loads(run.out)["identities"]
    assert one["renewed"] is True
    assert Path(one["old"]).is_dir()
    ends = datetime.fromisoformat(one["certificate"]["not_after"])
    assert ends > datetime.now(UTC) + timedelta(days=364)


def test_renewing_needs_the_authority_and_tells_what_it_could_not_do(run: Run, own: Path) -> None:
    assert run("renew", "out") == 2
    assert run.err.startswith("error: --ca: ")
    assert run("ca", "--out", "other", "--key-type", "ec-p256", "--no-passphrase") == 0
    assert run("renew", "out", "--ca", "other", "--within", "400d") == 2
    assert "issued by another authority" in run.err
    assert run("renew", "out", "d9", "--ca", "pki") == 2
