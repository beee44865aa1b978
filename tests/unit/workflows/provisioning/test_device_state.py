"""What the VM says of its own provisioning, before it is touched."""

from __future__ import annotations

import pytest

from eflowprov.errors import TransportError
from eflowprov.workflows.provisioning.device_state import DeviceState, device_state
from tests.machine import NOT_PROVISIONED, PROVISIONED, Answer, FakeVm


def state(config: Answer, date: Answer = (0, b"1700000000\n", b"")) -> DeviceState:
    return device_state(FakeVm(answers={"cat": config, "date": date}))


def test_the_configuration_of_1_1_is_looked_at_where_there_is_no_other() -> None:
    yaml = b'provisioning:\n  source: "dps"\n  scope_id: "0neOLD"\n'
    vm = FakeVm(answers={"date": (0, b"1700000000\n", b""), "cat /etc/iotedge": (0, yaml, b"")})
    told = device_state(vm)
    assert (told.provisioned_with, told.path) == ("source dps, ID scope 0neOLD", "/etc/iotedge/config.yaml")
    vm.answers["cat /etc/aziot"] = (0, b"[provisioning]\n", b"")
    assert device_state(vm).provisioned_with == ""


def test_a_configuration_of_1_1_that_may_not_be_read_is_never_taken_for_none() -> None:
    denied = (1, b"", b"cat: /etc/iotedge/config.yaml: Permission denied\n")
    with pytest.raises(TransportError, match=r"config\.yaml could not be read"):
        device_state(FakeVm(answers={"cat /etc/iotedge": denied}))


def test_a_vm_without_a_configuration_was_never_provisioned() -> None:
    assert state(NOT_PROVISIONED) == DeviceState("", 1700000000)


@pytest.mark.parametrize("config", [b"", b"# provisioning is not set\n", b"[provisioning]\n", b'provisioning = "x"\n'])
def test_a_configuration_that_names_no_source_is_none(config: bytes) -> None:
    assert state((0, config, b"")).provisioned_with == ""


def test_a_provisioned_vm_tells_with_what_and_nothing_secret() -> None:
    config = (
        b'[provisioning]\nsource = "dps"\nid_scope = "0neOLD"\n[provisioning.attestation]\nmethod = "symmetric_key"\n'
        b'registration_id = "press1"\nsymmetric_key = { value = "c2VjcmV0" }\n'
    )
    assert state((0, config, b"")).provisioned_with == "source dps, ID scope 0neOLD, registration ID press1"
    assert state(PROVISIONED).provisioned_with == "source dps, ID scope 0neOLD"


@pytest.mark.parametrize("config", [b"provisioning: source", b"[a\x00]\x80", b"[provisioning"])
def test_a_configuration_that_cannot_be_read_counts_as_provisioned(config: bytes) -> None:
    assert "no valid TOML" in state((0, config, b"")).provisioned_with


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ((1, b"", b"sudo: a password is required\n"), "sudo: a password is required"),
        ((1, b"", b"cat: /etc/aziot/config.toml: Permission denied\n"), "Permission denied"),
        ((None, b"", b"No such file"), "no end in time"),
        ((5, b"", b""), "status 5"),
    ],
)
def test_a_configuration_that_was_not_shown_is_never_taken_for_none(config: Answer, why: str) -> None:
    with pytest.raises(TransportError, match=why):
        state(config)


@pytest.mark.parametrize("date", [(0, b"Sun Nov 22\n", b""), (1, b"", b"denied"), (None, b"", b""), (0, b"", b"")])
def test_a_vm_that_does_not_tell_its_time_cannot_be_provisioned(date: Answer) -> None:
    with pytest.raises(TransportError, match="did not tell the VM's time"):
        state(NOT_PROVISIONED, date)
