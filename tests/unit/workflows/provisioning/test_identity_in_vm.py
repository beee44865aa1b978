"""The identity's files in the VM: names that are free, the certificate in use, the host's key after its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from eflowprov.errors import TransportError
from eflowprov.model import Outcome
from eflowprov.workflows.provisioning.device_state import device_state, vm_digest
from eflowprov.workflows.provisioning.identity_in_vm import HOME, free_number, in_use, remove_host_key
from tests.machine import CONFIG, DEVICE, SCOPE, Answer, FakeVm, configuration

STEM = f"{DEVICE}-0a1b"
CERT, KEY = f"{HOME}/certs/{STEM}.cert.pem", f"{HOME}/private/{STEM}.key.pem"
CHAIN, SECRET = b"chain\n", b"secret key\n"


def vm(**answers: Answer) -> FakeVm:
    made = FakeVm(answers=answers)
    made.files |= {CERT: CHAIN, KEY: SECRET, CONFIG: configuration(SCOPE, CERT, KEY)}
    return made


@pytest.mark.parametrize(
    ("there", "number"),
    [
        ([], 1),
        ([f"{STEM}.cert.pem"], 2),
        ([f"{STEM}.key.pem"], 2),
        ([f"{STEM}.cert.pem", f"{STEM}-2.key.pem"], 3),
        ([f"{STEM}-2.cert.pem"], 1),
        ([f"{STEM}0.cert.pem"], 1),
    ],
)
def test_the_names_are_such_as_the_vm_does_not_have(there: list[str], number: int) -> None:
    made = FakeVm()
    made.files |= {f"{HOME}/certs/{name}": b"" for name in there}
    assert free_number(made, DEVICE, "0A1B") == number


def test_a_vm_that_does_not_tell_its_files_is_taken_to_have_none() -> None:
    assert free_number(vm(find=(1, b"", b"find: not permitted\n")), DEVICE, "0A1B") == 1


def test_the_certificate_is_in_use_when_the_configuration_names_its_file() -> None:
    made = vm()
    finding = in_use(made, device_state(made), SCOPE, b"", f"{STEM}.cert.pem")
    assert finding.outcome is Outcome.PASS and CERT in finding.detail
    assert not made.commands("sha256sum")


def test_under_another_name_its_bytes_prove_it() -> None:
    made = vm()
    assert in_use(made, device_state(made), SCOPE, CHAIN, "other.cert.pem").outcome is Outcome.PASS
    assert in_use(made, device_state(made), SCOPE, b"another\n", "other.cert.pem").outcome is Outcome.FAIL


def test_a_vm_without_a_configuration_names_nothing() -> None:
    finding = in_use(FakeVm(), device_state(FakeVm()), SCOPE, CHAIN, f"{STEM}.cert.pem")
    assert finding.outcome is Outcome.FAIL
    assert finding.detail.startswith("It names nothing: the VM is not provisioned, in ID scope none; wanted ")


@pytest.mark.parametrize("told", [b"0a1b  f\n", b"z" * 64 + b"  f\n", b"\n", b""])
def test_what_is_no_sha_256_is_no_digest(told: bytes) -> None:
    assert vm_digest(vm(sha256sum=(0, told, b"")), CERT) == ""
    assert vm_digest(vm(sha256sum=(1, b"a" * 64, b"")), CERT) == ""
    assert vm_digest(vm(sha256sum=(0, b"a" * 64 + b"  f\n", b"")), CERT) == "a" * 64


def test_in_another_id_scope_it_is_not_in_use() -> None:
    made = vm()
    finding = in_use(made, device_state(made), "0neOTHER", CHAIN, f"{STEM}.cert.pem")
    assert finding.outcome is Outcome.FAIL and "in ID scope 0ne00000001; wanted" in finding.detail


def test_a_configuration_that_names_no_file_leaves_it_open_and_none_at_all_is_a_failure() -> None:
    made = vm()
    made.files[CONFIG] = b'[provisioning]\nsource = "dps"\nid_scope = "0ne00000001"\n'
    assert in_use(made, device_state(made), SCOPE, CHAIN, "x").outcome is Outcome.SKIP
    del made.files[CONFIG]
    assert in_use(made, device_state(made), SCOPE, CHAIN, "x").outcome is Outcome.FAIL


# ---------------------------------------------------------------------------------------------- the host's key


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "press.key.pem"
    path.write_bytes(SECRET)
    return path


def test_the_key_is_deleted_once_the_vm_shows_the_same(key: Path) -> None:
    seen: list[bool] = []
    finding = remove_host_key(vm(), KEY, key, on_proof=lambda: seen.append(key.exists()))
    assert finding.outcome is Outcome.PASS and str(key) in finding.detail and KEY in finding.detail
    assert not key.exists() and seen == [True]  # the journal hears of it first


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((0, b"0" * 64 + b"  file\n", b""), "is another file"),
        ((1, b"", b"sha256sum: No such file or directory\n"), "did not tell"),
        ((0, b"", b""), "did not tell"),
        ((0, b"short  file\n", b""), "did not tell"),
        ((None, b"0" * 64, b""), "did not tell"),
        (TransportError("SSH", "it broke", "Try again"), "it broke"),
    ],
)
def test_without_that_proof_the_key_stays_and_the_report_warns(key: Path, answer: Answer, why: str) -> None:
    proofs: list[int] = []
    finding = remove_host_key(vm(sha256sum=answer), KEY, key, on_proof=lambda: proofs.append(1))
    assert finding.outcome is Outcome.WARN and why in finding.detail
    assert key.read_bytes() == SECRET and proofs == []


def test_a_configuration_without_a_key_file_proves_nothing(key: Path) -> None:
    assert remove_host_key(vm(), "", key).outcome is Outcome.WARN and key.exists()


def test_a_key_that_cannot_be_deleted_is_said_to_be_there(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    finding = remove_host_key(vm(), KEY, key)
    assert finding.outcome is Outcome.WARN and "cannot be deleted (Permission denied)" in finding.detail


def test_no_finding_shows_the_key_or_its_digest(key: Path) -> None:
    digest = vm_digest(vm(), KEY)
    shown = repr(
        [remove_host_key(vm(sha256sum=(0, b"0" * 64 + b"  f\n", b"")), KEY, key), remove_host_key(vm(), KEY, key)]
    )
    assert digest and digest not in shown and "secret" not in shown
