"""The timeline: what ran when, by a clock that nobody sets back, and nothing secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from eflowprov.errors import TransportError
from eflowprov.model import TimelineEntry
from eflowprov.reports.html import to_html
from eflowprov.workflows.readiness.outputs import read_saved, save
from eflowprov.workflows.readiness.timeline import Timeline
from eflowprov.workflows.readiness.verify import VerifyOptions, collect, report_on, verify_vm
from tests.machine import Answer, FakeVm


@pytest.fixture
def timeline() -> Timeline:
    """One whose clock goes a second further at each look."""
    seconds: Iterator[int] = count(100)
    return Timeline(lambda: float(next(seconds)))


def run(timeline: Timeline, *argv: str, answer: Answer = (0, b"", b"")) -> TimelineEntry:
    timeline.watch(FakeVm(answers={argv[-1]: answer})).run(argv, timeout_s=1)
    return timeline.entries()[-1]


def test_a_step_is_counted_from_the_beginning_and_stands_before_what_ran_in_it(timeline: Timeline) -> None:
    with timeline.step("certs"):
        pass
    with timeline.step("verify"):
        run(timeline, "true")
    assert timeline.entries() == (
        TimelineEntry("certs", "step", 1, 1),
        TimelineEntry("verify", "step", 3, 3),
        TimelineEntry("true", "command", 4, 1),
    )


def test_a_step_stands_before_its_commands_also_by_a_clock_that_is_coarse() -> None:
    timeline = Timeline(iter([0.0, 1.0, 1.0, 2.0, 3.0]).__next__)
    with timeline.step("verify"):
        timeline.watch(FakeVm(answers={"true": (0, b"", b"")})).run(("true",), timeout_s=1)
    assert [entry.name for entry in timeline.entries()] == ["verify", "true"]


def test_a_step_that_raises_is_there_too_and_says_so(timeline: Timeline) -> None:
    with pytest.raises(ZeroDivisionError), timeline.step("check"):
        raise ZeroDivisionError
    assert timeline.entries() == (TimelineEntry("check", "step", 1, 1, "broken off"),)


@pytest.mark.parametrize(
    ("answer", "note"),
    [((0, b"", b""), ""), ((7, b"", b""), "exit status 7"), ((None, b"", b""), "no end in time")],
)
def test_a_command_says_how_it_ended_and_leaves_sudo_out(timeline: Timeline, answer: Answer, note: str) -> None:
    assert run(timeline, "sudo", "-n", "true", answer=answer) == TimelineEntry("true", "command", 1, 1, note)


def test_a_command_that_could_not_be_run_is_there_and_its_error_goes_on(timeline: Timeline) -> None:
    with pytest.raises(TransportError):
        run(timeline, "true", answer=TransportError("SSH", "the connection is closed", "Run it again"))
    assert timeline.entries() == (TimelineEntry("true", "command", 1, 1, "did not run"),)


def test_a_watched_channel_is_the_channel(timeline: Timeline) -> None:
    vm = FakeVm()
    watched = timeline.watch(vm)
    assert (watched.name, watched.vm) == (vm.name, vm.vm)
    watched.close()
    assert vm.closed.is_set()


def test_no_secret_gets_into_it(timeline: Timeline) -> None:
    assert run(timeline, "SharedAccessKey=c2VjcmV0").name == "SharedAccessKey=***"


def test_a_script_does_not_fill_the_page(timeline: Timeline) -> None:
    watched = timeline.watch(FakeVm(answers={"sh": (0, b"", b"")}))
    watched.run(("sudo", "-n", "sh", "-c", "echo 1\necho 2", "sh", "/etc/x"), timeout_s=1)
    assert timeline.entries()[0].name == "sh -c ... sh /etc/x"


def test_verify_tells_its_commands_within_its_own_time() -> None:
    report = verify_vm(FakeVm("healthy").start(), VerifyOptions(), host="local")
    names = {entry.name.split(" --")[0] for entry in report.timeline}
    asked = ("iotedge check", "iotedge list", "iotedge logs edgeAgent", "iotedge system logs", "iotedge system status")
    assert names.issuperset(asked)
    assert min(entry.begin_s for entry in report.timeline) >= 0
    assert max(entry.begin_s + entry.duration_s for entry in report.timeline) <= report.duration_s


def test_saved_outputs_have_the_timeline_that_was_saved_with_them(tmp_path: Path) -> None:
    live = collect(FakeVm("healthy").start(), VerifyOptions())
    assert min(live.begins.values()) == 0 and set(live.begins) == set(live.results)
    save(tmp_path, live)
    shown = report_on(read_saved(tmp_path), VerifyOptions(), vm="x", channel="saved").timeline
    assert len(shown) == len(live.results) and all(entry.kind == "command" for entry in shown)
    assert [entry.begin_s for entry in shown] == sorted(round(begin, 3) for begin in live.begins.values())
    assert "iotedge list" in [entry.name for entry in shown] and "<h2>Timeline</h2>" in to_html(
        report_on(read_saved(tmp_path), VerifyOptions(), vm="x", channel="saved")
    )


@pytest.mark.parametrize("begin", [None, "soon", -1, 1e300, float("nan")])
def test_outputs_without_their_beginnings_have_no_timeline(tmp_path: Path, begin: object) -> None:
    save(tmp_path, collect(FakeVm("healthy").start(), VerifyOptions()))
    commands = tmp_path / "commands.json"
    entries = json.loads(commands.read_text("ascii"))
    commands.write_text(json.dumps([{**entry, "begin_s": begin} for entry in entries]), encoding="ascii")
    shown = report_on(read_saved(tmp_path), VerifyOptions(), vm="x", channel="saved")
    assert shown.timeline == () and "Timeline" not in to_html(shown)
