"""azure-iot-device loads what we write, and a DPS on loopback takes it: issued, imported, renewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.lab.dps import Behaviour, Enrollment, LabDps
from eflowprov.model import Assigned, Registration
from eflowprov.transports.dps import register
from tests.dps_pki import DEVICE, SCOPE, request_to
from tests.interop.openssl_tools import OpenSsl


def run(*words: str | Path) -> None:
    assert run_command(["certs", *map(str, words)]) == 0


def ask(stem: Path, enrollment: Enrollment) -> Registration:
    """One registration with the chain and key that stand under `stem`."""
    files = Path(f"{stem}.chain.pem"), Path(f"{stem}.key.pem")
    with LabDps([enrollment], scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        return register(request_to(lab, files))


def text(path: Path | str) -> str:
    return Path(path).read_text(encoding="ascii")


@pytest.fixture
def issued(tmp_path: Path) -> Path:
    run("ca", "--out", tmp_path / "pki", "--key-type", "ec-p256", "--no-passphrase")
    run("device", DEVICE, "--ca", tmp_path / "pki", "--out", tmp_path / "out")
    return tmp_path / "out" / DEVICE / DEVICE


@pytest.mark.parametrize("file", ["issuing.ca.cert.pem", "root.ca.cert.pem"])
def test_an_issued_and_then_renewed_identity_registers_in_a_group(issued: Path, tmp_path: Path, file: str) -> None:
    group = Enrollment(text(tmp_path / "pki" / file))
    before = text(f"{issued}.leaf.pem")
    assert isinstance(ask(issued, group), Assigned)
    run("renew", tmp_path / "out", "--ca", tmp_path / "pki", "--within", "400d")
    assert text(f"{issued}.leaf.pem") != before
    assert isinstance(ask(issued, group), Assigned)


def test_the_leaf_registers_individually(issued: Path) -> None:
    assert isinstance(ask(issued, Enrollment(text(f"{issued}.leaf.pem"), registration_id=DEVICE)), Assigned)


@pytest.mark.parametrize("enrolled", ["issuing", "root"])
def test_a_corporate_authoritys_identity_registers(tmp_path: Path, openssl: str, enrolled: str) -> None:
    tool = OpenSsl(openssl, tmp_path)
    tool.root("corporate", "Corporate Root", "P-256")
    tool.intermediate("below", "Corporate Issuing", "corporate", "P-256")
    run("request", DEVICE, "--out", tmp_path / "out", "--key-type", "rsa-2048")
    stem = tmp_path / "out" / DEVICE / DEVICE
    tool.sign(Path(f"{stem}.csr.pem"), "answer.pem", "below", "copied")
    certs = [word for name in ("corporate", "answer", "below") for word in ("--cert", tool.path(f"{name}.pem"))]
    run("import", *certs, "--key", f"{stem}.key.pem", "--out", tmp_path / "out")
    assert isinstance(ask(stem, Enrollment(text(f"{stem}.{enrolled}.pem"))), Assigned)


def test_the_cmdlets_two_files_register(issued: Path, tmp_path: Path) -> None:
    run("export", issued.parent, "--to", "eflow", "--out", tmp_path / "two")
    (cert,), (key,) = (tmp_path / "two").glob("*.cert.pem"), (tmp_path / "two").glob("*.key.pem")
    group = Enrollment(text(tmp_path / "pki" / "issuing.ca.cert.pem"))
    with LabDps([group], scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        assert isinstance(register(request_to(lab, (cert, key))), Assigned)


def test_the_text_boxes_of_esf_register(issued: Path, tmp_path: Path) -> None:
    run("export", issued.parent, "--to", "esf", "--scope-id", SCOPE, "--out", tmp_path)
    boxes = tmp_path / f"{DEVICE}-esf"
    group = Enrollment(text(tmp_path / "pki" / "issuing.ca.cert.pem"))
    with LabDps([group], scope_id=(boxes / "id-scope.txt").read_text("ascii"), behaviour=Behaviour(polls=0)) as lab:
        request = request_to(lab, (boxes / "device-certificate.txt", boxes / "private-key.txt"))
        assert isinstance(register(request), Assigned)
