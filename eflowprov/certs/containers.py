"""Files that hold certificates and keys: PEM text, DER, PKCS#7 (RFC 2315, RFC 5652), PFX (RFC 7292), told by content.

Names and labels lie: PKCS#7 answers are seen under the label CERTIFICATE, which `certutil -encode` puts around all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eflowprov.certs.der import INTEGER, OBJECT_IDENTIFIER, derivation_cost, first_inside, longest_integer
from eflowprov.certs.keys import MAX_ITERATIONS, EncryptedKeyError, is_encrypted, load_key
from eflowprov.certs.pem import Block, find_blocks, to_text
from eflowprov.errors import InputError
from eflowprov.model import Secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_BYTES = 2**20  # a chain of RSA-4096 certificates with its key is 12 KiB
MAX_BLOCKS = 200  # certificates and keys of one PEM text
_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE", "PKCS7", "PKCS #7 SIGNED DATA", "CMS"}
_REQUEST_LABELS = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}
_MAX_INTEGER_BYTES = 1025  # RSA 8192; a key is checked when it is read, which takes the cube of its size
_PFX_VERSION = b"\x03"  # RFC 7292, 4; a private key's version is 0 or 1
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True, slots=True)
class Container:
    """What one file holds, in its order; `key` is None when it has none or none was wanted."""

    source: str
    certificates: tuple[x509.Certificate, ...] = ()
    key: PrivateKeyTypes | None = field(default=None, repr=False)


def open_container(
    source: str, data: bytes, unlock: Callable[[str], Secret | None], *, need_key: bool = True
) -> Container:
    """Open a file of any of the kinds; `unlock` gives the passphrase for `source` when one is needed.

    Without `need_key` a key in PEM text is passed over. Raises EncryptedKeyError for a passphrase that is missing or
    wrong, InputError for what is of no known kind, damaged or too large.
    """
    if len(data) > MAX_BYTES:
        raise InputError(source, f"it is larger than {MAX_BYTES} bytes", "Give one device's certificate or chain")
    if not data.strip():
        raise InputError(source, "it is empty", "Give a certificate file")
    blocks = find_blocks(to_text(data))
    if blocks:
        return _open_text(source, blocks, unlock, need_key=need_key)
    if data[:1] != _DER_SEQUENCE:
        raise InputError(
            source, "it holds no certificate (no BEGIN line, no DER)", "Give a PEM, DER, PKCS#7 or PFX file"
        )
    tag, content = first_inside(data)
    if tag == INTEGER and content == _PFX_VERSION:
        return _open_pfx(source, data, unlock)
    if tag == INTEGER:
        return open_key(source, data, unlock)
    return Container(source, _certificates(source, data))


def open_key(source: str, data: bytes, unlock: Callable[[str], Secret | None]) -> Container:
    """Open a private key file: PEM, DER, or a PFX, whose certificates come along. Raises like `open_container`."""
    if len(data) > MAX_BYTES:
        raise InputError(source, f"it is larger than {MAX_BYTES} bytes", "Give a private key")
    if data[:1] == _DER_SEQUENCE and first_inside(data) == (INTEGER, _PFX_VERSION):
        found = _open_pfx(source, data, unlock)
        if found.key is None:
            raise InputError(source, "the PFX holds no private key", "Export it with its key")
        return found
    return Container(source, key=_load_key(source, data, unlock))


def _open_text(
    source: str, blocks: list[Block], unlock: Callable[[str], Secret | None], *, need_key: bool
) -> Container:
    keys = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    wanted = [block for block in blocks if block.label in _CERTIFICATE_LABELS]
    if len(wanted) + len(keys) > MAX_BLOCKS:
        raise InputError(source, f"it holds {len(wanted)} certificates", "Give one device's certificate or chain")
    if not wanted and not keys:
        is_request = blocks[0].label in _REQUEST_LABELS
        kind = "a certificate request" if is_request else f"of the unknown kind {blocks[0].label}"
        raise InputError(source, f"it is {kind}", "Give the certificate that the authority made")
    certificates: list[x509.Certificate] = []
    for number, block in enumerate(wanted, 1):
        certificates += _in_block(f"{source}, certificate {number}", block)
    key = None
    if keys and need_key:
        if len(keys) > 1:
            raise InputError(source, f"it holds {len(keys)} private keys", "Leave the one that is the device's")
        key = _load_key(source, keys[0].text.encode("ascii", "replace"), unlock)
    return Container(source, tuple(certificates), key)


def _in_block(place: str, block: Block) -> tuple[x509.Certificate, ...]:
    if not block.complete:
        raise InputError(place, "it is cut off: its END line is missing", "Copy the whole file again")
    body = block.body()
    if not body:
        raise InputError(place, "what stands between its dash lines is not base64", "Copy the whole file again")
    return _certificates(place, body)


def _certificates(place: str, data: bytes) -> tuple[x509.Certificate, ...]:
    """One certificate, or those of a PKCS#7, in DER (a PKCS#7 also in BER)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs7

    is_pkcs7 = first_inside(data)[0] == OBJECT_IDENTIFIER
    try:
        if is_pkcs7:
            return tuple(pkcs7.load_der_pkcs7_certificates(data))
        return (x509.load_der_x509_certificate(data),)
    except Exception as error:  # besides ValueError, exceptions of their own for versions and kinds that are unknown
        kind = "PKCS#7 with certificates" if is_pkcs7 else "X.509 certificate"
        raise InputError(
            place, f"it is cut off, damaged or no {kind}", "Take the file as its issuer gave it"
        ) from error


def _open_pfx(source: str, data: bytes, unlock: Callable[[str], Secret | None]) -> Container:
    if derivation_cost(data) > MAX_ITERATIONS:
        raise InputError(source, "opening it would take hours of key derivation", "Export the PFX anew")
    if longest_integer(data) > _MAX_INTEGER_BYTES:
        raise InputError(source, "its private key is larger than RSA's with 8192 bits", "Make a key of a usual size")
    found = _try_pfx(source, data, None)
    if found is None and (passphrase := unlock(source)):
        found = _try_pfx(source, data, passphrase)
        if found is None:
            why = "the PFX cannot be opened with this passphrase, or is damaged"
            raise EncryptedKeyError(source, why, "Give the passphrase that it was exported with")
    if found is None:
        raise EncryptedKeyError(source, "the PFX is encrypted or damaged", "Give its passphrase with --passphrase-file")
    return found


def _try_pfx(source: str, data: bytes, passphrase: Secret | None) -> Container | None:
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        pfx = pkcs12.load_pkcs12(data, passphrase.reveal().encode() if passphrase else None)
    except Exception:  # noqa: BLE001  # ValueError mostly; what is inside may fail in every way that a certificate can
        return None
    certificates = [entry.certificate for entry in (pfx.cert, *pfx.additional_certs) if entry]
    return Container(source, tuple(certificates), pfx.key)


def _load_key(source: str, data: bytes, unlock: Callable[[str], Secret | None]) -> PrivateKeyTypes:
    if is_encrypted(data):
        return load_key(data, source, unlock(source))
    try:
        return load_key(data, source)
    except EncryptedKeyError:  # DER does not tell by its dash lines that it is encrypted
        return load_key(data, source, unlock(source))
