"""The one call of `Provision-EflowVm`: its parameters as this host's cmdlet names them, its text for people.

Parameter names differ between releases and between documents, so they are asked for and chosen, never assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eflowprov.bridge.literals import single_quoted
from eflowprov.errors import CmdletError

CMDLET = "Provision-EflowVm"
DEFAULT_ENDPOINT = "global.azure-devices-provisioning.net"

# What a value is for -> the names that releases and documents give its parameter, the usual one first.
_NAMES = {
    "provisioning type": ("provisioningType",),
    "ID scope": ("scopeId",),
    "certificate": ("identityCertPath", "identityCertLocWin"),
    "private key": ("identityPrivKeyPath", "identityPrivateKeyPath", "identityPrivateKey", "identityPkLocWin"),
    "global endpoint": ("globalEndpoint",),
    "registration ID": ("registrationId",),
}
_HEADLESS = "headless"


@dataclass(frozen=True, slots=True)
class ProvisionCall:
    """The arguments, by the cmdlet's own parameter names, and the switches."""

    arguments: dict[str, str]
    switches: tuple[str, ...]

    def text(self) -> str:
        """The call as a person would type it. For reading only: what runs gets its values as data."""
        words = [CMDLET]
        for name, value in self.arguments.items():
            words += [f"-{name}", value if name == "provisioningType" else single_quoted(value)]
        return " ".join([*words, *(f"-{name}" for name in self.switches)])


def provision_call(
    parameters: Sequence[str],
    *,
    scope_id: str,
    cert: Path,
    key: Path,
    endpoint: str = DEFAULT_ENDPOINT,
    registration_id: str = "",
) -> ProvisionCall:
    """Choose the parameters for DpsX509 out of those that the cmdlet has.

    The registration ID is left out unless given here: the device takes it from the certificate's CN, and passing it
    makes some releases fail (iotedge-eflow#53). CmdletError when a parameter that is needed is not there.
    """
    wanted = {"provisioning type": "DpsX509", "ID scope": scope_id, "certificate": str(cert), "private key": str(key)}
    if endpoint != DEFAULT_ENDPOINT:
        wanted["global endpoint"] = endpoint
    if registration_id:
        wanted["registration ID"] = registration_id
    by_fold = {name.lower(): name for name in parameters}
    arguments = {_choose(purpose, by_fold): value for purpose, value in wanted.items()}
    switches = (by_fold[_HEADLESS],) if _HEADLESS in by_fold else ()
    return ProvisionCall(arguments, switches)


def _choose(purpose: str, by_fold: dict[str, str]) -> str:
    for name in _NAMES[purpose]:
        if name.lower() in by_fold:
            return by_fold[name.lower()]
    raise CmdletError(
        CMDLET,
        f"has no parameter for the {purpose} ({' or '.join(_NAMES[purpose])}) on this host",
        "Install a supported release of EFLOW (1.1 or later), or provision by hand and run `eflowprov verify`",
    )
