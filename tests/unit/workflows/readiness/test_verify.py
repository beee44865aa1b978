"""From outputs to the report: what is read, what is told plainly, what `--expect` changes; no secret gets into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.errors import InputError, TransportError
from eflowprov.model import CommandResult, Finding, Identity, Outcome, Problem, Report, RuntimeFacts, Target, Verdict
from eflowprov.workflows.readiness import timeline
from eflowprov.workflows.readiness.outputs import CHECK, LIST, LOGS, Outputs, read_saved
from eflowprov.workflows.readiness.verify import VerifyOptions, assemble, collect, read, report_on, verify_vm
from tests.machine import HUB, Answer, FakeVm

NO_SUDO: Answer = (1, b"", b"sudo: a password is required\n")
NOT_THERE: Answer = (127, b"", b"bash: iotedge: command not found\n")
LOST: Answer = TransportError("SSH", "the connection is closed", "Run the command again")
SECRET = "c2VjcmV0c2VjcmV0"  # a made-up value


def verify(scenario: str = "healthy", expect: str = "", **answers: Answer) -> Report:
    named = {key.replace("_", " "): value for key, value in answers.items()}
    return verify_vm(FakeVm(scenario, named).start(), VerifyOptions(expect=expect), host="local")


def facts(**answers: Answer) -> RuntimeFacts:
    named = {key.replace("_", " "): value for key, value in answers.items()}
    return read(collect(FakeVm("healthy", named).start(), VerifyOptions()))


def outcome(report: Report, id_: str) -> Outcome:
    return next(finding.outcome for finding in report.findings if finding.id == id_)


@pytest.mark.parametrize(
    ("scenario", "verdict"),
    [
        ("healthy", Verdict.READY),
        ("new-device", Verdict.READY_AWAITING_DEPLOYMENT),
        ("edgehub-missing", Verdict.NOT_READY),
        ("service-down-after-ok", Verdict.NOT_READY),
    ],
)
def test_the_verdict_follows_from_what_the_vm_says(scenario: str, verdict: Verdict) -> None:
    report = verify(scenario)
    assert report.verdict is verdict
    assert report.target == Target("local", "vm.test:22", "ssh")


def test_the_report_names_hub_and_device_as_the_logs_do_and_tests_the_hub() -> None:
    report = verify()
    assert (report.identity.hub, report.identity.device_id) == (HUB, "line4-press2")
    assert outcome(report, "iotedge-check/host-connect-iothub-amqp") is Outcome.PASS
    assert [module.name for module in report.modules] == ["SimulatedTemperatureSensor", "edgeAgent", "edgeHub"]
    assert report.logs.lines > 0


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            NO_SUDO,
            "sudo refused it (the user needs sudo without a password: --ssh-user iotedge-user, or --channel cmdlet)",
        ),
        (NOT_THERE, "the program is not there"),
        ((1, b"", b"something else broke\n"), "it printed only an error: something else broke"),
        ((None, b"", b""), "no end in time"),
        (LOST, "SSH: the connection is closed. Run the command again."),
    ],
)
def test_a_command_that_cannot_tell_says_why_plainly(answer: Answer, told: str) -> None:
    checks = facts(iotedge_check=answer).checks
    assert isinstance(checks, Problem) and checks.why == told and not checks.missing


@pytest.mark.parametrize("answer", [NO_SUDO, NOT_THERE])
def test_a_vm_that_lets_nothing_be_asked_is_unknown_and_says_so_of_each(answer: Answer) -> None:
    report = verify(iotedge=answer, journalctl=answer, sh=answer)
    assert report.verdict is Verdict.UNKNOWN and report.exit_status == 3
    assert {finding.outcome for finding in report.findings} <= {Outcome.ERROR, Outcome.SKIP}


def test_a_version_without_a_status_is_judged_without_it() -> None:
    report = verify(iotedge_system_status=(2, b"", b"error: unrecognized subcommand 'status'\n\nUsage: iotedge\n"))
    assert report.verdict is Verdict.READY


def test_a_runtime_that_answers_list_with_an_error_is_a_failure_and_no_riddle() -> None:
    down = b"A module runtime error occurred\n\tcaused by: Could not list modules\n\n"
    report = verify(iotedge_list=(1, b"", down))
    assert outcome(report, "module/edgeAgent") is Outcome.FAIL


def test_an_answer_in_no_known_form_is_an_error() -> None:
    assert verify(iotedge_check=(0, b"<html>", b"")).verdict is Verdict.UNKNOWN
    assert verify(iotedge_list=(0, b"", b"")).verdict is Verdict.UNKNOWN


def test_expecting_a_deployment_makes_a_new_device_not_ready() -> None:
    report = verify("new-device", expect="deployed")
    assert report.verdict is Verdict.NOT_READY
    present = next(finding for finding in report.findings if finding.id == "deployment/present")
    assert present.outcome is Outcome.FAIL and "A deployed device was expected." in present.detail and present.remedy
    assert verify("healthy", expect="deployed").verdict is Verdict.READY
    assert verify("new-device", expect="new").verdict is Verdict.READY_AWAITING_DEPLOYMENT


def test_outputs_are_kept_when_wanted_and_before_they_are_judged(tmp_path: Path) -> None:
    verify_vm(FakeVm().start(), VerifyOptions(), host="local", save_to=tmp_path / "kept")
    assert isinstance(read_saved(tmp_path / "kept"), Outputs)


def test_no_secret_reaches_the_report() -> None:
    key = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"
    finding = Finding("x/y", "t", Outcome.FAIL, f"SharedAccessKey={SECRET}", f"password={SECRET}", key)
    report = assemble(None, begun=timeline.Begun.now(), target=Target(), identity=Identity(), extra=[finding])
    assert SECRET not in repr(report)
    logged = f'{{"MESSAGE": "2026-11-22T05:10:11Z [ERR!] - DPS client error: SharedAccessKey={SECRET}"}}\n'.encode()
    assert SECRET not in repr(verify(iotedge_system_logs=(0, logged, b"")))


@pytest.mark.parametrize("since", ["30m", "1h", "2d", "90s", "10min"])
def test_since_is_a_duration_in_the_words_of_journalctl(since: str) -> None:
    assert VerifyOptions(since=since).journal_since() == f"-{since}"


@pytest.mark.parametrize("since", ["", "h", "1", "-1h", "1 h", "1h\n", "١h", "yesterday", "1h; reboot", "9" * 30 + "d"])
def test_since_that_is_no_duration_is_refused_before_the_vm_is_asked(since: str) -> None:
    vm = FakeVm().start()
    with pytest.raises(InputError, match="--since"):
        collect(vm, VerifyOptions(since=since))
    assert vm.asked == []


WHOLE = collect(FakeVm("healthy").start(), VerifyOptions())


@given(name=st.sampled_from([CHECK, LOGS, LIST]), at=st.integers(0, 10**6), status=st.sampled_from([0, None]))
def test_an_output_cut_at_any_byte_never_makes_a_report_better(name: str, at: int, status: int | None) -> None:
    result = WHOLE.results[name]
    assert isinstance(result, CommandResult)
    end = at % len(result.stdout.rstrip())
    torn = replace(result, stdout=result.stdout[:end], status=status)
    report = report_on(replace(WHOLE, results={**WHOLE.results, name: torn}), VerifyOptions(), vm="", channel="ssh")
    if name == CHECK or status is None:
        assert (report.verdict, report.exit_status) == (Verdict.UNKNOWN, 3)
    if name != CHECK:
        assert any(found.source == "iotedge check" and found.outcome is Outcome.PASS for found in report.findings)
    if name != LIST:
        assert outcome(report, "module/edgeHub") is Outcome.PASS, "the other outputs count as they are"


def test_a_clock_that_is_set_meanwhile_changes_no_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = datetime(2020, 1, 1, tzinfo=UTC)

    class SetAfterwards(datetime):
        @classmethod
        def now(cls, _tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return begin

    monkeypatch.setattr(timeline, "datetime", SetAfterwards)
    report = verify()
    assert report.started_at == begin and 0 <= report.duration_s < 60
