"""provisioning/dps-assigned and provisioning/hub-connected: the newest word wins, and silence is never a pass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eflowprov.checks.words import named_identity
from eflowprov.model import Log, Outcome, RuntimeFacts, Verdict
from tests.unit.checks.facts import (
    ASSIGNED,
    ATTEMPT,
    BY_HAND,
    CONNECTED,
    HUB,
    MISSING,
    RECONCILED,
    START,
    TRYING,
    UNREADABLE,
    agent_log,
    facts,
    found,
    log,
    refused,
    verdict,
)

DPS, HUB_ID = "provisioning/dps-assigned", "provisioning/hub-connected"
SILENT = log("keepalive")
REFUSED_HUB = "Failed to provision with IoT Hub, and no valid device backup was found: Hub client error"


def _dps(*lines: str | tuple[str, ...]) -> Outcome:
    return found(facts(logs=log(*lines), agent=MISSING), DPS).outcome


def _hub(agent: Log, *journal: str | tuple[str, ...]) -> Outcome:
    return found(facts(logs=log(*journal), agent=agent), HUB_ID).outcome


def _with_journal(*lines: str | tuple[str, ...]) -> RuntimeFacts:
    return facts(logs=log(*lines), agent=MISSING)


# ------------------------------------------------------------------------------------------------ dps-assigned


@pytest.mark.parametrize(
    "word",
    [
        "Successfully provisioned with DPS.",
        "DPS registration complete.",
        f"Assigned to IoT hub: {HUB}",
        "iotedged> Successful DPS provisioning.",
        f"iotedged> DPS registration assigned device line4-press2in hub {HUB}",
    ],
)
def test_each_word_of_success_is_a_pass(word: str) -> None:
    assert _dps(*TRYING, word) is Outcome.PASS


def test_a_pass_names_the_hub_and_the_device() -> None:
    finding = found(facts(), DPS)
    assert HUB in finding.detail
    assert "line4-press2" in finding.detail


def test_success_newer_than_a_failure_is_a_pass() -> None:
    assert _dps(*refused("Unauthorized"), *ASSIGNED) is Outcome.PASS


def test_a_failure_newer_than_success_is_a_fail() -> None:
    assert _dps(*ASSIGNED, *refused("Unauthorized")) is Outcome.FAIL


def test_a_failure_is_decoded_by_the_innermost_cause() -> None:
    finding = found(_with_journal(*refused("CA certificate not found.")), DPS)
    assert finding.outcome is Outcome.FAIL
    assert "CA certificate not found" in finding.detail
    assert "ID.chain.pem" in finding.remedy
    assert "caused by: CA certificate not found." in finding.evidence


def test_another_cause_has_another_remedy() -> None:
    first = found(_with_journal(*refused("CA certificate not found.")), DPS)
    second = found(_with_journal(*refused("Unauthorized")), DPS)
    assert first.remedy != second.remedy


def test_a_cause_that_is_not_known_is_shown_as_it_is() -> None:
    finding = found(_with_journal(*refused("flux capacitor")), DPS)
    assert "flux capacitor" in finding.detail
    assert "system logs" in finding.remedy


def test_a_retry_under_way_after_a_refusal_stays_a_fail() -> None:
    assert _dps(*refused("Unauthorized"), *TRYING) is Outcome.FAIL


def test_a_registration_that_has_not_ended_is_an_error() -> None:
    given = _with_journal(*TRYING, "DPS registration is still in progress.")
    assert found(given, DPS).outcome is Outcome.ERROR
    assert verdict(given) is Verdict.UNKNOWN


def test_a_new_registration_that_has_not_ended_is_no_longer_the_old_success() -> None:
    assert _dps(*ASSIGNED, *TRYING) is Outcome.ERROR


def test_a_registration_whose_end_is_not_told_is_proved_by_the_hub_alone() -> None:
    assert _dps(*TRYING, "Provisioning complete.") is Outcome.ERROR
    assert _dps(*TRYING, "Provisioning complete.", "Identity reconciliation complete.") is Outcome.SKIP


def test_a_failure_at_the_very_beginning_of_the_log_counts() -> None:
    assert (
        _dps("Failed to provision with IoT Hub, and no valid device backup was found: internal error") is Outcome.FAIL
    )


def test_a_backup_is_only_a_warning() -> None:
    assert _dps(*TRYING, "Provisioned with backup for line4-press2.", *RECONCILED[-5:]) is Outcome.WARN


def test_a_backup_older_than_a_registration_does_not_warn() -> None:
    assert _dps("Provisioned with backup for line4-press2.", *ASSIGNED) is Outcome.PASS


def test_a_silent_journal_is_an_error_without_proof_of_the_hub() -> None:
    assert found(facts(logs=SILENT, agent=MISSING), DPS).outcome is Outcome.ERROR


def test_a_silent_journal_is_a_skip_when_edgeagent_proves_the_hub() -> None:
    assert found(facts(logs=SILENT), DPS).outcome is Outcome.SKIP
    assert verdict(facts(logs=SILENT)) is Verdict.READY


def test_a_device_provisioned_by_hand_has_no_dps_to_judge() -> None:
    finding = found(_with_journal(*BY_HAND, "Identity reconciliation complete."), DPS)
    assert finding.outcome is Outcome.SKIP
    assert "by hand" in finding.detail


def test_by_hand_after_a_refusal_by_dps_counts() -> None:
    assert _dps(*refused("Unauthorized"), *BY_HAND, "Identity reconciliation complete.") is Outcome.SKIP


def test_other_programs_words_about_dps_do_not_count() -> None:
    assert _dps(*ASSIGNED, ("camera> DPS client error", "Unauthorized")) is Outcome.PASS
    assert _dps("camera> Successfully provisioned with DPS.") is Outcome.ERROR


def test_the_same_words_from_identityd_count() -> None:
    assert _dps(*ASSIGNED, ("DPS client error", "Unauthorized")) is Outcome.FAIL


def test_a_failure_with_the_hub_is_not_one_with_dps() -> None:
    given = _with_journal(*ASSIGNED, "Identity reconciliation started. Reason: Startup", REFUSED_HUB)
    assert found(given, DPS).outcome is Outcome.PASS
    assert found(given, HUB_ID).outcome is Outcome.FAIL


def test_what_follows_a_refusal_by_dps_is_still_about_dps() -> None:
    given = _with_journal(
        *TRYING, ("DPS client error", "Unauthorized"), ("service encountered an error", "internal error")
    )
    assert (found(given, DPS).outcome, found(given, HUB_ID).outcome) == (Outcome.FAIL, Outcome.SKIP)


def test_a_failure_without_a_name_counts_where_it_falls() -> None:
    failure = "Failed to provision with IoT Hub, and no valid device backup was found: internal error"
    assert _dps(*TRYING, failure) is Outcome.FAIL
    at_hub = _with_journal(*ASSIGNED, "Identity reconciliation started. Reason: Startup", failure)
    assert (found(at_hub, DPS).outcome, found(at_hub, HUB_ID).outcome) == (Outcome.PASS, Outcome.FAIL)


def test_an_unreadable_journal_proves_nothing() -> None:
    assert found(facts(logs=UNREADABLE, agent=MISSING), DPS).outcome is Outcome.ERROR


# ----------------------------------------------------------------------------------------------- hub-connected


@pytest.mark.parametrize(
    "word",
    [
        CONNECTED[1],
        "Obtained Edge agent twin from IoTHub with desired properties version 2 and reported properties version 9.",
        "Updated reported properties",
        "This device has an empty configuration for the edge agent. Please set a deployment manifest.",
    ],
)
def test_each_word_of_the_agent_that_needs_the_hub_is_proof(word: str) -> None:
    assert _hub(agent_log(ATTEMPT, word)) is Outcome.PASS


@pytest.mark.parametrize(
    "word", ["Error creating a device-to-cloud connection", "Device client threw non-transient exception during setup"]
)
def test_each_refusal_of_the_agent_is_a_fail(word: str) -> None:
    assert _hub(agent_log(ATTEMPT, word), *RECONCILED) is Outcome.FAIL
    assert _hub(agent_log(*CONNECTED, ATTEMPT, word), *RECONCILED) is Outcome.FAIL


def test_a_refusal_counts_without_its_attempt() -> None:
    finding = found(facts(agent=agent_log("Error creating a device-to-cloud connection")), HUB_ID)
    assert finding.outcome is Outcome.FAIL
    assert "was not let in" in finding.detail


def test_a_failure_of_another_service_is_not_one_with_the_hub() -> None:
    given = _with_journal(*RECONCILED, ("aziot-certd> service encountered an error", "bad file"))
    assert found(given, HUB_ID).outcome is Outcome.PASS


def test_a_connection_newer_than_a_refusal_is_a_pass() -> None:
    assert _hub(agent_log(ATTEMPT, "Error creating a device-to-cloud connection", *CONNECTED)) is Outcome.PASS


def test_one_attempt_alone_is_an_error_and_two_are_a_fail() -> None:
    assert _hub(agent_log(ATTEMPT), *ASSIGNED) is Outcome.ERROR
    assert _hub(agent_log(ATTEMPT, ATTEMPT), *ASSIGNED) is Outcome.FAIL


def test_an_agent_that_says_nothing_of_the_hub_leaves_it_to_identityd() -> None:
    assert _hub(agent_log("Plan execution started for deployment 3"), *RECONCILED) is Outcome.PASS
    assert _hub(agent_log("Plan execution started for deployment 3"), *ASSIGNED) is Outcome.ERROR


def test_without_the_agents_log_a_reconciliation_is_proof() -> None:
    assert found(_with_journal(*RECONCILED), HUB_ID).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "failure",
    [
        "Could not reconcile Identities with current device data. Reprovisioning.",
        "Network not available for Identity reconciliation. Using offline backup from last run.",
        REFUSED_HUB,
        ("iotedged> Error in watchdog", "Could not get identity $edgeAgent"),
    ],
)
def test_a_hub_failure_newer_than_a_reconciliation_is_a_fail(failure: str | tuple[str, ...]) -> None:
    assert found(_with_journal(*RECONCILED, failure), HUB_ID).outcome is Outcome.FAIL
    assert found(_with_journal(*ASSIGNED, failure, *RECONCILED), HUB_ID).outcome is Outcome.PASS


def test_a_reconciliation_that_has_not_ended_is_an_error() -> None:
    given = _with_journal(*ASSIGNED, "Identity reconciliation started. Reason: Startup")
    assert found(given, HUB_ID).outcome is Outcome.ERROR


def test_an_old_failure_does_not_outlive_a_later_reconciliation() -> None:
    given = _with_journal(*ASSIGNED, REFUSED_HUB, *RECONCILED, "Identity reconciliation started. Reason: Api")
    assert found(given, HUB_ID).outcome is Outcome.ERROR


def test_a_later_failure_of_identityd_outdates_the_agents_connection() -> None:
    journal = log(*RECONCILED, *(["tick"] * 100), REFUSED_HUB)
    assert found(facts(logs=journal), HUB_ID).outcome is Outcome.FAIL


def test_the_agents_later_connection_outdates_a_failure_of_identityd() -> None:
    late = agent_log(*(["tick"] * 100), *CONNECTED)
    assert found(facts(logs=log(*ASSIGNED, REFUSED_HUB), agent=late), HUB_ID).outcome is Outcome.PASS


def test_runtime_1_1_proves_the_hub_by_creating_the_agent_after_its_identity() -> None:
    update, created = (
        "iotedged> Updating identity for module $edgeAgent",
        "iotedged> Successfully created module edgeAgent",
    )
    start = "iotedged> Starting provisioning edge device via X509 provisioning..."
    assert (
        found(_with_journal(start, "iotedged> Successful DPS provisioning.", update, created), HUB_ID).outcome
        is Outcome.PASS
    )
    assert (
        found(_with_journal(start, "iotedged> Successful DPS provisioning.", update), HUB_ID).outcome is Outcome.ERROR
    )
    assert (
        found(_with_journal(start, "iotedged> Successful DPS provisioning.", created), HUB_ID).outcome is Outcome.ERROR
    )


def test_a_hub_that_refused_the_agents_identity_is_not_proved_by_an_old_agent() -> None:
    update, started = (
        "iotedged> Updating identity for module $edgeAgent",
        "iotedged> Successfully started module edgeAgent",
    )
    refusal = ("iotedged> Error in watchdog", "Could not get identity $edgeAgent")
    assert found(_with_journal(*ASSIGNED, update, refusal, started), HUB_ID).outcome is Outcome.FAIL


def test_nothing_told_is_an_error() -> None:
    assert found(facts(logs=SILENT, agent=MISSING), HUB_ID).outcome is Outcome.ERROR


# ------------------------------------------------------------------------------------------------ the hub's name


def test_the_hub_and_the_device_are_read_from_the_journal() -> None:
    assert named_identity(log(*RECONCILED)) == (HUB, "line4-press2")
    assert named_identity(log(*ASSIGNED)) == (HUB, "")
    assert named_identity(log('iotedged> Manually provisioning device "a" in hub "b.net"')) == ("b.net", "a")
    assert named_identity(log(f"iotedged> DPS registration assigned device a in hub {HUB}.")) == (HUB, "a")
    assert named_identity(log(f'iotedged> DPS registration assigned device "a" in hub "{HUB}"')) == (HUB, "a")
    assert named_identity(SILENT) == ("", "")


def test_a_hub_that_refuses_is_not_taken_for_a_network_that_fails() -> None:
    unauthorized = (ATTEMPT, ("Error creating a device-to-cloud connection", "UnauthorizedException: Put token failed"))
    refused = found(facts(agent=agent_log(*unauthorized, "Device client threw non-transient exception")), HUB_ID)
    assert "disabled" in refused.detail and "port" not in refused.remedy
    disabled = ("Hub client error", '{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized"}')
    journal = found(facts(logs=log(*RECONCILED, disabled), agent=MISSING), HUB_ID)
    assert "disabled" in journal.detail and "port" not in journal.remedy


def test_a_hub_whose_name_was_cut_off_is_no_name() -> None:
    assert named_identity(log("Assigned to IoT hub: plant7…", "aziot-edged> Device is a on plant7…")) == ("", "")


def test_a_journal_that_could_not_be_read_is_named_as_the_reason() -> None:
    finding = found(facts(logs=UNREADABLE, agent=MISSING), "provisioning/dps-assigned")
    assert "logs/journal" in finding.detail and "logs/journal" in finding.remedy


def test_a_hub_that_another_program_names_is_not_ours() -> None:
    assert named_identity(log("camera> Assigned to IoT hub: evil.example")) == ("", "")


def test_the_last_hub_named_counts() -> None:
    assert (
        named_identity(log(*ASSIGNED, "Assigned to IoT hub: other.azure-devices.net"))[0] == "other.azure-devices.net"
    )


def test_the_log_helper_spaces_its_entries() -> None:
    assert log("a", "b", every_s=60).entries[1].time == START + timedelta(minutes=1)


# ------------------------------------------------------------------------------------------- refused requests to sign

SIGN = 'iotedged> [work] - - - "POST /modules/%24edgeAgent/genid/637/sign?api-version=2020-07 HTTP/1.1" 404 Not Found'


def test_an_agent_that_gets_no_signature_has_not_reached_the_hub() -> None:
    finding = found(facts(logs=log(*RECONCILED, SIGN), agent=MISSING), HUB_ID)
    assert finding.outcome is Outcome.FAIL
    assert "does not know the edgeAgent" in finding.detail and "docker rm -f edgeAgent" in finding.remedy


def test_a_refused_signature_from_before_the_proof_counts_no_more() -> None:
    assert found(facts(logs=log(SIGN, *RECONCILED), agent=MISSING), HUB_ID).outcome is Outcome.PASS


def test_edgeagent_itself_says_whether_a_refused_signature_matters() -> None:
    assert found(facts(logs=log(*RECONCILED, *["keepalive"] * 900, SIGN)), HUB_ID).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "cause", ["HTTP response error: [404] DeviceNotFound", "[401] Device line4-press2 is disabled"]
)
def test_the_hubs_words_for_a_device_that_it_does_not_take_are_known(cause: str) -> None:
    given = _with_journal(*RECONCILED, (REFUSED_HUB, "Hub client error", cause))
    finding = found(given, HUB_ID)
    assert "does not know the device or its key, or the device is disabled" in finding.detail
    assert "reprovision" in finding.remedy
