"""Just enough DER (X.690) to see, before any work is done, how much work a file asks for."""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, _OCTET_STRING, OBJECT_IDENTIFIER, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_CONSTRUCTED = 0x20
_MAX_DEPTH = 24  # a PFX with PBES2 inside shrouded bags is 14 deep


def dearest_iterations(data: bytes, depth: int = 0) -> int:
    """Give the largest number that stands right behind an octet string: a salt's iteration count or scrypt's cost.

    PBKDF2 and PKCS#12 parameters (RFC 8018 A.2, RFC 7292 B), PKCS#12's MAC data and scrypt's (RFC 7914, 7) all have
    that form. 0 when there is none. Ciphertext, which may look like anything, is not searched.
    """
    dearest = 0
    last = 0
    for tag, content, _ in _items(data):
        if tag == INTEGER and last == _OCTET_STRING:
            dearest = max(dearest, int.from_bytes(content[:16], "big"))
        if depth < _MAX_DEPTH and (tag & _CONSTRUCTED or (tag == _OCTET_STRING and _is_one_sequence(content))):
            dearest = max(dearest, dearest_iterations(content, depth + 1))
        last = tag
    return dearest


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
