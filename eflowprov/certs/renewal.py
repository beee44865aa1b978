"""When an identity is due, and the next one for the same device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from eflowprov.certs.authority import Authority, pem
from eflowprov.certs.facts import certificate_facts, common_names
from eflowprov.certs.issuing import Identity
from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.profiles import BACKDATED, KeyType, generate_key, leaf_extensions, sign, validity
from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts

if TYPE_CHECKING:
    from cryptography import x509

    from eflowprov.certs.profiles import PrivateKey

# step-ca's clients renew after the same part of a life; a third of it is left for machines that stand still for weeks.
LIFE_BEFORE_RENEWAL = 0.66
_KEY_TYPES = {
    "EC P-256": KeyType.EC_P256,
    "EC P-384": KeyType.EC_P384,
    "RSA 2048": KeyType.RSA_2048,
    "RSA 3072": KeyType.RSA_3072,
    "RSA 4096": KeyType.RSA_4096,
}


def due_at(facts: CertificateFacts, within: timedelta | None = None) -> datetime:
    """The moment from which a certificate is due: after 66 % of its life, or `within` before its end."""
    if within is not None:
        return facts.not_after - within
    return facts.not_before + LIFE_BEFORE_RENEWAL * (facts.not_after - facts.not_before)


def days_of(facts: CertificateFacts) -> int:
    """For how many days a certificate was issued, the hour before its making left out; at least one."""
    return max(1, round((facts.not_after - facts.not_before - BACKDATED) / timedelta(days=1)))


def renew(
    authority: Authority, old: x509.Certificate, now: datetime, *, days: int, key: PrivateKey | None = None
) -> Identity:
    """Issue the next identity for the device of `old`: the same subject, the same kind of key, a new serial number.

    `key` is the key to keep; without it a new one is made. Raises InputError when the old subject has no registration
    ID, or the authority is not valid now.
    """
    names = common_names(old)
    registration_id = check_registration_id(names[0] if names else "")
    times = validity(now, days, authority.certificate)
    key = key or generate_key(_key_type(old, registration_id))
    extensions = leaf_extensions(registration_id, key.public_key(), authority.key_id)
    leaf = sign(old.subject, key.public_key(), authority.certificate.subject, authority.key, times, extensions)
    above = authority.chain[:-1] or authority.chain
    return Identity(
        registration_id=registration_id,
        leaf_pem=pem(leaf),
        chain_pem=b"".join(map(pem, (leaf, *above))),
        key_pem=serialise_key(key),
        facts=certificate_facts(leaf, registration_id),
    )


def _key_type(old: x509.Certificate, registration_id: str) -> KeyType:
    name = certificate_facts(old, registration_id).key_type
    if name in _KEY_TYPES:
        return _KEY_TYPES[name]
    raise InputError(
        registration_id,
        f"its key is {name}, which DPS does not take for sure",
        "Issue it anew with 'eflowprov certs device ID --renew' and a --key-type",
    )
