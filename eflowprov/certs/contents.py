"""Whatever a file holds, to show it: certificates, keys, requests, and the names of what is neither."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eflowprov.certs.der import is_der
from eflowprov.certs.facts import request_facts
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.kinds import CERTIFICATE_LABELS, PKCS7_LABELS, REQUEST_LABELS, is_key_label, no_certificate
from eflowprov.certs.pem import Block, find_blocks, quirks, to_text
from eflowprov.certs.reading import (
    MAX_CERTIFICATES,
    Bundle,
    body_of,
    bundle_facts,
    certificates_in,
    is_key_file,
    is_request,
    key_facts,
    open_der,
    open_key,
    quietly,
    read_key,
    refuse_size,
)
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, KeyFacts, RequestFacts, Secret

if TYPE_CHECKING:
    from cryptography import x509

_MAX_REQUESTS = 10  # shown of one file, as are so many labels of other kinds
_MAX_LABELS = 10
_MAX_KEYS = 8  # each takes up to 4 s to open (RSA 8192); one is what a file should have


@quietly()
def read_contents(source: str, data: bytes, *, passphrase: Secret | None = None) -> BundleFacts:
    """Read whatever a file holds, to show it: certificates, keys and requests, of each kind as many as have a meaning.

    Raises InputError when nothing in it is of a known kind, or something cannot be decoded.
    """
    refuse_size(source, data)
    if is_der(data):
        return _der_contents(source, data, passphrase)
    blocks = find_blocks(to_text(data))
    if not blocks:
        raise no_certificate(source, data)
    wanted = [block for block in blocks if block.label in CERTIFICATE_LABELS | PKCS7_LABELS]
    keys = [block for block in blocks if is_key_label(block.label)]
    requests = [block for block in blocks if block.label in REQUEST_LABELS]
    certificates, kind = certificates_in(source, wanted[:MAX_CERTIFICATES])
    read = bundle_facts(source, Bundle(certificates, quirks=quirks(data, blocks), kind=kind))
    known = CERTIFICATE_LABELS | PKCS7_LABELS | REQUEST_LABELS
    others = dict.fromkeys(
        block.label for block in blocks if block.label not in known and not is_key_label(block.label)
    )
    return replace(
        read,
        keys=tuple(_shown_key(source, block, passphrase) for block in keys[:_MAX_KEYS]),
        requests=tuple(_shown_request(source, number, one) for number, one in enumerate(requests[:_MAX_REQUESTS], 1)),
        others=tuple(others)[:_MAX_LABELS],
        left_out=max(0, len(wanted) - MAX_CERTIFICATES)
        + max(0, len(keys) - _MAX_KEYS)
        + max(0, len(requests) - _MAX_REQUESTS),
    )


def _shown_request(source: str, number: int, block: Block) -> RequestFacts:
    place = f"{source}, request {number}"
    return request_facts(_load_request(place, body_of(place, block)))


def _der_contents(source: str, data: bytes, passphrase: Secret | None) -> BundleFacts:
    if is_key_file(data):
        return read_key(source, data, passphrase=passphrase)
    if is_request(data):
        return BundleFacts(source, (), kind="der", requests=(request_facts(_load_request(source, data)),))
    bundle = open_der(source, data, passphrase)
    shown = replace(bundle, certificates=bundle.certificates[:MAX_CERTIFICATES])
    keys = (key_facts(bundle.key, bool(bundle.key_encrypted)),) if bundle.key else ()
    left_out = len(bundle.certificates) - len(shown.certificates)
    return replace(bundle_facts(source, shown), keys=keys, left_out=left_out)


def _shown_key(source: str, block: Block, passphrase: Secret | None) -> KeyFacts:
    """A key among others: one that the passphrase does not open stays closed."""
    text = block.text.encode("ascii", "replace")
    try:
        return key_facts(*open_key(source, text, passphrase))
    except EncryptedKeyError:
        return KeyFacts("", True)


def _load_request(place: str, body: bytes) -> x509.CertificateSigningRequest:
    from cryptography import x509

    try:
        return x509.load_der_x509_csr(body)
    except Exception as error:
        raise InputError(
            place, "it is cut off, damaged or no certificate request", "Copy the whole file again"
        ) from error
