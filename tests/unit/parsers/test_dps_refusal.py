"""Refusals of DPS in texts; the numbers are those of the deviations that the field shows."""

from __future__ import annotations

import json

import pytest

from eflowprov.errors import ParseError
from eflowprov.parsers.dps_refusal import parse_dps_refusal

TRACKING = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JSON = f'{{"errorCode":401002,"trackingId":"{TRACKING}","message":"Invalid certificate."}}'


# 30
@pytest.mark.parametrize(
    "message", ["Invalid certificate.", "Invalid certificate", "Unauthorized", "IotHubUnauthorizedAccess"]
)
@pytest.mark.parametrize("code", [401002, 401000, 400207, 404201, 404202])
def test_30_code_and_message_are_told_apart(code: int, message: str) -> None:
    found = parse_dps_refusal(json.dumps({"errorCode": code, "trackingId": TRACKING, "message": message}))
    assert (found.http_status, found.error_code, found.message, found.tracking_id) == (
        code // 1000,
        code,
        message,
        TRACKING,
    )


# 31
@pytest.mark.parametrize(
    "text",
    [
        f"Unhandled exception. Client.TransportException: {JSON}\n   at A.B()\n",
        "caused by: " + json.dumps(JSON),
        f'{{"errorCode":401002,"trackingId":"{TRACKING}","message":"Invalid cer\ntificate."}}',
        f'{{"errorC\node":401002,"trackingId":"{TRACKING}","message":"Invalid certificate."}}',
        f"Error code: 401002\nMessage: Invalid certificate.\nTracking ID: {TRACKING}\n",
        f'{{"code":401002,"errorMessage":"Invalid certificate.","trackingId":"{TRACKING}"}}',
    ],
)
def test_31_the_same_refusal_in_every_wrapping(text: str) -> None:
    found = parse_dps_refusal(text)
    assert (found.error_code, found.message, found.tracking_id) == (401002, "Invalid certificate.", TRACKING)


def test_31_the_keys_of_other_services() -> None:
    text = json.dumps(
        {
            "Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized",
            "ExceptionMessage": f"Tracking ID:{TRACKING}-G:0",
        }
    )
    found = parse_dps_refusal(text)
    assert (
        found.error_code == 0 and "IotHubUnauthorizedAccess" in found.message and found.tracking_id.startswith(TRACKING)
    )


# 32
def test_32_the_device_library_tells_the_status_alone() -> None:
    found = parse_dps_refusal(
        "azure.iot.device.exceptions.ServiceError: register request returned a service error status code 401\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "azure.iot.device.exceptions.ClientError: Unexpected failure\n"
    )
    assert (found.http_status, found.error_code, found.message) == (401, 0, "")


@pytest.mark.parametrize("text", ["", "ClientError: Unexpected failure", "registration id is blank", "port 401002x"])
def test_a_text_without_a_refusal_is_refused_with_its_first_words(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_dps_refusal(text)
    assert "it is empty" in caught.value.why or text in caught.value.why


# 31
def test_31_portal_fields_may_have_their_values_on_the_next_line() -> None:
    found = parse_dps_refusal(
        f"Error code\n400207\nError message\nCustom allocation failed with status code: 400\nTracking ID\n{TRACKING}\n"
    )
    assert (found.http_status, found.error_code) == (400, 400207)
    assert (found.message, found.tracking_id) == ("Custom allocation failed with status code: 400", TRACKING)


def test_31_the_message_inside_json_inside_a_message_is_the_innermost() -> None:
    inner = json.dumps({"Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"})
    found = parse_dps_refusal(json.dumps({"errorCode": 400209, "errorMessage": inner}))
    assert (found.error_code, found.message) == (400209, "ErrorCode:IotHubUnauthorizedAccess;Unauthorized")


def test_31_the_message_is_told_before_the_exceptions_message() -> None:
    both = {"ExceptionMessage": "Tracking ID:x", "Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"}
    assert parse_dps_refusal(json.dumps(both)).message == "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"
    alone = {"ExceptionMessage": "Custom allocation failed", "errorCode": 400207}
    assert parse_dps_refusal(json.dumps(alone)).message == "Custom allocation failed"


def test_a_code_that_stands_before_its_message_is_read() -> None:
    found = parse_dps_refusal("Registration failed: 401002: CA certificate not found.")
    assert (found.http_status, found.error_code) == (401, 401002)
