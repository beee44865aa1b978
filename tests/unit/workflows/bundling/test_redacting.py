"""What JSON says in other characters is found too, and JSON stays JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.workflows.bundling.redacting import redact_file

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"a": {"Client-Secret": "x"}}, {"a": {"Client-Secret": "***"}}),
        ({"password": {"value": "x", "of": ["y", 7]}}, {"password": {"value": "***", "of": ["***", "***"]}}),
        ({"token": True, "secret": None, "password": ""}, {"token": True, "secret": None, "password": ""}),
        ({"identity_pk_secret": "file:///keys/a.pem"}, {"identity_pk_secret": "file:///keys/a.pem"}),
        ({"Env": ["MY_TOKEN=a,b;c d", "PATH=/bin"]}, {"Env": ["MY_TOKEN=***", "PATH=/bin"]}),
        ({"bytes": [*b"said password=hunter2 twice"]}, {"bytes": "said password=*** twice"}),
        ({"numbers": [1, 2, 3, 255, 256, 7, 8, 9]}, {"numbers": [1, 2, 3, 255, 256, 7, 8, 9]}),
        ({"a": json.dumps({"b": json.dumps({"pwd": "x"})})}, {"a": json.dumps({"b": json.dumps({"pwd": "***"})})}),
        ({"SharedAccessKey=abc": 1}, {"SharedAccessKey=***": 1}),
        ({"keys": {"tokenizer": "fast", "trackingId": "5f2c"}}, {"keys": {"tokenizer": "fast", "trackingId": "5f2c"}}),
    ],
)
def test_a_document_keeps_its_form_and_loses_its_secrets(document: Any, shown: Any) -> None:
    for indent in (None, 2):
        redacted = redact_file(json.dumps(document, indent=indent))
        assert json.loads(redacted.text) == shown
        assert (redacted.count > 0) == (document != shown)


def test_a_name_that_comes_twice_hides_nothing() -> None:
    text = '{"a": "SharedAccessKey=abcdef=", "a": "harmless"}'
    assert redact_file(text).text == '{"a": "harmless"}'


def test_an_escaped_secret_is_one() -> None:
    text = '{"a": "\\u0053hared\\u0041ccessKey\\u003dabcdef\\u003d;x"}\n{"b": 1}\n'
    assert redact_file(text).text == '{"a": "SharedAccessKey=***"}\n{"b": 1}\n'


@given(VALUES)
def test_a_document_is_a_document_afterwards(value: Any) -> None:
    text = json.dumps({"password": "hunter2", "rest": value})
    redacted = redact_file(text)
    assert json.loads(redacted.text).keys() == {"password", "rest"} and "hunter2" not in redacted.text


@given(st.lists(st.text('abc {}[]",:\\=\n-', max_size=30), max_size=6), st.integers(0, 6))
def test_text_without_a_secret_stays_whatever_it_looks_like(lines: list[str], at: int) -> None:
    text = "\n".join(lines)
    assert redact_file(text).text == text and redact_file("\n".join(lines[at:]), "\n".join(lines[:at])).count == 0


def test_json_that_goes_too_deep_or_is_cut_off_is_read_as_text() -> None:
    for text in ('{"a": [' * 5000 + '"password=hunter2', '{"password": "hunter2", "b"'):
        assert "hunter2" not in redact_file(text).text
