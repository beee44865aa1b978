"""When an identity is due, and the next one for the same device."""

from __future__ import annotations

from datetime import datetime, timedelta

from eflowprov.certs.authority import Authority, pem
from eflowprov.certs.chain import is_signed_by, key_matches
from eflowprov.certs.facts import certificate_facts
from eflowprov.certs.issuing import Identity
from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.profiles import BACKDATED, KeyType, generate_key, leaf_extensions, sign, signing_key, validity
from eflowprov.certs.reading import open_bundle
from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts

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
    authority: Authority,
    source: str,
    chain: bytes,
    key: bytes | None,
    now: datetime,
    *,
    days: int | None = None,
    keep_key: bool = False,
) -> Identity:
    """Issue the next identity for a device: the same subject, the same kind of key, a new serial number.

    `chain` is the old one's, the leaf first, and `key` its key, None when only the device has it any more; `source` is
    their place for people. Without `days` the new one lives as long as the old one was to, both within the authority's
    life. Raises InputError when the old files do not belong together, another authority issued them, this one is not
    valid now or has nothing more to give, or there is no key to keep.
    """
    bundle = open_bundle(source, chain, key=key)
    leaf = bundle.certificates[0]
    facts = certificate_facts(leaf, source)
    registration_id = check_registration_id(facts.common_names[0] if facts.common_names else "")
    if key is not None and (bundle.key is None or not key_matches(leaf, bundle.key)):
        raise InputError(source, "its key is not its certificate's, or is encrypted", "Put the right key back")
    if keep_key and bundle.key is None:
        raise InputError(source, "its private key is no longer here", "Renew it without --keep-key")
    if not is_signed_by(leaf, authority.certificate):
        raise InputError(
            source,
            f"it was issued by another authority ({facts.issuer})",
            "Renew it with that one; for a corporate one, make a new request with 'eflowprov certs request'",
        )
    first, last = validity(now, days_of(facts) if days is None else days, authority.certificate)
    has_reached_end = last == authority.certificate.not_valid_after_utc
    if last < facts.not_after or (has_reached_end and last == facts.not_after):
        raise InputError(
            source,
            f"its authority and these days end on {last:%Y-%m-%d}, and it lives until {facts.not_after:%Y-%m-%d}",
            "Give more --days, or make a new authority with 'eflowprov certs ca'",
        )
    new_key = signing_key(bundle.key, source) if keep_key and bundle.key else generate_key(_key_type(facts, source))
    extensions = leaf_extensions(registration_id, new_key.public_key(), authority.key_id)
    signed = sign(
        leaf.subject, new_key.public_key(), authority.certificate.subject, authority.key, (first, last), extensions
    )
    above = authority.chain[:-1] or authority.chain
    return Identity(
        registration_id=registration_id,
        leaf_pem=pem(signed),
        chain_pem=b"".join(map(pem, (signed, *above))),
        key_pem=serialise_key(new_key),
        facts=certificate_facts(signed, source),
    )


def _key_type(facts: CertificateFacts, source: str) -> KeyType:
    if facts.key_type in _KEY_TYPES:
        return _KEY_TYPES[facts.key_type]
    raise InputError(
        source,
        f"its key is {facts.key_type}, of a kind that is not made here",
        "Issue it anew with 'eflowprov certs device ID --renew' and a --key-type",
    )
