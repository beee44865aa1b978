"""The catalogue: refusals by message, by code, by status; the cmdlets' messages."""

from __future__ import annotations

import pytest

from eflowprov.checks.catalogue import explain_causes, explain_cmdlet, explain_refusal


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("CA certificate not found.", "ca-not-found"),  # azure-iot-sdk-csharp#1040
        ("Signing certificate info did not match chain elements.", "chain-mismatch"),  # iotedge#2739
        ("Invalid certificate.", "invalid-certificate"),  # azure-iot-sdk-python#177
        ("Invalid certificate", "invalid-certificate"),  # vscode-iot-workbench#590
        ("Unauthorized", "unauthorized"),  # azure-iot-sdk-csharp#1010
        ("IotHubUnauthorizedAccess", "unauthorized"),  # azure-iot-sdk-csharp#907
        ("Not authorised", "unauthorized"),  # azure-iot-sdk-python#709
    ],
)
def test_401002_is_told_apart_by_its_message(message: str, wanted: str) -> None:
    assert explain_refusal(401, 401002, message).id == wanted


def test_a_stale_link_to_the_hub_is_told_from_a_missing_enrollment() -> None:
    body = '{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized","ExceptionMessage":"Tracking ID:1"}'
    assert explain_refusal(401, 401002, body).id == "hub-link"  # azure-iot-sdk-c#1789


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (401, 401000, "unauthorized"),  # MicrosoftLearning/AZ-220#119
        (400, 400207, "custom-allocation"),  # iotedge#3233
        (404, 404201, "not-found"),  # azure-docs#57082
        (404, 404202, "not-found"),
        (404, 0, "not-found"),
        (409, 409001, "conflict"),
        (412, 0, "precondition"),
        (429, 429001, "throttled"),
        (500, 500001, "service-fault"),
        (503, 0, "service-fault"),
        (400, 400004, "bad-request"),
        (0, 401002, "unauthorized"),
        (0, 5, "unauthorized"),
        (0, 3, "service-fault"),
        (0, 2, "bad-request"),
        (0, 0, "unknown"),
        (418, 418001, "unknown"),
    ],
)
def test_without_a_known_message_the_code_and_then_the_status_tell(status: int, code: int, wanted: str) -> None:
    assert explain_refusal(status, code, "").id == wanted


def test_the_message_wins_over_the_code() -> None:
    assert explain_refusal(401, 401002, "Custom allocation failed with status code: 404").id == "custom-allocation"


@pytest.mark.parametrize(
    ("causes", "wanted"),
    [
        (["DPS client error", "CA certificate not found."], "ca-not-found"),
        (["DPS client error", "error trying to connect", "failed to lookup address information"], "dns"),
        (["DPS client error", "Connection timed out (os error 110)"], "network"),
        (["DPS client error", "certificate verify failed"], "tls"),
        (["DPS client error", "EOF while parsing a value"], "malformed-answer"),
        (["internal error", "could not get TPM keys"], "tpm"),
        (["internal error", "Permission denied (os error 13)", "AZIOT_KEYS_RC_ERR_EXTERNAL"], "key-not-readable"),
        (["error", "X509_check_private_key:key values mismatch"], "key-mismatch"),
        (["error", "certificate has expired"], "expired"),
        (["error", "the certificate is not yet valid"], "not-yet-valid"),
        (["something", "else"], "unknown"),
        ([], "unknown"),
    ],
)
def test_a_chain_of_causes_is_decoded_from_its_inner_end(causes: list[str], wanted: str) -> None:
    assert explain_causes(causes).id == wanted


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            "iotedge service not running after provisioning, please investigate manually",
            "not-running-after-provisioning",
        ),
        (
            " - iotedge service not running after provisioning, please investigate manually at line 2295",
            "not-running-after-provisioning",
        ),
        ("Failed to provision", "failed-to-provision"),
        (" - Failed to provision at line 2415", "failed-to-provision"),
        ("scp  failed to execute [scp: /home/iotedge-user/certs/a.pem: Permission denied]", "scp-permission-denied"),
        ("ssh  failed to execute []", "output-lost"),
        ("ssh failed to execute [] at line 3101", "output-lost"),
        ("x509: certificate has expired or is not yet valid", "wssdagent-certificate"),
        ("Cannot process request, EFLOW VM is OFF!", "vm-off"),
        ("Virtual machine does not exist, deploy it first", "vm-missing"),
        ("Failed to acquire IP address for virtual machine", "no-address"),
        ("Aborting, iotedge was previously provisioned (headless mode)!", "aborted"),
        (
            "Certificate and private key file for ManualX509 provisioning not found (expected at a and b)",
            "files-not-found",
        ),
        ("registration ID may not be specified for DpsX509 provisioning", "wrong-parameters"),
        ("SeSecurityPrivilege", "needs-elevation"),
    ],
)
def test_each_message_of_the_cmdlets_is_known_with_and_without_its_line_number(message: str, wanted: str) -> None:
    explanation = explain_cmdlet(message)
    assert explanation is not None
    assert explanation.id == wanted


@pytest.mark.parametrize("message", ["OK", "", "Provisioning successful. iotedge service running."])
def test_what_is_no_failure_is_not_explained(message: str) -> None:
    assert explain_cmdlet(message) is None


@pytest.mark.parametrize("code", [0, 400207, 401002, 404201, 429001, 500000])
def test_every_explanation_is_made_of_whole_sentences(code: int) -> None:
    explanation = explain_refusal(code // 1000, code, "")
    assert explanation.cause.endswith(".")
    assert explanation.remedy.endswith(".")
