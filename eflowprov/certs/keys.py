"""Private keys: written as PKCS#8 PEM, read from every form that tools leave behind."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from eflowprov.certs.der import derivation_cost
from eflowprov.certs.pem import find_blocks, to_text
from eflowprov.errors import InputError
from eflowprov.model import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from eflowprov.certs.profiles import PrivateKey

# PKCS#8 encryption of `cryptography` derives with 2,048 rounds alone, so the length has to bear the weight.
MIN_PASSPHRASE = 12
# What honest tools use stays far below (OpenSSL 2,048, macOS and NIST-minded ones up to 1,000,000); above it a file
# could hold the machine for hours.
MAX_ITERATIONS = 10_000_000
_MAX_BCRYPT_ROUNDS = 1_000  # ssh-keygen's default is 16 or 24; a round takes about 10 ms
# RSA 8192 as PKCS#8 PEM has 6.4 kB and takes 4 s to check when it is read; the time grows with the cube of the size.
_MAX_KEY_BYTES = 8192
_OPENSSH = "OPENSSH PRIVATE KEY"
_OPENSSH_MAGIC = b"openssh-key-v1\0"
# A cipher with a whole initialisation vector: `cryptography` (46 to 50) ends in a Rust panic when it is too short.
_DEK_INFO = re.compile(r"DEK-Info: ?(?:AES-(?:128|192|256)-CBC,[0-9A-Fa-f]{32}|DES-EDE3-CBC,[0-9A-Fa-f]{16})\s*$", re.M)
_DAMAGED = "the private key cannot be read: it is damaged or of an unknown kind", "Take the file as it was made"


class EncryptedKeyError(InputError):
    """The key is encrypted, and no passphrase or the wrong one was given."""


def check_new_passphrase(passphrase: Secret) -> Secret:
    """Give `passphrase` back when it is long enough to protect an authority's key."""
    if len(passphrase.reveal()) >= MIN_PASSPHRASE:
        return passphrase
    raise InputError(
        "passphrase",
        f"it is shorter than {MIN_PASSPHRASE} characters",
        "Take a longer one; several words do well",
    )


def serialise_key(key: PrivateKey, passphrase: Secret | None = None) -> bytes:
    """Give the key as PKCS#8 PEM (LF, one final newline), encrypted with AES-256 when there is a passphrase."""
    from cryptography.hazmat.primitives import serialization as form

    encryption: form.KeySerializationEncryption = form.NoEncryption()
    if passphrase:
        encryption = form.BestAvailableEncryption(passphrase.reveal().encode())
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encryption)


def is_encrypted(data: bytes) -> bool:
    """Whether the first private key in a PEM text needs a passphrase; False for what is no private key."""
    for block in find_blocks(to_text(data)):
        if block.label == "ENCRYPTED PRIVATE KEY" or "DEK-Info:" in block.headers:
            return True
        if block.label == _OPENSSH:
            return _openssh_kdf(block.body()) is not None
    return False


def load_key(data: bytes, source: str, passphrase: Secret | None = None) -> PrivateKeyTypes:
    """Read one private key: PEM (PKCS#8, PKCS#1, SEC 1, OpenSSH, encrypted or not) or DER.

    A passphrase that is not needed is not used. Raises EncryptedKeyError when one is missing or wrong, InputError when
    there is no key that can be read; `source` is the place that the message names.
    """
    from cryptography.hazmat.primitives import serialization as form

    block = next((b for b in find_blocks(to_text(data)) if b.label.endswith("PRIVATE KEY")), None)
    if block is None and data.lstrip().startswith(b"-----BEGIN"):
        raise InputError(source, "it holds no private key", "Give the file that has BEGIN PRIVATE KEY in it")
    text = block.text.encode("ascii", "replace") if block else data
    if len(text) > _MAX_KEY_BYTES:
        raise InputError(source, "the private key is larger than RSA's with 8192 bits", "Make a key of a usual size")
    encrypted = is_encrypted(text)
    _refuse_endless(block.body() if block else data, source, is_openssh=block is not None and block.label == _OPENSSH)
    if block and block.text.count("DEK-Info") != len(_DEK_INFO.findall(block.text)):
        raise InputError(source, *_DAMAGED)
    wanted = passphrase if passphrase and (encrypted or block is None) else None
    if encrypted and wanted is None:
        raise EncryptedKeyError(source, "the private key is encrypted", "Give its passphrase with --passphrase-file")
    try:
        if block is None:
            return _load_der(data, wanted)
        load = form.load_ssh_private_key if block.label == _OPENSSH else form.load_pem_private_key
        return load(text, _revealed(wanted))
    except TypeError as error:
        raise EncryptedKeyError(source, "the key is encrypted", "Give its passphrase with --passphrase-file") from error
    except Exception as error:  # ValueError mostly; NotImplementedError for a compressed point in an OpenSSH key
        if encrypted:
            raise EncryptedKeyError(
                source, "the private key cannot be opened with this passphrase", "Give the right passphrase"
            ) from error
        raise InputError(source, *_DAMAGED) from error


def openssh_private_key(data: bytes, passphrase: Secret | None = None, *, source: str = "SSH key") -> str:
    """Turn any private key into unencrypted OpenSSH text, to be held in memory alone.

    For paramiko, which reads OpenSSH's and the traditional forms but no PKCS#8. Raises InputError like `load_key`, and
    for key types that SSH does not have.
    """
    from cryptography.hazmat.primitives import serialization as form

    key = load_key(data, source, passphrase)
    try:
        return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()
    except (ValueError, TypeError) as error:
        raise InputError(
            source, "SSH has no keys of this type", "Give an Ed25519, RSA or EC P-256, P-384 or P-521 key"
        ) from error


def _revealed(passphrase: Secret | None) -> bytes | None:
    """The passphrase for a call's argument; kept in a variable, it would be shown by whoever prints a traceback's."""
    return passphrase.reveal().encode() if passphrase else None


def _load_der(data: bytes, passphrase: Secret | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(data, _revealed(passphrase))
    except TypeError:
        if passphrase is None:
            raise
        return load_der_private_key(data, None)  # a passphrase was given, and the key needs none


def _refuse_endless(body: bytes, source: str, *, is_openssh: bool) -> None:
    """Refuse a key whose derivation would not end within a working day."""
    too_dear = (_openssh_kdf(body) or 0) > _MAX_BCRYPT_ROUNDS if is_openssh else derivation_cost(body) > MAX_ITERATIONS
    if too_dear:
        raise InputError(source, "opening it would take hours of key derivation", "Encrypt the key anew with OpenSSL")


def _openssh_kdf(body: bytes) -> int | None:
    """Rounds of bcrypt in an OpenSSH key (PROTOCOL.key of OpenSSH); None when it is not encrypted or torn."""
    try:
        rest = body.removeprefix(_OPENSSH_MAGIC)
        _cipher, rest = _take(rest)
        kdf, rest = _take(rest)
        options, _ = _take(rest)
        if kdf != b"bcrypt":
            return None
        _salt, rounds = _take(options)
        return int(struct.unpack(">I", rounds)[0])
    except struct.error:
        return None


def _take(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">I", data[:4])
    return data[4 : 4 + length], data[4 + length :]
