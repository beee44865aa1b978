"""Which way into the VM: SSH where it is open, the EFLOW cmdlets where it is not, and the reason for the choice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eflowprov.bridge.cmdlet_channel import CmdletChannel
from eflowprov.bridge.eflow import EflowHost
from eflowprov.certs.keys import openssh_private_key
from eflowprov.errors import EflowprovError, InputError, TransportError
from eflowprov.model import Secret, VmChannel
from eflowprov.transports.ssh import SshTarget, open_ssh
from eflowprov.workflows.addresses import split_address
from eflowprov.workflows.files import read_limited

_LOG = logging.getLogger(__name__)
_KEY_LIMIT = 64 * 2**10  # an RSA-16384 key in PEM is 13 KiB

AUTO, SSH, CMDLET = "auto", "ssh", "cmdlet"


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """The flags that say how to reach the VM; `ssh` is HOST[:PORT], "" when none was given."""

    channel: str = AUTO
    ssh: str = ""
    ssh_user: str = "iotedge-user"
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    accept_new_host_key: bool = False
    connect_timeout_s: float = 15.0


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """An open channel and the sentence that says why it is this one."""

    channel: VmChannel
    because: str


def open_channel(request: ChannelRequest, host: Callable[[], EflowHost]) -> OpenChannel:
    """Open what the request names; `auto` prefers SSH and falls back to the cmdlets.

    InputError for flags that do not fit together; TransportError, with every way that was tried, when none is open.
    """
    if request.channel == CMDLET:
        return OpenChannel(_open_cmdlet(host), "asked for by --channel cmdlet")
    missing = _missing_for_ssh(request)
    if request.channel == SSH:
        if missing:
            raise InputError("--channel ssh", f"{missing} is missing", "Give --ssh HOST[:PORT] and --ssh-key FILE")
        return OpenChannel(open_ssh(_ssh_target(request)), "asked for by --channel ssh")
    if missing and request.ssh:
        raise InputError("--ssh", f"{missing} is missing", "Give --ssh-key FILE, or --channel cmdlet")
    if missing:
        return OpenChannel(_open_cmdlet(host), f"no SSH: {missing} was not given")
    target = _ssh_target(request)
    try:
        return OpenChannel(open_ssh(target), "SSH is open")
    except TransportError as ssh_error:
        _LOG.info("ssh: %s", ssh_error)
        return _fall_back(ssh_error, host)


def _fall_back(ssh_error: TransportError, host: Callable[[], EflowHost]) -> OpenChannel:
    try:
        return OpenChannel(_open_cmdlet(host), f"SSH is not open ({ssh_error.why})")
    except EflowprovError as cmdlet_error:
        raise TransportError(
            ssh_error.where,
            f"{ssh_error.why}; and through the cmdlets: {cmdlet_error.why}",
            cmdlet_error.next_step,
        ) from cmdlet_error


def _open_cmdlet(host: Callable[[], EflowHost]) -> VmChannel:
    channel = CmdletChannel(host())
    channel.probe()
    return channel


def _missing_for_ssh(request: ChannelRequest) -> str:
    if not request.ssh:
        return "--ssh"
    return "--ssh-key" if request.ssh_key is None else ""


def _ssh_target(request: ChannelRequest) -> SshTarget:
    name, port = split_address(request.ssh, 22, where="--ssh", example="172.27.120.111 or vm.mshome.net:22")
    assert request.ssh_key is not None and request.known_hosts is not None  # noqa: S101 - checked by the callers
    key = openssh_private_key(read_limited(request.ssh_key, _KEY_LIMIT), None)
    return SshTarget(
        host=name,
        port=port,
        user=request.ssh_user,
        private_key=Secret(key),
        known_hosts=request.known_hosts,
        accept_new_host_key=request.accept_new_host_key,
        connect_timeout_s=request.connect_timeout_s,
    )
