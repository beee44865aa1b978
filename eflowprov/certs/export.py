"""An identity in the forms that other machines take it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eflowprov.errors import InputError
from eflowprov.model import Secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

    from eflowprov.certs.profiles import PrivateKey


def to_pfx(
    name: str, chain: Sequence[x509.Certificate], key: PrivateKey, password: Secret, *, legacy: bool = False
) -> bytes:
    """Give a PFX (RFC 7292) with the key, its certificate (the first of `chain`) and those above it.

    Encrypted with AES-256 and SHA-256 (PBES2), which Windows 10 from 1709 and Windows Server 2019 read; `legacy` is
    3DES and SHA-1 for older ones. `name` is what a certificate store shows. Raises InputError for a password that
    programs encode in different ways.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    check_password(password)
    encryption = _encryption(password.reveal().encode("ascii"), legacy)
    return pkcs12.serialize_key_and_certificates(name.encode(), key, chain[0], list(chain[1:]) or None, encryption)


def check_password(password: Secret) -> Secret:
    """Give the password back when every reader of PFX files takes it: printable ASCII, at least one character.

    The file's checksum hashes it as UTF-16 (RFC 7292, B.1) and PBES2 as bytes of an encoding that no standard says, so
    that Windows, Java and OpenSSL differ on any other character.
    """
    text = password.reveal()
    if text and text.isascii() and text.isprintable():
        return password
    why = "it has characters outside ASCII, which programs encode in different ways" if text else "it is empty"
    raise InputError("password of the PFX", why, "Take another one of letters, digits and signs of the keyboard")


def without_line_end(text: bytes) -> bytes:
    """A PEM text up to its last dash: ESF refuses to connect when anything stands behind it."""
    return text.rstrip(b" \t\r\n")


def _encryption(password: bytes, legacy: bool) -> KeySerializationEncryption:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import PrivateFormat
    from cryptography.hazmat.primitives.serialization.pkcs12 import PBES

    algorithm = PBES.PBESv1SHA1And3KeyTripleDESCBC if legacy else PBES.PBESv2SHA256AndAES256CBC
    digest: hashes.HashAlgorithm = hashes.SHA1() if legacy else hashes.SHA256()  # noqa: S303  # what old Windows reads
    builder = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(algorithm).hmac_hash(digest)
    return builder.build(password)
