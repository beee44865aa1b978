"""The identity's files in the VM: under which names, is it this certificate that is in use, and has it the key?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from eflowprov.bridge.staged_names import staged_paths, staged_stem
from eflowprov.errors import EflowprovError
from eflowprov.model import Finding, Outcome, VmChannel
from eflowprov.parsers.text import decode
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.disk.storage import flush_folder
from eflowprov.workflows.provisioning.device_state import DeviceState, vm_digest

HOME = "/home/iotedge-user"
"""Below it `Provision-EflowVm` puts the files, under their names on the host (iotedge-eflow#103)."""

_QUICK_S = 30.0
_LIMIT = 2**20
_IN_USE, _HOST_KEY = "provision/identity-in-use", "provision/host-key"


def free_number(channel: VmChannel, registration_id: str, serial: str) -> int:
    """The first number (see `staged_paths`) whose two names the VM does not have yet.

    A VM that does not tell its files is taken to have none: the cmdlet then says what is in its way.
    """
    search = ("sudo", "-n", "find", HOME, "-name", f"{staged_stem(registration_id, serial)}*")
    there = {PurePosixPath(line).name for line in decode(channel.run(search, timeout_s=_QUICK_S).stdout).splitlines()}
    number = 1
    while there & {path.name for path in staged_paths(registration_id, serial, Path(), number)}:
        number += 1
    return number


def is_in_use(channel: VmChannel, state: DeviceState, scope_id: str, cert: bytes, name: str) -> bool:
    """Whether the VM is configured with this scope and certificate: its file has the name, else the very bytes."""
    if state.names(scope_id, name):
        return True
    if not state.config.cert or state.config.scope_id != scope_id:
        return False
    return vm_digest(channel, state.config.cert) == hashlib.sha256(cert).hexdigest()


def in_use(channel: VmChannel, state: DeviceState, scope_id: str, cert: bytes, name: str) -> Finding:
    """The finding about what the VM's configuration names after the cmdlet was called."""
    title, seen = "the VM's configuration names this certificate", f"{state.path}: identity_cert {state.config.cert}"
    if is_in_use(channel, state, scope_id, cert, name):
        return Finding(_IN_USE, title, Outcome.PASS, f"It names {state.config.cert}.", "", seen, "VM")
    if state.provisioned_with and not state.config.cert:
        detail = f"{state.path} names no file for it ({state.provisioned_with}); the report compares the certificates."
        return Finding(_IN_USE, title, Outcome.SKIP, detail, source="VM")
    found = state.config.cert or "nothing: the VM is not provisioned"
    detail = f"It names {found}, in ID scope {state.config.scope_id or 'none'}; wanted {name} in {scope_id}."
    remedy = "Provision once more: eflowprov run --from-step provision"
    return Finding(_IN_USE, title, Outcome.FAIL, detail, remedy, seen, "VM")


def remove_host_key(
    channel: VmChannel, in_vm: str, key: Path, *, on_proof: Callable[[], None] = lambda: None
) -> Finding:
    """Delete the host's private key, once the VM proves by its SHA-256 that the file `in_vm` is the same.

    `on_proof` is told before the file is deleted. It is deleted as files are: that the disk overwrites it is not
    promised.
    """
    why_not = _not_proved(channel, in_vm, key)
    if not why_not:
        on_proof()
        try:
            key.unlink()
            flush_folder(key.parent)
        except OSError as error:
            why_not = f"it cannot be deleted ({error.strerror})"
    if why_not:
        return kept_key(key, why_not)
    detail = f"Deleted {key}: the VM holds it as {in_vm}. Copies elsewhere (backups, other folders) are still there."
    return Finding(_HOST_KEY, "the host's private key is deleted", Outcome.PASS, detail, source="host")


def kept_key(key: Path, why: str) -> Finding:
    """The finding for a key that was to be deleted and is still there."""
    remedy = "Put that right and run it again, or delete the file by hand."
    return Finding(
        _HOST_KEY, "the host's private key is deleted", Outcome.WARN, f"Kept {key}: {why}.", remedy, source="host"
    )


def _not_proved(channel: VmChannel, in_vm: str, key: Path) -> str:
    """Why the VM does not prove that it holds the key; "" when it does."""
    if not in_vm:
        return "the VM's configuration names no file for it"
    try:
        mine = hashlib.sha256(read_limited(key, _LIMIT)).hexdigest()
        theirs = vm_digest(channel, in_vm)
    except EflowprovError as error:
        return error.why
    if not theirs:
        return f"the VM did not tell the SHA-256 of {in_vm}"
    return "" if theirs == mine else f"{in_vm} in the VM is another file"
