"""`identity/…`: is the VM provisioned as the device that it should be, with the certificate that was issued for it?

What should be is `Wanted`; what is comes from the VM's own answer and from the runtime's logs. A finding that compares
exists only where there is something to compare with.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from eflowprov.checks.entries import entries
from eflowprov.checks.judgement import Draft
from eflowprov.model import CertificateFacts, Finding, Outcome, Problem, VmFacts, Wanted

_LAST_DAYS = timedelta(days=30)  # time to issue and provision anew, also over holidays


def judge_identity(
    vm: VmFacts | Problem | None, wanted: Wanted, *, hub: str, device_id: str, now: datetime, works: bool
) -> list[Draft]:
    """Judge the VM's identity; `hub` and `device_id` are as the runtime's logs name them, "" when they do not; `works`
    says that the runtime is proved to work.
    """
    drafts = []
    told = vm if isinstance(vm, VmFacts) else None
    if wanted.registration_id:
        drafts.append(_registration_id(registration_in(told), device_id, wanted.registration_id))
    if wanted.hub:
        drafts.append(_hub(hub, wanted.hub))
    if told is not None:
        drafts += [_certificate(told, wanted.sha256), *_expiry(told, now), _key(told, works=works)]
    return drafts


def registration_in(vm: VmFacts | None) -> str:
    """The registration ID that the VM is configured with: written out, else its certificate's common name."""
    if vm is None:
        return ""
    if vm.probe.registration_id or isinstance(vm.certificate, Problem):
        return vm.probe.registration_id
    return next(iter(vm.certificate.common_names), "")


def _draft(name: str, outcome: Outcome, detail: str, seen: str = "", source: str = "VM") -> Draft:
    entry = entries("runtime")[f"identity/{name}"]
    remedy = "" if outcome is Outcome.PASS else entry.remedy
    return Draft(Finding(entry.id, entry.title, outcome, detail, remedy, seen, source))


def _registration_id(found: str, device_id: str, wanted: str) -> Draft:
    name = "registration-id"
    if not found and device_id:
        return _by_device_id(device_id, wanted)
    if not found:
        return _draft(name, Outcome.SKIP, "Neither the VM nor its logs tell under which ID it is provisioned.")
    if found == wanted:
        return _draft(name, Outcome.PASS, f"Provisioned as {found}.")
    if found.lower() == wanted.lower():
        detail = f"Provisioned as {found}, asked for {wanted}: they differ in case. DPS ignores that, IoT Hub does not."
        return _draft(name, Outcome.WARN, detail)
    return _draft(name, Outcome.FAIL, f"The VM is provisioned as {found}, and {wanted} was asked for.")


def _by_device_id(device_id: str, wanted: str) -> Draft:
    """An individual enrollment may give the device another ID than its registration's, so a difference only warns."""
    source = "iotedge system logs"
    if device_id == wanted:
        return _draft("registration-id", Outcome.PASS, f"The device's ID is {device_id}.", source=source)
    detail = f"The device's ID is {device_id}, and {wanted} was asked for; an enrollment may name another device ID."
    return _draft("registration-id", Outcome.WARN, detail, source=source)


def _hub(found: str, wanted: str) -> Draft:
    source = "iotedge system logs"
    if not found:
        return _draft("hub", Outcome.SKIP, "The runtime's logs do not name the hub.", source=source)
    if found.lower() == wanted.lower():
        return _draft("hub", Outcome.PASS, f"On {found}.", source=source)
    return _draft("hub", Outcome.FAIL, f"The runtime works with {found}; DPS assigned {wanted}.", source=source)


def _certificate(vm: VmFacts, sha256: str) -> Draft:
    name, leaf = "certificate", vm.certificate
    if isinstance(leaf, Problem):
        return _draft(name, Outcome.SKIP, f"Not compared: {leaf.why}.", leaf.seen)
    seen = f"{vm.probe.certificate_path}: {_shown(leaf)}"
    if not sha256:
        return _draft(name, Outcome.SKIP, f"Nothing to compare with (--cert). The VM has {_shown(leaf)}.", seen)
    if leaf.sha256 == sha256:
        return _draft(name, Outcome.PASS, f"The VM has the certificate that was issued: {_shown(leaf)}.", seen)
    detail = f"The VM has another certificate than the one that was given: {_shown(leaf)}."
    return _draft(name, Outcome.FAIL, detail, f"{seen}\nSHA-256 {leaf.sha256}, wanted {sha256}")


def _expiry(vm: VmFacts, now: datetime) -> list[Draft]:
    leaf = vm.certificate
    if isinstance(leaf, Problem):
        return []
    name, seen = "certificate-expiry", f"{_day(leaf.not_before)} to {_day(leaf.not_after)}"
    left = leaf.not_after - now
    if left <= timedelta():
        return [_draft(name, Outcome.FAIL, f"It expired on {_day(leaf.not_after)}.", seen)]
    if now < leaf.not_before:
        return [_draft(name, Outcome.FAIL, f"It is not valid before {leaf.not_before:%Y-%m-%d %H:%M} UTC.", seen)]
    detail = f"{left.days} days are left, until {_day(leaf.not_after)}."
    return [_draft(name, Outcome.WARN if left < _LAST_DAYS else Outcome.PASS, detail, seen)]


_KEY = {
    "readable": (Outcome.PASS, "The key service may read it."),
    "unreadable": (Outcome.FAIL, "The key service (aziotks) may not read it."),
    "missing": (Outcome.FAIL, "The configuration names it, and it is not there."),
    "unknown": (Outcome.SKIP, "The key service could not be asked: it has another user here, or sudo refused."),
}


def _key(vm: VmFacts, *, works: bool) -> Draft:
    outcome, detail = _KEY.get(vm.probe.key, (Outcome.SKIP, "The VM's configuration names no key file."))
    if outcome is Outcome.FAIL and works:
        outcome, detail = Outcome.WARN, f"{detail} The device works; after its next start it may not."
    return _draft("key-readable", outcome, detail, vm.probe.key_path)


def _shown(leaf: CertificateFacts) -> str:
    return f"{leaf.subject}, serial {leaf.serial}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
