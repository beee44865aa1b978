"""`vm/clock`, `vm/disk`, `vm/memory`: the VM itself.

The clock comes from the VM's own answer; disk and memory from what `iotedge check` reports beside its checks.
"""

from __future__ import annotations

from eflowprov.checks.entries import entries
from eflowprov.checks.judgement import Draft
from eflowprov.model import CheckReport, Finding, Outcome, Problem, SystemInfo, VmFacts

_OFF_S = 60.0  # an answer may take its time; certificates that are issued an hour back and tokens bear this much
_NEAR_S = 10.0  # where `iotedge check` begins to warn (host-local-time)
_LOW_DISK, _NO_DISK = 5.0, 1.0  # percent free: an agent's or hub's image takes about 2 % of EFLOW's default disk
_FULL_MEMORY = 95.0  # percent in use


def judge_vm(vm: VmFacts | Problem | None, checks: CheckReport | Problem) -> list[Draft]:
    """Judge what was told; what was not asked has no finding."""
    drafts = []
    if isinstance(vm, Problem):
        drafts.append(_draft("vm/answers", Outcome.SKIP, f"Not asked, or no whole answer: {vm.why}.", vm.seen))
    elif vm is not None:
        drafts.append(_clock(vm))
    system = None if isinstance(checks, Problem) else checks.system
    return drafts + ([*_disk(system), *_memory(system)] if system else [])


def _draft(id_: str, outcome: Outcome, detail: str, seen: str = "", source: str = "VM") -> Draft:
    entry = entries("runtime")[id_]
    remedy = "" if outcome is Outcome.PASS else entry.remedy
    return Draft(Finding(id_, entry.title, outcome, detail, remedy, seen, source))


def _clock(vm: VmFacts) -> Draft:
    """The VM read its clock somewhere between the question and the answer; only what lies outside is a difference."""
    if vm.asked_at is None:
        return _draft("vm/clock", Outcome.SKIP, "The saved answer does not tell when the VM was asked.")
    after = vm.probe.clock + 1 - vm.asked_at  # `date` cuts the second off
    before = vm.probe.clock - (vm.asked_at + vm.took_s)
    apart = before if before > 0 else min(after, 0.0)
    seen = f"VM {vm.probe.clock}, host {vm.asked_at:.0f} to {vm.asked_at + vm.took_s:.0f} (seconds since 1970)"
    if abs(apart) <= _NEAR_S:
        return _draft("vm/clock", Outcome.PASS, f"Host and VM agree within {_NEAR_S:.0f} seconds.", seen)
    detail = f"The VM's clock is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} the host's."
    return _draft("vm/clock", Outcome.FAIL if abs(apart) > _OFF_S else Outcome.WARN, detail, seen)


def _disk(system: SystemInfo) -> list[Draft]:
    """The largest file system is where images and data are; EFLOW's others are read-only, and full by design."""
    disk = max(system.disks, key=lambda disk: disk.size, default=None)
    if disk is None:
        return []
    low, none = disk.percent_free < _LOW_DISK, disk.percent_free < _NO_DISK
    outcome = Outcome.FAIL if none else Outcome.WARN if low else Outcome.PASS
    seen = "\n".join(f"{each.name}: {each.percent_free:.1f}% of {each.size / 2**30:.1f} GiB" for each in system.disks)
    detail = f"{disk.percent_free:.1f} % of {disk.size / 2**30:.1f} GiB are free ({disk.name})."
    return [_draft("vm/disk", outcome, detail, seen, "iotedge check")]


def _memory(system: SystemInfo) -> list[Draft]:
    if not system.used_ram or not system.total_ram:
        return []
    used = 100 * system.used_ram / system.total_ram
    outcome = Outcome.WARN if used > _FULL_MEMORY else Outcome.PASS
    detail = f"{used:.0f} % of {system.total_ram / 2**30:.1f} GiB memory are in use."
    return [_draft("vm/memory", outcome, detail, "", "iotedge check")]
