"""`run --dry-run`: what each step would do, with every command, and nothing done.

Only files are read, and PowerShell is asked for the cmdlet's parameter names; neither the VM nor DPS is touched.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.bridge.cmdlet_call import CMDLET, provision_call
from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.staged_names import staged_paths, staged_stem
from eflowprov.certs.names import check_registration_id
from eflowprov.errors import EflowprovError, InputError
from eflowprov.redaction import redact
from eflowprov.workflows.bundling.bundle import refuse_place
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.identities.identity_files import IdentityFiles, is_folder, is_there
from eflowprov.workflows.provisioning.device_state import CONFIG
from eflowprov.workflows.provisioning.identity_in_vm import HOME
from eflowprov.workflows.provisioning.preparation import Prepared, ProvisionRequest, check_certificate
from eflowprov.workflows.provisioning.provision import key_is_gone
from eflowprov.workflows.readiness.baseline import load_baseline
from eflowprov.workflows.readiness.collect import (
    AGENT_COMMAND,
    LIST_COMMAND,
    STATUS_COMMAND,
    check_commands,
    log_commands,
)
from eflowprov.workflows.readiness.policy import load_policy
from eflowprov.workflows.runs.enroll_once import enroll_plan
from eflowprov.workflows.runs.journal import Journal, step_key
from eflowprov.workflows.runs.provision_once import BEGUN, DONE
from eflowprov.workflows.runs.run_files import RunFiles, expected_files

_USUAL = ("provisioningType", "scopeId", "identityCertPath", "identityPrivKeyPath", "globalEndpoint", "headless")
_STAGING = Path("STAGING")  # a folder of this user alone, made for the call and gone after it
_CLOCK, _HUB = "CLOCK", "HUB"  # the VM's clock before the call; the hub that its logs name
_NO_SERIAL = "SERIAL"
_KEY_IN_VM = "KEY"  # the file that the VM's configuration names
_PROBE = "VM: sudo -n sh -c SCRIPT  # reads clock, configuration and certificate; asks whether the key can be read"


@dataclass(frozen=True, slots=True)
class Planned:
    """One step: what it would do, in a sentence, and the commands that it would run, redacted."""

    step: str
    what: str
    commands: tuple[str, ...] = ()


def plan_run(config: RunConfig, journal: Journal, host: Callable[[], EflowHost]) -> tuple[Planned, ...]:
    """The plan, step by step. InputError for input that the run itself would refuse before it touches anything."""
    certs, request, files = _certs(config, journal)
    is_given = config.identity.cert is not None  # then a file that is not there is refused, as by the run
    prepared = check_certificate(request, lambda _: None) if is_given or is_there(request.cert) else _not_issued(config)
    key = None
    if prepared.fingerprint:
        key = step_key(DONE, prepared.fingerprint, config.dps.scope_id, config.dps.endpoint)
    called = key is not None and None not in (journal.done(DONE, key), journal.done(BEGUN, key))
    register = _register(config, journal, prepared, files)
    if files.key is None and not called:
        raise key_is_gone(files.cert)
    since = config.verify.since
    verifying = [log_commands(f"-{since}")[0], LIST_COMMAND, check_commands(_HUB)[0], STATUS_COMMAND, AGENT_COMMAND]
    removal = [("sha256sum", "--", _KEY_IN_VM)] if config.provision.remove_key else []
    return (
        certs,
        Planned("check", "judge the certificate and its key" + (": it would be refused" if prepared.refused else "")),
        Planned("host", "ask PowerShell for the host's facts; nothing is changed there"),
        Planned("enroll", *enroll_plan(config, request.cert, journal)),
        register,
        _provision(config, request, prepared, host, called=called),
        Planned(
            "wait",
            f"until identityd was assigned and edgeAgent runs, up to {config.provision.evidence_s:.0f} s; then the "
            "VM's configuration must name this certificate" + (_REMOVE if config.provision.remove_key else ""),
            _in_vm([log_commands(f"@{_CLOCK}")[0], LIST_COMMAND, ("cat", CONFIG), *removal]),
        ),
        Planned(
            "verify",
            "ask the VM and judge it",
            (*_in_vm(verifying), _PROBE),
        ),
        Planned("report", _kept(config)),
    )


def _kept(config: RunConfig) -> str:
    """Where the report goes; what the run would refuse of its files is refused."""
    load_policy(config.verify.policy)
    load_baseline(config.verify.baseline, fail_on_new=config.verify.fail_on_new)
    wanted = config.report
    if wanted.bundle is not None:
        refuse_place(wanted.bundle, wanted.output)
    places = " and ".join(str(path) for path in (wanted.output, wanted.bundle) if path is not None)
    return f"write it to {places}" if places else "show it"


_REMOVE = "; then the host's private key is deleted, once the VM shows its SHA-256"


def _certs(config: RunConfig, journal: Journal) -> tuple[Planned, ProvisionRequest, RunFiles]:
    identity, expected = config.identity, expected_files(config.identity, journal)
    check_registration_id(identity.registration_id)
    if identity.ca is None or identity.out is None:
        assert identity.cert is not None  # noqa: S101 - the configuration's own rule
        planned = Planned("certs", f"take {identity.cert} and {identity.key} as they are")
        return planned, _request(config, identity.cert, expected.key), expected
    files = IdentityFiles.of(identity.registration_id, identity.out)
    if is_there(files.chain):
        what = f"keep {identity.registration_id} in {files.folder} if it is whole, valid and this authority's"
    elif is_folder(identity.ca):
        what = f"issue {identity.registration_id} from {identity.ca} into {files.folder}"
    else:
        raise InputError(str(identity.ca), "there is no such folder", "Make an authority: eflowprov certs ca --out DIR")
    return Planned("certs", what), _request(config, files.chain, expected.key), expected


def _request(config: RunConfig, cert: Path, key: Path | None) -> ProvisionRequest:
    there = key if key is not None and (is_there(key) or config.identity.ca is None) else None
    registration_id = config.identity.registration_id
    return ProvisionRequest(config.dps.scope_id, cert, there, registration_id, config.dps.endpoint)


def _not_issued(config: RunConfig) -> Prepared:
    return Prepared(config.identity.registration_id, _NO_SERIAL, datetime.now(UTC), "", (), refused=False)


def _register(config: RunConfig, journal: Journal, prepared: Prepared, files: RunFiles) -> Planned:
    dps = config.dps
    if not dps.register_first:
        return Planned("register", "not configured")
    key = step_key("register", prepared.fingerprint, dps.scope_id, dps.endpoint)
    if prepared.fingerprint and journal.done("register", key):
        return Planned("register", "proved by an earlier run; not again")
    files.needed_key()
    what = f"register {prepared.registration_id} from this host over MQTT, in ID scope {dps.scope_id} at {dps.endpoint}"
    return Planned("register", f"{what}: DPS creates the device in its hub")


def _provision(
    config: RunConfig, request: ProvisionRequest, prepared: Prepared, host: Callable[[], EflowHost], *, called: bool
) -> Planned:
    look = _in_vm([("date", "+%s"), ("cat", CONFIG)])
    if called:
        return Planned("provision", "called by an earlier run; not again while the VM is provisioned", look)
    what = f"call {CMDLET} once, up to {config.provision.timeout_s:.0f} s"
    try:
        parameters = host().provision_parameters()
    except EflowprovError as error:
        parameters = (*_USUAL, "registrationId")
        what += f"; its parameters as most releases have them, since this host's were not told ({error.why})"
    serial = prepared.serial
    stem = staged_stem(prepared.registration_id, serial)
    cert, key = staged_paths(prepared.registration_id, serial, _STAGING)
    call = provision_call(
        parameters,
        scope_id=request.scope_id,
        cert=cert,
        key=key,
        endpoint=request.endpoint,
        registration_id=prepared.registration_id if config.provision.pass_registration_id else "",
    )
    return Planned("provision", what, (*look, *_in_vm([("find", HOME, "-name", f"{stem}*")]), redact(call.text())))


def _in_vm(commands: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Commands in the VM as a person would type them there; all but `date` as root."""
    rooted = (command if command[0] == "date" else ("sudo", "-n", *command) for command in commands)
    return tuple(f"VM: {redact(shlex.join(command))}" for command in rooted)
