"""When an identity is due, and what follows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from eflowprov.certs.authority import pem
from eflowprov.certs.issuing import Identity, issue
from eflowprov.certs.profiles import KeyType, LeafProfile, sign, subject
from eflowprov.certs.renewal import days_of, due_at, renew
from eflowprov.errors import InputError
from tests.pki import DEVICE, NOW, authority, curve_key, facts, identity, plain_key

DAY = timedelta(days=1)


def leaf_of(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_two_thirds_of_a_life_are_lived_before_it_is_due() -> None:
    one = facts(not_before=NOW, not_after=NOW + 100 * DAY)
    assert due_at(one) == NOW + 66 * DAY
    assert due_at(one, within=10 * DAY) == NOW + 90 * DAY


def test_the_days_asked_for_are_known_again_from_the_certificate() -> None:
    assert days_of(identity().facts) == LeafProfile().days
    assert days_of(facts(not_before=NOW, not_after=NOW)) == 1


def renewed(old: Identity, days_later: int = 0, **how: Any) -> Identity:
    return renew(authority(), DEVICE, old.chain_pem, old.key_pem, NOW + days_later * DAY, **how)


def test_the_next_identity_has_the_same_subject_another_key_and_another_serial() -> None:
    old = issue(authority(), DEVICE, LeafProfile(organization="Example Works"), NOW)
    new = renewed(old, 300)
    assert new.facts.subject == old.facts.subject == f"CN={DEVICE},O=Example Works"
    assert new.facts.serial != old.facts.serial
    assert leaf_of(new.leaf_pem).public_key() != leaf_of(old.leaf_pem).public_key()
    assert new.facts.extended_key_usage == old.facts.extended_key_usage
    assert leaf_of(new.leaf_pem).public_key() == load_pem_private_key(new.key_pem, None).public_key()
    assert new.chain_pem == new.leaf_pem + old.chain_pem.removeprefix(old.leaf_pem)


def test_it_lives_as_long_as_the_old_one_was_to_or_as_many_days_as_asked_for() -> None:
    assert renewed(identity(), 300).facts.not_after == NOW + 665 * DAY
    assert renewed(identity(), 300, days=70).facts.not_after == NOW + 370 * DAY


def test_a_key_to_keep_is_kept() -> None:
    new = renewed(identity(), 1, keep_key=True)
    assert new.key_pem == identity().key_pem
    assert new.leaf_pem != identity().leaf_pem


def test_the_kind_of_key_stays_the_same() -> None:
    old = issue(authority(), DEVICE, LeafProfile(KeyType.RSA_2048), NOW)
    assert renewed(old, 1).facts.key_type == "RSA 2048"


def test_an_expired_identity_is_renewed_too() -> None:
    assert renewed(identity(), 400).facts.not_before > identity().facts.not_after


def test_what_another_authority_issued_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r"issued by another authority .*EFLOW Issuing CA"):
        renewed(identity(number=1), 300)


def test_a_key_that_is_not_the_certificates_or_locked_is_refused() -> None:
    locked = curve_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for key in (plain_key(curve_key()), locked):
        with pytest.raises(InputError, match="its key is not its certificate's, or is encrypted"):
            renew(authority(), DEVICE, identity().chain_pem, key, NOW)


def test_a_renewal_that_would_end_no_later_is_refused() -> None:
    with pytest.raises(InputError, match="lives until 2027-06-01"):
        renewed(identity(), 1, days=30)


def test_an_old_key_of_a_kind_that_is_not_made_is_not_made_again() -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(InputError, match="EC secp256k1"):
        renew(authority(), DEVICE, signed_by_authority(key), plain_key(key), NOW + 60 * DAY)


def test_an_old_name_that_is_no_registration_id_is_refused() -> None:
    key = curve_key()
    with pytest.raises(InputError, match="registration ID 'Bad ID'"):
        renew(authority(), DEVICE, signed_by_authority(key, "Bad ID"), plain_key(key), NOW)


def signed_by_authority(key: ec.EllipticCurvePrivateKey, name: str = DEVICE) -> bytes:
    issuer = authority().certificate.subject
    return pem(sign(subject(name), key.public_key(), issuer, authority().key, (NOW - DAY, NOW + 30 * DAY), []))
