"""What an authority gives back, in whatever form, made into one device's identity.

The certificates may stand in any order and in several files; the private key says which of them is the device's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from eflowprov.certs.authority import pem
from eflowprov.certs.chain import is_signed_by, key_matches
from eflowprov.certs.containers import Container, open_container, open_key
from eflowprov.certs.facts import certificate_facts, common_names
from eflowprov.certs.issuing import Identity
from eflowprov.certs.keys import serialise_key
from eflowprov.certs.names import check_registration_id
from eflowprov.errors import InputError
from eflowprov.model import Secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from eflowprov.certs.profiles import PrivateKey

File = tuple[str, bytes]  # the name to tell people, and the content
Unlock = Callable[[str], Secret | None]  # the passphrase of the file with this name; None when there is none to be had

MAX_CERTIFICATES = 100  # in all files together; a device's chain has three or four


@dataclass(frozen=True, slots=True)
class Assembled:
    """A device's certificate, those above it in order, and its key.

    `chain` goes from the leaf upwards as far as the files reach. `missing` is the subject of the certificate that would
    come next, "" when the chain ends in a root; `foreign` are the subjects of certificates that do not belong to it.
    """

    registration_id: str
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    missing: str = ""
    foreign: tuple[str, ...] = ()

    @property
    def issuing_pem(self) -> bytes:
        """The certificate that signed the leaf, as an enrollment group takes it; b"" when it is not there."""
        return pem(self.chain[1]) if len(self.chain) > 1 else b""

    @property
    def root_pem(self) -> bytes:
        """The root above, which the device need not send; b"" when it is not there or is the issuing certificate."""
        has_root = len(self.chain) > 2 and not self.missing  # leaf, issuing, root
        return pem(self.chain[-1]) if has_root else b""

    def identity(self) -> Identity:
        """The same as our own authority's identities are: the root is left out of the chain unless it signed the leaf.

        Raises InputError when the key cannot be written as PKCS#8.
        """
        sent = self.chain[:-1] if self.root_pem else self.chain
        return Identity(
            registration_id=self.registration_id,
            leaf_pem=pem(self.chain[0]),
            chain_pem=b"".join(map(pem, sent)),
            key_pem=serialise_key(self.key),
            facts=certificate_facts(self.chain[0], self.registration_id),
        )


def assemble(files: Sequence[File], key_file: File | None, *, unlock: Unlock, now: datetime) -> Assembled:
    """Find the device's certificate and its chain in `files`; its key is in `key_file`, else in one of them.

    A key file may be a PFX, whose certificates count too. `unlock` is asked for the passphrase of what is encrypted and
    needed, and of nothing else. Raises EncryptedKeyError when it has none or the wrong one, and InputError when a file
    cannot be read, there is no key or no certificate for it, or the common name is no registration ID.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities of old files are no reason to refuse them, nor to fill a terminal
        opened = [open_container(source, data, unlock, need_key=key_file is None) for source, data in files]
        with_key = opened
        if key_file is not None:
            with_key = [open_key(*key_file, unlock)]
            opened += with_key
        certificates = _all_certificates(opened)
        key = _one_key([one for one in with_key if one.key is not None])
        leaf = _leaf_of(certificates, key)
        chain = path_from(leaf, certificates, now)
        top = chain[-1]
        return Assembled(
            registration_id=_registration_id(leaf),
            chain=tuple(chain),
            key=key,
            missing="" if top.subject == top.issuer else name_of(top.issuer),
            foreign=tuple(name_of(one.subject) for one in certificates if one not in chain),
        )


def path_from(
    leaf: x509.Certificate, certificates: Sequence[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    """Give the chain from `leaf` to the root, or as far as it reaches, each link's signature verified.

    Of several certificates of one issuer (a renewed or a cross-signed one) a root comes first, then one that is valid
    now, then the one that lives longest.
    """
    chain = [leaf]
    while chain[-1].subject != chain[-1].issuer:
        above = [one for one in certificates if one not in chain and is_signed_by(chain[-1], one)]
        if not above:
            break
        chain.append(max(above, key=lambda one: _preference(one, now)))
    return chain


def name_of(name: x509.Name) -> str:
    """A subject as people read it (RFC 4514), also an empty one."""
    return name.rfc4514_string() or "(a subject without any name)"


def _preference(certificate: x509.Certificate, now: datetime) -> tuple[bool, bool, datetime]:
    is_valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    return certificate.subject == certificate.issuer, is_valid, certificate.not_valid_after_utc


def _all_certificates(opened: Sequence[Container]) -> list[x509.Certificate]:
    """Each once, all of them decodable."""
    found = list(dict.fromkeys(certificate for one in opened for certificate in one.certificates))
    where = ", ".join(dict.fromkeys(one.source for one in opened))
    if not found:
        raise InputError(where, "no certificate is among the files", "Give what the authority answered with --cert")
    if len(found) > MAX_CERTIFICATES:
        raise InputError(where, f"they hold {len(found)} certificates", "Give one device's certificate and its chain")
    for one in opened:
        for number, certificate in enumerate(one.certificates, 1):
            certificate_facts(certificate, f"{one.source}, certificate {number}")
    return found


def _one_key(opened: Sequence[Container]) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not opened:
        raise InputError("private key", "none of the files holds one", "Give the request's key with --key")
    first = opened[0]
    if not all(_are_same(first.key, other.key) for other in opened):
        where = ", ".join(one.source for one in opened)
        raise InputError(where, "they hold different private keys", "Say with --key which one is the device's")
    if not isinstance(first.key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        why = "its private key is neither RSA nor EC, and DPS takes no other"
        raise InputError(first.source, why, "Make a new request with 'eflowprov certs request'")
    return first.key


def _are_same(one: PrivateKeyTypes | None, other: PrivateKeyTypes | None) -> bool:
    return one is not None and other is not None and one.public_key() == other.public_key()


def _leaf_of(certificates: Sequence[x509.Certificate], key: PrivateKey) -> x509.Certificate:
    """The certificate that was issued for the key."""
    found = [one for one in certificates if key_matches(one, key)]
    if len(found) == 1:
        return found[0]
    if not found:
        names = "; ".join(name_of(one.subject) for one in certificates[:4])
        more = f"; and {len(certificates) - 4} more" if len(certificates) > 4 else ""
        raise InputError(
            "private key",
            f"it belongs to none of the {len(certificates)} certificates ({names}{more})",
            "Give the key that the request was made with, or the certificate that answers this request",
        )
    serials = ", ".join(f"{one.serial_number:X}" for one in found)
    raise InputError(
        "certificates",
        f"{len(found)} of them are for this private key (serial numbers {serials})",
        "Give only the files with the one that the device is to use",
    )


def _registration_id(leaf: x509.Certificate) -> str:
    names = common_names(leaf)
    if len(names) != 1:
        why = f"its subject has {len(names) or 'no'} common name{'s' if names else ''}, and DPS takes the only one"
        raise InputError(f"certificate {name_of(leaf.subject)}", why, "Ask the authority for CN=registration ID")
    return check_registration_id(names[0])
