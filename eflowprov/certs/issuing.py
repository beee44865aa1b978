"""Device identities: a leaf, its chain and its key, signed by an authority."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from eflowprov.certs.authority import Authority, pem
from eflowprov.certs.facts import certificate_facts
from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.profiles import LeafProfile, generate_key, leaf_extensions, sign, subject, validity
from eflowprov.model import CertificateFacts


@dataclass(frozen=True, slots=True)
class Identity:
    """One device's identity, as bytes.

    `leaf_pem` is the leaf alone (individual enrollment); `chain_pem` the leaf, then every authority that signed, the
    root left out unless it signed the leaf itself (the device); `key_pem` PKCS#8, unencrypted, since EFLOW's runtime
    must read it unattended.
    """

    registration_id: str
    leaf_pem: bytes
    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    facts: CertificateFacts


def issue(authority: Authority, registration_id: str, profile: LeafProfile, now: datetime) -> Identity:
    """Make a key and have the authority sign its certificate; the subject's common name is the registration ID.

    Valid from an hour before `now` to `profile.days` after it, both within the authority's own dates. Raises InputError
    for an ID outside DPS's rule, before a key exists, and when the authority is not valid now.
    """
    check_registration_id(registration_id)
    times = validity(now, profile.days, authority.certificate)
    name = subject(registration_id, profile.organization)
    key = generate_key(profile.key_type)
    extensions = leaf_extensions(registration_id, key.public_key(), authority.key_id)
    leaf = sign(name, key.public_key(), authority.certificate.subject, authority.key, times, extensions)
    above = authority.chain[:-1] or authority.chain
    return Identity(
        registration_id=registration_id,
        leaf_pem=pem(leaf),
        chain_pem=b"".join(map(pem, (leaf, *above))),
        key_pem=serialise_key(key),
        facts=certificate_facts(leaf, registration_id),
    )
