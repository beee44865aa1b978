"""What changed since an earlier report, and which of it is new trouble.

A finding is compared by its outcome: details hold numbers and times that never stay the same. From the best to the
worst: pass, expected, skip, warn, fail, error.

New trouble is what an update must not bring:

- a `fail` or `warn` that the earlier report does not have at least as grave under the same id. A `skip`, an `error` and
  an absent finding excuse nothing: they did not prove that the trouble was there before;
- but no `warn` of a log (`logs/…`): the runtime got over it, and every restart leaves some;
- a module that was running, that is not there any more, and of which no finding tells why.

An `error` is none: it makes the verdict `unknown` by itself. What is gone is none, but for that module: another version
of `iotedge check` has other checks, and a message that is no longer in the log is good news.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from eflowprov.checks.entries import entries
from eflowprov.model import Change, ChangeKind, Finding, Module, Outcome, Report, Verdict
from eflowprov.redaction import redact

OWN = "baseline/"
"""What begins the ids of the comparison's own findings; they are not compared."""

_BADNESS = {
    Outcome.PASS: 0,
    Outcome.EXPECTED: 1,
    Outcome.SKIP: 2,
    Outcome.WARN: 3,
    Outcome.FAIL: 4,
    Outcome.ERROR: 5,
}
_STEPS = {"certificate", "host", "dps", "provision"}  # rooms of findings that `run` has and `verify` has not
_GRAVE = (Outcome.WARN, Outcome.FAIL)
_ORDER = list(ChangeKind)
_SOURCE = "baseline"
_NAMED = 10  # ids in a detail; the evidence has them all


def changes(before: Report, after: Report) -> tuple[Change, ...]:
    """Everything that differs between two reports, each thing once; new trouble first, then by kind.

    Not compared are texts, times, log counts, and what stands for the way into the VM (host, address, channel). A field
    of the identity or a version is compared where both reports know it: a journal that does not reach back to the last
    start does not name the hub. The findings of a step of `run` are compared where both reports have the step.
    """
    modules = list(_modules(before, after))
    told = {(f"module/{change.id}", change.kind) for change in modules}  # its `pass` comes and goes with it
    silent = {"", str(Outcome.PASS)}
    findings = (
        each
        for each in _findings(before, after)
        if (each.id, each.kind) not in told or not {each.before, each.after} <= silent
    )
    found = [*findings, *modules, *_versions(before, after), *_identity(before, after)]
    return tuple(sorted(found, key=lambda change: (not change.trouble, _ORDER.index(change.kind))))


def another_device(before: Report, after: Report) -> Finding | None:
    """The warning that the baseline is of another device; None when it is of the same, or one does not know its own.

    DPS ignores the case of a registration ID.
    """
    was, now = _device(before), _device(after)
    names = next(((a, b) for a, b in zip(was, now, strict=True) if a and b), None)
    if names is None or names[0].casefold() == names[1].casefold():
        return None
    entry = entries("runtime")["baseline/device"]
    detail = f"The baseline is of {_line(names[0])}, this report of {names[1]}: what differs may differ rightly."
    return Finding(entry.id, entry.title, Outcome.WARN, detail, entry.remedy, source=_SOURCE)


def new_trouble(before: Report, found: Iterable[Change], after: Report) -> Finding:
    """The finding that makes a report fail on new trouble; `found` is what `changes` gave for the two.

    Where nothing was proved it is a `skip`, whatever was found: it may not be a report's only proof, nor make a verdict
    of what is `unknown`.
    """
    trouble = [change for change in found if change.trouble]
    since = f"{before.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    named = ", ".join(map(_name, trouble[:_NAMED]))
    more = f" and {len(trouble) - _NAMED} more" if len(trouble) > _NAMED else ""
    entry = entries("runtime")["baseline/new-trouble"]
    finding = Finding(
        entry.id,
        entry.title,
        Outcome.FAIL if trouble else Outcome.PASS,
        f"New or worse since {since}: {named}{more}." if trouble else f"No new trouble since {since}.",
        entry.remedy if trouble else "",
        "\n".join(f"{_name(each)}: {each.before or 'not there'}, now {each.after or 'gone'}" for each in trouble),
        _SOURCE,
    )
    told = replace(after, findings=(*after.findings, finding))
    if after.verdict is Verdict.UNKNOWN and told.verdict is not Verdict.UNKNOWN:
        return replace(finding, outcome=Outcome.SKIP, detail=f"Not judged, since nothing was proved. {finding.detail}")
    return finding


# ---------------------------------------------------------------------------------------------------- findings


def _findings(before: Report, after: Report) -> Iterator[Change]:
    was, now = _outcomes(before), _outcomes(after)
    not_asked = _STEPS - (_rooms(was) & _rooms(now))
    for id_ in _ids(was, now):
        old, new = was.get(id_), now.get(id_)
        if old is not new and id_.partition("/")[0] not in not_asked:
            yield Change("finding", id_, _kind(id_, old, new), old or "", new or "", _is_trouble(id_, old, new))


def _outcomes(report: Report) -> dict[str, Outcome]:
    """The outcomes by id; of an id that stands there more than once, the worst."""
    worst_last = sorted(report.findings, key=lambda finding: _BADNESS[finding.outcome])
    outcomes = {finding.id: finding.outcome for finding in worst_last}
    return {each.id: outcomes[each.id] for each in report.findings if not each.id.startswith(OWN)}


def _rooms(ids: Iterable[str]) -> set[str]:
    return {id_.partition("/")[0] for id_ in ids}


def _kind(id_: str, old: Outcome | None, new: Outcome | None) -> ChangeKind:
    if old is None:
        return ChangeKind.NEW
    if new is None:
        return ChangeKind.GONE
    if _is_trouble(id_, old, new):
        return ChangeKind.WORSE  # also after an error, which was no better, but told nothing
    if new is Outcome.SKIP and _BADNESS[old] > _BADNESS[new]:
        return ChangeKind.CHANGED  # what is not judged any more is not better
    return ChangeKind.WORSE if _BADNESS[new] > _BADNESS[old] else ChangeKind.BETTER


def _is_trouble(id_: str, old: Outcome | None, new: Outcome | None) -> bool:
    if new not in _GRAVE or (new is Outcome.WARN and id_.startswith("logs/")):
        return False
    return not (old in _GRAVE and _BADNESS[old] >= _BADNESS[new])


# ----------------------------------------------------------------------------------- modules, versions, identity


def _modules(before: Report, after: Report) -> Iterator[Change]:
    """Modules that came or went, or have another status or image; what happens to their findings is told there."""
    was, now = _listed(before), _listed(after)
    if not was or not now:
        return  # nothing was listed: what that means, the finding of edgeAgent tells
    told = {finding.id for finding in after.findings}
    for name in _ids(was, now):
        old, new = was.get(name), now.get(name)
        lost = old is not None and old.status == "running" and new is None and f"module/{name}" not in told
        yield from _value("module", name, _shown(old, new), _shown(new, old), trouble=lost)


def _listed(report: Report) -> dict[str, Module]:
    return {module.name: module for module in report.modules}


def _shown(module: Module | None, other: Module | None) -> str:
    """What of a module differs from the other one: its status, its image, or both; "" for one that is not there."""
    if module is None:
        return ""
    pairs = [(module.status, other and other.status), (module.image, other and other.image)]
    return redact(", ".join(mine or "unknown" for mine, others in pairs if mine != others))


def _versions(before: Report, after: Report) -> Iterator[Change]:
    was = {"eflowprov": before.tool_version, **before.versions}
    now = {"eflowprov": after.tool_version, **after.versions}
    for name in was:
        if was[name] and now.get(name):
            yield from _value("version", name, was[name], now[name])


def _identity(before: Report, after: Report) -> Iterator[Change]:
    old, new = before.identity, after.identity
    for name in ("registration_id", "device_id", "hub", "scope_id"):
        was, now = getattr(old, name), getattr(new, name)
        same_host = name == "hub" and was.casefold() == now.casefold()  # DNS has no case
        if was and now and not same_host:
            yield from _value("identity", name, was, now)
    if old.expires_at and new.expires_at:
        kind = ChangeKind.BETTER if new.expires_at > old.expires_at else ChangeKind.WORSE
        for change in _value("identity", "expires_at", _second(old.expires_at), _second(new.expires_at)):
            yield replace(change, kind=kind)


def _value(about: str, id_: str, old: str, new: str, *, trouble: bool = False) -> Iterator[Change]:
    if old != new:
        kind = ChangeKind.NEW if not old else ChangeKind.GONE if not new else ChangeKind.CHANGED
        yield Change(about, id_, kind, old, new, trouble)


def _device(report: Report) -> tuple[str, str]:
    return report.identity.registration_id, report.identity.device_id


def _ids(was: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """In the order of the new report, and then what only the old one has."""
    return list(dict.fromkeys([*now, *was]))


def _second(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _name(change: Change) -> str:
    return _line(f"module {change.id}" if change.about == "module" else change.id)


def _line(text: str) -> str:
    return " ".join(text.split())
