"""The VM's own checks after a provisioning: its certificate, its key, its clock, judged as `verify` judges them.

`run` has them from its last step; `provision` alone asks for them here, with the one small question of `vm_probe`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from eflowprov.bridge.vm_probe import probe_command
from eflowprov.checks.identity import judge_identity
from eflowprov.checks.judgement import settle
from eflowprov.checks.policy import Policy
from eflowprov.checks.vm import judge_vm
from eflowprov.errors import EflowprovError
from eflowprov.model import CommandResult, Finding, Problem, VmChannel, Wanted
from eflowprov.workflows.readiness.vm_facts import read_vm

_PROBE_S = 30.0
_NOT_ASKED = Problem("`iotedge check` was not run", missing=True)


def vm_findings(channel: VmChannel, wanted: Wanted, *, works: bool) -> tuple[Finding, ...]:
    """Ask and judge; `works` says that the runtime is proved to work. A VM that does not answer is a finding too."""
    asked_at = time.time()
    told: CommandResult | Problem
    try:
        told = channel.run(("sudo", "-n", *probe_command()), timeout_s=_PROBE_S)
    except EflowprovError as error:
        told = Problem(str(error))
    vm = read_vm(told, asked_at)
    drafts = judge_identity(vm, wanted, hub="", device_id="", now=datetime.now(UTC), works=works)
    return tuple(settle([*drafts, *judge_vm(vm, _NOT_ASKED)], Policy()))
