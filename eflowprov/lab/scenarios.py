"""What the simulated machine does: a healthy one, a new one, and the failures that users really meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eflowprov.errors import InputError
from eflowprov.model import Verdict


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `verdict` is what a right report says of it; the fields below say where the machine departs from
    health."""

    name: str
    title: str
    verdict: Verdict
    deployment: str = "applied"  # "none": never set; "applied"; "edgehub-fails": edgeHub cannot be created
    enrolled: bool = True  # DPS knows the authority that issued the certificate
    identity: str = "device"  # "ca": the issuing authority's certificate is given as the identity
    stops_after_ok: bool = False  # the runtime goes down right after the cmdlet said OK
    vm_answers: bool = True


_ALL = (
    Scenario("healthy", "A device with a deployment, every module running", Verdict.READY),
    Scenario(
        "new-device",
        "Freshly provisioned, no deployment yet: edgeHub is missing and 417 is shown, as documented",
        Verdict.READY_AWAITING_DEPLOYMENT,
        deployment="none",
    ),
    Scenario(
        "ca-as-identity",
        "The issuing CA's certificate and key are given as the device's identity (iotedge-eflow#135)",
        Verdict.NOT_READY,
        identity="ca",
    ),
    Scenario(
        "dps-refused",
        "DPS has no enrollment group for the authority that issued the certificate",
        Verdict.NOT_READY,
        enrolled=False,
    ),
    Scenario(
        "service-down-after-ok",
        "Provision-EflowVm returns OK, then the runtime goes down (iotedge-eflow#98)",
        Verdict.NOT_READY,
        stops_after_ok=True,
    ),
    Scenario(
        "edgehub-missing",
        "A deployment is there, but edgeHub could not be created",
        Verdict.NOT_READY,
        deployment="edgehub-fails",
    ),
    Scenario(
        "vm-unreachable", "Nothing answers in the VM, neither SSH nor the cmdlets", Verdict.UNKNOWN, vm_answers=False
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def scenario(name: str) -> Scenario:
    """InputError for a name that there is not."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise InputError(
            "--scenario", f"there is no scenario {name!r}", f"Choose one of {', '.join(SCENARIOS)}"
        ) from None
