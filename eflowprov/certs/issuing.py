"""Device identities: a leaf, its chain and its key, signed by an authority."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from eflowprov.certs.authority import Authority, pem
from eflowprov.certs.facts import certificate_facts, hexadecimal, public_key_sha256
from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id, is_host_label
from eflowprov.certs.profiles import LeafProfile, generate_key, key_id, leaf_extensions, sign, subject, validity
from eflowprov.model import CertificateFacts

if TYPE_CHECKING:
    from cryptography import x509

    from eflowprov.certs.profiles import PublicKey


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


class Issuer:
    """An authority set to one profile and one moment; what is the same for all its leaves is worked out once.

    Leaves are valid from an hour before `now` to `profile.days` after it, both within the authority's own dates. Raises
    InputError when the authority is not valid now. Threads may share it.
    """

    def __init__(self, authority: Authority, profile: LeafProfile, now: datetime) -> None:
        self._authority = authority
        self._profile = profile
        self._times = validity(now, profile.days, authority.certificate)
        self._key_id = authority.key_id
        self._above = b"".join(map(pem, authority.chain[:-1] or authority.chain))
        self._alike: dict[bool, CertificateFacts] = {}  # of the first leaf with a DNS name, and of the first without

    def issue(self, registration_id: str) -> Identity:
        """Make a key and sign its certificate; the subject's common name is the registration ID.

        Raises InputError for an ID outside DPS's rule, before a key exists.
        """
        check_registration_id(registration_id)
        authority = self._authority
        name = subject(registration_id, self._profile.organization)
        key = generate_key(self._profile.key_type)
        public = key.public_key()
        extensions = leaf_extensions(registration_id, public, self._key_id)
        leaf = sign(name, public, authority.certificate.subject, authority.key, self._times, extensions)
        leaf_pem = pem(leaf)
        return Identity(
            registration_id=registration_id,
            leaf_pem=leaf_pem,
            chain_pem=leaf_pem + self._above,
            key_pem=serialise_key(key),
            facts=self._facts(leaf, name, public, registration_id),
        )

    def _facts(
        self, leaf: x509.Certificate, name: x509.Name, public: PublicKey, registration_id: str
    ) -> CertificateFacts:
        """The leaf's facts: those that differ between leaves are worked out, the others are the first leaf's."""
        from cryptography.hazmat.primitives.serialization import Encoding

        has_name = is_host_label(registration_id)
        alike = self._alike.get(has_name)
        if alike is None:
            self._alike[has_name] = alike = certificate_facts(leaf, registration_id)
            return alike
        der = leaf.public_bytes(Encoding.DER)
        return replace(
            alike,
            subject=name.rfc4514_string(),
            common_names=(registration_id,),
            serial=hexadecimal(leaf.serial_number),
            sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),  # DPS and Windows name thumbprints so
            sha256=hashlib.sha256(der).hexdigest().upper(),
            san=(f"DNS:{registration_id}",) if has_name else (),
            subject_key_id=key_id(public).hex().upper(),
            public_key_sha256=public_key_sha256(lambda: public),
        )


def issue(authority: Authority, registration_id: str, profile: LeafProfile, now: datetime) -> Identity:
    """Issue one identity; see `Issuer`."""
    return Issuer(authority, profile, now).issue(registration_id)
