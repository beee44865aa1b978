"""The rights to DPS: a connection string from a file, the environment or a person; never from a command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from eflowprov.errors import InputError
from eflowprov.model import Secret, ServiceAccess
from eflowprov.transports.dps_service import HTTPS_PORT
from eflowprov.workflows.addresses import split_address
from eflowprov.workflows.disk.files import read_passphrase

VARIABLE = "EFLOWPROV_DPS_CONNECTION_STRING"
_LIKE = "HostName=NAME.azure-devices-provisioning.net;SharedAccessKeyName=POLICY;SharedAccessKey=KEY"
_NEXT = f"Copy it from the DPS under Shared access policies; it reads {_LIKE}"
_KEY_IN_NAME = "sharedaccesskey="
_POLICY = re.compile(r"[A-Za-z0-9\-._]{1,128}")


def service_access(
    file: Path | None, environ: Mapping[str, str], ask: Callable[[], Secret] | None = None
) -> ServiceAccess:
    """Find the connection string, in this order: `file`, the variable VARIABLE, what `ask` gives.

    InputError when there is none, or it is none; the message never quotes it.
    """
    if file is not None:
        if _KEY_IN_NAME in str(file).casefold():
            why = "it is a connection string itself, and what stands on a command line can be read by others"
            raise InputError("--connection-string-file", why, "Put it into a file, as its one line, and name that")
        return parse_connection_string(read_passphrase(file, "connection string"), str(file))
    if environ.get(VARIABLE):
        return parse_connection_string(Secret(environ[VARIABLE]), VARIABLE)
    if ask is not None:
        return parse_connection_string(ask(), "connection string")
    next_step = f"Give --connection-string-file, or set {VARIABLE}; without rights --emit az prints a script"
    raise InputError("DPS", "the connection string of a policy with the right to do this is missing", next_step)


def parse_connection_string(text: Secret, where: str) -> ServiceAccess:
    """Read one; `where` is the place that an InputError names."""
    parts = {}
    for part in text.reveal().strip().strip(";").split(";"):
        name, _, value = part.partition("=")
        parts[name.strip().casefold()] = value.strip()
    host, policy, key = (parts.get(name, "") for name in ("hostname", "sharedaccesskeyname", "sharedaccesskey"))
    if "deviceid" in parts:
        raise InputError(where, "it is a device's connection string, and the service's is needed", _NEXT)
    if host.casefold().endswith(".azure-devices.net"):
        raise InputError(where, "it is an IoT Hub's connection string, and that of DPS is needed", _NEXT)
    missing = [name for name, value in zip(_NAMES, (host, policy, key), strict=True) if not value]
    if missing:
        raise InputError(where, f"it is no connection string of DPS: it lacks {', '.join(missing)}", _NEXT)
    if not _POLICY.fullmatch(policy):
        raise InputError(where, "its SharedAccessKeyName is no policy's name", _NEXT)
    return ServiceAccess(*_host_and_port(host, where), policy, Secret(key))


_NAMES = ("HostName", "SharedAccessKeyName", "SharedAccessKey")


def _host_and_port(host: str, where: str) -> tuple[str, int]:
    """The host; a port is for the lab's stand-in. The text is never quoted: it may be a key in a wrong place."""
    try:
        name, port = split_address(host, HTTPS_PORT, where=where, example="NAME.azure-devices-provisioning.net")
        fits = name.isascii()
    except InputError:
        fits = False
    if not fits:
        raise InputError(where, "its HostName is no host's name", _NEXT) from None
    return name, port
