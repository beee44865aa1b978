"""The VM's answer on its way into the report: live, saved, broken; and what the VM's identity should be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from eflowprov.bridge.vm_probe import CONFIG
from eflowprov.errors import InputError, TransportError
from eflowprov.lab.probe import probe_answer
from eflowprov.model import CommandResult, Finding, Outcome, Problem, Report, VmFacts, Wanted
from eflowprov.workflows.readiness.outputs import VM, Outputs, read_saved, save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect, report_on, verify_vm
from eflowprov.workflows.readiness.vm_facts import read_vm, wanted_identity
from tests.machine import DEVICE, Answer, FakeVm, Files, make_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("identity"))


def _answer(files: Files, now: float) -> Answer:
    """What the VM says that was provisioned with these files."""
    config = (
        '[provisioning]\nsource = "dps"\nid_scope = "0ne1"\n[provisioning.attestation]\n'
        'identity_cert = "file:///c.pem"\nidentity_pk = "file:///k.pem"\n'
    )
    held = {CONFIG: config.encode(), "/c.pem": files.chain.read_bytes(), "/k.pem": files.key.read_bytes()}
    return 0, probe_answer(held, datetime.fromtimestamp(now, UTC)).encode(), b""


def _report(vm: FakeVm, wanted: Wanted | None = None) -> Report:
    return verify_vm(vm.start(), VerifyOptions(wanted=wanted or Wanted()), host="local")


def _found(report: Report, id_: str) -> Finding:
    return next(finding for finding in report.findings if finding.id == id_)


def test_the_report_proves_the_identity_that_the_vm_really_has(files: Files) -> None:
    import time

    vm = FakeVm(answers={"sh": lambda: _answer(files, time.time())})  # type: ignore[dict-item, return-value]
    report = _report(vm, wanted_identity(files.chain))
    for name in ("registration-id", "certificate", "certificate-expiry", "key-readable"):
        assert _found(report, f"identity/{name}").outcome is Outcome.PASS, name
    assert _found(report, "vm/clock").outcome is Outcome.PASS
    assert report.identity.registration_id == DEVICE
    assert report.identity.expires_at is not None


def test_a_clock_that_is_off_makes_the_device_not_ready(files: Files) -> None:
    import time

    vm = FakeVm(answers={"sh": _answer(files, time.time() - 3600)})
    report = _report(vm)
    assert _found(report, "vm/clock").outcome is Outcome.FAIL and report.exit_status == 1


@pytest.mark.parametrize(
    "answer",
    [
        (127, b"", b"sh: not found\n"),
        (None, b"clock 5\n", b""),
        (1, b"clock 5\nconfig missing\nend\n", b""),
        (0, b"\x00\xff garbage", b""),
        (0, b"", b""),
        (1, b"", b"sudo: a password is required\n"),
        TransportError("SSH", "no more sessions", "Try again"),
    ],
)
def test_an_answer_that_cannot_be_had_is_a_skip_and_nothing_else_suffers(answer: Answer) -> None:
    report = _report(FakeVm(answers={"sh": answer}))
    assert _found(report, "vm/answers").outcome is Outcome.SKIP
    assert report.exit_status == 0


def test_a_vm_that_hangs_at_the_question_does_not_hold_the_others_up() -> None:
    vm = FakeVm().start()
    vm.delays = {"sh": 60.0}
    outputs = collect(vm, VerifyOptions(timeout_s=1.0))
    assert isinstance(outputs.results["check"], CommandResult) and outputs.results["check"].status in (0, 1)
    assert isinstance(read_vm(outputs.results[VM], None), Problem)


def test_the_answer_is_saved_with_its_time_and_read_back_to_the_same_report(files: Files, tmp_path: Path) -> None:
    import time

    outputs = collect(FakeVm(answers={"sh": _answer(files, time.time())}).start(), VerifyOptions())
    save(tmp_path, outputs)
    again = read_saved(tmp_path)
    assert again.vm_asked_at == pytest.approx(outputs.vm_asked_at, abs=0.01)
    assert b"PRIVATE KEY" not in (tmp_path / "vm-identity.txt").read_bytes()
    assert _kept(outputs) == _kept(again)


def _kept(outputs: Outputs) -> list[tuple[str, Outcome]]:
    report = report_on(outputs, VerifyOptions(), vm="x", channel="saved")
    return [(finding.id, finding.outcome) for finding in report.findings if finding.id.startswith(("vm/", "identity/"))]


def test_saved_outputs_without_the_answer_have_one_skip_for_it(tmp_path: Path) -> None:
    save(tmp_path, collect(FakeVm().start(), VerifyOptions()))
    (tmp_path / "vm-identity.txt").unlink()
    (tmp_path / "commands.json").unlink()
    assert _kept(read_saved(tmp_path)) == [
        ("vm/answers", Outcome.SKIP),
        *[pair for pair in _kept(read_saved(tmp_path)) if pair[0] in ("vm/disk", "vm/memory")],
    ]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("", "names no certificate file"),
        ('identity_cert = "file:///gone.pem"', "holds no certificate"),
        ('identity_cert = "file:///odd.pem"', "certificate"),
    ],
)
def test_a_certificate_that_cannot_be_read_is_a_problem_and_no_exception(config: str, told: str) -> None:
    odd = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    files = {CONFIG: f"[provisioning]\n{config}\n".encode(), "/odd.pem": odd}
    answer = probe_answer(files, datetime.now(UTC)).encode()
    facts = read_vm(CommandResult(("sh",), 0, answer, b"", 0.1), 1.0)
    assert isinstance(facts, VmFacts) and isinstance(facts.certificate, Problem)
    assert told in facts.certificate.why


def test_what_is_wanted_comes_from_the_certificate_and_the_id_that_was_given(files: Files, tmp_path: Path) -> None:
    wanted = wanted_identity(files.chain)
    assert wanted.registration_id == DEVICE and len(wanted.sha256) == 64
    assert wanted_identity(files.chain, "other").registration_id == "other"
    assert wanted_identity(None, "x") == Wanted("x")
    with pytest.raises(InputError):
        wanted_identity(tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ((1, b"", b"sudo: a password is required\n"), "sudo: a password is required"),
        ((3, b"", b""), "exit status 3"),
        ((None, b"", b""), "no end in time"),
        (
            (0, probe_answer({}, datetime.now(UTC)).encode(), b""),
            "the VM has no configuration in /etc/aziot/config.toml",
        ),
    ],
)
def test_what_a_vm_does_not_tell_is_told_with_its_reason(printed: Answer, why: str) -> None:
    told = read_vm(FakeVm(answers={"x": printed}).run(("x",), timeout_s=1.0), 0.0)
    problem = told.certificate if isinstance(told, VmFacts) else told
    assert isinstance(problem, Problem) and why in problem.why
