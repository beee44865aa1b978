"""The cmdlet once for each certificate, also when runs were killed: what the journal knows, then what the VM shows.

The journal has the VM's clock and the file's name before the cmdlet is called. A run that finds such an entry without
an answer asks the VM first, and calls only if the VM's configuration is not this one and nothing shows that it worked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eflowprov.bridge.eflow import EflowHost
from eflowprov.errors import InputError
from eflowprov.model import Finding, Outcome, VmChannel
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.provisioning.device_state import DeviceState
from eflowprov.workflows.provisioning.evidence import gather
from eflowprov.workflows.provisioning.identity_in_vm import is_in_use
from eflowprov.workflows.provisioning.preparation import FILE_LIMIT, Prepared, Progress, ProvisionRequest
from eflowprov.workflows.provisioning.provision import SAID_OK, already_provisioned, call_cmdlet, look_before, refused
from eflowprov.workflows.runs.journal import Journal, step_key

BEGUN, DONE = "provision-begun", "provision"
"""The journal's entries: the cmdlet is about to be called; it worked."""

_FAILED = "failed"
_OTHERS = "Is it the right machine? Then set again = true under [provision] in the configuration"
_AGAIN = "Give --from-step provision to call the cmdlet once more for it"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the steps provision and wait work with. `again` says that the operator asked for the provisioning once more,
    `allowed` that the configuration file allows to provision a provisioned VM anew."""

    request: ProvisionRequest
    prepared: Prepared
    host: EflowHost
    channel: VmChannel
    journal: Journal
    transcript: Transcript
    progress: Progress
    again: bool = False
    allowed: bool = False

    def key(self, step: str) -> str:
        """The journal's digest of the inputs of `step`."""
        return step_key(step, self.prepared.fingerprint, self.request.scope_id, self.request.endpoint)


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of it. `since` is the VM's clock before the call and `name` the certificate's file in the VM; `worked`
    is False when the cmdlet failed."""

    findings: tuple[Finding, ...]
    worked: bool
    since: int = 0
    name: str = ""


def provision_once(attempt: Attempt) -> Attempted:
    """Call the cmdlet unless it was called for these inputs and worked. InputError when nobody allowed to touch a VM
    that others provisioned."""
    state = look_before(attempt.channel, attempt.transcript)
    done, begun = attempt.journal.done(DONE, attempt.key(DONE)), attempt.journal.done(BEGUN, attempt.key(DONE))
    if begun is None:
        done = None  # another certificate's call came after it, and was cut off
    if done is not None and state.provisioned_with:
        return _worked(done, "Called by an earlier run, and it returned OK.")
    if done is not None:
        attempt.progress("the VM is not provisioned any more (deployed anew?): it is done again")
        attempt.journal.forget((DONE, BEGUN))
        begun = None
    if begun is not None and _has_worked(attempt, state, begun):
        attempt.transcript.event("recovered", name=begun["name"], since=begun["clock"])
        attempt.journal.record(DONE, attempt.key(DONE), clock=begun["clock"], name=begun["name"])
        return _worked(begun, "An earlier run was cut off in it; the VM is configured with this certificate.")
    if not _may_touch(attempt, state, begun):
        raise _untouched(attempt, state)
    return _call(attempt, state)


def _worked(kept: dict[str, str], detail: str) -> Attempted:
    finding = replace(SAID_OK, title="Provision-EflowVm, not called again", detail=detail, source="journal")
    return Attempted((finding,), True, int(kept["clock"]), kept["name"])


def _has_worked(attempt: Attempt, state: DeviceState, begun: dict[str, str]) -> bool:
    """Whether a call that was cut off, or failed, has provisioned the VM all the same."""
    attempt.progress("an earlier run was cut off in the cmdlet: looking in the VM for what came of it")
    ours = _is_ours(attempt, state, begun["name"])
    if ours and begun["answer"] != _FAILED:
        return True
    # The old configuration's registration after a restart of the VM is no evidence for this one.
    changed = state.config.cert != begun["cert_before"] and state.config.scope_id == attempt.request.scope_id
    if not ours and not changed:
        return False
    return gather(attempt.channel, since=int(begun["clock"])).assigned.outcome is Outcome.PASS


def _is_ours(attempt: Attempt, state: DeviceState, name: str) -> bool:
    cert = read_limited(attempt.request.cert, FILE_LIMIT)
    return is_in_use(attempt.channel, state, attempt.request.scope_id, cert, name)


def _may_touch(attempt: Attempt, state: DeviceState, begun: dict[str, str] | None) -> bool:
    """A VM that is not provisioned, or was so by us, may be; another one when the operator said so beforehand."""
    if not state.provisioned_with or attempt.allowed:
        return True
    if begun is not None and begun["with_before"] == state.provisioned_with:
        return True
    before = attempt.journal.last(DONE)
    if before and state.config.cert.endswith(f"/{before['name']}"):
        return True  # a new certificate takes the place of one that this journal brought there
    own = begun["name"] if begun else ""
    return (attempt.again or begun is not None) and _is_ours(attempt, state, own)


def _untouched(attempt: Attempt, state: DeviceState) -> InputError:
    """Why nothing was done; for a VM that has this very certificate the way on is another one."""
    return already_provisioned(state, _AGAIN if _is_ours(attempt, state, "") else _OTHERS)


def _call(attempt: Attempt, state: DeviceState) -> Attempted:
    kept = {"clock": str(state.clock), "cert_before": state.config.cert, "with_before": state.provisioned_with}
    names: list[str] = []

    def begin(name: str) -> None:
        names.append(name)
        attempt.journal.record(BEGUN, attempt.key(DONE), name=name, answer="", **kept)

    verdict, name = call_cmdlet(
        attempt.request,
        attempt.prepared,
        attempt.host,
        attempt.channel,
        transcript=attempt.transcript,
        progress=attempt.progress,
        on_call=begin,
    )
    if verdict.ok:
        attempt.journal.record(DONE, attempt.key(DONE), clock=kept["clock"], name=name)
        return Attempted((SAID_OK,), True, state.clock, name)
    attempt.journal.record(BEGUN, attempt.key(DONE), name=name, answer=_FAILED, **kept)
    told = refused(verdict, gather(attempt.channel, since=state.clock), attempt.transcript)
    return Attempted(told.findings, False)
