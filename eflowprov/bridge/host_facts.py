"""What host-facts.ps1 answered, as HostFacts: every value checked, none guessed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from eflowprov.model import HostFacts

_T = TypeVar("_T")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EFLOW_OWNER = "wssdagent"  # the service that EFLOW's cmdlets work through


def facts_from(data: Mapping[str, object]) -> HostFacts:
    """Each value in its own form; one that is missing or in another form is None ("" for texts), and said so."""
    reader = _Reader(data)
    memory_kib = reader.read("free_memory_kib", _whole)
    vm_exists = reader.read("vm_exists", _last_truth)
    ends = reader.read("wssdagent_ends", _times)
    return HostFacts(
        computer=reader.text("computer"),
        powershell_version=reader.text("powershell_version"),
        powershell_edition=reader.text("powershell_edition"),
        is_64_bit=reader.read("is_64_bit", _truth),
        language_mode=reader.text("language_mode"),
        is_elevated=reader.read("is_elevated", _truth),
        os_name=reader.text("os_name"),
        os_build=reader.read("os_build", _whole),
        hypervisor_present=reader.read("hypervisor_present", _truth),
        free_memory_bytes=None if memory_kib is None else memory_kib * 1024,
        free_disk_bytes=reader.read("free_disk_bytes", _whole),
        execution_policies=reader.read("execution_policies", _table) or {},
        module_version=reader.text("module_version"),
        module_signature=reader.text("module_signature"),
        products=reader.read("products", _texts) or (),
        wssdagent_not_after=min(ends) if ends else None,
        vm_exists=vm_exists,
        vm_power_state=reader.text("vm_power_state"),
        vm_address=ipv4_in(reader.text("vm_address")),
        vm_id=vm_id_in(reader.read("hyperv_vms", _texts) or (), reader.text("compute_systems")),
        utc_now=reader.read("utc_now", _time),
        problems=(*(reader.read("problems", _texts) or ()), *reader.problems),
    )


def ipv4_in(text: str) -> str:
    """The first IPv4 address in `text`, "" when there is none; versions and MAC addresses are none."""
    for word in re.findall(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", text):
        try:
            return str(ipaddress.IPv4Address(word))
        except ValueError:
            continue
    return ""


def vm_id_in(hyper_v: Sequence[str], compute_systems: str) -> str:
    """The GUID of the EFLOW VM: Hyper-V's own *EFLOW (Server), else what `hcsdiag list` shows as wssdagent's (client).

    hcsdiag prints a system in two lines: its GUID; kind, state, GUID again and owner. Both may be in one. "" for none,
    and for several, since one of them would be a guess.
    """
    found = {text.lower() for text in hyper_v if _GUID.fullmatch(text)}
    if not found:
        last = ""
        for line in compute_systems.splitlines():
            last = next(iter(_GUID.findall(line)), last)
            if last and _EFLOW_OWNER in line.lower():
                found.add(last.lower())
    return found.pop() if len(found) == 1 else ""


class _Reader:
    """Takes values out of the answer and keeps a line for each that is in no known form."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = data
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self.read(name, _text) or ""

    def read(self, name: str, take: Callable[[object], _T]) -> _T | None:
        value = self._data.get(name)
        if value is None:
            return None
        try:
            return take(value)
        except (TypeError, ValueError):
            self.problems.append(f"{name}: {value!r:.80} is in no known form")
            return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _last_truth(value: object) -> bool:
    """Verify-EflowVm's answer as text: `True` or `False`, after whatever else it put out."""
    word = _text(value).split()[-1:]
    if word not in (["True"], ["False"]):
        raise ValueError
    return word == ["True"]


def _whole(value: object) -> int | None:
    """A whole number as text (JSON would make a float of a big one); "" is what PowerShell makes of nothing."""
    text = _text(value)
    return int(text) if text else None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(item) for item in value)


def _table(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {str(key): _text(item) for key, item in value.items()}


def _time(value: object) -> datetime:
    """.NET's round-trip form, `2026-11-22T05:10:11.0000000Z`."""
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _times(value: object) -> tuple[datetime, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_time(item) for item in value)
