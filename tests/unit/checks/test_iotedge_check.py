"""iotedge-check/ID: what an outcome says about the device, and what it does not."""

from __future__ import annotations

import pytest

from eflowprov.model import Check, CheckReport, Outcome, RuntimeFacts, Verdict
from tests.unit.checks.facts import (
    EDGE_HUB,
    MISSING,
    NEW,
    UNREADABLE,
    check,
    checks,
    facts,
    found,
    ids,
    log,
    modules,
    refused,
    verdict,
)

REPORT = "iotedge-check/report"
HTTPS = "iotedge-check/host-connect-iothub-https"
PULL = "Unable to find image 'registry.example/azureiotedge-diagnostics:1.5' locally"


def _one(given: Check, base: RuntimeFacts | None = None) -> Outcome:
    return found(facts(base or facts(), checks=checks(given)), f"iotedge-check/{given.id}").outcome


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("ok", "pass"),
        ("ignored", "pass"),
        ("warning", "warn"),
        ("error", "fail"),
        ("fatal", "fail"),
        ("skipped", "skip"),
    ],
)
def test_each_outcome_of_the_tool_has_its_own(told: str, wanted: str) -> None:
    assert _one(check("hostname", told, "why")) == wanted


def test_an_unknown_id_is_kept_and_shown() -> None:
    assert _one(check("brand-new-check", "error", "something new")) is Outcome.FAIL


def test_a_skip_says_its_reason_or_that_it_is_no_proof() -> None:
    reason = found(facts(checks=checks(check("a", "skipped", "not applicable here"))), "iotedge-check/a")
    assert reason.detail == "not applicable here"
    assert "no proof" in found(facts(checks=checks(check("a", "skipped"))), "iotedge-check/a").detail


@pytest.mark.parametrize(
    "id_", ["host-connect-iothub-amqp", "container-connect-upstream-mqtt", "container-default-connect-upstream-https"]
)
def test_a_hub_check_without_the_hubs_name_is_not_tested(id_: str) -> None:
    untold = "Could not retrieve iothub_hostname from provisioning file.\nall hub connectivity tests will be skipped."
    finding = found(facts(checks=checks(check(id_, "warning", untold))), f"iotedge-check/{id_}")
    assert finding.outcome is Outcome.SKIP
    assert "Not tested" in finding.detail


def test_a_hub_check_that_warns_for_another_reason_is_a_warning() -> None:
    assert _one(check("host-connect-iothub-amqp", "warning", "slow")) is Outcome.WARN


def test_a_hub_check_that_fails_is_a_fail() -> None:
    assert (
        _one(check("host-connect-iothub-amqp", "error", "Could not connect to plant7.azure-devices.net:5671"))
        is Outcome.FAIL
    )


# -------------------------------------------------------------------------------------------- the documented error


def test_the_edgehub_error_is_expected_on_a_new_device() -> None:
    assert found(NEW, f"iotedge-check/{EDGE_HUB.id}").outcome is Outcome.EXPECTED
    assert verdict(NEW) is Verdict.READY_AWAITING_DEPLOYMENT


def test_the_edgehub_error_is_a_fail_with_a_deployment() -> None:
    given = facts(checks=checks(EDGE_HUB), modules=modules("edgeAgent", "sensor"))
    assert found(given, f"iotedge-check/{EDGE_HUB.id}").outcome is Outcome.FAIL
    assert verdict(given) is Verdict.NOT_READY


@pytest.mark.parametrize("state", ["failed (139)", "dead"])
def test_the_edgehub_error_is_a_fail_beside_an_edgehub_that_failed(state: str) -> None:
    given = facts(NEW, modules=modules("edgeAgent", edgeHub=state))
    assert found(given, f"iotedge-check/{EDGE_HUB.id}").outcome is Outcome.FAIL


def test_another_edgehub_error_is_a_fail_on_a_new_device_too() -> None:
    assert _one(check(EDGE_HUB.id, "error", "The edgeHub module could not be parsed"), NEW) is Outcome.FAIL


def test_the_edgehub_error_is_open_while_nothing_tells_of_a_deployment() -> None:
    given = facts(NEW, modules=UNREADABLE, agent=MISSING)
    assert found(given, f"iotedge-check/{EDGE_HUB.id}").outcome is Outcome.ERROR
    behind = facts(given, logs=log(*refused("Unauthorized")))
    assert found(behind, f"iotedge-check/{EDGE_HUB.id}").outcome is Outcome.SKIP


def test_the_edgehub_error_in_the_words_of_1_0_is_expected_too() -> None:
    assert (
        _one(check(EDGE_HUB.id, "error", "Could not check current state of Edge Hub container"), NEW)
        is Outcome.EXPECTED
    )


# ----------------------------------------------------------------------------------------------------- known noise


def test_a_missing_trust_bundle_alone_is_a_warning() -> None:
    bundle = 'could not load cert with ID "aziot-edged-trust-bundle"\nnot found'
    assert _one(check("certs-read", "error", bundle)) is Outcome.WARN
    assert _one(check("certs-read", "error", f'{bundle}\ncould not load cert with ID "device-id"')) is Outcome.FAIL


def test_a_trust_bundle_that_certd_does_not_answer_for_is_a_fail() -> None:
    reset = 'could not load cert with ID "aziot-edged-trust-bundle"'
    assert _one(check("certs-read", "error", reset, "Connection reset by peer (os error 104)")) is Outcome.FAIL


@pytest.mark.parametrize(
    ("cause", "meaning", "way_out"),
    [
        ("failed to lookup address information: Name or service not known", "no DNS server", "Set-EflowVmDNSServers"),
        ("Network is unreachable (os error 101)", "no way out", "Get-EflowVmEndpoint"),
        ("received 407 Proxy Authentication Required", "A proxy is set", "what it lets pass"),
        ("certificate verify failed (self signed certificate)", "opens the connection", "TLS inspection"),
    ],
)
def test_a_failed_connection_says_its_cause_what_it_means_and_the_way_out(
    cause: str, meaning: str, way_out: str
) -> None:
    headline = "Could not connect to hub:443 : could not complete TLS handshake with hub:443"
    finding = found(facts(checks=checks(check("host-connect-iothub-https", "error", headline, cause))), HTTPS)
    assert finding.detail.startswith(f"{headline}: {cause}") and meaning in finding.detail
    assert way_out in finding.remedy


def test_the_words_of_every_failed_connections_headline_are_no_cause() -> None:
    headline = "Could not connect to hub:443 : could not complete TLS handshake"
    finding = found(facts(checks=checks(check("host-connect-iothub-https", "error", headline))), HTTPS)
    assert finding.detail == headline


def test_a_full_disk_is_named_wherever_a_check_meets_it() -> None:
    pull = f"{PULL}\nfailed to register layer: no space left on device\nSee 'docker run --help'."
    given = facts(checks=checks(check("container-local-time", "error", "Could not query local time", pull)))
    finding = found(given, "iotedge-check/container-local-time")
    assert "Could not query local time: failed to register layer: no space left on device" in finding.detail
    assert "docker system prune" in finding.remedy and "docker pull" in finding.remedy


def test_the_connection_string_of_a_dps_device_is_a_warning() -> None:
    assert _one(check("connection-string", "error", "Device is not using manual provisioning")) is Outcome.WARN
    assert _one(check("connection-string", "error", "the connection string is malformed")) is Outcome.FAIL


def test_a_time_drift_of_the_container_is_a_warning() -> None:
    assert (
        _one(check("container-local-time", "error", "Detected time drift between host and container")) is Outcome.WARN
    )
    assert _one(check("container-local-time", "error", "Could not query local time inside container")) is Outcome.FAIL


def test_the_dns_warning_is_noise_on_eflow_and_an_error_of_the_same_check_is_not() -> None:
    assert _one(check("container-engine-dns", "warning", "not configured with DNS server setting")) is Outcome.WARN
    assert _one(check("container-engine-dns", "error", "could not read daemon.json")) is Outcome.FAIL


# -------------------------------------------------------------------------------------------- the tool's own faults


@pytest.mark.parametrize(
    ("id_", "text"),
    [
        ("container-local-time", f"{PULL}\ndocker: manifest for it not found: manifest unknown"),
        ("connect-management-uri", f"{PULL}\n1.5: Pulling from azureiotedge-diagnostics\nab12: Waiting"),
        ("connect-management-uri", "One or more errors occurred. (Permission denied /var/run/iotedge/mgmt.sock)"),
        ("host-connect-iothub-amqp", "Could not resolve https://plant7.azure-devices.net:5671"),
        ("config-yaml-well-formed", "Could not open it. You might need to run this command as root."),
    ],
)
def test_a_fault_of_the_tool_is_no_fail_of_the_device(id_: str, text: str) -> None:
    given = facts(checks=checks(check(id_, "error", text)))
    assert found(given, f"iotedge-check/{id_}").outcome is Outcome.ERROR
    assert verdict(given) is Verdict.UNKNOWN


def test_a_fatal_check_without_rights_says_nothing_about_the_device() -> None:
    denied = check("keyd-config-well-formed", "fatal", "not well-formed", "Permission denied (os error 13)")
    assert _one(denied) is Outcome.ERROR
    assert _one(check("keyd-config-well-formed", "fatal", "not well-formed", "expected an equals")) is Outcome.FAIL


def test_a_fault_of_the_tool_hides_no_failure() -> None:
    faulty = check("container-local-time", "error", f"{PULL}\nmanifest unknown")
    given = facts(checks=checks(faulty, check("hostname", "error", "differs")))
    assert found(given, "iotedge-check/container-local-time").outcome is Outcome.SKIP
    assert verdict(given) is Verdict.NOT_READY


@pytest.mark.parametrize(
    "cause",
    [
        "failed to register layer: no space left on device",
        "dial tcp: lookup registry.example: no such host",
        "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
    ],
)
def test_a_pull_that_fails_for_the_devices_fault_is_a_fail(cause: str) -> None:
    failed = check("connect-management-uri", "error", f"{PULL}\ndocker: {cause}")
    assert _one(failed) is Outcome.FAIL
    assert "docker pull" in found(facts(checks=checks(failed)), "iotedge-check/connect-management-uri").remedy


# ------------------------------------------------------------------------------------------------- the whole report


def test_a_report_that_was_cut_off_is_an_error() -> None:
    cut = CheckReport((check("keyd-running"),), "text", complete=False)
    assert found(facts(checks=cut), REPORT).outcome is Outcome.ERROR
    assert verdict(facts(checks=cut)) is Verdict.UNKNOWN


def test_a_fatal_check_explains_what_is_missing_after_it() -> None:
    fatal = CheckReport((check("config-yaml-well-formed", "fatal", "malformed"),), "text", complete=False)
    assert REPORT not in ids(facts(checks=fatal))
    assert verdict(facts(checks=fatal)) is Verdict.NOT_READY


def test_a_report_without_a_check_is_an_error() -> None:
    assert found(facts(checks=CheckReport((), "json")), REPORT).outcome is Outcome.ERROR


def test_checks_skipped_without_a_line_are_told() -> None:
    finding = found(facts(checks=CheckReport((check("keyd-running"),), "text", skipped_unlisted=7)), REPORT)
    assert finding.outcome is Outcome.SKIP
    assert "7 checks" in finding.detail


@pytest.mark.parametrize("problem", [MISSING, UNREADABLE])
def test_a_report_that_is_not_there_is_an_error(problem: object) -> None:
    assert found(facts(checks=problem), REPORT).outcome is Outcome.ERROR


def test_a_whole_report_has_no_finding_about_itself() -> None:
    assert REPORT not in ids(facts())
