"""What DPS says on its answer topic, read or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.errors import ParseError
from eflowprov.model import Assigned, Refused
from eflowprov.transports.dps_answers import Answer, Pending, read_answer

STATE = {
    "registrationId": "press2",
    "assignedHub": "h.azure-devices.net",
    "deviceId": "press2",
    "substatus": "initialAssignment",
}


def read(status: int, body: Any, query: str = "$rid=1") -> Answer:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
    return read_answer(f"$dps/registrations/res/{status}/?{query}", payload, "press2")


def test_assigned_names_hub_device_and_substatus() -> None:
    answer = read(200, {"operationId": "5.x", "status": "assigned", "registrationState": STATE})
    assert answer == Assigned("press2", "h.azure-devices.net", "press2", "initialAssignment")


def test_assigned_without_a_substatus_is_assigned() -> None:
    state = {name: value for name, value in STATE.items() if name != "substatus"}
    assert read(200, {"status": "assigned", "registrationState": state}) == Assigned(
        "press2", STATE["assignedHub"], "press2"
    )


@pytest.mark.parametrize("missing", ["assignedHub", "deviceId"])
@pytest.mark.parametrize("value", [None, "", 7])
def test_assigned_without_hub_or_device_is_no_answer(missing: str, value: object) -> None:
    with pytest.raises(ParseError, match="names no hub or no device ID"):
        read(200, {"status": "assigned", "registrationState": {**STATE, missing: value}})


@pytest.mark.parametrize(
    ("body", "code", "message", "tracking"),
    [
        (
            {"errorCode": 401002, "message": "Invalid certificate", "trackingId": "t-1"},
            401002,
            "Invalid certificate",
            "t-1",
        ),
        ({"code": "401000", "errorMessage": "Unauthorized"}, 401000, "Unauthorized", ""),
        ({"Message": "ErrorCode:X;Tracking ID:0a1b2c3d-11"}, 0, "ErrorCode:X;Tracking ID:0a1b2c3d-11", "0a1b2c3d-11"),
        ({"errorCode": "many", "message": ["no", "text"]}, 0, "", ""),
        ({"errorCode": 401002, "message": "two\nlines\x1b[31m"}, 401002, "two lines [31m", ""),
        (b"Bad Gateway \xff", 0, "Bad Gateway \ufffd", ""),
        (b"[]", 0, "[]", ""),
    ],
)
def test_a_refusal_keeps_what_dps_said(body: Any, code: int, message: str, tracking: str) -> None:
    assert read(401, body) == Refused("press2", 401, code, message, tracking)


def test_a_failed_registration_is_refused_with_the_reason_in_its_state() -> None:
    state = {"errorCode": 400207, "errorMessage": "Custom allocation failed with status code: 404"}
    answer = read(200, {"status": "failed", "registrationState": state})
    assert answer == Refused("press2", 200, 400207, "Custom allocation failed with status code: 404")


def test_a_disabled_registration_is_refused() -> None:
    answer = read(200, {"status": "disabled", "registrationState": {}})
    assert answer == Refused("press2", 200, 0, "registration status: disabled")


def test_assigning_and_throttling_are_not_answers_yet() -> None:
    assert read(202, {"operationId": "5.x", "status": "assigning"}, "$rid=1&retry-after=3") == Pending(
        202, 0, "assigning"
    )
    assert read(429, {"errorCode": 429001, "message": "Slow down"}) == Pending(429, 429001, "Slow down")
    assert read(500, b"") == Pending(500)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'{"status": "assigned"', {"status": "done"}, {}, b"[" * 100_000]
)
def test_an_unknown_form_is_refused_with_its_first_words(body: Any) -> None:
    with pytest.raises(ParseError, match="no form that DPS is known to use"):
        read(200, body)


def test_a_token_that_is_quoted_back_is_not_told_on() -> None:
    said = "SharedAccessSignature sr=dps&sig=S3CRET%3D&se=1&skn=owner"
    for body in ({"errorCode": 401002, "message": said}, said.encode()):
        assert "S3CRET" not in str(read(401, body))


@pytest.mark.parametrize("topic", ["", "$dps/registrations/res/2x0/?$rid=1", "$dps/registrations/res/", "other"])
def test_another_topic_is_no_answer(topic: str) -> None:
    with pytest.raises(ParseError):
        read_answer(topic, b"{}", "press2")


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.integers(100, 599), st.binary(max_size=200) | st.from_type(dict[str, str]).map(lambda d: json.dumps(d).encode())
)
def test_no_answer_at_all_escapes_as_another_exception(status: int, payload: bytes) -> None:
    try:
        answer = read(status, payload)
    except ParseError:
        return
    assert status >= 300 or not isinstance(answer, Assigned)
