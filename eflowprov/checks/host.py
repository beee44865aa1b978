"""`host/…`: is this Windows host fit for provisioning? Facts in, findings out; nothing is asked here.

What could not be told is a `skip` with its reason, except what provisioning cannot do without (elevation, the
AzureEFLOW module, the VM): that is an `error`. Sources: EFLOW's requirements and common-errors
pages, and the issues named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from eflowprov.checks.judgement import evidence
from eflowprov.model import Finding, HostFacts, Outcome

_SOURCE = "Windows host"
_GIB = 2**30
_MIN_BUILD = 17763  # Windows 10 1809 and Server 2019: EFLOW's requirements page
_MIN_MEMORY = 1 * _GIB  # the same page: 1 GB free
_MIN_DISK = 10 * _GIB  # the same page: 10 GB free


def judge_host(facts: HostFacts, *, now: datetime, wssd_warn_days: int = 30) -> tuple[Finding, ...]:
    """Judge the host at `now` (timezone-aware); a wssdagent certificate with under `wssd_warn_days` days left warns."""
    return (
        _elevated(facts),
        _powershell(facts),
        _language_mode(facts),
        _windows_build(facts),
        _hyper_v(facts),
        _memory(facts),
        _disk(facts),
        _execution_policy(facts),
        _module(facts),
        _product(facts),
        _wssdagent(facts, now, timedelta(days=wssd_warn_days)),
        _vm(facts),
    )


def _finding(id_: str, title: str, outcome: Outcome, detail: str, remedy: str = "", seen: str = "") -> Finding:
    return Finding(f"host/{id_}", title, outcome, detail, remedy, evidence([seen]), _SOURCE)


def _untold(facts: HostFacts, id_: str, title: str, *, needed: bool = False) -> Finding:
    """A fact that is not there: a skip, or an error where provisioning needs it; the host's own problems say why."""
    why = "; ".join(facts.problems) or "the host did not tell"
    remedy = "Run eflowprov host info in an elevated Windows PowerShell 5.1 and look at its problems."
    outcome = Outcome.ERROR if needed else Outcome.SKIP
    return _finding(id_, title, outcome, f"Could not be found out: {why}.", remedy, "\n".join(facts.problems))


def _elevated(facts: HostFacts) -> Finding:
    id_, title = "elevated", "the session has administrator's rights"
    if facts.is_elevated is None:
        return _untold(facts, id_, title, needed=True)
    if facts.is_elevated:
        return _finding(id_, title, Outcome.PASS, "Elevated.")
    remedy = "Start Windows PowerShell with 'Run as administrator' and try again."
    return _finding(id_, title, Outcome.FAIL, "The session is not elevated; every EFLOW cmdlet needs it.", remedy)


def _powershell(facts: HostFacts) -> Finding:
    id_, title = "powershell", "64-bit Windows PowerShell 5.1"
    version = facts.powershell_version
    if not version:
        return _untold(facts, id_, title)
    told = " ".join(part for part in (version, facts.powershell_edition, _bits(facts.is_64_bit)) if part)
    remedy = r"Use %SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe."
    if not version.startswith("5.1") or facts.powershell_edition not in ("Desktop", ""):
        why = f"This is PowerShell {told}; AzureEFLOW works in Windows PowerShell 5.1 alone (iotedge-eflow#42)."
        return _finding(id_, title, Outcome.FAIL, why, remedy, told)
    if facts.is_64_bit is False:
        why = "This is the 32-bit PowerShell, which does not see the AzureEFLOW module."
        return _finding(id_, title, Outcome.FAIL, why, remedy, told)
    return _finding(id_, title, Outcome.PASS, f"PowerShell {told}.")


def _bits(is_64_bit: bool | None) -> str:
    return "" if is_64_bit is None else "64-bit" if is_64_bit else "32-bit"


def _language_mode(facts: HostFacts) -> Finding:
    id_, title = "language-mode", "PowerShell runs in full language mode"
    if not facts.language_mode:
        return _untold(facts, id_, title)
    if facts.language_mode == "FullLanguage":
        return _finding(id_, title, Outcome.PASS, "FullLanguage.")
    why = f"PowerShell runs in {facts.language_mode}: an application control policy (WDAC, AppLocker) restricts it."
    return _finding(
        id_, title, Outcome.FAIL, why, "Ask whoever keeps the policy to allow this session.", facts.language_mode
    )


def _windows_build(facts: HostFacts) -> Finding:
    id_, title = "windows-build", "a Windows that EFLOW supports"
    if facts.os_build is None:
        return _untold(facts, id_, title)
    told = f"{facts.os_name or 'Windows'}, build {facts.os_build}"
    if facts.os_build >= _MIN_BUILD:
        return _finding(id_, title, Outcome.PASS, f"{told}.")
    return _finding(id_, title, Outcome.FAIL, f"{told}; EFLOW needs {_MIN_BUILD} or later.", "Update Windows.", told)


def _hyper_v(facts: HostFacts) -> Finding:
    id_, title = "hyper-v", "the hypervisor runs"
    if facts.hypervisor_present is None:
        return _untold(facts, id_, title)
    if facts.hypervisor_present:
        return _finding(id_, title, Outcome.PASS, "A hypervisor is present.")
    remedy = (
        "Switch virtualisation on in the firmware (on a virtual machine: nested virtualisation), then "
        "Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All, and restart."
    )
    return _finding(id_, title, Outcome.FAIL, "No hypervisor runs: the VM cannot start (iotedge-eflow#130).", remedy)


def _memory(facts: HostFacts) -> Finding:
    return _room(facts, "memory", "free memory", facts.free_memory_bytes, _MIN_MEMORY, "Close programs, or add memory.")


def _disk(facts: HostFacts) -> Finding:
    return _room(
        facts, "disk", "free disk space", facts.free_disk_bytes, _MIN_DISK, "Free disk space on the system drive."
    )


def _room(facts: HostFacts, id_: str, what: str, free: int | None, needed: int, remedy: str) -> Finding:
    title = f"enough {what}"
    if free is None:
        return _untold(facts, id_, title)
    told = f"{free / _GIB:.1f} GiB {what}"
    if free >= needed:
        return _finding(id_, title, Outcome.PASS, f"{told}.")
    # A VM that exists has its memory and disk already; one that is still to be deployed needs them.
    outcome = Outcome.WARN if facts.vm_exists else Outcome.FAIL
    return _finding(id_, title, outcome, f"{told}; EFLOW asks for {needed / _GIB:.0f} GiB.", remedy, told)


# The first that is defined counts (about_Execution_Policies).
_SCOPES = ("MachinePolicy", "UserPolicy", "Process", "CurrentUser", "LocalMachine")


def _execution_policy(facts: HostFacts) -> Finding:
    id_, title = "execution-policy", "the execution policy lets the AzureEFLOW module load"
    if not facts.execution_policies:
        return _untold(facts, id_, title)
    scope, policy = _effective_policy(facts.execution_policies, "server" in facts.os_name.lower())
    seen = "\n".join(f"{name}: {value}" for name, value in facts.execution_policies.items())
    if policy != "Restricted":
        return _finding(id_, title, Outcome.PASS, f"{policy} ({scope}).")
    by_group_policy = scope in ("MachinePolicy", "UserPolicy")
    remedy = (
        "Ask whoever keeps the group policy for AllSigned."
        if by_group_policy
        else "Set-ExecutionPolicy -ExecutionPolicy AllSigned -Scope LocalMachine -Force"
    )
    return _finding(id_, title, Outcome.FAIL, f"Restricted ({scope}): no module may load.", remedy, seen)


def _effective_policy(policies: Mapping[str, str], is_server: bool) -> tuple[str, str]:
    for scope in _SCOPES:
        if policies.get(scope, "Undefined") != "Undefined":
            return scope, "Restricted" if policies[scope] == "Default" and not is_server else policies[scope]
    return "Windows' default", "RemoteSigned" if is_server else "Restricted"


def _module(facts: HostFacts) -> Finding:
    id_, title = "eflow-module", "the AzureEFLOW module is there and signed"
    if not facts.module_version and facts.problems:
        return _untold(facts, id_, title, needed=True)
    if not facts.module_version:
        remedy = "Install Azure IoT Edge for Linux on Windows with its MSI, then open a new session."
        return _finding(id_, title, Outcome.FAIL, "The AzureEFLOW module is not installed.", remedy)
    told = f"AzureEFLOW {facts.module_version}, signature {facts.module_signature or 'not told'}"
    if facts.module_signature == "Valid":
        return _finding(id_, title, Outcome.PASS, f"{told}.")
    if not facts.module_signature:
        return _finding(id_, title, Outcome.WARN, f"{told}.", "Get-AuthenticodeSignature on AzureEFLOW.psm1 tells it.")
    remedy = (
        "Repair the installation, and see that the Microsoft root certificates are on this host (iotedge-eflow#158)."
    )
    return _finding(id_, title, Outcome.FAIL, f"{told}: it may have been changed, or is not trusted.", remedy, told)


def _product(facts: HostFacts) -> Finding:
    id_, title = "eflow-product", "the EFLOW product is installed"
    if facts.products:
        return _finding(id_, title, Outcome.PASS, f"{', '.join(facts.products)}.")
    if facts.problems:
        return _untold(facts, id_, title)
    remedy = "Install Azure IoT Edge for Linux on Windows, or repair its installation."
    return _finding(id_, title, Outcome.WARN, "No installed product is named Azure IoT Edge.", remedy)


def _wssdagent(facts: HostFacts, now: datetime, warn: timedelta) -> Finding:
    id_, title = "wssdagent-certificate", "EFLOW's own service certificate is valid"
    end = facts.wssdagent_not_after
    if end is None:
        return _untold(facts, id_, title)
    told = f"{end:%Y-%m-%d}"
    remedy = "Renew it with Microsoft's script updateWssdCert.ps1 (repository Azure/iotedge-eflow, folder eflow-util)."
    if end <= now:
        why = f"It expired on {told}, one year after installation: no cmdlet reaches the VM (iotedge-eflow#225)."
        return _finding(id_, title, Outcome.FAIL, why, remedy, f"not after {told}")
    days = (end - now).days
    if end - now < warn:
        why = f"It expires on {told}, in {days} days; EFLOW updates do not renew it."
        return _finding(id_, title, Outcome.WARN, why, remedy, f"not after {told}")
    return _finding(id_, title, Outcome.PASS, f"Until {told} ({days} days).")


def _vm(facts: HostFacts) -> Finding:
    id_, title = "vm", "the EFLOW VM runs and has an address"
    if facts.vm_exists is None:
        return _untold(facts, id_, title, needed=True)
    if not facts.vm_exists:
        return _finding(id_, title, Outcome.FAIL, "There is no EFLOW VM on this host.", "Deploy it: Deploy-Eflow.")
    told = ", ".join(part for part in (facts.vm_power_state, facts.vm_address) if part)
    if facts.vm_power_state not in ("Running", ""):
        why = f"The VM is there, but not running: {facts.vm_power_state} (iotedge-eflow#254)."
        return _finding(id_, title, Outcome.FAIL, why, "Start it: Start-EflowVm.", told)
    return _vm_address(facts, id_, title, told)


def _vm_address(facts: HostFacts, id_: str, title: str, told: str) -> Finding:
    remedy = "Restart it: Stop-EflowVm; Start-EflowVm. Then look at Get-EflowVmEndpoint and the virtual switch's DHCP."
    if not facts.vm_address:
        if facts.problems:
            return _untold(facts, id_, title, needed=True)
        return _finding(id_, title, Outcome.FAIL, "The VM has no address (iotedge-eflow#10).", remedy, told)
    if facts.vm_address.startswith("169.254."):
        why = f"The VM got no address from its network; {facts.vm_address} is one it gave itself (iotedge-eflow#177)."
        return _finding(id_, title, Outcome.FAIL, why, remedy, told)
    if not facts.vm_power_state:  # builds of 2021 do not tell it; the address does
        return _finding(id_, title, Outcome.PASS, f"Address {facts.vm_address}.")
    return _finding(id_, title, Outcome.PASS, f"{told}.")
