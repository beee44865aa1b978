"""Readiness: outputs in, report out, from a live VM or from saved files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from eflowprov import __version__
from eflowprov.checks.judgement import Judgement
from eflowprov.checks.policy import Policy
from eflowprov.checks.runtime import judge_runtime
from eflowprov.checks.words import named_identity
from eflowprov.errors import InputError, StorageError
from eflowprov.model import (
    CommandResult,
    Finding,
    Identity,
    Log,
    LogSummary,
    Module,
    Outcome,
    Problem,
    Report,
    RuntimeFacts,
    Target,
    TimelineEntry,
    VmChannel,
    Wanted,
)
from eflowprov.parsers.iotedge_check import parse_check
from eflowprov.parsers.iotedge_list import parse_list
from eflowprov.parsers.system_status import parse_system_status
from eflowprov.redaction import redact
from eflowprov.workflows.readiness.collect import Collector
from eflowprov.workflows.readiness.log_reading import read_agent, read_journal
from eflowprov.workflows.readiness.outputs import AGENT, CHECK, LIST, LOGS, STATUS, VM, Output, Outputs, save
from eflowprov.workflows.readiness.reading import parsed, read_log
from eflowprov.workflows.readiness.timeline import Begun, Timeline, entries_of
from eflowprov.workflows.readiness.vm_facts import read_vm

T = TypeVar("T")
OnLook = Callable[[VmChannel | None, Outputs], None]
"""Takes the channel, still open, and what a look gave; None where the connection was lost since."""

_DURATION = re.compile(r"([0-9]{1,6})(s|m|min|h|d)")
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_NO_POLICY = Policy()


def seconds_of(text: str, *, where: str) -> float:
    """The seconds of `90s`, `10m`, `2h` or `1d`. InputError, with the flag `where`, for anything else."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise InputError(where, f"{text!r} is no duration", "Give for example 30m, 1h or 2d")
    return float(int(found[1]) * _UNITS_S[found[2]])


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """`since` as `1h`, `10m`, `2d`; `timeout_s` for all commands together; `expect` is "", "new" or "deployed".

    `wanted` is what the VM's identity should be, `policy` the site's own severities.
    """

    since: str = "1h"
    timeout_s: float = 420.0
    expect: str = ""
    hub: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    policy: Policy = field(default_factory=Policy)

    def journal_since(self) -> str:
        """`since` in journalctl's words. InputError when it is no duration."""
        seconds_of(self.since, where="--since")
        return f"-{self.since}"


def collect(channel: VmChannel, options: VerifyOptions) -> Outputs:
    """Run the five commands in the VM."""
    return Collector(
        channel, since=options.journal_since(), timeout_s=options.timeout_s, find_hub=_hub_in, hub=options.hub
    ).collect()


def judge(outputs: Outputs, options: VerifyOptions, *, now: datetime) -> Judgement:
    """Read the outputs and judge them."""
    return judge_runtime(replace(read(outputs), wanted=options.wanted), now=now, policy=options.policy)


def read(outputs: Outputs) -> RuntimeFacts:
    """Every output parsed, or a `Problem` in its place."""
    results = outputs.results
    return RuntimeFacts(
        modules=parsed(results[LIST], parse_list, errors_too=True),
        checks=parsed(results[CHECK], parse_check),
        logs=_journal(results[LOGS]),
        services=parsed(results[STATUS], parse_system_status),
        agent=read_log(results[AGENT], read_agent, errors_too=True),
        hub_asked=outputs.hub_asked,
        vm=read_vm(results[VM], outputs.vm_asked_at) if VM in results else None,
    )


def report_on(outputs: Outputs, options: VerifyOptions, *, vm: str, channel: str, host: str = "") -> Report:
    """Judge outputs and make the report of them."""
    begun = Begun.now()
    return assemble(
        judge(outputs, options, now=begun.at),
        begun=begun,
        target=Target(host, vm, channel),
        identity=Identity(),
        expect=options.expect,
        timeline=entries_of(outputs),
    )


def keep(outputs: Outputs, save_to: Path | None, on_unsaved: Callable[[StorageError], None] | None) -> None:
    """Save the outputs where that is wanted. A disk that takes no more costs the files, not the report, where somebody
    takes the StorageError."""
    if save_to is None:
        return
    try:
        save(save_to, outputs)
    except StorageError as error:
        if on_unsaved is None:
            raise
        on_unsaved(error)


def verify_vm(
    channel: VmChannel,
    options: VerifyOptions,
    *,
    host: str,
    save_to: Path | None = None,
    on_unsaved: Callable[[StorageError], None] | None = None,
    on_look: OnLook | None = None,
) -> Report:
    """Ask the VM over an open channel, keep what it printed where that is wanted, and make the report.

    `on_unsaved` takes the error when it could not be kept; without it the error is raised. `on_look` is called when the
    report is made.
    """
    begun, timeline = Begun.now(), Timeline()
    outputs = collect(timeline.watch(channel), options)
    keep(outputs, save_to, on_unsaved)
    report = assemble(
        judge(outputs, options, now=datetime.now(UTC)),
        begun=begun,
        target=Target(host, channel.vm, channel.name),
        identity=Identity(),
        expect=options.expect,
        timeline=timeline.entries(),
    )
    if on_look is not None:
        on_look(channel, outputs)
    return report


def assemble(
    judgement: Judgement | None,
    *,
    begun: Begun,
    target: Target,
    identity: Identity,
    extra: Iterable[Finding] = (),
    expect: str = "",
    timeline: tuple[TimelineEntry, ...] = (),
    policy: Policy = _NO_POLICY,
) -> Report:
    """One report from the judgement of the VM and the findings of the steps before it; no secret gets past here.

    `policy` is for the latter; the judgement was made with it already.
    """
    findings = (*map(policy.applied, extra), *(judgement.findings if judgement else ()))
    if judgement:
        identity = replace(
            identity,
            registration_id=identity.registration_id or judgement.registration_id,
            hub=identity.hub or judgement.hub,
            device_id=identity.device_id or judgement.device_id,
            expires_at=identity.expires_at or judgement.expires_at,
        )
    return Report(
        tool_version=__version__,
        started_at=begun.at,
        duration_s=begun.elapsed_s,
        target=target,
        identity=identity,
        findings=tuple(_as_expected(_redacted(finding), expect) for finding in findings),
        modules=tuple(map(_redacted_module, judgement.modules)) if judgement else (),
        logs=_redacted_logs(judgement.logs) if judgement else LogSummary(),
        timeline=timeline,
        versions={name: redact(version) for name, version in judgement.versions.items()} if judgement else {},
    )


def _hub_in(logs: CommandResult) -> str:
    return named_identity(_journal(logs))[0]


@lru_cache(maxsize=1)
def _journal(logs: Output) -> Log | Problem:
    """The journal is read for the hub's name and again to be judged: once is enough for one output."""
    return read_log(logs, read_journal)


def _as_expected(finding: Finding, expect: str) -> Finding:
    """With `--expect deployed`, what a new device may lack is a failure."""
    if expect == "deployed" and finding.outcome is Outcome.EXPECTED:
        return replace(
            finding,
            outcome=Outcome.FAIL,
            detail=f"{finding.detail} A deployed device was expected.".strip(),
            remedy=finding.remedy or "Set a deployment for the device in IoT Hub, then verify again.",
        )
    return finding


def _redacted(finding: Finding) -> Finding:
    return replace(
        finding,
        detail=redact(finding.detail),
        remedy=redact(finding.remedy),
        evidence=redact(finding.evidence),
    )


def _redacted_module(module: Module) -> Module:
    return replace(module, description=redact(module.description), image=redact(module.image))


def _redacted_logs(logs: LogSummary) -> LogSummary:
    return replace(logs, patterns=tuple(replace(pattern, sample=redact(pattern.sample)) for pattern in logs.patterns))
