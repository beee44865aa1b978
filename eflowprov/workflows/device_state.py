"""What the VM says of its own provisioning: is it provisioned already, with what, and what has happened since."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from eflowprov.errors import ParseError, TransportError
from eflowprov.model import VmChannel
from eflowprov.parsers.text import decode, first_words

_CONFIG = "/etc/aziot/config.toml"
_QUICK_S = 30.0


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`provisioned_with` is "" for a VM that was never provisioned, else what its configuration names."""

    provisioned_with: str
    clock: int  # the VM's own seconds since 1970, before anything was done


def device_state(channel: VmChannel) -> DeviceState:
    """Ask the VM. TransportError when it does not answer, or does not let its configuration be read."""
    clock = channel.run(("date", "+%s"), timeout_s=_QUICK_S)
    digits = decode(clock.stdout).strip()
    if clock.status != 0 or not digits.isdigit():
        seen = first_words(digits or decode(clock.stderr)) or clock.note
        raise TransportError(
            channel.vm, f"`date +%s` did not tell the VM's time ({seen})", "Look at the VM and try again"
        )
    config = channel.run(("sudo", "-n", "cat", _CONFIG), timeout_s=_QUICK_S)
    errors = decode(config.stderr)
    if config.status == 0:
        return DeviceState(_provisioned_with(config.stdout), int(digits))
    if config.status is not None and "No such file" in errors:
        return DeviceState("", int(digits))
    reason = config.note or first_words(errors) or f"status {config.status}"
    raise TransportError(channel.vm, f"{_CONFIG} could not be read ({reason})", "Look at the VM and try again")


def _provisioned_with(config: bytes) -> str:
    """The provisioning section in a few words; nothing else of the file is kept (it may hold keys)."""
    try:
        section = tomllib.loads(decode(config)).get("provisioning", {})
    except (tomllib.TOMLDecodeError, ParseError):
        return f"a {_CONFIG} that is no valid TOML"
    if not isinstance(section, dict) or not section.get("source"):
        return ""
    attestation = section.get("attestation")
    registration = attestation.get("registration_id") if isinstance(attestation, dict) else None
    told = {"ID scope": section.get("id_scope"), "registration ID": registration}
    details = ", ".join(f"{name} {value}" for name, value in told.items() if isinstance(value, str))
    return f"source {section['source']}" + (f", {details}" if details else "")
