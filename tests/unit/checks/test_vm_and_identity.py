"""The VM's own answer: clock, disk, memory, and whether it is provisioned as the device that it should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from eflowprov.model import (
    CertificateFacts,
    Disk,
    Outcome,
    Problem,
    RuntimeFacts,
    SystemInfo,
    Verdict,
    VmFacts,
    VmProbe,
    Wanted,
)
from tests.unit.checks.facts import HUB, MISSING, NOW, checks, facts, found, ids, log, refused, verdict

ASKED = NOW.timestamp()
LEAF = CertificateFacts(
    subject="CN=line4-press2",
    common_names=("line4-press2",),
    issuer="CN=issuing",
    serial="0A",
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=300),
    sha1="11",
    sha256="AB",
    key_type="EC P-256",
    signature_hash="SHA256",
    is_ca=False,
    path_length=None,
    basic_constraints_critical=True,
    key_usage=("digitalSignature",),
    extended_key_usage=("clientAuth",),
    san=(),
    is_self_issued=False,
)
PROBE = VmProbe(int(ASKED), True, "", "0ne", "/c.pem", "PEM", "/k.pem", "readable")
ALL_RIGHT = Wanted("line4-press2", HUB, "AB")


def vm(
    wanted: Wanted = ALL_RIGHT,
    leaf: CertificateFacts | Problem = LEAF,
    base: RuntimeFacts | None = None,
    **probe: object,
) -> RuntimeFacts:
    told = VmFacts(replace(PROBE, **probe), leaf, ASKED, 0.5)  # type: ignore[arg-type]
    return facts(base or facts(), vm=told, wanted=wanted)


def test_a_vm_that_is_as_it_should_be_passes_everywhere() -> None:
    given = vm()
    names = {
        f"identity/{name}" for name in ("registration-id", "hub", "certificate", "certificate-expiry", "key-readable")
    }
    assert {*names, "vm/clock"} <= ids(given)
    assert {found(given, id_).outcome for id_ in (*names, "vm/clock")} == {Outcome.PASS}


def test_a_vm_that_was_not_asked_has_no_findings_of_its_own() -> None:
    assert not [id_ for id_ in ids(facts()) if id_.startswith(("vm/", "identity/"))]


def test_a_vm_that_did_not_answer_is_one_skip_and_changes_no_verdict() -> None:
    given = facts(vm=Problem("no end in time"))
    assert found(given, "vm/answers").outcome is Outcome.SKIP and "no end in time" in found(given, "vm/answers").detail
    assert verdict(given) is Verdict.READY


@pytest.mark.parametrize(
    ("ahead", "wanted"),
    [(0, "pass"), (-1, "pass"), (9, "pass"), (12, "warn"), (-13, "warn"), (62, "fail"), (-63, "fail"), (86400, "fail")],
)
def test_a_clock_that_is_a_minute_off_is_a_failure(ahead: int, wanted: str) -> None:
    assert found(vm(clock=int(ASKED) + ahead), "vm/clock").outcome == wanted


def test_a_slow_answer_is_no_clock_difference() -> None:
    slow = VmFacts(replace(PROBE, clock=int(ASKED) + 90), LEAF, ASKED, 95.0)
    assert found(facts(vm=slow), "vm/clock").outcome is Outcome.PASS


def test_a_saved_answer_without_its_time_tells_nothing_of_the_clock() -> None:
    assert found(facts(vm=VmFacts(PROBE, LEAF)), "vm/clock").outcome is Outcome.SKIP


@pytest.mark.parametrize(
    ("found_id", "wanted_id", "outcome"),
    [("Line4-Press2", "line4-press2", "warn"), ("line4-press3", "line4-press2", "fail"), ("", "line4-press2", "pass")],
)
def test_another_registration_id_is_a_failure_and_another_case_a_warning(
    found_id: str, wanted_id: str, outcome: str
) -> None:
    given = vm(Wanted(wanted_id), registration_id=found_id)
    assert found(given, "identity/registration-id").outcome == outcome


def test_a_device_id_that_differs_only_warns_since_an_enrollment_may_name_another() -> None:
    given = vm(Wanted("press-two"), Problem("none", missing=True))
    finding = found(given, "identity/registration-id")
    assert finding.outcome is Outcome.WARN and "line4-press2" in finding.detail
    same = vm(Wanted("line4-press2"), Problem("none", missing=True))
    assert found(same, "identity/registration-id").outcome is Outcome.PASS


def test_another_hub_than_the_assigned_one_is_a_failure() -> None:
    assert found(vm(Wanted(hub="other.azure-devices.net")), "identity/hub").outcome is Outcome.FAIL
    assert found(vm(Wanted(hub=HUB.upper())), "identity/hub").outcome is Outcome.PASS
    untold = facts(wanted=Wanted(hub=HUB), logs=log(*refused("CA certificate not found.")), agent=MISSING)
    assert found(untold, "identity/hub").outcome is Outcome.SKIP


def test_another_certificate_than_the_issued_one_is_a_failure() -> None:
    finding = found(vm(Wanted(sha256="CD")), "identity/certificate")
    assert finding.outcome is Outcome.FAIL and "AB" in finding.evidence and "CD" in finding.evidence


def test_without_a_certificate_to_compare_with_nothing_is_proved_and_the_vms_is_shown() -> None:
    finding = found(vm(Wanted()), "identity/certificate")
    assert finding.outcome is Outcome.SKIP and "CN=line4-press2" in finding.detail


@pytest.mark.parametrize(
    ("begins", "ends", "wanted"),
    [(-1, 300, "pass"), (-1, 29, "warn"), (-9, -1, "fail"), (1, 300, "fail")],
)
def test_the_days_that_are_left_are_judged(begins: int, ends: int, wanted: str) -> None:
    leaf = replace(LEAF, not_before=NOW + timedelta(days=begins), not_after=NOW + timedelta(days=ends))
    assert found(vm(leaf=leaf), "identity/certificate-expiry").outcome == wanted


@pytest.mark.parametrize(
    ("state", "wanted"), [("unreadable", "fail"), ("missing", "fail"), ("unknown", "skip"), ("", "skip")]
)
def test_a_key_that_the_service_may_not_read_is_a_failure_while_the_device_does_not_work(
    state: str, wanted: str
) -> None:
    broken = facts(logs=log(*refused("Permission denied (os error 13)")), agent=MISSING)
    assert found(vm(base=broken, key=state), "identity/key-readable").outcome == wanted


def test_a_key_that_cannot_be_read_only_warns_on_a_device_that_works() -> None:
    given = vm(key="unreadable")
    assert found(given, "identity/key-readable").outcome is Outcome.WARN
    assert verdict(given) is Verdict.READY


def _system(*free: float, used: float | None = None) -> RuntimeFacts:
    disks = tuple(Disk(f"/dev/sda{place}", (place + 1) * 2.0**30, percent) for place, percent in enumerate(free))
    return facts(checks=replace(checks(), system=SystemInfo(used, 100.0 if used else None, disks)))


@pytest.mark.parametrize(
    ("free", "wanted"),
    [((0.0, 71.0), "pass"), ((90.0, 4.9), "warn"), ((90.0, 0.9), "fail"), ((0.0, 5.0), "pass")],
)
def test_the_largest_disk_is_judged_and_full_read_only_ones_are_not(free: tuple[float, ...], wanted: str) -> None:
    assert found(_system(*free), "vm/disk").outcome == wanted


@pytest.mark.parametrize(("used", "wanted"), [(60.0, "pass"), (96.0, "warn")])
def test_memory_that_is_used_up_is_a_warning(used: float, wanted: str) -> None:
    assert found(_system(used=used), "vm/memory").outcome == wanted


def test_what_check_does_not_report_has_no_finding() -> None:
    assert not {"vm/disk", "vm/memory"} & ids(facts())


def test_the_time_of_the_judgement_decides_and_not_todays() -> None:
    assert isinstance(NOW, datetime) and NOW.tzinfo is not None
    leaf = replace(LEAF, not_after=NOW + timedelta(seconds=1))
    assert found(vm(leaf=leaf), "identity/certificate-expiry").outcome is Outcome.WARN
