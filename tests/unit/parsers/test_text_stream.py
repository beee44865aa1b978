"""A stream of any size becomes the lines that the whole text would become."""

from __future__ import annotations

import codecs
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.parsers import text_stream
from eflowprov.parsers.text import clean, decode
from eflowprov.parsers.text_stream import lines_of

TEXT = '-- Logs begin --\r\nNov 22 05:10:11 h aziot-edged[1]: grüße √ 𝄞\r\n\n{"MESSAGE": "x"}\nlast'


def lines(data: bytes, block: int) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_stream, "_BLOCK", block)
        return [line for batch in lines_of(BytesIO(data)) for line in batch]


@pytest.mark.parametrize("block", [16, 17, 64, 10_000])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
    ],
)
def test_every_encoding_that_powershell_makes_is_read_a_block_at_a_time(encoding: str, mark: bytes, block: int) -> None:
    data = mark + TEXT.encode(encoding)
    assert lines(data, block) == decode(data).split("\n") == TEXT.replace("\r\n", "\n").split("\n")


# Broken bytes are mended by the block, which may differ from mending the whole: so they come in one line here.
WHOLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
BROKEN = st.binary(max_size=200).filter(lambda data: b"\n" not in data)


@given(data=BROKEN | WHOLE.map(str.encode))
@settings(max_examples=300, deadline=None, database=None)
def test_one_block_is_decoded_as_a_whole_text_is(data: bytes) -> None:
    text = decode(data)
    whole = text.split("\n") if text else []
    assert [clean(line) for line in lines(data, 10_000)] == (whole if not whole or whole[-1] else whole[:-1])


def test_a_broken_block_is_mended_and_the_others_stay_as_they_are() -> None:
    data = "√ good\n".encode() * 10 + "caf\xe9 ol\xe9\n".encode("latin-1") + "√ good\n".encode() * 10
    got = lines(data, 9)
    assert got.count("√ good") >= 18 and any("caf" in line for line in got)


def test_a_line_without_an_end_is_cut_and_not_kept() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_stream, "_LINE", 1000)
        (line, after) = lines(b"x" * 100_000 + b"\nafter\n", 100)
    assert len(line) < 2000 and after == "after"


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8])
def test_nothing_is_no_line(data: bytes) -> None:
    assert lines(data, 16) == []
