"""Every step in order, with a journal: certs, check, host, enroll, register, provision, wait, verify; then the report.

The steps that touch something prove what they did before the journal has it; the others are cheap, or the proof itself,
and are done by every run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from eflowprov.bridge.eflow import EflowHost
from eflowprov.checks.judgement import Judgement
from eflowprov.errors import EflowprovError, InputError, StorageError
from eflowprov.model import Finding, HostFacts, Identity, Outcome, Report, Target, VmChannel, Wanted
from eflowprov.workflows.bundling.bundle import Bundle, BundleOptions, Receipt, refuse_place
from eflowprov.workflows.bundling.log import RunLog
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.provisioning.preparation import ProvisionRequest, check_certificate, check_host, forbids
from eflowprov.workflows.provisioning.staging import sweep_staging
from eflowprov.workflows.readiness.baseline import against, load_baseline
from eflowprov.workflows.readiness.patience import patiently
from eflowprov.workflows.readiness.policy import load_policy
from eflowprov.workflows.readiness.report_files import write_reports
from eflowprov.workflows.readiness.timeline import Begun, Timeline
from eflowprov.workflows.readiness.verify import VerifyOptions, assemble, collect, judge
from eflowprov.workflows.register import register_device
from eflowprov.workflows.runs.enroll_once import ENROLL, enroll_once
from eflowprov.workflows.runs.journal import Journal, step_key
from eflowprov.workflows.runs.provision_once import BEGUN, DONE, Attempt, provision_once
from eflowprov.workflows.runs.run_files import RunFiles, identity_files
from eflowprov.workflows.runs.step_findings import already, first_failing, skipped, told, unanswered
from eflowprov.workflows.runs.step_requests import provision_request, registration
from eflowprov.workflows.runs.wait_once import WAIT, wait_once
from eflowprov.workflows.vm.channels import OpenChannel, configured_request, open_channel

STEPS = ("certs", "check", "host", "enroll", "register", "provision", "wait", "verify", "report")
_KEPT = (ENROLL, "register", DONE, WAIT)  # the steps that a journal makes unnecessary
_UNMARKED = ("certs", "check")  # steps that ask nobody: one that was cut off in them has nothing to wait for
_GOING_ON = ("provision", "wait")  # when they failed, the VM itself tells best why


def resumable(from_step: str) -> tuple[str, ...]:
    """The journal's entries to forget for `--from-step`. InputError for a step that there is not."""
    if from_step and from_step not in STEPS:
        raise InputError("--from-step", f"there is no step {from_step!r}", f"Choose one of {', '.join(STEPS)}")
    if not from_step:
        return ()
    again = tuple(step for step in _KEPT if STEPS.index(step) >= STEPS.index(from_step))
    return (*again, BEGUN) if DONE in again else again


class Runner:
    """One run over one machine.

    `host` gives the EFLOW cmdlets when they are first needed; `progress` is told each step in a line; `known_hosts` is
    the pin file that serves when the configuration names none. `label` is the report's `target.host`. `again` says that
    the operator asked for the provisioning once more (--from-step, --restart). `on_way` is told which way into the VM
    was taken and why. After `run`, `written` are the report's files, `receipt` is the bundle's, and `unwritten` says
    why some of them could not be written.
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
        again: bool = False,
        on_way: Callable[[str], None] | None = None,
    ) -> None:
        self._config = config
        self._policy = load_policy(config.verify.policy)
        self._earlier = load_baseline(config.verify.baseline, fail_on_new=config.verify.fail_on_new)
        self._open_host = host
        self._journal = journal
        self._transcript = transcript
        self._log = RunLog()
        self._progress = self._log.telling(progress)
        self._on_way = self._log.telling(on_way or progress)
        self._bundle = _bundle_of(config, self._log, self._progress)
        self._known_hosts = known_hosts
        self._label = label
        self._again = again
        self.written: tuple[Path, ...] = ()
        self.receipt: Receipt | None = None
        self.unwritten: StorageError | None = None
        self._findings: list[Finding] = []
        self._opened: OpenChannel | None = None
        self._judgement: Judgement | None = None
        self._timeline = Timeline()
        self._identity = Identity(registration_id=config.identity.registration_id, scope_id=config.dps.scope_id)

    def run(self) -> Report:
        """Do what is not done yet. InputError for input that cannot be used; all else becomes findings."""
        sweep_staging()
        with self._log.listening() if self._bundle else nullcontext():
            return self._steps()

    # ------------------------------------------------------------------------------------------------ the order

    def _steps(self) -> Report:
        self._begun = Begun.now()
        if self._journal.cut_off:
            self._progress(f"an earlier run was cut off in step {self._journal.cut_off}: going on")
        try:
            for step in STEPS[:-1]:
                if not self._attempt(step):
                    self._skip_after(step)
                    break
            with suppress(StorageError):  # a journal that cannot be written costs no report
                self._begin("report")
            return self._report()
        finally:
            if self._opened is not None:
                self._opened.channel.close()
            with suppress(StorageError):  # of a full disk the step itself has told
                self._journal.end()

    def _begin(self, step: str) -> None:
        self._progress(f"step {step}")
        if step not in _UNMARKED:
            self._journal.begin(step)

    def _attempt(self, step: str) -> bool:
        """Run a step; False when the steps behind it have no sense."""
        before = len(self._findings)
        try:
            self._begin(step)
            with self._timeline.step(step):
                getattr(self, f"_{step}")()
            outcomes = [f"{finding.outcome}: {finding.id}" for finding in self._findings[before:]]
            self._transcript.event("step", step=step, findings=outcomes)
        except InputError:
            raise
        except EflowprovError as error:
            with suppress(StorageError):  # of a full disk, which is in the report then
                self._transcript.event("step-error", step=step, error=str(error))
            self._findings.append(unanswered(step, error))
            self._tell(step, before)
            return False
        self._tell(step, before)
        return step in _GOING_ON or not forbids(tuple(self._findings[before:]))

    def _tell(self, step: str, before: int) -> None:
        for line in told(step, self._findings[before:]):
            self._progress(line)

    def _skip_after(self, step: str) -> None:
        self._findings += [skipped(each, step) for each in STEPS[STEPS.index(step) + 1 : -1]]

    # ------------------------------------------------------------------------------------------------ the steps

    def _certs(self) -> None:
        """An identity of its own, kept when it is there and valid; or the files that the configuration names."""
        self._files: RunFiles = identity_files(self._config.identity, self._journal)

    def _check(self) -> None:
        """The certificate and its key."""
        self._prepared = check_certificate(self._request(), self._progress)
        self._identity = replace(self._identity, expires_at=self._prepared.expires_at)
        self._findings += self._prepared.findings

    def _host(self) -> None:
        """The Windows side; after a restart of Windows it may need a while."""
        found: tuple[Finding, ...] = patiently(
            lambda: check_host(self._eflow, self._progress),
            what="the host",
            patience_s=self._patience_s,
            progress=self._progress,
            lacks=first_failing,
        )
        self._findings += found

    def _enroll(self) -> None:
        """The service side of DPS, where that is configured."""
        finding = enroll_once(self._config, self._files.cert, self._journal, self._progress)
        self._findings += [finding] if finding else []

    def _register(self) -> None:
        """Would DPS take it? Proved once for each certificate, scope and endpoint."""
        dps = self._config.dps
        if not dps.register_first:
            return
        key = step_key("register", self._prepared.fingerprint, dps.scope_id, dps.endpoint)
        kept = self._journal.done("register", key)
        if kept is None:
            registered = register_device(registration(self._config, self._files))
            self._findings.append(registered.finding)
            if registered.finding.outcome is not Outcome.PASS:
                return
            kept = {"hub": registered.hub, "device_id": registered.device_id}
            self._journal.record("register", key, **kept)
        else:
            self._findings.append(already("dps/registration", "DPS took the identity", kept))
        self._identity = replace(self._identity, hub=kept["hub"], device_id=kept["device_id"])

    def _provision(self) -> None:
        """Once for each certificate."""
        self._tried = Attempt(
            self._request(),
            self._prepared,
            self._eflow,
            self._vm(),
            self._journal,
            self._transcript,
            self._progress,
            again=self._again,
            allowed=self._config.provision.again,
        )
        self._provisioned = provision_once(self._tried)
        self._findings += self._provisioned.findings

    def _wait(self) -> None:
        """For evidence newer than the cmdlet's call, and that it is this certificate which is in use."""
        if not self._provisioned.worked:
            self._findings.append(skipped(WAIT, "provision"))
            return
        proof = wait_once(self._tried, self._provisioned, remove_key=self._config.provision.remove_key)
        self._findings += proof.findings
        told = self._identity
        self._identity = replace(told, hub=proof.hub or told.hub, device_id=proof.device_id or told.device_id)

    def _verify(self) -> None:
        settings = self._config.verify
        wanted = Wanted(self._identity.registration_id, self._identity.hub, self._prepared.fingerprint)
        options = VerifyOptions(
            settings.since, settings.timeout_s, settings.expect, self._identity.hub, wanted, self._policy
        )
        self._outputs = collect(self._vm(), options)
        self._judgement = judge(self._outputs, options, now=datetime.now(UTC))
        if self._bundle is not None:
            self._bundle.look(self._channel().channel, self._outputs)

    # ----------------------------------------------------------------------------------------------- its pieces

    def _request(self) -> ProvisionRequest:
        return provision_request(self._config, self._files)

    @cached_property
    def _eflow(self) -> EflowHost:
        return self._open_host()

    def _channel(self) -> OpenChannel:
        """The one way into the VM for the whole run."""
        if self._opened is None:
            request = configured_request(self._config.vm, self._known_hosts)
            self._opened = patiently(
                lambda: open_channel(request, lambda: self._eflow, self._progress),
                what="the VM",
                patience_s=self._patience_s,
                progress=self._progress,
            )
            self._on_way(self._opened.told)
        return self._opened

    def _vm(self) -> VmChannel:
        return self._timeline.watch(self._channel().channel)

    @property
    def _patience_s(self) -> float:
        """How long host and VM may take to answer: at once, unless a restart may have cut off the run before."""
        return self._config.vm.start_wait_s if self._journal.cut_off else 0.0

    def _report(self) -> Report:
        """The VM's own findings, and of the steps' those that it does not repeat; in files where that is wanted."""
        judged = {finding.id for finding in self._judgement.findings} if self._judgement else set()
        channel = self._opened.channel if self._opened else None
        report = assemble(
            self._judgement,
            begun=self._begun,
            target=Target(self._label, channel.vm if channel else "", channel.name if channel else ""),
            identity=self._identity,
            extra=[finding for finding in self._findings if finding.id not in judged],
            expect=self._config.verify.expect,
            policy=self._policy,
            timeline=self._timeline.entries(),
        )
        report = against(report, self._earlier, fail_on_new=self._config.verify.fail_on_new)
        self._keep(report)
        return report

    def _keep(self, report: Report) -> None:
        """Write the files that are wanted. A disk that takes no more costs them, and not the report."""
        try:
            if self._config.report.output is not None:
                self.written = write_reports(report, self._config.report.output)
            if self._bundle is not None:
                self.receipt = self._bundle.write(report, host=self._eflow_facts())
        except StorageError as error:
            self.unwritten = error

    def _eflow_facts(self) -> HostFacts | None:
        """What PowerShell told of this host; None when it was not asked."""
        return self._eflow.last_facts if "_eflow" in self.__dict__ else None


def _bundle_of(config: RunConfig, log: RunLog, tell: Callable[[str], None]) -> Bundle | None:
    """The bundle that the configuration asks for. InputError when it cannot go there."""
    wanted, settings = config.report, config.verify
    if wanted.bundle is None:
        return None
    refuse_place(wanted.bundle, wanted.output)
    return Bundle(BundleOptions(wanted.bundle, wanted.support_bundle, settings.since, settings.timeout_s), log, tell)
