"""Just enough DER (X.690) to see, before any work is done, how much work a file asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

INTEGER, _OCTET_STRING, OBJECT_IDENTIFIER, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_CONSTRUCTED = 0x20
_SCRYPT_NUMBERS = 3
_SCRYPT_WEIGHT = 8
_MAX_DEPTH = 24  # a PFX with PBES2 inside shrouded bags is 14 deep


def derivation_cost(data: bytes, depth: int = 0) -> int:
    """Give how many rounds of key derivation a file asks for in all; 0 when it asks for none.

    PBKDF2 and PKCS#12 parameters (RFC 8018 A.2, RFC 7292 B), PKCS#12's MAC data and scrypt's (RFC 7914, 7) all are an
    octet string, the salt, with numbers right behind it. Ciphertext, which may look like anything, is not searched.
    """
    cost = 0
    numbers: list[int] | None = None  # those behind the last octet string
    for tag, content, _ in _items(data):
        if tag == INTEGER and numbers is not None:
            numbers.append(int.from_bytes(content[:16], "big"))
            continue
        cost += _rounds(numbers or ())
        numbers = [] if tag == _OCTET_STRING else None
        if depth < _MAX_DEPTH and _has_more_inside(tag, content):
            cost += derivation_cost(content, depth + 1)
    return cost + _rounds(numbers or ())


def longest_integer(data: bytes, depth: int = 0) -> int:
    """Give the length in bytes of the longest INTEGER that is not encrypted: what an RSA key costs to check."""
    longest = 0
    for tag, content, _ in _items(data):
        if tag == INTEGER:
            longest = max(longest, len(content))
        elif depth < _MAX_DEPTH and _has_more_inside(tag, content):
            longest = max(longest, longest_integer(content, depth + 1))
    return longest


def _has_more_inside(tag: int, content: bytes) -> bool:
    return bool(tag & _CONSTRUCTED) or (tag == _OCTET_STRING and _is_one_sequence(content))


def _rounds(numbers: Sequence[int]) -> int:
    """One number is a count, a second one the key's length; three are scrypt's N, r and p.

    scrypt takes 128 * N * r bytes of memory as well, which an eightfold weight bounds before a machine runs out of it.
    """
    if len(numbers) < _SCRYPT_NUMBERS:
        return numbers[0] if numbers else 0
    return _SCRYPT_WEIGHT * math.prod(numbers[:_SCRYPT_NUMBERS])


def is_der(data: bytes) -> bool:
    """Whether a file is DER by its first bytes, also one that was cut off; text may begin with a 0 as well."""
    if len(data) < 2 or data[0] != _SEQUENCE:
        return False
    return bool(data[1] & 0x80) or data[1] + 2 == len(data)


def first_inside(data: bytes) -> tuple[int, bytes]:
    """Give tag and content of the first element inside the outermost one; `(0, b"")` when there is none.

    The INTEGER 3 begins a PFX (RFC 7292, 4), a smaller one a private key, an OBJECT IDENTIFIER a PKCS#7, a SEQUENCE a
    certificate.
    """
    outermost = next(_items(data), _NOTHING)[1]
    return next(_items(outermost), _NOTHING)[:2]


_NOTHING = (0, b"", 0)


def _is_one_sequence(content: bytes) -> bool:
    """Whether an octet string's content is exactly one encoded sequence."""
    tag, _, end = next(_items(content), _NOTHING)
    return tag == _SEQUENCE and end == len(content)


def _items(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield tag, content and end of each element of one level; of a torn one what there is, its end past the data's."""
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if size == 0:  # indefinite length (BER, in old PFX files): the content is all that follows
                yield tag, data[at:], len(data)
                return
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        yield tag, data[at : at + length], at + length
        at += length
