"""How much key derivation a file asks for."""

from __future__ import annotations

import pytest

from eflowprov.certs.der import derivation_cost, longest_integer
from eflowprov.certs.keys import MAX_ITERATIONS

SALT = b"\x04\x04salt"


def sequence(*items: bytes) -> bytes:
    content = b"".join(items)
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def number(value: int) -> bytes:
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes([2, len(body)]) + body


@pytest.mark.parametrize(
    ("parameters", "cost"),
    [
        (sequence(SALT, number(2048)), 2048),
        (sequence(SALT, number(2048), number(32)), 2048),  # PBKDF2 with the key's length
        (sequence(SALT, number(16384), number(8), number(1)), 8 * 16384 * 8),  # scrypt, OpenSSL's own choice
        (sequence(SALT, sequence(), number(5)), 0),  # no number right behind the salt
        (sequence(number(5), SALT), 0),
        (b"", 0),
    ],
)
def test_rounds_are_read_from_every_form(parameters: bytes, cost: int) -> None:
    assert derivation_cost(parameters) == cost


def test_many_dear_boxes_are_as_dear_as_their_sum() -> None:
    one = sequence(SALT, number(MAX_ITERATIONS // 4))
    assert derivation_cost(sequence(one, one, one)) < MAX_ITERATIONS < derivation_cost(sequence(*[one] * 5))


def test_scrypt_that_takes_gigabytes_is_above_the_limit() -> None:
    usual, greedy = (sequence(SALT, number(n), number(8), number(1)) for n in (2**14, 2**20))  # 16 MiB and 1 GiB
    assert derivation_cost(usual) < MAX_ITERATIONS < derivation_cost(greedy)


def test_the_longest_number_is_found_wherever_it_is_not_encrypted() -> None:
    deep = sequence(b"\x04\x0b" + sequence(number(2**31)), number(5))
    assert longest_integer(deep) == 5
    assert longest_integer(sequence(SALT)) == 0
