"""The Windows host of the simulated machine, for a real PowerShell on a machine that is no EFLOW host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eflowprov.bridge.eflow import EflowHost
from eflowprov.lab.vm import ADDRESS
from eflowprov.model import HostFacts


class LabHost(EflowHost):
    """The cmdlets are called in PowerShell; what they would tell of Windows is a fit host's, since this machine may
    have none."""

    def host_facts(self, timeout_s: float = 0.0) -> HostFacts:  # noqa: ARG002 - the signature is EflowHost's
        now = datetime.now(UTC)
        return HostFacts(
            computer="LAB",
            powershell_version="5.1.19041.5247",
            powershell_edition="Desktop",
            is_64_bit=True,
            language_mode="FullLanguage",
            is_elevated=True,
            os_name="Microsoft Windows 10 IoT Enterprise LTSC",
            os_build=19044,
            hypervisor_present=True,
            free_memory_bytes=8 * 2**30,
            free_disk_bytes=64 * 2**30,
            execution_policies={"MachinePolicy": "Undefined", "LocalMachine": "AllSigned"},
            module_version="1.5.6.0",
            module_signature="Valid",
            products=("Azure IoT Edge LTS",),
            wssdagent_not_after=now + timedelta(days=300),
            vm_exists=True,
            vm_power_state="Running",
            vm_address=ADDRESS,
            utc_now=now,
        )
