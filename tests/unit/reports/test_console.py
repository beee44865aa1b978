"""The console report: what one reads at arm's length, on any terminal, whatever the device said."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.model import Finding, Identity, Module, Outcome, Report, Target, Verdict
from eflowprov.reports.console import to_console
from tests.unit.reports.samples import HOSTILE, START, finding, report, reports

WORDS = {
    Verdict.READY: "READY:",
    Verdict.READY_AWAITING_DEPLOYMENT: "READY, AWAITING DEPLOYMENT:",
    Verdict.NOT_READY: "NOT READY:",
    Verdict.UNKNOWN: "UNKNOWN:",
}
FAILED = finding(
    Outcome.FAIL,
    "provisioning/dps-assigned",
    title="DPS assigned the device",
    detail="CA certificate not found.",
    remedy="Give the full chain.",
    evidence="line one\nline two",
)
PASSED = finding(Outcome.PASS, "service/aziot-edged", title="aziot-edged works", detail="Running.")


def show(shown: Report, *, width: int = 80, color: bool = False, unicode: bool = False, verbose: bool = False) -> str:
    return to_console(shown, width=width, color=color, unicode=unicode, verbose=verbose)


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ([Outcome.PASS], Verdict.READY),
        ([Outcome.PASS, Outcome.EXPECTED], Verdict.READY_AWAITING_DEPLOYMENT),
        ([Outcome.PASS, Outcome.FAIL], Verdict.NOT_READY),
        ([Outcome.FAIL, Outcome.ERROR], Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ],
)
@pytest.mark.parametrize("width", [80, 200])
def test_the_verdict_is_the_first_and_the_last_line(outcomes: list[Outcome], wanted: Verdict, width: int) -> None:
    lines = show(report(*(finding(outcome) for outcome in outcomes)), width=width).rstrip("\n").split("\n")
    assert lines[0].startswith(WORDS[wanted])
    assert lines[-1] == lines[0]


def test_the_next_step_names_the_first_finding_to_put_right() -> None:
    assert show(report(PASSED, FAILED)).startswith("NOT READY: 1 failed. Next: put right provisioning/dps-assigned.\n")


def test_the_verdict_is_one_line_however_long_the_id() -> None:
    lines = show(report(finding(Outcome.FAIL, "module/" + "READY: " * 30, detail="why"))).split("\n")
    assert lines[0].startswith("NOT READY:")
    assert not any(line.startswith("READY:") for line in lines)


@pytest.mark.parametrize(("width", "id_"), [(40, "provisioning/dps-assigned"), (80, "iotedge-check/" + "x" * 60)])
def test_the_next_step_is_whole_where_the_terminal_is_too_narrow_for_one_line(width: int, id_: str) -> None:
    lines = show(report(PASSED, finding(Outcome.FAIL, id_)), width=width).rstrip("\n").split("\n")
    assert lines[0] == lines[-1] == "NOT READY: 1 failed." and lines[1].startswith("  Next: put right")
    assert "".join(lines[1:4]).replace(" ", "").startswith(f"Next:putright{id_}.")


def test_what_a_device_says_never_begins_a_line_of_the_next_step() -> None:
    text = show(report(finding(Outcome.FAIL, "module/" + "READY: " * 30)), width=40)
    assert [line for line in text.split("\n") if line.startswith(("READY", "UNKNOWN"))] == []


def test_evidence_that_stands_above_already_is_not_told_again() -> None:
    one = finding(Outcome.FAIL, "a/one", detail="1", evidence="cause\nroot")
    two = finding(Outcome.FAIL, "a/two", detail="2", evidence="cause\nroot\nmore")
    text = show(report(one, two, finding(Outcome.FAIL, "a/three", detail="3", evidence="root")))
    assert text.count("| cause") == text.count("| root") == text.count("| more") == 1
    assert "    | more\n    | (and 2 of the lines above)\n" in text and "    | (the lines above)\n" in text


def test_a_folded_line_of_evidence_stays_behind_its_bar() -> None:
    lines = show(report(finding(Outcome.FAIL, evidence="word " * 30))).split("\n")
    (at,) = [place for place, line in enumerate(lines) if line.startswith("    | word")]
    assert lines[at + 1].startswith("      word")


def test_a_long_image_is_folded_and_not_the_modules_name() -> None:
    name = "SimulatedTemperatureSensor"
    text = show(report(PASSED, modules=(Module(name, "running", "Up 2 minutes", "mcr.microsoft.com/" + "i" * 60),)))
    assert f"{name} " in text and max(map(len, text.split("\n"))) <= 80


def test_a_failure_stands_with_its_detail_remedy_and_evidence() -> None:
    text = show(report(FAILED, PASSED))
    for part in (
        "FAIL      provisioning/dps-assigned",
        "CA certificate not found.",
        "Next: Give the full chain.",
        "| line two",
    ):
        assert part in text


def test_failures_stand_before_warnings_and_warnings_before_passes() -> None:
    text = show(report(PASSED, finding(Outcome.WARN, "w/w"), FAILED), verbose=True)
    places = [text.index(name) for name in ("\nFAIL", "\nWARN", "\nPASS")]
    assert places == sorted(places)


def test_expected_warn_and_skip_take_one_line_each() -> None:
    quiet = [finding(outcome, f"x/{outcome}", detail="why") for outcome in ("expected", "warn", "skip")]  # type: ignore[arg-type]
    shown = report(*(Finding(one.id, one.title, Outcome(one.outcome), one.detail) for one in quiet))
    lines = show(shown).split("\n")
    assert [line for line in lines if "x/" in line] == [
        "EXPECTED  x/expected  why",
        "WARN      x/warn  why",
        "SKIP      x/skip  why",
    ]


def test_findings_that_say_the_same_take_one_row() -> None:
    why = "Not tested: no hub."
    same = [finding(Outcome.SKIP, f"iotedge-check/{name}", detail=why) for name in ("amqp", "https")]
    other = finding(Outcome.SKIP, "module/a", detail=f"{why} And more.")
    rows = [line for line in show(report(*same, other), width=200).split("\n") if line.startswith("SKIP")]
    assert rows == ["SKIP      iotedge-check/amqp, https, module/a (3)  Not tested: no hub."]
    assert show(report(*same, other), width=200, verbose=True).count("\nSKIP") == 3


def test_failures_with_one_way_out_stand_together_with_all_their_evidence() -> None:
    failed = [finding(Outcome.FAIL, f"a/{n}", detail="why", remedy="do", evidence=f"line {n}") for n in "xy"]
    text = show(report(*failed))
    assert "FAIL      a/x, y (2)" in text and "line x" in text and "line y" in text
    assert text.count("Next: do") == 1


def test_findings_that_differ_in_outcome_or_words_are_not_folded() -> None:
    differ = [finding(Outcome.SKIP, "a/a", detail="x"), finding(Outcome.SKIP, "a/b", detail="y")]
    text = show(report(*differ, finding(Outcome.WARN, "a/c", detail="x")))
    assert [line[10:13] for line in text.split("\n") if line.startswith(("SKIP", "WARN"))] == ["a/c", "a/a", "a/b"]


def test_a_row_names_a_dozen_and_counts_the_rest() -> None:
    text = show(report(*(finding(Outcome.SKIP, f"a/n{n}", detail="why") for n in range(40))), width=200)
    assert "n11, and 28 more (40)" in text and "n12" not in text


def test_verbose_tells_the_way_out_of_a_warning() -> None:
    warned = report(finding(Outcome.WARN, "w/w", detail="why", remedy="Do it."))
    assert "Do it." in show(warned, verbose=True) and "Do it." not in show(warned)


def test_saved_outputs_are_named_as_the_source() -> None:
    shown = Report("1", START, 2, Target("", "saved/press2", "saved"), Identity(), (PASSED,))
    assert "from saved/press2  at " in show(shown)


def test_passes_are_counted_and_shown_one_by_one_when_asked() -> None:
    assert "service/aziot-edged" not in show(report(PASSED))
    assert "1 passed" in show(report(PASSED))
    assert "PASS      service/aziot-edged  Running." in show(report(PASSED), verbose=True)


def test_the_counts_and_the_exit_status_are_told() -> None:
    text = show(report(FAILED, PASSED, PASSED))
    assert "1 fail, 0 error, 0 warn, 0 skip, 0 expected, 2 pass; exit status 1" in text


def test_modules_stand_in_a_table() -> None:
    text = show(report(PASSED, modules=(Module("edgeAgent", "running", "Up 2 minutes", "registry.example/agent:1.5"),)))
    assert re.search(r"edgeAgent +\| running +\| Up 2 minutes +\| registry.example/agent:1.5", text)


def test_who_is_meant_is_told_under_the_verdict() -> None:
    shown = Report(
        "1",
        START,
        2,
        Target("HOST", "10.0.0.2:22", "ssh"),
        Identity("reg", "dev", "plant7.azure-devices.net"),
        (PASSED,),
    )
    assert show(shown, width=200).split("\n")[1] == (
        "  device dev  hub plant7.azure-devices.net  vm 10.0.0.2:22  host HOST  by ssh  at 2026-11-22 05:12 UTC, 2.0 s"
    )


def test_marks_are_words_on_an_ascii_terminal_and_signs_elsewhere() -> None:
    shown = report(FAILED, PASSED)
    assert show(shown).isascii()
    assert "\N{BALLOT X} FAIL" in show(shown, unicode=True)
    assert "\N{CHECK MARK} PASS" in show(shown, unicode=True)


def test_names_beyond_ascii_are_marked_on_an_ascii_terminal_and_whole_elsewhere() -> None:
    shown = report(finding(Outcome.FAIL, detail="Müller"))
    assert "M?ller" in show(shown)
    assert "Müller" in show(shown, unicode=True)


def test_colour_comes_only_when_asked_for() -> None:
    assert "\x1b[" not in show(report(FAILED))
    assert "\x1b[1;31m" in show(report(FAILED), color=True)  # bold red


@pytest.mark.parametrize("name", ["COLUMNS", "TERM", "FORCE_COLOR", "NO_COLOR"])
@pytest.mark.parametrize("value", ["dumb", "17", "1"])
def test_the_environment_changes_nothing(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = report(FAILED, finding(Outcome.WARN, detail="word " * 60))
    before = show(shown, width=200), show(shown, width=200, color=True)
    monkeypatch.setenv(name, value)
    assert (show(shown, width=200), show(shown, width=200, color=True)) == before


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width: int, unicode: bool) -> None:
    long = "word " * 100 + "x" * 300
    shown = report(
        *(Finding("i" * 300, long, outcome, long, long, long) for outcome in Outcome),
        modules=(Module("m" * 300, "running", long, long),),
    )
    assert max(len(line) for line in show(shown, width=width, unicode=unicode, verbose=True).split("\n")) <= width


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("unicode", [True, False])
def test_hostile_text_stays_text(text: str, unicode: bool) -> None:
    every = [Finding(text, text, outcome, text, text, text, text) for outcome in Outcome]
    shown = Report(
        text,
        START,
        1,
        Target(text, text, "ssh"),
        Identity(text, text, text),
        tuple(every),
        (Module(text, text, text, text),),
    )
    out = show(shown, unicode=unicode, verbose=True)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", out)
    lines = out.rstrip("\n").split("\n")
    assert [line for line in lines if line.startswith(("READY:", "NOT READY:"))] == []  # this report is UNKNOWN


def test_markup_of_rich_is_shown_and_not_obeyed() -> None:
    assert "[bold]loud[/bold]" in show(report(finding(Outcome.FAIL, detail="[bold]loud[/bold] [/]")))


def test_evidence_is_bounded() -> None:
    text = show(report(finding(Outcome.FAIL, evidence="\n".join(f"line {n}" for n in range(100)))))
    assert "line 7" in text
    assert "line 8" not in text
    assert "(and 92 more lines)" in text


@settings(deadline=None, max_examples=60)
@given(reports, st.sampled_from([80, 200]), st.booleans())
def test_verdict_and_counts_agree_with_the_model(any_report: Report, width: int, unicode: bool) -> None:
    text = show(any_report, width=width, unicode=unicode)
    lines = text.rstrip("\n").split("\n")
    assert lines[0].startswith(WORDS[any_report.verdict])
    counts = re.search(
        r"(\d+) fail, (\d+) error, (\d+) warn, (\d+) skip, (\d+) expected, (\d+) pass; exit status (\d)", text
    )
    assert counts is not None
    order = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN, Outcome.SKIP, Outcome.EXPECTED, Outcome.PASS)
    assert [int(count) for count in counts.groups()] == [
        *(any_report.summary[o] for o in order),
        any_report.exit_status,
    ]
    assert text.isascii() or unicode
