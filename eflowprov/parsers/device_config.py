"""The device's own configuration: what it is provisioned with. `config.toml` from 1.2 on, `config.yaml` of 1.1.

Only the provisioning section is read, and of it only what names the identity: the files may hold connection strings
and symmetric keys. Sources: iotedge's config templates (contrib/config/linux/template.toml, 1.1's config.yaml).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from eflowprov.errors import ParseError

_LINE = re.compile(r"(?P<indent>\s*)(?P<name>[A-Za-z_]+):\s*(?P<value>.*?)\s*")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<text>.*?)(?P=quote)(\s+#.*)?")
_SECRETS = "device_connection_string"


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """`source` is dps or manual, "" when the device is not provisioned; `cert` and `key` are the identity's files in
    the VM, "" when it has none."""

    source: str = ""
    scope_id: str = ""
    registration_id: str = ""
    cert: str = ""
    key: str = ""


def parse_config_toml(text: str) -> DeviceConfig:
    """Read /etc/aziot/config.toml. ParseError when it is no TOML."""
    try:
        section = tomllib.loads(text.replace("\r\n", "\n")).get("provisioning", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        # Its first words are not quoted, as elsewhere: they may be a key.
        raise ParseError("config.toml", "it is no valid TOML", "Run `iotedge check` in the VM") from None
    if not isinstance(section, dict) or not section.get("source"):
        return DeviceConfig()
    attestation = section.get("attestation", section.get("authentication"))
    return _config(section, attestation if isinstance(attestation, dict) else {}, str(section.get("id_scope") or ""))


def parse_config_yaml(text: str) -> DeviceConfig:
    """Read /etc/iotedge/config.yaml of 1.1, as far as its provisioning section goes.

    A section with a template's placeholder (`<ADD DEVICE CONNECTION STRING HERE>`) is not provisioned.
    """
    values = _section(text, "provisioning")
    if any(value.startswith("<") for name, value in values.items() if name in (_SECRETS, "scope_id", "identity_cert")):
        return DeviceConfig()
    if values.get("source") == "manual" and not (values.get(_SECRETS) or values.get("iothub_hostname")):
        return DeviceConfig()
    return _config(values, values, values.get("scope_id", "")) if values.get("source") else DeviceConfig()


def _config(section: Mapping[str, object], inner: Mapping[str, object], scope: str) -> DeviceConfig:
    return DeviceConfig(
        str(section["source"]),
        scope,
        _text(inner.get("registration_id")),
        _path(inner.get("identity_cert")),
        _path(inner.get("identity_pk")),
    )


def _text(value: object) -> str:
    """A value that is a text; EST and keyd tables in its place name no file."""
    return value if isinstance(value, str) else ""


def _path(value: object) -> str:
    """The file that a `file://` address names; "" for a PKCS#11 address or the like."""
    address = _text(value)
    return unquote(address.removeprefix("file://")) if address.startswith("file://") else ""


def _section(text: str, name: str) -> dict[str, str]:
    """The lines below a top-level name, by their own names; nesting is flattened, since no name occurs twice there."""
    values: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if line.lstrip().startswith("#") or not found:
            continue
        if not found["indent"]:
            inside = found["name"] == name
        elif inside:
            values[found["name"]] = _unquoted(found["value"])
    return values


def _unquoted(value: str) -> str:
    found = _QUOTED.fullmatch(value)
    return found["text"] if found else value.partition(" #")[0].strip()
