"""`certs export` on disk."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from eflowprov.errors import InputError
from eflowprov.model import Secret
from eflowprov.workflows.identities import certificate_export
from eflowprov.workflows.identities.certificate_export import (
    ESF_BOXES,
    export_eflow,
    export_esf,
    export_pfx,
    load_identity,
)
from eflowprov.workflows.provisioning.preparation import Prepared, staged_files
from tests.answers import PASSWORD, answer
from tests.pki import DEVICE, NOW, identity

NAMES = ["device-certificate.txt", "private-key.txt", "global-endpoint.txt", "id-scope.txt"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """One identity's folder as `certs device` makes it."""
    folder = tmp_path / DEVICE
    folder.mkdir()
    made = identity()
    for ending, data in (("leaf", made.leaf_pem), ("chain", made.chain_pem), ("key", made.key_pem)):
        (folder / f"{DEVICE}.{ending}.pem").write_bytes(data)
    return folder


def password() -> Secret:
    return PASSWORD


def nobody() -> Secret:
    raise AssertionError("nobody was to be asked")


def test_a_folder_and_its_files_are_one_and_the_same(own: Path) -> None:
    whole = load_identity([own], now=NOW)
    files = load_identity([own / f"{DEVICE}.key.pem", own / f"{DEVICE}.leaf.pem", own / f"{DEVICE}.chain.pem"], now=NOW)
    assert whole.chain == files.chain
    assert whole.registration_id == files.registration_id == DEVICE


def test_a_folder_given_as_a_dot_is_known_by_its_name(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own)
    assert load_identity([Path()], now=NOW).registration_id == DEVICE


def test_a_folder_without_an_identity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it holds no .*\.chain\.pem"):
        load_identity([tmp_path])


def test_a_pfx_holds_the_whole_chain_that_was_given(tmp_path: Path) -> None:
    a = answer()
    (tmp_path / "all.p7b").write_bytes(a.p7b())
    (tmp_path / "key.pem").write_bytes(a.device.key_bytes())
    got = load_identity([tmp_path / "all.p7b", tmp_path / "key.pem"], now=NOW)
    exported = export_pfx(got, tmp_path / "out", password)
    read = pkcs12.load_pkcs12(exported.files[0][1].read_bytes(), PASSWORD.reveal().encode())
    assert read.cert is not None
    assert [read.cert.certificate, *(one.certificate for one in read.additional_certs)] == a.chain
    assert exported.files[0][1].name == f"{DEVICE}.pfx"


def test_a_pfx_that_is_there_is_not_replaced_and_no_password_is_asked_for(own: Path, tmp_path: Path) -> None:
    (tmp_path / f"{DEVICE}.pfx").write_bytes(b"old")
    with pytest.raises(InputError, match="it is there already"):
        export_pfx(load_identity([own], now=NOW), tmp_path, nobody)
    assert (tmp_path / f"{DEVICE}.pfx").read_bytes() == b"old"


def test_a_password_that_cannot_be_used_writes_nothing(own: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="password of the PFX"):
        export_pfx(load_identity([own], now=NOW), tmp_path / "out", lambda: Secret(""))
    assert not (tmp_path / "out").exists()


def test_esf_gets_exactly_the_four_values(own: Path, tmp_path: Path) -> None:
    exported = export_esf(load_identity([own], now=NOW), tmp_path, scope_id="0ne00112233")
    values = {path.name: path.read_bytes() for _, path in exported.files}
    assert list(values) == NAMES == [name for _, name in ESF_BOXES]
    assert values["device-certificate.txt"] == identity().chain_pem.removesuffix(b"\n")
    assert values["private-key.txt"] == identity().key_pem.removesuffix(b"\n")
    assert values["global-endpoint.txt"] == b"global.azure-devices-provisioning.net"
    assert values["id-scope.txt"] == b"0ne00112233"
    assert {path.name for path in (tmp_path / f"{DEVICE}-esf").iterdir()} == set(NAMES)


def test_no_byte_of_white_space_stands_at_either_end_of_a_value(own: Path, tmp_path: Path) -> None:
    chain = own / f"{DEVICE}.chain.pem"
    chain.write_bytes(b"\r\n" + chain.read_bytes().replace(b"\n", b"\r\n") + b" \t\n\n")
    exported = export_esf(load_identity([own], now=NOW), tmp_path, scope_id="0ne1", endpoint="dps.example")
    for _, path in exported.files:
        assert path.read_bytes().strip() == path.read_bytes()
        assert b"\r" not in path.read_bytes()
        assert not path.read_bytes().endswith(b"\n")


def test_what_esf_does_not_take_is_told(own: Path, tmp_path: Path) -> None:
    told = {one.id for one in export_esf(load_identity([own], now=NOW), tmp_path, scope_id="0ne1").findings}
    assert "certificate/esf-name" in told
    assert "certificate/esf-name" not in {
        one.id for one in export_eflow(load_identity([own], now=NOW), tmp_path / "o").findings
    }


@pytest.mark.parametrize(
    ("scope", "endpoint", "why"),
    [("", "h", "--scope-id"), ("0ne 1", "h", "--scope-id"), ("0ne1", "", "--endpoint"), ("0ne1", "a b", "--endpoint")],
)
def test_scope_and_endpoint_are_checked_before_anything_is_written(
    own: Path, tmp_path: Path, scope: str, endpoint: str, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        export_esf(load_identity([own], now=NOW), tmp_path / "out", scope_id=scope, endpoint=endpoint)
    assert not (tmp_path / "out").exists()


def test_the_cmdlets_files_have_the_names_that_provision_gives_them(own: Path, tmp_path: Path) -> None:
    got = load_identity([own], now=NOW)
    exported = export_eflow(got, tmp_path)
    serial = identity().facts.serial
    paths = tuple(path for _, path in exported.files)
    assert paths == staged_files(Prepared(DEVICE, serial, NOW, "", (), refused=False), tmp_path)
    assert paths[0].read_bytes() == identity().chain_pem
    assert paths[1].read_bytes() == identity().key_pem
    with pytest.raises(InputError, match="it is there already"):
        export_eflow(got, tmp_path)


def test_a_certificate_that_cannot_be_written_takes_its_key_along(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("disk", "full", "free some")

    monkeypatch.setattr(certificate_export, "write_new", full)
    with pytest.raises(InputError, match="full"):
        export_eflow(load_identity([own], now=NOW), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.pem"))


@pytest.mark.linux
@pytest.mark.parametrize("form", ["pfx", "esf", "eflow"])
def test_what_has_the_key_in_it_is_its_owners_alone(own: Path, tmp_path: Path, form: str) -> None:
    got, out = load_identity([own], now=NOW), tmp_path / "out"
    forms: dict[str, Callable[[], certificate_export.Exported]] = {
        "pfx": lambda: export_pfx(got, out, password),
        "esf": lambda: export_esf(got, out, scope_id="0ne1"),
        "eflow": lambda: export_eflow(got, out),
    }
    secret = forms[form]().secret
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_line_of_the_keys_text_is_in_no_public_file(own: Path, tmp_path: Path) -> None:
    exported = export_esf(load_identity([own], now=NOW), tmp_path, scope_id="0ne1")
    key = load_pem_private_key(identity().key_pem, None)
    assert x509.load_pem_x509_certificate(identity().leaf_pem).public_key() == key.public_key()
    line = identity().key_pem.splitlines()[1]
    assert [path.name for _, path in exported.files if line in path.read_bytes()] == ["private-key.txt"]
