"""Which key belongs to which certificate, and what one bad file does to the others: nothing."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.certs.profiles import LeafProfile
from eflowprov.certs.requests import make_request
from eflowprov.errors import InputError
from eflowprov.model import Outcome
from eflowprov.workflows.identities import certificates
from eflowprov.workflows.identities.certificates import Asked, SeenFile, check_files, show_files
from tests.pki import DEVICE, NOW, curve_key, identity, new_authority, odd_certificate
from tests.unit.certs.test_contents import PFX

NOTHING = Asked()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (DEVICE, "other"):
        (tmp_path / f"{name}.chain.pem").write_bytes(identity(name).chain_pem)
        (tmp_path / f"{name}.leaf.pem").write_bytes(identity(name).leaf_pem)
        (tmp_path / f"{name}.key.pem").write_bytes(identity(name).key_pem)
    (tmp_path / "issuing.pem").write_bytes(new_authority().issuing_certificate)
    (tmp_path / "root.pem").write_bytes(new_authority().root_certificate)
    (tmp_path / "request.pem").write_bytes(make_request(DEVICE, LeafProfile()).request_pem)
    return tmp_path


def _check(folder: Path, *names: str, **asked: object) -> list[SeenFile]:
    wanted = dataclasses.replace(NOTHING, **asked)  # type: ignore[arg-type]
    return list(check_files([folder / name for name in names], wanted, now=NOW))


def _outcome(seen: SeenFile, rule: str) -> Outcome | None:
    found = [finding.outcome for finding in seen.findings if finding.id == f"certificate/{rule}"]
    return found[0] if found else None


def test_every_certificate_finds_its_own_key_whatever_the_order(folder: Path) -> None:
    names = ["other.key.pem", f"{DEVICE}.chain.pem", "other.chain.pem", f"{DEVICE}.key.pem", "other.leaf.pem"]
    seen = _check(folder, *names)
    assert [one.partner and one.partner.name for one in seen] == [
        "other.chain.pem", f"{DEVICE}.key.pem", "other.key.pem", f"{DEVICE}.chain.pem", "other.key.pem",
    ]  # fmt: skip
    assert {_outcome(one, "key-match") for one in seen} == {Outcome.PASS, None}
    assert [one.findings for one in seen if one.bundle and not one.bundle.certificates] == [(), ()]


def test_the_only_key_that_is_left_is_the_wrong_one(folder: Path) -> None:
    seen = _check(folder, f"{DEVICE}.chain.pem", "other.key.pem")
    assert _outcome(seen[0], "key-match") is Outcome.FAIL
    assert seen[1].partner == folder / f"{DEVICE}.chain.pem"


def test_a_key_that_belongs_to_another_is_not_held_against_a_certificate_without_one(folder: Path) -> None:
    seen = _check(folder, f"{DEVICE}.chain.pem", "other.chain.pem", "other.key.pem", "issuing.pem")
    assert [_outcome(one, "key-match") for one in seen] == [Outcome.SKIP, Outcome.PASS, None, Outcome.SKIP]


def test_a_key_that_belongs_to_nothing_is_judged_alone(folder: Path) -> None:
    seen = _check(folder, f"{DEVICE}.chain.pem", f"{DEVICE}.key.pem", "other.key.pem")
    assert _outcome(seen[2], "key-unused") is Outcome.WARN
    assert _outcome(seen[2], "key-access") is not None
    assert seen[2].partner is None


def test_of_two_keys_that_are_left_the_one_in_the_same_folder_is_held_against_it(folder: Path) -> None:
    (folder / "d").mkdir()
    (folder / "d" / "third.key.pem").write_bytes(identity("third").key_pem)
    for names in (["other.key.pem", "d/third.key.pem"], ["d/third.key.pem", "other.key.pem"]):
        assert _check(folder, f"{DEVICE}.chain.pem", *names)[0].partner == folder / "other.key.pem"


def test_an_enrolled_ca_means_a_group_for_every_rule(folder: Path) -> None:
    (folder / "self.pem").write_bytes(odd_certificate(curve_key()))
    assert _outcome(_check(folder, "self.pem")[0], "chain") is Outcome.WARN
    assert _outcome(_check(folder, "self.pem", enrolled=(folder / "root.pem",))[0], "chain") is Outcome.FAIL


def test_a_key_inside_the_file_needs_none_beside_it(folder: Path) -> None:
    (folder / "both.pem").write_bytes(identity().chain_pem + identity().key_pem)
    seen = _check(folder, "both.pem", "other.key.pem")
    assert _outcome(seen[0], "key-match") is Outcome.PASS
    assert _outcome(seen[0], "key-access") is not None
    assert _outcome(seen[1], "key-unused") is Outcome.WARN


def test_no_bad_file_hides_what_the_next_one_tells(folder: Path) -> None:
    (folder / "torn.pem").write_bytes(identity().chain_pem[:300])
    (folder / "empty.pem").write_bytes(b"")
    seen = _check(folder, "torn.pem", "empty.pem", "missing.pem", "request.pem", ".", f"{DEVICE}.chain.pem")
    assert [bool(one.error) for one in seen] == [True, True, True, False, True, False]
    assert _outcome(seen[3], "file-kind") is Outcome.FAIL
    assert _outcome(seen[5], "chain") is Outcome.PASS
    assert not seen[5].has_failed


def test_the_enrolled_ca_decides_about_dps_answer(folder: Path) -> None:
    leaf, root, issuing = f"{DEVICE}.leaf.pem", folder / "root.pem", folder / "issuing.pem"
    assert _outcome(_check(folder, leaf, enrollment="group", enrolled=(root,))[0], "dps-answer") is Outcome.FAIL
    assert _outcome(_check(folder, leaf, enrolled=(root, issuing))[0], "dps-answer") is Outcome.PASS
    assert _outcome(_check(folder, leaf, enrolled=(issuing,))[0], "chain") is Outcome.PASS
    assert _outcome(_check(folder, leaf, registration_id="other")[0], "dps-answer") is Outcome.FAIL


def test_an_enrollment_takes_one_certificate(folder: Path) -> None:
    with pytest.raises(InputError, match="2 certificates, and an enrollment takes one"):
        _check(folder, f"{DEVICE}.leaf.pem", enrolled=(folder / f"{DEVICE}.chain.pem",))
    with pytest.raises(InputError, match=r"missing\.pem"):
        _check(folder, f"{DEVICE}.leaf.pem", enrolled=(folder / "missing.pem",))


def test_a_name_that_cannot_register_is_not_looked_up(folder: Path) -> None:
    assert _outcome(_check(folder, "issuing.pem")[0], "dps-answer") is None


def test_the_days_that_have_to_be_left_are_asked_for(folder: Path) -> None:
    late = list(check_files([folder / f"{DEVICE}.leaf.pem"], Asked(expiring_days=400), now=NOW + timedelta(days=1)))
    assert _outcome(late[0], "expiring") is Outcome.WARN


def test_keys_alone_cannot_be_judged(folder: Path) -> None:
    with pytest.raises(InputError, match="no certificate is among the files"):
        _check(folder, "other.key.pem")


def test_a_wrong_registration_id_is_refused_before_a_file_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "read_limited", lambda *_: pytest.fail("a file was read"))
    with pytest.raises(InputError, match="registration ID"):
        _check(folder, f"{DEVICE}.leaf.pem", registration_id="Bad ID!")


def test_an_encrypted_pfx_is_an_error_and_opens_with_its_passphrase(folder: Path) -> None:
    (folder / "d.pfx").write_bytes(PFX)
    (folder / "pass.txt").write_text("a pass phrase\n", encoding="utf-8")
    assert _check(folder, "d.pfx")[0].error is not None
    opened = _check(folder, "d.pfx", passphrase_file=folder / "pass.txt")[0]
    assert _outcome(opened, "file-kind") is Outcome.FAIL
    assert _outcome(opened, "key-match") is Outcome.PASS


def test_show_tells_of_every_file_in_its_order(folder: Path) -> None:
    names = ["request.pem", "missing.pem", f"{DEVICE}.key.pem", f"{DEVICE}.chain.pem"]
    seen = show_files([folder / name for name in names])
    assert [bool(one.error) for one in seen] == [False, True, False, False]
    assert [len(one.bundle.certificates) for one in seen if one.bundle] == [0, 0, 2]


_SEEDS = (identity().chain_pem, identity().key_pem, PFX, make_request(DEVICE, LeafProfile()).request_pem)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(st.integers(0, len(_SEEDS) - 1), min_size=1, max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=3)), max_size=4),
)
def test_no_damaged_files_are_more_than_findings_or_an_error_for_each(
    tmp_path: Path, numbers: list[int], changes: list[tuple[int, bytes]]
) -> None:
    paths = [tmp_path / "good.pem"]
    paths[0].write_bytes(identity().chain_pem)
    for place, number in enumerate(numbers):
        data = bytearray(_SEEDS[number])
        for at, what in changes:
            data[at % len(data) : at % len(data) + 1] = what
        paths.append(tmp_path / f"{place}.pem")
        paths[-1].write_bytes(bytes(data))
    seen = check_files(paths, NOTHING, now=NOW)
    assert [one.path for one in seen] == paths
    assert all(one.error or one.findings or one.partner for one in seen)
    assert _outcome(seen[0], "chain") is Outcome.PASS
