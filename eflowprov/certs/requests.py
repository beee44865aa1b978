"""PKCS#10 requests (RFC 2986): what a corporate authority needs to issue an identity that DPS takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.profiles import LeafProfile, generate_key, leaf_extensions, sign_request, subject


@dataclass(frozen=True, slots=True)
class Request:
    """A request to hand to the authority, and the key that stays here: PKCS#8, unencrypted as the runtime needs it."""

    registration_id: str
    request_pem: bytes
    key_pem: bytes = field(repr=False)


def make_request(registration_id: str, profile: LeafProfile) -> Request:
    """Make a key and a request signed with it; the common name is the registration ID.

    Asked for are the extensions of an identity of our own but for the key identifiers, which are the issuer's to set.
    The days of the profile are not in it: the authority decides them. Raises InputError for an ID outside DPS's rule.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    check_registration_id(registration_id)
    name = subject(registration_id, profile.organization)
    key = generate_key(profile.key_type)
    wanted = [
        (extension, critical)
        for extension, critical in leaf_extensions(registration_id, key.public_key(), b"")
        if not isinstance(extension, (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier))
    ]
    request = sign_request(name, key, wanted)
    return Request(registration_id, request.public_bytes(Encoding.PEM), serialise_key(key))
