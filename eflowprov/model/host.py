"""What PowerShell tells: the cmdlets' records, and the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CmdletRecord:
    """One record of a cmdlet's streams: `stream` is output, host, warning, verbose, debug, information or error.

    `text` is what a person would read; for an object on the output stream it is the object's JSON and `is_json` True.
    """

    stream: str
    text: str
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class CmdletAnswer:
    """A cmdlet that ended: its records in order. `error` is the terminating error's message, "" when it returned."""

    records: tuple[CmdletRecord, ...]
    error: str = ""
    error_id: str = ""
    duration_s: float = 0.0

    @property
    def output(self) -> tuple[str, ...]:
        """The texts on the output stream: what the cmdlet returned."""
        return tuple(record.text for record in self.records if record.stream == "output")


@dataclass(frozen=True, slots=True)
class ProvisionVerdict:
    """What `Provision-EflowVm` returned, judged: `ok` for `OK`; else its message without the line number."""

    ok: bool
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The Windows side, as one PowerShell call saw it; None where it could not be told (`problems` says why)."""

    computer: str = ""
    powershell_version: str = ""
    powershell_edition: str = ""
    is_64_bit: bool | None = None
    language_mode: str = ""
    is_elevated: bool | None = None
    os_name: str = ""
    os_build: int | None = None
    hypervisor_present: bool | None = None
    free_memory_bytes: int | None = None
    free_disk_bytes: int | None = None
    execution_policies: Mapping[str, str] = field(default_factory=dict)  # scope -> policy
    module_version: str = ""  # AzureEFLOW's; "" when it is not there
    module_signature: str = ""  # Valid, NotSigned, HashMismatch, … ; "" when not told
    products: tuple[str, ...] = ()  # installed products named Azure IoT Edge *
    wssdagent_not_after: datetime | None = None
    vm_exists: bool | None = None
    vm_power_state: str = ""
    vm_address: str = ""
    vm_id: str = ""  # the VM's GUID, lower-case; "" when it was not told, or more than one could be meant
    utc_now: datetime | None = None
    problems: tuple[str, ...] = ()
