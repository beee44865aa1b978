"""`certs renew`: what is due is renewed, the old one kept until told; nothing is ever half replaced."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.certs.reading import read_bundle
from eflowprov.errors import InputError, StorageError
from eflowprov.model import Secret
from eflowprov.workflows.identities import renewal
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.certificate_requests import request_certificates
from eflowprov.workflows.identities.issue import issue_identities
from eflowprov.workflows.identities.layouts import Layout
from eflowprov.workflows.identities.renewal import RenewalPlan, Renewed, discard_old, renew_identities
from eflowprov.workflows.identities.summary import write_summary
from tests.pki import NOW

DAY = timedelta(days=1)
DUE = NOW + 70 * DAY


class Fleet:
    """An authority and identities of it that live 100 days."""

    def __init__(self, folder: Path, passphrase: Secret | None = None) -> None:
        self.out = folder / "out"
        self.plan = RenewalPlan(self.out, folder / "pki")
        create_authority(self.plan.ca, AuthorityProfile(KeyType.EC_P256), passphrase=passphrase, now=NOW)

    def issue(self, *ids: str, days: int = 100, layout: Layout = Layout.EFLOWPROV) -> None:
        profile = LeafProfile(days=days, organization="Example Works")
        list(issue_identities(ids, ca=self.plan.ca, out=self.out, profile=profile, layout=layout, now=NOW))

    def renew(self, *ids: str, now: datetime = DUE, **how: object) -> dict[str, Renewed]:
        plan = replace(self.plan, ids=ids, **how)  # type: ignore[arg-type]
        return {one.name: one for one in renew_identities(plan, now=now)}

    def file(self, name: str, ending: str) -> bytes:
        return (self.out / name / f"{name}.{ending}").read_bytes()

    @property
    def folders(self) -> set[str]:
        return {path.name for path in self.out.iterdir() if path.is_dir()}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_only_what_is_due_is_renewed_and_the_rest_stays_as_it_is(fleet: Fleet) -> None:
    fleet.issue("old", days=100)
    fleet.issue("young", days=200)
    before = fleet.file("young", "key.pem")
    results = fleet.renew()
    assert {name: one.is_renewed for name, one in results.items()} == {"old": True, "young": False}
    assert fleet.file("young", "key.pem") == before
    assert fleet.folders == {"old", "young", f"old~{DUE:%Y%m%dT%H%M%SZ}"}


def test_the_new_one_is_whole_with_the_same_subject_and_another_key(fleet: Fleet) -> None:
    fleet.issue("d1")
    key, old_leaf = fleet.file("d1", "key.pem"), fleet.file("d1", "leaf.pem")
    result = fleet.renew()["d1"]
    bundle = read_bundle("d1", fleet.file("d1", "chain.pem"), key=fleet.file("d1", "key.pem"))
    assert bundle.key_matches
    assert bundle.certificates[0].subject == "CN=d1,O=Example Works"
    assert bundle.certificates[0].not_after == DUE + 100 * DAY
    assert fleet.file("d1", "key.pem") != key
    assert json.loads(fleet.file("d1", "json"))["serial"] == bundle.certificates[0].serial
    assert result.old is not None
    assert (result.old / "d1.key.pem").read_bytes() == key
    assert (result.old / "d1.leaf.pem").read_bytes() == old_leaf


def test_a_key_may_be_kept_and_the_days_chosen(fleet: Fleet) -> None:
    fleet.issue("d1")
    key = fleet.file("d1", "key.pem")
    certificate = fleet.renew(keep_key=True, days=50)["d1"].certificate
    assert fleet.file("d1", "key.pem") == key
    assert certificate is not None
    assert certificate.not_after == DUE + 50 * DAY


def test_a_key_that_is_on_its_device_alone_is_renewed_but_cannot_be_kept(fleet: Fleet) -> None:
    fleet.issue("d1")
    (fleet.out / "d1" / "d1.key.pem").unlink()
    assert "its private key is no longer here" in str(fleet.renew(keep_key=True)["d1"].error)
    assert fleet.renew()["d1"].is_renewed
    (fleet.out / "d1" / "d1.key.pem").unlink()
    assert len(discard_old(fleet.out, now=DUE)[0]) == 1


def test_a_summary_that_is_there_is_brought_up_to_date(fleet: Fleet) -> None:
    fleet.issue("d1")
    fleet.renew(now=DUE)
    assert not (fleet.out / "identities.csv").exists()
    write_summary(fleet.out, Layout.EFLOWPROV, ())
    certificate = fleet.renew(now=DUE + 70 * DAY)["d1"].certificate
    assert certificate is not None
    assert certificate.serial in (fleet.out / "identities.csv").read_text(encoding="utf-8")


def test_the_progress_is_told_for_what_is_due_alone(fleet: Fleet) -> None:
    fleet.issue("d1", "d2")
    fleet.issue("young", days=300)
    told: list[tuple[str, int, int]] = []
    list(renew_identities(fleet.plan, now=DUE, watch=lambda *step: told.append(step)))
    assert told == [("renewing", 1, 2), ("renewing", 2, 2)]


def test_a_time_before_the_end_may_be_given(fleet: Fleet) -> None:
    fleet.issue("d1")
    assert not fleet.renew(now=NOW + 10 * DAY, within=30 * DAY)["d1"].is_renewed
    assert fleet.renew(now=NOW + 10 * DAY, within=91 * DAY)["d1"].is_renewed


def test_a_second_call_has_nothing_to_do(fleet: Fleet) -> None:
    fleet.issue("d1")
    fleet.renew()
    before = fleet.file("d1", "leaf.pem")
    assert not fleet.renew()["d1"].is_renewed
    assert fleet.file("d1", "leaf.pem") == before


def test_named_devices_alone_are_renewed_whatever_the_case(fleet: Fleet) -> None:
    fleet.issue("d1", "d2")
    assert list(fleet.renew("D2")) == ["d2"]
    with pytest.raises(InputError, match="it holds no identity d9"):
        fleet.renew("d1", "d9")


def test_another_authoritys_identity_is_told_and_hides_no_other(fleet: Fleet, tmp_path: Path) -> None:
    other = Fleet(tmp_path / "other")
    other.out = fleet.out
    other.issue("theirs")
    fleet.issue("ours")
    before = fleet.file("theirs", "leaf.pem")
    results = fleet.renew()
    assert results["ours"].is_renewed
    assert "issued by another authority" in str(results["theirs"].error)
    assert fleet.file("theirs", "leaf.pem") == before


def test_a_damaged_identity_is_told_and_hides_no_other(fleet: Fleet) -> None:
    fleet.issue("d1", "d2", "d3")
    (fleet.out / "d1" / "d1.leaf.pem").unlink()
    (fleet.out / "d2" / "d2.key.pem").write_bytes(fleet.file("d3", "key.pem"))
    results = fleet.renew()
    assert "lacks d1.leaf.pem" in str(results["d1"].error)
    assert "its key is not its certificate's" in str(results["d2"].error)
    assert results["d3"].is_renewed


def test_an_authority_that_ends_no_later_gives_nothing(fleet: Fleet) -> None:
    authority_days = AuthorityProfile().days // 2
    fleet.issue("d1", days=authority_days + 500)
    error = fleet.renew(now=NOW + (authority_days - 10) * DAY)["d1"].error
    assert "make a new authority" in str(error)
    assert fleet.folders == {"d1"}


def test_nobody_is_asked_for_a_passphrase_when_nothing_is_due(tmp_path: Path) -> None:
    secret = Secret("correct horse battery")
    locked = Fleet(tmp_path, secret)
    (tmp_path / "p").write_text(secret.reveal(), encoding="utf-8")
    ids = issue_identities(["d1"], ca=locked.plan.ca, out=locked.out, passphrase_file=tmp_path / "p", now=NOW)
    assert len(list(ids)) == 1
    asked: list[str] = []

    def ask(source: str) -> Secret:
        asked.append(source)
        return secret

    list(renew_identities(locked.plan, ask=ask, now=NOW))
    assert asked == []
    (result,) = renew_identities(locked.plan, ask=ask, now=NOW + 300 * DAY)
    assert len(asked) == 1
    assert (result.is_renewed, result.test_only) == (True, False)


def test_a_write_that_fails_leaves_the_old_one_in_its_place(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("d1", "it cannot be written (No space left on device)", "Free some space")

    fleet.issue("d1")
    before = fleet.file("d1", "key.pem")
    monkeypatch.setattr(renewal, "write_identity", full)
    result = fleet.renew()["d1"]
    assert (result.is_renewed, "No space left" in str(result.error)) == (False, True)
    assert fleet.file("d1", "key.pem") == before
    assert fleet.folders == {"d1"}


def test_requests_are_nothing_to_renew(fleet: Fleet) -> None:
    request_certificates(["r1"], out=fleet.out)
    with pytest.raises(InputError, match="it holds no identity"):
        fleet.renew()


def test_the_demo_scripts_layout_is_sent_to_the_command_that_knows_it(fleet: Fleet) -> None:
    fleet.issue("d1", layout=Layout.CERTGEN)
    with pytest.raises(InputError, match=r"certs device ID --renew --layout certgen"):
        fleet.renew()


def test_old_ones_go_when_told_and_their_keys_with_them(fleet: Fleet) -> None:
    fleet.issue("d1", "d2")
    fleet.renew()
    removed, errors = discard_old(fleet.out, ["d1"], now=DUE)
    assert [path.name for path in removed] == [f"d1~{DUE:%Y%m%dT%H%M%SZ}"]
    assert errors == ()
    assert fleet.folders == {"d1", "d2", f"d2~{DUE:%Y%m%dT%H%M%SZ}"}
    assert len(discard_old(fleet.out, now=DUE)[0]) == 1
    assert discard_old(fleet.out, now=DUE) == ((), ())


def test_an_old_one_stays_while_the_new_one_is_not_whole_or_has_ended(fleet: Fleet) -> None:
    fleet.issue("d1", "d2")
    fleet.renew()
    (fleet.out / "d1" / "d1.chain.pem").unlink()
    removed, errors = discard_old(fleet.out, ["d1"], now=DUE)
    assert (removed, len(errors)) == ((), 1)
    removed, errors = discard_old(fleet.out, ["d2"], now=DUE + 101 * DAY)
    assert (removed, len(errors)) == ((), 1)
    fleet.issue("d3")
    (fleet.out / "d2" / "d2.key.pem").write_bytes(fleet.file("d3", "key.pem"))
    assert "its key is not its own" in str(discard_old(fleet.out, ["d2"], now=DUE)[1][0])
    assert len(fleet.folders) == 5


def test_a_folder_with_something_else_in_it_is_left_to_its_owner(fleet: Fleet) -> None:
    fleet.issue("d1")
    old = fleet.renew()["d1"].old
    assert old is not None
    (old / "notes.txt").write_bytes(b"mine")
    removed, errors = discard_old(fleet.out, now=DUE)
    assert removed == ()
    assert "it holds notes.txt as well" in str(errors[0])
    assert (old / "d1.key.pem").exists()


def test_a_removal_that_was_killed_halfway_is_finished_by_the_next(fleet: Fleet) -> None:
    fleet.issue("d1")
    old = fleet.renew()["d1"].old
    assert old is not None
    (old / "d1.key.pem").unlink()
    assert discard_old(fleet.out, now=DUE)[0] == (old,)
