"""logs/PATTERN, and the summary of the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.checks.runtime import judge_runtime
from eflowprov.model import Log, LogLevel, Outcome, Verdict
from tests.unit.checks.facts import (
    DEPLOYED,
    MISSING,
    NOW,
    RECONCILED,
    START,
    UNREADABLE,
    agent_log,
    facts,
    found,
    ids,
    log,
    modules,
    verdict,
)

# One line of the field's kind for each known message.
SAMPLES: dict[str, str | tuple[str, ...]] = {
    "trust-bundle-missing": ("aziot-certd> not found: aziot-edged-trust-bundle",),
    "dps-refused": ("DPS client error", "Unauthorized"),
    "hub-refused": ("service encountered an error", "Hub client error"),
    "offline-backup": "Network not available for Identity reconciliation. Using offline backup from last run.",
    "disk-full": ("aziot-edged> container runtime error", "write /var/lib/docker/tmp/x: no space left on device"),
    "image-pull-failed": "iotedged> Could not pull image registry.example/azureiotedge-agent:1.1",
    "container-failed": ("aziot-edged> container runtime error", "OCI runtime create failed: container_linux.go"),
    "agent-sign-failed": 'iotedged> [work] "POST /modules/%24edgeAgent/genid/6/sign?v=1 HTTP/1.1" 404 Not Found',
    "certificate-not-yet-valid": "iotedged> Error: 9, Msg: 'certificate is not yet valid'",
    "certificate-expired": "iotedged> Certificate file has expired /var/lib/iotedge/hsm/certs/a.pem",
    "certificate-unusable": "iotedged> X509_check_private_key:key values mismatch",
    "key-not-readable": ("aziot-keyd> could not load key", "AZIOT_KEYS_RC_ERR_EXTERNAL"),
    "key-service-failed": ("aziot-certd> internal error", "could not create certificate"),
    "tpm-failed": ("aziot-tpmd> internal error", "could not initialize TPM"),
    "tls-failed": ("DPS error", "certificate verify failed: self signed certificate in certificate chain"),
    "dns-failed": ("request failed", "failed to lookup address information: Temporary failure in name resolution"),
    "proxy-failed": ("aziot-edged> pull failed", "proxyconnect tcp: dial tcp 192.0.2.9:8080"),
    "network-unreachable": ("request failed", "error trying to connect: Connection timed out (os error 110)"),
    "timed-out": ("aziot-edged> container runtime error", "context deadline exceeded"),
    "service-failed": "systemd> aziot-identityd.service: Main process exited, code=exited, status=1/FAILURE",
    "configuration-unusable": "aziot-edged> could not load settings: No such file or directory (os error 2)",
    "device-information-missing": "aziot-edged> Failed to obtain device identity: device identity not found",
    "watchdog-error": "aziot-edged> Error in watchdog: container runtime error",
    "identity-service-unreachable": "aziot-edged> Identity Service was unreachable. Waiting for its startup.",
    "out-of-memory": "systemd> aziot-edged.service: A process of this unit has been killed by the OOM killer: oom-kill",
}


@pytest.mark.parametrize("id_", SAMPLES)
def test_each_known_message_is_found_by_its_id(id_: str) -> None:
    assert f"logs/{id_}" in ids(facts(logs=log(SAMPLES[id_])))
    assert f"logs/{id_}" not in ids(facts())


def test_every_known_message_has_a_sample_a_cause_and_a_way_out() -> None:
    assert {message.id for message in KNOWN_MESSAGES} == set(SAMPLES)
    assert all(message.cause and (message.remedy or message.gravity == "harmless") for message in KNOWN_MESSAGES)


def test_a_blocking_message_fails_while_nothing_proves_that_the_runtime_works() -> None:
    stuck = facts(logs=log(SAMPLES["disk-full"]), agent=MISSING)
    assert found(stuck, "logs/disk-full").outcome is Outcome.FAIL
    assert verdict(stuck) is Verdict.NOT_READY


def test_a_blocking_message_is_a_warning_once_the_runtime_got_over_it() -> None:
    assert (
        found(facts(logs=log(SAMPLES["disk-full"], *RECONCILED), agent=MISSING), "logs/disk-full").outcome
        is Outcome.WARN
    )
    later = log(*RECONCILED, SAMPLES["disk-full"])
    assert found(facts(logs=later, agent=MISSING, modules=modules("edgeHub")), "logs/disk-full").outcome is Outcome.FAIL


def test_a_blocking_message_is_a_warning_while_the_agent_is_connected() -> None:
    given = facts(logs=log(*RECONCILED, SAMPLES["network-unreachable"]))
    assert found(given, "logs/network-unreachable").outcome is Outcome.WARN
    assert verdict(given) is Verdict.READY


def test_a_refusal_of_dps_that_names_the_hubs_error_is_none_of_the_hub() -> None:
    given = facts(logs=log(("DPS client error", "ErrorCode:IotHubUnauthorizedAccess;Unauthorized")))
    assert "logs/dps-refused" in ids(given) and "logs/hub-refused" not in ids(given)


def test_the_trust_bundle_is_harmless() -> None:
    given = facts(logs=log(*RECONCILED, SAMPLES["trust-bundle-missing"]))
    assert found(given, "logs/trust-bundle-missing").outcome is Outcome.PASS
    other = facts(logs=log(("aziot-certd> could not load cert", "not found: aziot-edged-trust-bundle")))
    assert "logs/certificate-unusable" not in ids(other)
    assert "logs/certificate-unusable" in ids(
        facts(logs=log(("aziot-certd> could not load cert", "not found: device-id")))
    )


def test_the_answer_that_does_not_name_the_trust_bundle_is_harmless_too() -> None:
    quiet = log(*RECONCILED, ('aziot-certd> parameter "id" has an invalid value', "not found"))
    loud = tuple(replace(entry, level=LogLevel.ERROR) if entry.causes else entry for entry in quiet.entries)
    told = ids(facts(logs=replace(quiet, entries=loud)))
    assert "logs/trust-bundle-missing" in told and "logs/unknown" not in told


def test_another_module_that_runs_does_not_prove_the_runtime() -> None:
    given = facts(logs=log(*RECONCILED, SAMPLES["disk-full"]), modules=modules("alpha", edgeAgent="stopped"))
    assert found(given, "logs/disk-full").outcome is Outcome.FAIL


def test_other_programs_lines_are_not_searched() -> None:
    assert "logs/disk-full" not in ids(facts(logs=log("camera> no space left on device")))
    assert "logs/service-failed" not in ids(
        facts(logs=log("systemd> camera.service: Main process exited, code=exited, status=1/FAILURE"))
    )


def test_a_journal_without_an_entry_is_an_error() -> None:
    assert found(facts(logs=Log()), "logs/empty").outcome is Outcome.ERROR
    assert "logs/empty" not in ids(facts())


@pytest.mark.parametrize("problem", [MISSING, UNREADABLE, Log(failure=("No journal files were opened",))])
def test_a_journal_that_is_not_there_is_an_error(problem: object) -> None:
    assert found(facts(logs=problem), "logs/journal").outcome is Outcome.ERROR


def test_a_log_that_was_cut_off_is_an_error() -> None:
    assert found(facts(logs=replace(log(*RECONCILED), torn=True)), "logs/journal").outcome is Outcome.ERROR
    assert found(facts(agent=replace(agent_log(*DEPLOYED), torn=True)), "logs/edgeAgent").outcome is Outcome.ERROR
    assert "logs/journal" not in ids(facts())


def test_an_image_that_was_pulled_at_last_no_longer_blocks() -> None:
    failed, pulled = SAMPLES["image-pull-failed"], "iotedged> Successfully pulled image registry.example/agent:1.1"
    once = facts(logs=log(failed, pulled), agent=MISSING, modules=modules("edgeHub"))
    again = facts(logs=log(failed, pulled, failed), agent=MISSING, modules=modules("edgeHub"))
    assert found(once, "logs/image-pull-failed").outcome is Outcome.WARN
    assert found(again, "logs/image-pull-failed").outcome is Outcome.FAIL


def test_the_agents_log_is_optional_but_not_when_it_cannot_be_read() -> None:
    assert found(facts(agent=MISSING), "logs/edgeAgent").outcome is Outcome.SKIP
    assert found(facts(agent=UNREADABLE), "logs/edgeAgent").outcome is Outcome.ERROR
    assert "logs/edgeAgent" not in ids(facts())


def test_an_agents_log_that_failed_counts_only_when_the_agent_is_listed() -> None:
    failed = Log(failure=("A module runtime error occurred", "Could not find module edgeAgent"))
    assert found(facts(agent=failed), "logs/edgeAgent").outcome is Outcome.ERROR
    assert found(facts(agent=failed, modules=modules("edgeHub")), "logs/edgeAgent").outcome is Outcome.SKIP


def test_the_summary_counts_levels_and_spans_the_times() -> None:
    entries = log("a", "b", "c", "d").entries
    levels = (LogLevel.ERROR, LogLevel.WARNING, LogLevel.WARNING, LogLevel.INFO)
    journal = Log(tuple(replace(entry, level=level) for entry, level in zip(entries, levels, strict=True)), lines=9)
    summary = judge_runtime(facts(logs=journal), now=NOW).logs
    assert (summary.lines, summary.errors, summary.warnings) == (9, 1, 2)
    assert (summary.first, summary.last) == (START, START + timedelta(seconds=3))


def test_a_pattern_has_its_count_times_and_sample() -> None:
    journal = log("x", SAMPLES["disk-full"], SAMPLES["disk-full"])
    (pattern,) = (p for p in judge_runtime(facts(logs=journal), now=NOW).logs.patterns if p.id == "disk-full")
    assert (pattern.count, pattern.first, pattern.last) == (
        2,
        START + timedelta(seconds=1),
        START + timedelta(seconds=2),
    )
    assert "no space left" in pattern.sample


def test_a_sample_is_bounded() -> None:
    journal = log(("aziot-edged> x", "no space left on device " + "y" * 10_000))
    (pattern,) = judge_runtime(facts(logs=journal, agent=agent_log()), now=NOW).logs.patterns
    assert len(pattern.sample) <= 500


def test_errors_in_no_catalogue_are_clustered_by_shape_and_none_is_hidden() -> None:
    lines = [f"request {n} to 192.0.2.{n}:443 of /var/lib/x{n} failed" for n in range(30)]
    journal = erring(*lines, "the flux capacitor broke", ("wrapped", "cause 1"), ("wrapped", "cause 2"))
    given = found(facts(logs=journal), "logs/unknown")
    assert given.outcome is Outcome.WARN and "33 errors of 3 kinds" in given.detail
    assert given.evidence.splitlines() == [
        "30 times: request 29 to 192.0.2.29:443 of /var/lib/x29 failed",
        "2 times: wrapped",
        "caused by: cause 2",
        "once: the flux capacitor broke",
    ]
    summary = judge_runtime(facts(logs=journal), now=NOW).logs
    assert sum(pattern.count for pattern in summary.patterns) == summary.errors == 33
    assert all(pattern.id.startswith("unknown-") for pattern in summary.patterns)


def test_a_known_error_is_not_told_twice() -> None:
    assert "logs/unknown" not in ids(facts(logs=erring(SAMPLES["disk-full"])))


def test_an_error_that_a_judge_looks_for_and_no_catalogue_knows_is_not_hidden() -> None:
    given = found(facts(logs=erring("HTTP request failed: [403 Forbidden]")), "logs/unknown")
    assert "HTTP request failed: [403 Forbidden]" in given.evidence


def test_more_kinds_of_errors_than_there_is_room_for_are_still_counted() -> None:
    journal = erring(*("broken " + "x" * n for n in range(200)))
    summary = judge_runtime(facts(logs=journal), now=NOW).logs
    assert len(summary.patterns) < 60 and sum(pattern.count for pattern in summary.patterns) == 200
    assert "200 errors of 50 kinds and more" in found(facts(logs=journal), "logs/unknown").detail


def test_the_id_of_a_shape_is_the_same_in_every_run() -> None:
    one, two = (judge_runtime(facts(logs=erring(f"odd thing {n}")), now=NOW).logs.patterns for n in (1, 22222))
    assert [pattern.id for pattern in one] == [pattern.id for pattern in two]


def test_a_journal_of_which_something_was_left_out_says_so() -> None:
    given = found(facts(logs=replace(log(*RECONCILED), left_out="Only the newest lines were read")), "logs/journal")
    assert given.outcome is Outcome.WARN and "Only the newest lines were read." in given.detail


def erring(*lines: str | tuple[str, ...]) -> Log:
    journal = log(*lines)
    return replace(journal, entries=tuple(replace(entry, level=LogLevel.ERROR) for entry in journal.entries))
