"""Bytes become clean text whatever a redirection, a console or a ticket did to them."""

from __future__ import annotations

import pytest

from eflowprov.parsers.text import clean, decode, first_words, refusal

PLAIN = "√ DNS server - OK\n‼ logs - Warning\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_that_powershell_writes_gives_the_same_text(encoding: str) -> None:
    assert decode(PLAIN.replace("\n", "\r\n").encode(encoding)) == PLAIN


def test_the_mark_of_big_endian_utf16_is_known() -> None:
    assert decode(b"\xfe\xff" + PLAIN.encode("utf-16-be")) == PLAIN


def test_utf16_that_was_cut_inside_a_character_keeps_the_rest() -> None:
    assert decode("edgeAgent".encode("utf-16-le")[:-1]) == "edgeAgen"


def test_bytes_of_windows_1252_are_no_error() -> None:
    assert decode("Zürich fällt für Gäste".encode("cp1252")) == "Zürich fällt für Gäste"


def test_utf8_with_a_broken_byte_stays_utf8() -> None:
    assert decode("√ ‼ ×".encode() + b" \xff") == "√ ‼ × \ufffd"


def test_utf8_that_was_cut_inside_its_last_character_is_still_utf8() -> None:
    assert decode("running ×".encode()[:-1]) == "running \ufffd"


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\r\r\n", "\n"])
def test_every_line_end_becomes_lf(ends: str) -> None:
    assert clean(f"a{ends}b") == "a\nb"


def test_nuls_are_taken_out() -> None:
    assert decode(b"edge\x00Agent is running\n") == "edgeAgent is running\n"


def test_terminal_sequences_are_taken_out() -> None:
    assert clean("\x1b[0m\x1b[32m√ keyd\x1b[0m \x1b]0;title\x07x\x1b(B\x1b[K") == "√ keyd x"


@pytest.mark.parametrize("remains", ["[[0;1;31mfailed[[0m", "^[[31mfailed^[[0m", "[0;31mfailed[0m", "←[31mfailed←[0m"])
def test_colours_that_lost_their_escape_byte_are_taken_out(remains: str) -> None:
    assert clean(remains) == "failed"


@pytest.mark.parametrize("text", ["[[module]]", "waits [30m] or [5m 3s]", "rate[0m]", "a[1]"])
def test_brackets_that_are_no_colours_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("page", ["cp437", "cp850", "cp866", "cp1251", "latin-1"])
def test_marks_that_were_read_in_a_wrong_code_page_are_repaired(page: str) -> None:
    assert clean("√ ‼ ×".encode().decode(page)) == "√ ‼ ×"


def test_marks_that_a_pager_showed_as_bytes_are_repaired() -> None:
    assert clean("<E2><88><9A> a <C3><97> b <41><zz>") == "√ a × b <41><zz>"


def test_the_first_words_are_one_printable_line_of_a_bounded_length() -> None:
    seen = first_words("\x00 one\n\ttwo " + "x" * 500)
    assert seen.startswith("one two xxx") and len(seen) == 80 and seen.isprintable()


def test_the_first_words_hold_no_key() -> None:
    assert "c2VjcmV0" not in first_words("HostName=h;SharedAccessKey=c2VjcmV0")


def test_a_refusal_quotes_the_first_words() -> None:
    assert 'it begins "sudo: not found"' in refusal("iotedge list", "sudo:\nnot found", "no table").why
