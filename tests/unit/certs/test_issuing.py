"""Leaves of one issuer: each with facts of its own."""

from __future__ import annotations

import pytest

from eflowprov.certs.authority import load_authority, make_authority
from eflowprov.certs.facts import certificate_facts
from eflowprov.certs.issuing import Issuer
from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.certs.reading import open_bundle
from eflowprov.errors import InputError
from tests.pki import NOW


@pytest.fixture(scope="module", params=["", 'Größe, Werk "4" + Sohn'], ids=["plain", "organization"])
def issuer(request: pytest.FixtureRequest) -> Issuer:
    made = make_authority(AuthorityProfile(KeyType.EC_P256), NOW)
    authority = load_authority(made.chain, made.issuing_key, "test")
    return Issuer(authority, LeafProfile(organization=request.param), NOW)


@pytest.mark.parametrize("registration_id", ["first", "second", "00:15:5d", "a_b", "LINE4", "x" * 64, "-"])
def test_the_facts_of_every_leaf_are_what_reading_it_gives(issuer: Issuer, registration_id: str) -> None:
    """Facts of later leaves are not read but worked out."""
    for _ in range(2):
        identity = issuer.issue(registration_id)
        (leaf,) = open_bundle("f", identity.leaf_pem).certificates
        assert identity.facts == certificate_facts(leaf, "f")


def test_two_leaves_of_one_id_have_keys_and_serials_of_their_own(issuer: Issuer) -> None:
    first, second = issuer.issue("d"), issuer.issue("d")
    assert first.key_pem != second.key_pem
    assert first.facts.serial != second.facts.serial


def test_an_id_against_the_rule_is_refused(issuer: Issuer) -> None:
    with pytest.raises(InputError, match="character 2 is a space"):
        issuer.issue("a b")
