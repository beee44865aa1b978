"""The wait step of `run`: evidence that is newer than the cmdlet's call, and that it is this certificate which is in
use; proved once for each call. Then, where that is wanted, the host's private key goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eflowprov.model import Finding, Outcome
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.provisioning.device_state import device_state
from eflowprov.workflows.provisioning.evidence import await_evidence
from eflowprov.workflows.provisioning.identity_in_vm import in_use, kept_key, remove_host_key
from eflowprov.workflows.provisioning.preparation import FILE_LIMIT
from eflowprov.workflows.provisioning.provision import UNPROVED
from eflowprov.workflows.runs.provision_once import Attempt, Attempted
from eflowprov.workflows.runs.run_files import KEY_GONE
from eflowprov.workflows.runs.step_findings import already

WAIT = "wait"
"""The step, and the journal's entry: everything was proved."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the VM shows; `hub` and `device_id` are "" when it does not tell them, or not everything is proved."""

    findings: tuple[Finding, ...]
    proved: bool
    hub: str = ""
    device_id: str = ""


def wait_once(attempt: Attempt, done: Attempted, *, remove_key: bool) -> Proof:
    """Wait for what the cmdlet's call `done` led to, unless an earlier run did; then have the host's key removed."""
    kept = attempt.journal.done(WAIT, attempt.key(WAIT))
    if kept is not None and kept["clock"] == str(done.since):
        found = (already("provision/identity-in-use", "this certificate is in use", kept),)
        proof = Proof(found, True, kept["hub"], kept["device_id"])
    else:
        proof = _awaited(attempt, done)
    if not remove_key or attempt.request.key is None:
        return proof
    removal = _removal(attempt, attempt.request.key, proved=proof.proved)
    return Proof((*proof.findings, removal), proof.proved, proof.hub, proof.device_id)


def _awaited(attempt: Attempt, done: Attempted) -> Proof:
    """Wait for it, and keep it when everything is proved."""
    channel, request = attempt.channel, attempt.request
    evidence = await_evidence(channel, since=done.since, timeout_s=request.evidence_s, progress=attempt.progress)
    cert = read_limited(request.cert, FILE_LIMIT)
    used = in_use(channel, device_state(channel), request.scope_id, cert, done.name)
    attempt.transcript.event("evidence", assigned=evidence.assigned.detail, agent=evidence.agent.detail)
    findings = (evidence.assigned, evidence.agent, used)
    if not evidence.proved or used.outcome is Outcome.FAIL:
        return Proof(findings, False)
    told = {"hub": evidence.hub, "device_id": evidence.device_id}
    attempt.journal.record(WAIT, attempt.key(WAIT), clock=str(done.since), **told)
    return Proof(findings, True, **told)


def _removal(attempt: Attempt, key: Path, *, proved: bool) -> Finding:
    """Delete the host's copy, which the journal knows first: a key that is gone then is no missing one."""
    if not proved:
        return kept_key(key, UNPROVED)
    removing = partial(attempt.journal.record, KEY_GONE, attempt.prepared.fingerprint)
    in_vm = device_state(attempt.channel).config.key
    return remove_host_key(attempt.channel, in_vm, key, on_proof=removing)
