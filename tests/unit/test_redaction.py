"""What must never be seen does not survive `redact`; what is harmless does, letter for letter."""

from __future__ import annotations

import base64
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.redaction import redact, redact_lines

SECRET = st.binary(min_size=24, max_size=64).map(lambda data: base64.b64encode(data).decode("ascii"))
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="@"), max_size=40)
KIND = st.sampled_from(["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "])


def pem(kind: str, body: str, end: str = "\n") -> str:
    lines = end.join(textwrap.wrap(body, 64))
    return f"-----BEGIN {kind}PRIVATE KEY-----{end}{lines}{end}-----END {kind}PRIVATE KEY-----{end}"


@given(WORDS, SECRET, WORDS, KIND, st.sampled_from(["\n", "\r\n", "\\n"]))
def test_a_private_key_never_survives_and_the_text_around_it_does(
    before: str, body: str, after: str, kind: str, end: str
) -> None:
    shown = redact(f"{before}\n{pem(kind, body, end)}|{after}")
    assert body[:16] not in shown and "PRIVATE KEY" not in shown
    assert shown.startswith(redact(before)) and "***" in shown


@given(SECRET, KIND, st.integers(0, 10))
def test_a_private_key_without_its_end_never_survives(body: str, kind: str, cut: int) -> None:
    text = pem(kind, body)
    assert body[:16] not in redact(text[: text.index("-----END") - cut])


@given(st.binary(min_size=100, max_size=400), KIND, st.integers(1, 40))
def test_a_private_key_without_its_beginning_never_survives(body: bytes, kind: str, cut: int) -> None:
    text = pem(kind, base64.b64encode(body).decode("ascii"))[cut:]
    rest = [line for line in text.splitlines()[1:] if "-----" not in line and len(line) > 8]
    assert not [line for line in rest if line in redact(text)]


@given(st.lists(SECRET, min_size=2, max_size=5), st.booleans())
def test_a_private_key_that_comes_line_by_line_never_survives(body: list[str], whole: bool) -> None:
    end = ["-----END PRIVATE KEY----- and more"] if whole else []
    shown = redact_lines(["calling", "-----BEGIN PRIVATE KEY-----", *body, *end, *(["done"] if whole else [])])
    assert not [line for line in body if line in "\n".join(shown)]
    assert len(shown) == 2 + len(body) + 2 * whole
    assert shown[0] == "calling" and (not whole or shown[-2:] == ("*** and more", "done"))


def test_lines_without_a_key_stay_and_are_redacted_each() -> None:
    assert redact_lines(["one", "password=x", pem("", "A" * 64), "two"]) == ("one", "password=***", "***\n", "two")


@given(WORDS, SECRET, st.sampled_from([";", '"', "'", "\n", " ", ""]))
def test_a_shared_access_key_never_survives(before: str, secret: str, after: str) -> None:
    for name in ("SharedAccessKey", "sharedaccesskey", "AccountKey"):
        shown = redact(f"{before}HostName=h;{name}={secret}{after}")
        assert secret not in shown and f"{name}=***" in shown


@given(SECRET, st.sampled_from(["", "?", "&", " ", "\n", '"', ";"]))
def test_a_signature_never_survives(secret: str, before: str) -> None:
    quoted = secret.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    shown = redact(f"SharedAccessSignature sr=hub{before}sig={quoted}&se=1700000000")
    assert (quoted in shown) == (before == "")  # `hubsig=` is another name
    assert "se=1700000000" in shown


@given(st.text("abcdefghij.-", min_size=0, max_size=8), st.text("abcdefgh!$&*+,;=@:%-_'", min_size=8, max_size=20))
def test_credentials_in_a_url_never_survive(user: str, password: str) -> None:
    shown = redact(f"proxy https://{user}:{password}@proxy.example:3128/path is used")
    assert shown == "proxy https://***@proxy.example:3128/path is used"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('symmetric_key = { value = "c2VjcmV0" }', 'symmetric_key = { value = "***" }'),
        ('"primaryKey": "c2VjcmV0",', '"primaryKey": "***",'),
        ("passphrase: 'two words'", "passphrase: '***'"),
        ('password = "cut off', 'password = "***'),
        ("EFLOWPROV_PASSWORD=hunter2 eflowprov", "EFLOWPROV_PASSWORD=*** eflowprov"),
        ("sig=abc", "sig=***"),
    ],
)
def test_a_value_whose_name_says_that_it_is_secret_is_hidden_whole(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
        "ssh://iotedge-user@172.27.120.111:22 and https://global.azure-devices-provisioning.net:443/path",
        '{"proxy":"http://proxy:3128","mail":"somebody@example.com"}',
        'method = "symmetric_key"\nregistration_id = "line4-press2"',
        "Give its passphrase with --key-passphrase-file FILE",
        "Assigned to IoT hub: lab-hub.azure-devices.net",
        "the design= of a config=",
    ],
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
    assert redact_lines([text]) == (text,)


@given(st.text("abc =:;,.\n{}'\"/0123456789", max_size=200))
def test_text_without_any_telling_word_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_redaction_takes_a_large_output_in_a_moment() -> None:
    """Lines that might all be a key's, and words without an end: a search that goes back and forth would take hours."""
    started = time.monotonic()
    redact("QUJD\n" * 20_000 + "a" * 2**20 + "://:" * 50_000 + "sig" * 100_000)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "unit",
    [
        *("token=", "token=aaaaaaaaaaaaaaaaaaaa", "bearer aaaaaaaaaaaaaaaaaaaa", "%3A%2F%2F", "%3A%2F%2Fa%3A", "://a:"),
        *("eyJaaaaaaaaaa\n", 'password="""', 'password=\\"', "-----BEGIN PRIVATE KEY-----\n", "SharedAccessKey=a\n"),
        *("-----END PRIVATE KEY-----\n", "QUJDQUJDQUJDQUJDQUJD\n", "password ", "authorization: ", "\\"),
    ],
)
def test_no_text_makes_a_pattern_go_back_and_forth(unit: str) -> None:
    started = time.monotonic()
    redact(f"@ sig={unit * (200_000 // len(unit))} authorization token password eyJ bearer")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("prefix", ["", "Nov 22 05:12:10 VM aziot-keyd[815]: "])
def test_a_key_that_is_cut_off_takes_only_its_own_lines_along(prefix: str) -> None:
    body = textwrap.wrap(base64.b64encode(bytes(range(200))).decode("ascii"), 64)
    lines = [f"{prefix}{line}" for line in body]
    begun = redact("\n".join(["one", f"{prefix}-----BEGIN RSA PRIVATE KEY-----", *lines[:3], "Nov 22 going on"]))
    ended = redact("\n".join(["one is done.", *lines, f"{prefix}-----END RSA PRIVATE KEY-----", "Nov 22 going on"]))
    for shown in (begun, ended):
        assert not [line for line in body if line in shown]
        assert shown.startswith("one") and shown.endswith("Nov 22 going on")


def test_a_letter_that_has_another_length_in_small_letters_moves_nothing() -> None:
    assert redact("\u0130\u0130 password=hunter2 \u0130") == "\u0130\u0130 password=*** \u0130"
