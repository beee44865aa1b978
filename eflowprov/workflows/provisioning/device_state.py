"""What the VM says of its own provisioning: is it provisioned already, with what, and what has happened since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from eflowprov.errors import ParseError, TransportError
from eflowprov.model import CommandResult, VmChannel
from eflowprov.parsers.device_config import DeviceConfig, parse_config_toml, parse_config_yaml
from eflowprov.parsers.text import decode, first_words

CONFIG, CONFIG_1_1 = "/etc/aziot/config.toml", "/etc/iotedge/config.yaml"
"""The device's configuration, and that of a 1.1 runtime, which is looked at where the first is not there."""

_READERS: tuple[tuple[str, Callable[[str], DeviceConfig]], ...] = (
    (CONFIG, parse_config_toml),
    (CONFIG_1_1, parse_config_yaml),
)
_QUICK_S = 30.0


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`provisioned_with` is "" for a VM that was never provisioned, else what its configuration names.

    `path` is the configuration's file, "" when there is none; `config` what it says ("" for each value when it cannot
    be read as one).
    """

    provisioned_with: str
    clock: int  # the VM's own seconds since 1970, before anything was done
    path: str = ""
    config: DeviceConfig = field(default_factory=DeviceConfig)

    def names(self, scope_id: str, cert_name: str) -> bool:
        """Whether the configuration is that of this scope and of the certificate file with this name."""
        mine = PurePosixPath(self.config.cert).name == cert_name
        return bool(self.config.cert) and mine and self.config.scope_id == scope_id


def device_state(channel: VmChannel) -> DeviceState:
    """Ask the VM. TransportError when it does not answer, or does not let its configuration be read."""
    clock = vm_clock(channel)
    for path, read in _READERS:
        text = _read(channel, path)
        if text is None:
            continue
        try:
            config = read(decode(text))
        except ParseError:
            return DeviceState(f"a {path} that is no valid TOML", clock, path)
        return DeviceState(_shown(config), clock, path, config)
    return DeviceState("", clock)


def vm_clock(channel: VmChannel) -> int:
    """The VM's own time, seconds since 1970. TransportError when it does not tell."""
    clock = channel.run(("date", "+%s"), timeout_s=_QUICK_S)
    digits = decode(clock.stdout).strip()
    if clock.status != 0 or not digits.isdigit():
        seen = first_words(digits or decode(clock.stderr)) or clock.note
        raise TransportError(
            channel.vm, f"`date +%s` did not tell the VM's time ({seen})", "Look at the VM and try again"
        )
    return int(digits)


def vm_digest(channel: VmChannel, path: str) -> str:
    """The SHA-256 of a file in the VM, in lower-case hexadecimal; "" when the VM does not tell it."""
    told = channel.run(("sudo", "-n", "sha256sum", "--", path), timeout_s=_QUICK_S)
    words = decode(told.stdout).removeprefix("\\").split()
    digest = words[0] if told.status == 0 and words else ""
    return digest if len(digest) == 64 and set(digest) <= set("0123456789abcdef") else ""


def _read(channel: VmChannel, path: str) -> bytes | None:
    """A file's bytes; None when it is not there. TransportError when nobody can say."""
    told: CommandResult = channel.run(("sudo", "-n", "cat", path), timeout_s=_QUICK_S)
    errors = decode(told.stderr)
    if told.status == 0:
        return told.stdout
    if told.status is not None and "No such file" in errors:
        return None
    reason = told.note or first_words(errors) or f"status {told.status}"
    raise TransportError(channel.vm, f"{path} could not be read ({reason})", "Look at the VM and try again")


def _shown(config: DeviceConfig) -> str:
    """The provisioning section in a few words."""
    if not config.source:
        return ""
    told = {"ID scope": config.scope_id, "registration ID": config.registration_id}
    details = ", ".join(f"{name} {value}" for name, value in told.items() if value)
    return f"source {config.source}" + (f", {details}" if details else "")
