"""Take a device's identity away from the VM: services stopped, the identity's files gone, then the configuration.

AzureEFLOW has no cmdlet for it, and `iotedge config` no subcommand, so those files are removed that `iotedge config
apply` and identityd made. The configuration goes last, since it names the identity's files: a call that was cut off can
be made again. DPS and IoT Hub are not touched from here: `service_side` says what is to be done there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError, TransportError
from eflowprov.model import CommandResult, VmChannel
from eflowprov.parsers.text import decode, first_words
from eflowprov.workflows.provisioning.device_state import CONFIG_1_1, DeviceState, device_state
from eflowprov.workflows.provisioning.identity_in_vm import HOME

_SUDO = ("sudo", "-n")
_STEP_S = 120.0  # edged stops its modules before it ends, each within 10 s
_SERVICES = ("keyd", "certd", "identityd", "tpmd", "edged")
_MADE_BY_APPLY = tuple(f"/etc/aziot/{service}/config.d/00-super.toml" for service in _SERVICES)
_BACKUP = ("/var/lib/aziot/identityd/device_info", "/var/lib/aziot/identityd/prev_state")
_PRISTINE_1_1 = "/var/.eflow/config/config.yaml"


@dataclass(frozen=True, slots=True)
class VmStep:
    """One command in the VM and what it is for."""

    title: str
    argv: tuple[str, ...]

    def text(self) -> str:
        """The command as a person would type it in the VM."""
        return shlex.join(self.argv)


def vm_steps(state: DeviceState) -> tuple[VmStep, ...]:
    """What is to be done in a VM with this configuration, in this order."""
    if state.path == CONFIG_1_1:
        stop = VmStep("stop the services", (*_SUDO, "systemctl", "stop", "iotedge"))
        # The configuration that the VM came with (iotedge-eflow#104).
        config = VmStep("put back the first configuration", (*_SUDO, "cp", "--", _PRISTINE_1_1, CONFIG_1_1))
        return (stop, *_own_files(state), config)
    return (
        VmStep("stop the services", (*_SUDO, "iotedge", "system", "stop")),
        *_own_files(state),
        VmStep("remove identityd's backup of the registration", (*_SUDO, "rm", "-f", "--", *_BACKUP)),
        VmStep("remove the configuration", (*_SUDO, "rm", "-f", "--", *_MADE_BY_APPLY, state.path)),
    )


def _own_files(state: DeviceState) -> tuple[VmStep, ...]:
    """The identity's files, where `Provision-EflowVm` put them; files elsewhere are somebody else's."""
    named = (state.config.cert, state.config.key)
    paths = [path for path in named if PurePosixPath(path).is_relative_to(HOME) and ".." not in path.split("/")]
    return (VmStep("remove the identity's files", (*_SUDO, "rm", "-f", "--", *paths)),) if paths else ()


def deprovision(channel: VmChannel, state: DeviceState, progress: Callable[[str], None]) -> tuple[VmStep, ...]:
    """Do every step; gives them. TransportError at the first that did not succeed, or when the VM is still configured
    afterwards."""
    steps = vm_steps(state)
    for step in steps:
        progress(step.title)
        result = channel.run(step.argv, timeout_s=_STEP_S)
        if result.status != 0:
            raise TransportError(
                channel.vm, f"could not {step.title} ({_why(result)})", "Put that right and run it again"
            )
    after = device_state(channel)
    if after.provisioned_with:
        why = f"it is still provisioned ({after.provisioned_with})"
        raise TransportError(channel.vm, why, "Look into it with Connect-EflowVm, and run it again")
    return steps


def registration_id_in(channel: VmChannel, state: DeviceState) -> str:
    """The registration ID of the VM's identity: as configured, else its certificate's common name, "" when untold."""
    if state.config.registration_id or not state.config.cert:
        return state.config.registration_id
    try:
        told = channel.run((*_SUDO, "cat", state.config.cert), timeout_s=_STEP_S)
        return next(iter(read_bundle(state.config.cert, told.stdout).certificates[0].common_names), "")
    except EflowprovError:
        return ""


def service_side(registration_id: str, hub: str, device_id: str) -> tuple[str, ...]:
    """What is left to do with rights in Azure, in this order, as Azure CLI commands (extension azure-iot).

    A word in capitals is to be replaced by what is not known here.
    """
    id_ = shlex.quote(registration_id) if registration_id else "REGISTRATION_ID"
    hub_name = hub.partition(".")[0] or "HUB"
    device = shlex.quote(device_id) if device_id else id_
    return (
        f"az iot dps enrollment-group registration delete --dps-name DPS --registration-id {id_}  # of a group",
        f"az iot dps enrollment registration delete --dps-name DPS --enrollment-id {id_}  # of an individual one",
        f"az iot dps enrollment delete --dps-name DPS --enrollment-id {id_}  # the individual enrollment itself",
        f"az iot hub device-identity delete --hub-name {hub_name} --device-id {device}",
    )


def _why(result: CommandResult) -> str:
    return result.note or first_words(decode(result.stderr)) or f"exit status {result.status}"
