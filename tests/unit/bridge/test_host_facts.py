"""What host-facts.ps1 answers, read: every value checked, none guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eflowprov.bridge.host_facts import facts_from, ipv4_in, vm_id_in
from eflowprov.model import HostFacts

WINDOWS: dict[str, object] = {
    "computer": "LINE4",
    "powershell_version": "5.1.19041.5072",
    "powershell_edition": "Desktop",
    "is_64_bit": True,
    "language_mode": "FullLanguage",
    "is_elevated": False,
    "os_name": "Microsoft Windows 10 IoT Enterprise LTSC ",
    "os_build": "19044",
    "hypervisor_present": True,
    "free_memory_kib": "4194304",
    "free_disk_bytes": "123456789012",
    "execution_policies": {"MachinePolicy": "Undefined", "LocalMachine": "AllSigned"},
    "module_version": "1.4.8.3",
    "module_signature": "Valid",
    "products": ["Azure IoT Edge LTS 1.4.8.3"],
    "wssdagent_ends": ["2027-03-01T10:00:00.0000000Z", "2027-02-01T10:00:00.1234567Z"],
    "vm_exists": "True",
    "vm_power_state": "Running",
    "vm_address": "00:15:5d:4e:15:2c 172.27.120.111",
    "hyperv_vms": [],
    "compute_systems": "B52A5AC7-7F3F-4F0A-9D0F-5D0A1B2C3D4E\n    VM, \tRunning, , wssdagent",
    "utc_now": "2026-11-22T05:10:11.1234567Z",
    "problems": ["disk: x [Y]"],
}


def test_a_windows_host_reads_whole() -> None:
    assert facts_from(WINDOWS) == HostFacts(
        computer="LINE4",
        powershell_version="5.1.19041.5072",
        powershell_edition="Desktop",
        is_64_bit=True,
        language_mode="FullLanguage",
        is_elevated=False,
        os_name="Microsoft Windows 10 IoT Enterprise LTSC",
        os_build=19044,
        hypervisor_present=True,
        free_memory_bytes=4 * 2**30,
        free_disk_bytes=123456789012,
        execution_policies={"MachinePolicy": "Undefined", "LocalMachine": "AllSigned"},
        module_version="1.4.8.3",
        module_signature="Valid",
        products=("Azure IoT Edge LTS 1.4.8.3",),
        wssdagent_not_after=datetime(2027, 2, 1, 10, 0, 0, 123456, tzinfo=UTC),
        vm_exists=True,
        vm_power_state="Running",
        vm_address="172.27.120.111",
        vm_id="b52a5ac7-7f3f-4f0a-9d0f-5d0a1b2c3d4e",
        utc_now=datetime(2026, 11, 22, 5, 10, 11, 123456, tzinfo=UTC),
        problems=("disk: x [Y]",),
    )


def test_what_was_not_told_is_none_and_never_false() -> None:
    assert facts_from({}) == HostFacts()


def test_numbers_that_powershell_made_of_nothing_are_none() -> None:
    facts = facts_from({"os_build": "", "free_memory_kib": "", "free_disk_bytes": ""})
    assert (facts.os_build, facts.free_memory_bytes, facts.free_disk_bytes) == (None, None, None)


@pytest.mark.parametrize("told", ["False", "text before False"])
def test_verify_says_whether_there_is_a_vm_in_its_last_word(told: str) -> None:
    assert facts_from({"vm_exists": told}).vm_exists is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is_elevated", "True"),
        ("is_64_bit", 1),
        ("os_build", "many"),
        ("os_build", 19044),
        ("vm_exists", "Falsch"),
        ("vm_exists", True),
        ("utc_now", "2026-11-22T05:10:11"),
        ("utc_now", "\\/Date(1000)\\/"),
        ("wssdagent_ends", "2027-03-01T10:00:00Z"),
        ("products", "Azure IoT Edge LTS"),
        ("execution_policies", ["AllSigned"]),
        ("computer", 5),
    ],
)
def test_a_value_in_another_form_is_dropped_and_said(name: str, value: object) -> None:
    facts = facts_from({name: value})
    assert facts == HostFacts(problems=facts.problems)
    assert facts.problems == (f"{name}: {value!r} is in no known form",)


@pytest.mark.parametrize(
    ("seen", "address"),
    [
        ("IP : 10.0.0.1 retrieved", "10.0.0.1"),
        ("1.4.8.3.1", ""),
        ("v1.4.8.3x", ""),
        ("256.1.1.1 10.1.1.2", "10.1.1.2"),
        ("", ""),
    ],
)
def test_only_an_ipv4_address_is_one(seen: str, address: str) -> None:
    assert ipv4_in(seen) == address


ONE, TWO = "b52a5ac7-7f3f-4f0a-9d0f-5d0a1b2c3d4e", "0d1e2f30-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("hyper_v", "compute_systems", "vm_id"),
    [
        ([], "", ""),
        ([ONE.upper()], "", ONE),
        ([ONE, TWO], "", ""),
        ([], f"{TWO}\n  VM, Running, {TWO}, WSL\n{ONE.upper()}\n  VM, \t Running, {ONE.upper()}, wssdagent\n", ONE),
        ([], f"{ONE}\n  VM,  Running, , WssdAgent\n{TWO}\n  VM, Running, {TWO}, CmService", ONE),
        ([], f"VM, Running, {ONE}, wssdagent\nVM, Running, {TWO}, wssdagent", ""),
        ([], f"{ONE}\n  VM, Running, {ONE}, WSL", ""),
        ([], "Only administrators are permitted", ""),
    ],
)
def test_the_vms_id_is_told_where_one_alone_is_eflows(hyper_v: list[str], compute_systems: str, vm_id: str) -> None:
    assert vm_id_in(hyper_v, compute_systems) == vm_id
