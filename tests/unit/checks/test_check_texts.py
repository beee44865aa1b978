"""Warnings that are noise on EFLOW, and skips tied to what they stand behind."""

from __future__ import annotations

import pytest

from eflowprov.model import Check, Finding, Outcome
from tests.unit.checks.facts import check, checks, facts, found

OFFLINE = "Error while fetching latest versions of edge components: could not send HTTP request"
OUTDATED = "Installed IoT Edge daemon has version 1.4.0 but 1.5.21 is the latest stable version available."


def _found(id_: str, *others: Check, of: Check) -> Finding:
    return found(facts(checks=checks(of, *others)), f"iotedge-check/{id_}")


@pytest.mark.parametrize("id_", ["aziot-version", "aziot-edge-version", "iotedged-version"])
def test_a_version_check_that_could_not_ask_the_internet_is_not_tested_and_says_so(id_: str) -> None:
    finding = _found(id_, of=check(id_, "warning", OFFLINE))
    assert finding.outcome is Outcome.SKIP
    assert "Not tested" in finding.detail and "could not send HTTP request" in finding.detail


@pytest.mark.parametrize(
    "told",
    [
        "could not query https://aka.ms/latest-aziot-identity-service for latest available version",
        "received unexpected response 503 Service Unavailable",
    ],
)
def test_a_version_that_could_not_be_looked_up_is_not_tested_also_where_that_is_an_error(
    told: str,
) -> None:
    assert _found("aziot-version", of=check("aziot-version", "error", told)).outcome is Outcome.SKIP


def test_an_error_is_no_noise_only_because_the_checks_warnings_are() -> None:
    assert _found("container-engine-dns", of=check("container-engine-dns", "error", "x")).outcome is Outcome.FAIL
    assert _found("aziot-version", of=check("aziot-version", "error", "rpm failed")).outcome is Outcome.FAIL


def test_a_version_that_is_really_old_stays_a_warning() -> None:
    finding = _found("aziot-edge-version", of=check("aziot-edge-version", "warning", OUTDATED))
    assert finding.outcome is Outcome.WARN and "1.5.21" in finding.detail


@pytest.mark.parametrize("id_", ["host-local-time", "container-engine-logrotate", "proxy-settings"])
def test_other_warnings_are_no_noise(id_: str) -> None:
    assert _found(id_, of=check(id_, "warning", "Could not query NTP server")).outcome is Outcome.WARN


def test_noise_still_shows_what_the_check_said() -> None:
    finding = _found("container-engine-dns", of=check("container-engine-dns", "warning", "no DNS server setting"))
    assert finding.outcome is Outcome.WARN
    assert finding.detail.startswith("Noise on EFLOW") and "no DNS server setting" in finding.detail


def test_a_skip_is_tied_to_the_failed_check_that_it_needs() -> None:
    down = check("identityd-running", "error", "Could not connect to identityd socket")
    finding = _found("host-connect-iothub-amqp", down, of=check("host-connect-iothub-amqp", "skipped"))
    assert finding.detail == "Skipped behind iotedge-check/identityd-running, which failed."
    assert "iotedge-check/identityd-running" in finding.remedy


def test_a_failure_that_a_check_does_not_need_explains_none_of_its_skips() -> None:
    other = check("keyd-running", "error", "down")
    finding = _found("container-connect-upstream-mqtt", other, of=check("container-connect-upstream-mqtt", "skipped"))
    assert "keyd-running" not in finding.detail and "this protocol" in finding.detail


def test_a_reason_that_the_tool_gives_is_kept_word_for_word() -> None:
    given = check("container-connect-upstream-mqtt", "skipped", "not required in this configuration")
    down = check("container-engine-uri", "error", "down")
    assert _found("container-connect-upstream-mqtt", down, of=given).detail == "not required in this configuration"


def test_previous_failures_of_the_text_form_are_named_where_they_are_known() -> None:
    down = check("container-engine-uri", "error", "down")
    given = check("container-engine-ipv6", "skipped", "previous failures")
    assert "iotedge-check/container-engine-uri" in _found("container-engine-ipv6", down, of=given).detail
    assert "no proof" in _found("container-engine-ipv6", of=given).detail


def test_the_way_out_of_a_check_is_the_catalogues() -> None:
    assert (
        "Get-EflowVmEndpoint"
        in _found("host-connect-iothub-amqp", of=check("host-connect-iothub-amqp", "error", "x")).remedy
    )
    assert "iotedge check --verbose" in _found("brand-new", of=check("brand-new", "error", "x")).remedy
