"""`certs list`: what stands in a folder, until when, and what is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.errors import InputError
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.certificate_requests import request_certificates
from eflowprov.workflows.identities.identity_list import list_identities, span
from eflowprov.workflows.identities.issue import issue_identities
from eflowprov.workflows.identities.layouts import Layout
from tests.pki import NOW

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca") / "pki"
    create_authority(folder, AuthorityProfile(KeyType.EC_P256), now=NOW)
    return folder


def issue(pki: Path, out: Path, *ids: str, days: int = 100, layout: Layout = Layout.EFLOWPROV) -> None:
    list(issue_identities(ids, ca=pki, out=out, profile=LeafProfile(days=days), now=NOW, layout=layout))


def test_what_ends_first_stands_first_with_its_days(pki: Path, tmp_path: Path) -> None:
    issue(pki, tmp_path, "late", days=200)
    issue(pki, tmp_path, "early", "a:b", days=100)
    listed = list_identities(tmp_path, now=NOW)
    assert [(one.name, one.days_left, one.kind) for one in listed] == [
        ("a:b", 100, "identity"), ("early", 100, "identity"), ("late", 200, "identity"),
    ]  # fmt: skip
    assert not any(one.is_due for one in listed)


@pytest.mark.parametrize(
    ("days", "within", "due"),
    [(65, None, False), (67, None, True), (69, 30 * DAY, False), (70, 30 * DAY, True), (101, None, True)],
)
def test_due_is_after_two_thirds_of_a_life_or_within_a_time(
    pki: Path, tmp_path: Path, days: int, within: timedelta | None, due: bool
) -> None:
    issue(pki, tmp_path, "d1")
    (one,) = list_identities(tmp_path, within=within, now=NOW + days * DAY)
    assert one.is_due is due
    assert one.days_left == 100 - days


def test_what_has_ended_has_days_below_zero(pki: Path, tmp_path: Path) -> None:
    issue(pki, tmp_path, "d1")
    (one,) = list_identities(tmp_path, now=NOW + 100 * DAY + timedelta(seconds=1))
    assert (one.days_left, one.is_due) == (-1, True)


def test_one_that_cannot_be_used_hides_no_other(pki: Path, tmp_path: Path) -> None:
    issue(pki, tmp_path, "d1", "d2", "d3", "d4")
    (tmp_path / "d2" / "d2.chain.pem").unlink()
    (tmp_path / "d3" / "d3.leaf.pem").write_bytes(b"torn")
    (tmp_path / "d4" / "d4.leaf.pem").write_bytes((tmp_path / "d1" / "d1.leaf.pem").read_bytes())
    errors = {one.name: str(one.error) for one in list_identities(tmp_path, now=NOW) if one.kind == "unusable"}
    assert set(errors) == {"d2", "d3", "d4"}
    assert "lacks d2.chain.pem" in errors["d2"]
    assert "no certificate" in errors["d3"]
    assert "its leaf is not its chain's" in errors["d4"]


def test_a_key_that_has_gone_to_its_device_leaves_a_good_identity(pki: Path, tmp_path: Path) -> None:
    issue(pki, tmp_path, "d1", "d2")
    (tmp_path / "d1" / "d1.key.pem").unlink()
    assert [(one.name, one.kind, one.has_key) for one in list_identities(tmp_path, now=NOW)] == [
        ("d1", "identity", False), ("d2", "identity", True),
    ]  # fmt: skip


def test_requests_authorities_and_the_demo_scripts_names_are_listed_too(pki: Path, tmp_path: Path) -> None:
    request_certificates(["r1"], out=tmp_path)
    assert [(one.kind, one.name) for one in list_identities(tmp_path, now=NOW)] == [("request", "r1")]
    assert [one.path.name for one in list_identities(pki, now=NOW)] == ["issuing.ca.cert.pem", "root.ca.cert.pem"]
    issue(pki, tmp_path / "certgen", "d1", layout=Layout.CERTGEN)
    kinds = [(one.kind, one.name.split(" CA")[0]) for one in list_identities(tmp_path / "certgen", now=NOW)]
    assert kinds == [("identity", "d1"), ("authority", "EFLOW Issuing"), ("authority", "EFLOW Root")]


def test_a_folder_without_any_is_no_empty_success(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="it holds no identity and no authority"):
        list_identities(tmp_path)
    for wrong in (tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(InputError, match="cannot be read as a folder"):
            list_identities(wrong)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as a folder"):
        list_identities(tmp_path / "file")


@pytest.mark.parametrize(("text", "time"), [("30d", 30 * DAY), ("12h", DAY / 2), ("6w", 42 * DAY), ("0d", 0 * DAY)])
def test_times_are_read_with_their_unit(text: str, time: timedelta) -> None:
    assert span(text) == time


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "1y", "999999d", "30d "])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--within"):
        span(text)
