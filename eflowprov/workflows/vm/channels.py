"""Which way into the VM: SSH where it is open, the EFLOW cmdlets where it is not, and the reason for the choice."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eflowprov.bridge.cmdlet_channel import CmdletChannel
from eflowprov.bridge.eflow import EflowHost
from eflowprov.certs.keys import openssh_private_key
from eflowprov.errors import DeniedError, EflowprovError, InputError, TransportError
from eflowprov.model import Secret, VmChannel
from eflowprov.transports.hvsocket import HvSocket
from eflowprov.transports.ssh import SshTarget, open_ssh
from eflowprov.workflows.addresses import split_address
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.vm.connections import ConnectionLedger, default_ledger, is_this_host
from eflowprov.workflows.vm.eflow_release import Release, installed_release

if TYPE_CHECKING:
    from eflowprov.workflows.config import VmConfig

_LOG = logging.getLogger(__name__)
_KEY_LIMIT = 64 * 2**10  # an RSA-16384 key in PEM is 13 KiB

_HVSOCKET = "hvsocket:"
_SSH_EXAMPLES = "172.27.120.111, vm.mshome.net:22 or hvsocket:VMID"

AUTO, SSH, CMDLET = "auto", "ssh", "cmdlet"


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """The flags that say how to reach the VM; `ssh` is HOST[:PORT] or hvsocket:VMID[:PORT], "" when none was given.

    `ledger` counts the connections over TCP, so that the VM does not block this host.
    """

    channel: str = AUTO
    ssh: str = ""
    ssh_user: str = "iotedge-user"
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    accept_new_host_key: bool = False
    connect_timeout_s: float = 15.0
    ledger: ConnectionLedger = field(default_factory=default_ledger)


def configured_request(vm: VmConfig, known_hosts: Path) -> ChannelRequest:
    """The way that a configuration names; `known_hosts` serves when it names no pin file."""
    pins = vm.known_hosts or known_hosts
    return ChannelRequest(vm.channel, vm.ssh, vm.ssh_user, vm.ssh_key, pins, vm.accept_new_host_key)


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """An open channel and the sentence that says why it is this one."""

    channel: VmChannel
    because: str
    is_open: Callable[[], bool] = lambda: True
    """Whether the channel still stands; the cmdlets have nothing that could break between two calls."""

    @property
    def told(self) -> str:
        """Which way and why, for the operator."""
        return f"into the VM by {self.channel.name}: {self.because}"


def open_channel(
    request: ChannelRequest, host: Callable[[], EflowHost], tell: Callable[[str], None] = _LOG.info
) -> OpenChannel:
    """Open what the request names; `auto` takes SSH where the host's EFLOW has it, else the cmdlets. `tell` is told of
    what takes time.

    InputError for flags that do not fit together; TransportError, with every way that was tried, when none is open.
    """
    if request.channel == CMDLET:
        return OpenChannel(_open_cmdlet(host), "asked for by --channel cmdlet")
    missing = _missing_for_ssh(request)
    if request.channel == SSH:
        if missing:
            next_step = "Give --ssh HOST[:PORT] or hvsocket:VMID, and --ssh-key FILE"
            raise InputError("--channel ssh", f"{missing} is missing", next_step)
        return _open_ssh(request, _ssh_target(request), "asked for by --channel ssh", tell)
    if missing and request.ssh:
        raise InputError("--ssh", f"{missing} is missing", "Give --ssh-key FILE, or --channel cmdlet")
    if request.ssh_key is None:
        return OpenChannel(_open_cmdlet(host), f"no SSH: {missing} was not given")
    return _open_best(request, host, tell)


def _open_best(request: ChannelRequest, host: Callable[[], EflowHost], tell: Callable[[str], None]) -> OpenChannel:
    """`auto` with a key: over TCP where the host's EFLOW has it open, over a Hyper-V socket later, or the cmdlets."""
    target = _ssh_target(request) if request.ssh else None  # now: a wrong address is told before anybody is asked
    ours = target is not None and (target.wire is not None or is_this_host(target.host))
    release = Release() if ours else installed_release(host, tell)
    because = "SSH is open"
    if release.tcp_closed:
        target, because = None, release.why
    if release.hvsocket:
        target, because = _ssh_target(replace(request, ssh=release.hvsocket)), f"{release.why}, its Hyper-V socket open"
    if target is None:
        return OpenChannel(_open_cmdlet(host), because if release.tcp_closed else "no SSH: --ssh was not given")
    try:
        return _open_ssh(request, target, because, tell)
    except TransportError as ssh_error:
        _LOG.info("ssh: %s", ssh_error)
        return _fall_back(ssh_error, release, host)


def _open_ssh(request: ChannelRequest, target: SshTarget, because: str, tell: Callable[[str], None]) -> OpenChannel:
    if not target.wire and not is_this_host(target.host):
        request.ledger.take_turn(target.address, tell)
    channel = open_ssh(target)
    return OpenChannel(channel, because, lambda: channel.is_open)


def _fall_back(ssh_error: TransportError, release: Release, host: Callable[[], EflowHost]) -> OpenChannel:
    why_not = f"{release.why}, and its Hyper-V socket is not open" if release.hvsocket else "SSH is not open"
    try:
        return OpenChannel(_open_cmdlet(host), f"{why_not} ({ssh_error.why})")
    except EflowprovError as cmdlet_error:
        denied = all(isinstance(error, DeniedError) for error in (ssh_error, cmdlet_error))
        raise (DeniedError if denied else TransportError)(
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
    socket = _hv_socket(request.ssh)
    name, port = (
        (socket.vm_id, socket.port) if socket else split_address(request.ssh, 22, where="--ssh", example=_SSH_EXAMPLES)
    )
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
        wire=socket.open if socket else None,
    )


def _hv_socket(text: str) -> HvSocket | None:
    """The Hyper-V socket of `hvsocket:VMID[:PORT]`, None for another address. InputError when it is not whole."""
    if not text.lower().startswith(_HVSOCKET):
        return None
    vm_id, port = split_address(
        text[len(_HVSOCKET) :], 22, where="--ssh", example=_SSH_EXAMPLES, form="VMID or VMID:PORT"
    )
    try:
        return HvSocket(str(uuid.UUID(vm_id)), port)
    except ValueError:
        next_step = "Give the VM's GUID: hcsdiag list, or (Get-VM).Id, shows it"
        raise InputError("--ssh", f"{vm_id!r} is no VM ID", next_step) from None
