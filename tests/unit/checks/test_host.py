"""host/…: each fact in both directions, and each that could not be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eflowprov.checks.host import judge_host
from eflowprov.model import Finding, HostFacts, Outcome

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
FIT = HostFacts(
    computer="PRESS-HOST",
    powershell_version="5.1.19041.1682",
    powershell_edition="Desktop",
    is_64_bit=True,
    language_mode="FullLanguage",
    is_elevated=True,
    os_name="Microsoft Windows 10 IoT Enterprise LTSC",
    os_build=19044,
    hypervisor_present=True,
    free_memory_bytes=4 * 2**30,
    free_disk_bytes=40 * 2**30,
    execution_policies={"MachinePolicy": "Undefined", "Process": "Undefined", "LocalMachine": "AllSigned"},
    module_version="1.4.2",
    module_signature="Valid",
    products=("Azure IoT Edge 1.4 LTS",),
    wssdagent_not_after=NOW + timedelta(days=200),
    vm_exists=True,
    vm_power_state="Running",
    vm_address="172.27.120.111",
    utc_now=NOW,
)
NEEDED = {"host/elevated", "host/eflow-module", "host/vm"}


def _all(facts: HostFacts) -> dict[str, Finding]:
    return {finding.id: finding for finding in judge_host(facts, now=NOW)}


def _outcome(id_: str, **changes: object) -> Outcome:
    return _all(replace(FIT, **changes))[f"host/{id_}"].outcome  # type: ignore[arg-type]


def test_a_fit_host_passes_in_everything() -> None:
    findings = _all(FIT)
    assert len(findings) == 12
    assert {finding.outcome for finding in findings.values()} == {Outcome.PASS}


def test_a_host_that_told_nothing_is_an_error_where_provisioning_needs_it_and_else_a_skip() -> None:
    for id_, finding in _all(HostFacts(problems=("Access is denied",))).items():
        assert finding.outcome is (Outcome.ERROR if id_ in NEEDED else Outcome.SKIP), id_
        assert "Access is denied" in finding.detail
        assert finding.remedy


@pytest.mark.parametrize(
    ("id_", "changes", "wanted"),
    [
        ("elevated", {"is_elevated": False}, "fail"),
        ("powershell", {"powershell_version": "7.4.1", "powershell_edition": "Core"}, "fail"),
        ("powershell", {"powershell_version": "5.0.10586"}, "fail"),
        ("powershell", {"powershell_edition": "Core"}, "fail"),
        ("powershell", {"is_64_bit": False}, "fail"),
        ("language-mode", {"language_mode": "ConstrainedLanguage"}, "fail"),
        ("windows-build", {"os_build": 17762}, "fail"),
        ("windows-build", {"os_build": 17763}, "pass"),
        ("hyper-v", {"hypervisor_present": False}, "fail"),
        ("memory", {"free_memory_bytes": 2**30 - 1}, "warn"),
        ("memory", {"free_memory_bytes": 2**30}, "pass"),
        ("memory", {"free_memory_bytes": 2**30 - 1, "vm_exists": False}, "fail"),
        ("disk", {"free_disk_bytes": 9 * 2**30}, "warn"),
        ("disk", {"free_disk_bytes": 9 * 2**30, "vm_exists": False}, "fail"),
        ("execution-policy", {"execution_policies": {"LocalMachine": "Restricted"}}, "fail"),
        ("execution-policy", {"execution_policies": {"MachinePolicy": "Restricted", "Process": "Bypass"}}, "fail"),
        ("execution-policy", {"execution_policies": {"Process": "Bypass", "LocalMachine": "Restricted"}}, "pass"),
        ("execution-policy", {"execution_policies": {"LocalMachine": "Undefined"}}, "fail"),
        (
            "execution-policy",
            {"execution_policies": {"LocalMachine": "Undefined"}, "os_name": "Windows Server 2022"},
            "pass",
        ),
        ("eflow-module", {"module_version": ""}, "fail"),
        ("eflow-module", {"module_signature": "HashMismatch"}, "fail"),
        ("eflow-module", {"module_signature": "NotSigned"}, "fail"),
        ("eflow-module", {"module_signature": ""}, "warn"),
        ("eflow-product", {"products": ()}, "warn"),
        ("wssdagent-certificate", {"wssdagent_not_after": NOW}, "fail"),
        ("wssdagent-certificate", {"wssdagent_not_after": NOW + timedelta(days=29)}, "warn"),
        ("wssdagent-certificate", {"wssdagent_not_after": NOW + timedelta(days=30)}, "pass"),
        ("vm", {"vm_exists": False}, "fail"),
        ("vm", {"vm_power_state": "Off"}, "fail"),
        ("vm", {"vm_power_state": ""}, "pass"),
        ("vm", {"vm_address": ""}, "fail"),
        ("vm", {"vm_address": "", "problems": ("Get-EflowVmAddr: timed out",)}, "error"),
        ("vm", {"vm_address": "169.254.12.7"}, "fail"),
    ],
)
def test_each_fact_is_judged_in_both_directions(id_: str, changes: dict[str, object], wanted: str) -> None:
    assert _outcome(id_, **changes) == wanted


def test_the_days_before_the_wssdagent_certificate_warns_are_an_argument() -> None:
    facts = replace(FIT, wssdagent_not_after=NOW + timedelta(days=100))
    by_days = {days: judge_host(facts, now=NOW, wssd_warn_days=days)[10].outcome for days in (30, 120)}
    assert by_days == {30: Outcome.PASS, 120: Outcome.WARN}


def test_a_group_policy_is_not_answered_with_a_cmdlet() -> None:
    facts = replace(FIT, execution_policies={"MachinePolicy": "Restricted"})
    assert "group policy" in _all(facts)["host/execution-policy"].remedy


def test_everything_that_does_not_pass_has_a_reason_and_a_way_out() -> None:
    bad = HostFacts(is_elevated=False, powershell_version="7.4", vm_exists=False, os_build=1, hypervisor_present=False)
    for finding in judge_host(bad, now=NOW):
        assert finding.outcome is not Outcome.PASS, finding.id
        assert finding.detail
        assert finding.remedy
