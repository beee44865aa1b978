"""The request line and the answer's envelope: one whole answer to this request, or an error that quotes the noise."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from eflowprov.bridge.envelope import open_envelope, request_line, text_param
from eflowprov.errors import BridgeError

NONCE = "n0123abcd"


def sealed(answer: object, nonce: str = NONCE) -> bytes:
    coded = base64.b64encode(json.dumps(answer).encode("utf-8"))
    return b"\n##" + nonce.encode() + b":" + coded + b":##\n"


def test_a_request_is_one_line_of_ascii_whatever_it_holds() -> None:
    line = request_line("'\u20ac'\r\n", {"a": "\n\0\u2019 \U0001f600"}, NONCE)
    assert line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1
    fields = json.loads(line)
    assert fields["nonce"] == NONCE
    assert base64.b64decode(fields["script"]).decode("utf-8") == "'\u20ac'\r\n"
    assert json.loads(base64.b64decode(fields["params"])) == {"a": "\n\0\u2019 \U0001f600"}


def test_a_text_parameter_cannot_look_like_a_date() -> None:
    assert base64.b64decode(text_param("2026-11-22T05:10:11Z")) == b"2026-11-22T05:10:11Z"
    assert not set("-: ().") & set(text_param("/Date(1000)/ 2026-11-22"))


def test_the_recorded_answer_of_a_real_powershell_opens(shared: Path) -> None:
    stdout = (shared / "powershell" / "observed" / "bootstrap-roundtrip" / "stdout").read_bytes()
    opened = open_envelope(stdout, "n0nce")
    assert opened.answer == {
        "ok": True,
        "data": {"n": 1, "echoed": "a; $(1) `n \u2019 \u20ac \U0001f600 ' \" \0 end"},
        "error": None,
    }
    assert opened.log == ("noise",)


def test_noise_on_both_sides_is_log_and_no_code_page_breaks_it() -> None:
    stdout = b"WARNING: w\r\nGer\x84t \xff\xfe\r\n" + sealed({"ok": True}) + b"\r\nlate\r\n"
    opened = open_envelope(stdout, NONCE, b"error text\r\n")
    assert opened.answer == {"ok": True}
    assert opened.log == ("WARNING: w", "Ger\ufffdt \ufffd\ufffd", "late", "error text")


def test_noise_that_ends_without_a_line_end_does_not_hide_the_answer() -> None:
    assert open_envelope(b"half a line" + sealed({"a": 1}), NONCE).answer == {"a": 1}


@pytest.mark.parametrize(
    ("stdout", "why"),
    [
        (b"", "the answer is missing; it said nothing"),
        (b"a\nb\nc\nd\n", "the answer is missing; it last said: b / c / d"),
        (sealed({}) * 2, "the answer came more than once"),
        (sealed({}, "nffff"), "the answer belongs to another request"),
        (sealed({"a": "long"})[:-5], "the answer is torn"),
        (sealed({"a": "long"}).replace(b"##\n", b"#\n"), "the answer is torn"),
        (b"##" + NONCE.encode() + b":", "the answer is torn"),
        (b"##" + NONCE.encode() + b"::##", "the answer is torn"),
        (sealed({"a": "long"}).replace(b"==", b"="), "the answer is torn"),
        (sealed({"a": 1}).replace(b"e", b"noise\r\ne", 1), "the answer is torn"),
        (sealed({"a": 1}).replace(b"J", b"\r\nJ", 1), "the answer is torn"),
        (b"##" + NONCE.encode() + b":" + base64.b64encode(b"{'a'}") + b":##", "the answer is torn"),
        (b"##" + NONCE.encode() + b":" + base64.b64encode(b"\xff\xfe") + b":##", "the answer is torn"),
        (sealed([1]), "the answer is no JSON object"),
        (sealed(None), "the answer is no JSON object"),
    ],
)
def test_anything_but_one_whole_answer_is_an_error(stdout: bytes, why: str) -> None:
    with pytest.raises(BridgeError) as error:
        open_envelope(stdout, NONCE)
    assert error.value.why.startswith(why.rstrip("."))
    assert error.value.exit_status == 3


@pytest.mark.parametrize("stdout", [sealed({"key": "secret"}) * 2, sealed({"key": "secret"})[:-5], b"x" * 10**6])
def test_what_an_error_quotes_is_short_and_no_answer(stdout: bytes) -> None:
    with pytest.raises(BridgeError) as error:
        open_envelope(stdout, NONCE)
    assert base64.b64encode(b'{"key": "secret"')[:16].decode() not in str(error.value)
    assert len(str(error.value)) < 900


def test_an_answer_cut_at_any_byte_is_never_an_answer() -> None:
    whole = sealed({"ok": True, "data": {"records": ["oOK"]}, "error": None}).rstrip()
    for end in range(len(whole)):
        with pytest.raises(BridgeError):
            open_envelope(whole[:end], NONCE)
    assert open_envelope(whole, NONCE).answer["ok"] is True


def test_standard_error_is_quoted_when_there_is_no_answer() -> None:
    with pytest.raises(BridgeError, match="Missing condition in if statement"):
        open_envelope(b"", NONCE, b"ParserError:\r\nMissing condition in if statement after 'if ('.\r\n")


def test_a_restricted_language_mode_is_named() -> None:
    with pytest.raises(BridgeError, match=r"runs in ConstrainedLanguage mode here.*WDAC"):
        open_envelope(b"noise\r\n##" + NONCE.encode() + b":!ConstrainedLanguage:##\r\n", NONCE)


def test_random_bytes_are_refused_in_one_line() -> None:
    for _ in range(50):
        with pytest.raises(BridgeError) as error:
            open_envelope(os.urandom(200), NONCE)
        assert "\n" not in str(error.value)
