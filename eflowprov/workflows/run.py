"""Every step in order, with a journal: certs, check, host, register, provision, verify; the report at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from eflowprov.bridge.eflow import EflowHost
from eflowprov.checks.judgement import Judgement
from eflowprov.errors import EflowprovError, InputError
from eflowprov.model import Finding, Identity, Outcome, Report, Target, Wanted
from eflowprov.workflows.channels import ChannelRequest, OpenChannel, open_channel
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.issue import issue_identities
from eflowprov.workflows.journal import Journal, step_key
from eflowprov.workflows.policy import load_policy
from eflowprov.workflows.provision import ProvisionRequest, prepare, provision
from eflowprov.workflows.register import DeviceRegistration, register_device
from eflowprov.workflows.timeline import Timeline
from eflowprov.workflows.transcript import Transcript
from eflowprov.workflows.verify import VerifyOptions, assemble, collect, judge

STEPS = ("certs", "check", "register", "provision", "verify")
_BEGUN = "provision-begun"
_KEPT = (
    "register",
    "provision",
)  # the steps that a journal makes unnecessary; all others are cheap, or the proof itself


def resumable(from_step: str) -> tuple[str, ...]:
    """The journal's entries to forget for `--from-step`. InputError for a step that there is not."""
    if from_step and from_step not in STEPS:
        raise InputError("--from-step", f"there is no step {from_step!r}", f"Choose one of {', '.join(STEPS)}")
    if not from_step:
        return ()
    again = tuple(step for step in _KEPT if STEPS.index(step) >= STEPS.index(from_step))
    return (*again, _BEGUN) if "provision" in again else again


class Runner:
    """One run over one machine.

    `host` gives the EFLOW cmdlets when they are first needed; `progress` is told each step in a line; `known_hosts` is
    the pin file that serves when the configuration names none. `label` is the report's `target.host`.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        host: Callable[[], EflowHost],
        journal: Journal,
        transcript: Transcript,
        progress: Callable[[str], None],
        known_hosts: Path,
        label: str = "local",
    ) -> None:
        self._config = config
        self._policy = load_policy(config.verify.policy)
        self._open_host = host
        self._journal = journal
        self._transcript = transcript
        self._progress = progress
        self._known_hosts = known_hosts
        self._label = label
        self._findings: list[Finding] = []
        self._opened: OpenChannel | None = None
        self._judgement: Judgement | None = None
        self._timeline = Timeline()
        self._identity = Identity(registration_id=config.identity.registration_id, scope_id=config.dps.scope_id)

    def run(self) -> Report:
        """Do what is not done yet. InputError for input that cannot be used; all else becomes findings."""
        started_at = datetime.now(UTC)
        try:
            for step in STEPS:
                self._progress(f"step {step}")
                if not self._attempt(step):
                    self._skip_after(step)
                    break
        finally:
            if self._opened is not None:
                self._opened.channel.close()
        return self._report(started_at)

    # ------------------------------------------------------------------------------------------------ the order

    def _attempt(self, step: str) -> bool:
        """Run a step; False when the steps behind it have no sense."""
        before = len(self._findings)
        try:
            with self._timeline.step(step):
                getattr(self, f"_{step}")()
        except InputError:
            raise
        except EflowprovError as error:
            self._transcript.event("step-error", step=step, error=str(error))
            self._findings.append(
                Finding(
                    f"step/{step}",
                    f"step {step}",
                    Outcome.ERROR,
                    f"{error.where}: {error.why}",
                    error.next_step,
                    source="run",
                )
            )
            return False
        found = self._findings[before:]
        self._transcript.event("step", step=step, findings=[f"{finding.outcome}: {finding.id}" for finding in found])
        if step == "provision":
            return True  # when it failed, the VM itself tells best why
        return not any(finding.outcome in (Outcome.FAIL, Outcome.ERROR) for finding in found)

    def _skip_after(self, step: str) -> None:
        for skipped in STEPS[STEPS.index(step) + 1 :]:
            self._findings.append(
                Finding(
                    f"step/{skipped}",
                    f"step {skipped}",
                    Outcome.SKIP,
                    f"Not run, because step {step} did not succeed.",
                    source="run",
                )
            )

    # ------------------------------------------------------------------------------------------------ the steps

    def _certs(self) -> None:
        """An identity of its own, kept when it is there and valid; or the files that the configuration names."""
        identity = self._config.identity
        if identity.cert is not None and identity.key is not None:
            self._files = (identity.cert, identity.key)
        elif identity.ca is not None and identity.out is not None:
            (issued,) = issue_identities(
                [identity.registration_id], ca=identity.ca, out=identity.out, passphrase_file=identity.passphrase_file
            )
            self._files = (issued.chain, issued.key)

    def _check(self) -> None:
        """Certificate and host."""
        self._prepared = prepare(self._request(), self._eflow, progress=self._progress)
        self._identity = replace(self._identity, expires_at=self._prepared.expires_at)
        self._findings += self._prepared.findings

    def _register(self) -> None:
        """Would DPS take it? Proved once for each certificate, scope and endpoint."""
        if not self._config.dps.register_first:
            return
        key = self._key("register")
        kept = self._journal.done("register", key)
        if kept is None:
            registered = register_device(self._registration())
            self._findings.append(registered.finding)
            if registered.finding.outcome is not Outcome.PASS:
                return
            kept = {"hub": registered.hub, "device_id": registered.device_id}
            self._journal.record("register", key, **kept)
        else:
            self._findings.append(_already("dps/registration", "DPS took the identity", kept))
        self._identity = replace(self._identity, hub=kept["hub"], device_id=kept["device_id"])

    def _provision(self) -> None:
        """Once for each certificate; a run that was cut off in the middle may do it again without asking."""
        key = self._key("provision")
        kept = self._journal.done("provision", key)
        if kept is not None:
            self._findings.append(_already("provision/cmdlet", "Provisioned before", kept))
            return
        again = self._config.provision.again or self._journal.done(_BEGUN, key) is not None
        done = provision(
            self._request(),
            self._prepared,
            self._eflow,
            self._channel(),
            confirm=lambda _: again,
            on_call=lambda: self._journal.record(_BEGUN, key),
            transcript=self._transcript,
            progress=self._progress,
        )
        self._findings += done.findings
        if all(finding.outcome is Outcome.PASS for finding in done.findings):
            self._journal.record("provision", key, hub=done.hub, device_id=done.device_id)

    def _verify(self) -> None:
        settings = self._config.verify
        wanted = Wanted(self._identity.registration_id, self._identity.hub, self._prepared.fingerprint)
        options = VerifyOptions(
            settings.since, settings.timeout_s, settings.expect, self._identity.hub, wanted, self._policy
        )
        self._outputs = collect(self._timeline.watch(self._channel().channel), options)
        self._judgement = judge(self._outputs, options, now=datetime.now(UTC))

    # ----------------------------------------------------------------------------------------------- its pieces

    def _request(self) -> ProvisionRequest:
        config, (cert, key) = self._config, self._files
        return ProvisionRequest(
            scope_id=config.dps.scope_id,
            cert=cert,
            key=key,
            registration_id=config.identity.registration_id,
            endpoint=config.dps.endpoint,
            pass_registration_id=config.provision.pass_registration_id,
            timeout_s=config.provision.timeout_s,
            evidence_s=config.provision.evidence_s,
        )

    def _registration(self) -> DeviceRegistration:
        (cert, key), dps = self._files, self._config.dps
        return DeviceRegistration(
            scope_id=dps.scope_id,
            cert=cert,
            key=key,
            registration_id=self._config.identity.registration_id,
            endpoint=dps.endpoint,
            endpoint_ca=dps.endpoint_ca,
            timeout_s=dps.timeout_s,
        )

    def _key(self, step: str) -> str:
        return step_key(step, self._prepared.fingerprint, self._config.dps.scope_id, self._config.dps.endpoint)

    @cached_property
    def _eflow(self) -> EflowHost:
        return self._open_host()

    def _channel(self) -> OpenChannel:
        """The one way into the VM for the whole run."""
        if self._opened is None:
            vm = self._config.vm
            request = ChannelRequest(
                vm.channel, vm.ssh, vm.ssh_user, vm.ssh_key, vm.known_hosts or self._known_hosts, vm.accept_new_host_key
            )
            self._opened = open_channel(request, lambda: self._eflow)
        return self._opened

    def _report(self, started_at: datetime) -> Report:
        """The VM's own findings, and of the steps' those that it does not repeat."""
        judged = {finding.id for finding in self._judgement.findings} if self._judgement else set()
        channel = self._opened.channel if self._opened else None
        return assemble(
            self._judgement,
            started_at=started_at,
            target=Target(self._label, channel.vm if channel else "", channel.name if channel else ""),
            identity=self._identity,
            extra=[finding for finding in self._findings if finding.id not in judged],
            expect=self._config.verify.expect,
            policy=self._policy,
            timeline=self._timeline.entries(),
        )


def _already(id_: str, title: str, kept: dict[str, str]) -> Finding:
    detail = f"Proved by an earlier run: hub {kept['hub'] or 'not told'}, device {kept['device_id'] or 'not told'}."
    return Finding(id_, title, Outcome.PASS, detail, source="journal")
