"""What changed since the baseline, in the same words in every form; and nothing of it without one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from eflowprov.model import Baseline, Change, ChangeKind, Outcome, Report, Verdict
from eflowprov.reports.changes import ROWS, line, name, rows, since, tally
from eflowprov.reports.console import to_console
from eflowprov.reports.formats import ReportFormat, render
from tests.unit.reports.samples import HOSTILE, START, finding, report

CHANGES = (
    Change("finding", "module/edgeHub", ChangeKind.WORSE, "pass", "fail", trouble=True),
    Change("finding", "vm/clock", ChangeKind.WORSE, "pass", "skip"),
    Change("finding", "logs/network", ChangeKind.NEW, "", "warn"),
    Change("module", "edgeAgent", ChangeKind.CHANGED, "agent:1.5.1", "agent:1.5.2"),
    Change("version", "aziot-edged", ChangeKind.CHANGED, "1.5.21", "1.5.24"),
    Change("identity", "expires_at", ChangeKind.BETTER, "2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z"),
    *(Change("finding", f"iotedge-check/old-{n}", ChangeKind.GONE, "pass", "") for n in range(14)),
)
LINES = (
    "WORSE module/edgeHub: was pass, now fail (new trouble)",
    "WORSE vm/clock: was pass, now skip",
    "NEW logs/network: now warn",
    "CHANGED module edgeAgent: was agent:1.5.1, now agent:1.5.2",
    "CHANGED aziot-edged version: was 1.5.21, now 1.5.24",
    "BETTER certificate until: was 2026-12-01T00:00:00Z, now 2027-12-01T00:00:00Z",
    "GONE iotedge-check/old-0: was pass",
)


def compared(*changes: Change, plain: Report | None = None) -> Report:
    return replace(
        plain or report(finding(Outcome.PASS)),
        baseline=Baseline(START, Verdict.READY, "0.1.0", "line4-press2", changes),
    )


def told(text: str, form: ReportFormat) -> str:
    """The words that a reader sees."""
    if form is ReportFormat.HTML:
        seen: list[str] = []
        parser = HTMLParser()
        parser.handle_data = seen.append  # type: ignore[method-assign]
        parser.feed(text)
        text = " ".join(seen)
    if form is ReportFormat.JUNIT:
        text = " ".join(ET.fromstring(text).itertext())
    return " ".join(text.replace("`", "").split())


def test_a_change_is_one_line_in_a_persons_words() -> None:
    assert [line(change) for change in CHANGES[:7]] == list(LINES)


def test_the_tally_counts_each_kind_and_the_new_trouble() -> None:
    baseline = compared(*CHANGES).baseline
    assert baseline is not None
    assert tally(baseline) == "2 worse, 1 new, 2 changed, 14 gone, 1 better; new trouble: 1"
    assert tally(replace(baseline, changes=())) == "nothing changed"
    assert since(baseline) == "2026-11-22 05:12 UTC (READY, eflowprov 0.1.0)"


def test_changes_of_which_the_same_is_said_are_one_row_that_names_a_dozen() -> None:
    baseline = compared(*CHANGES).baseline
    assert baseline is not None
    *_, gone = rows(baseline)
    assert (gone.count, len(gone.names), gone.more, gone.told) == (14, 12, 2, "was pass")
    assert [row.count for row in rows(baseline)] == [1, 1, 1, 1, 1, 1, 14]


@pytest.mark.parametrize("form", [form for form in ReportFormat if form is not ReportFormat.JSON])
def test_every_form_for_people_tells_each_change_and_the_report_that_was_compared(form: ReportFormat) -> None:
    text = told(render(compared(*CHANGES), form), form)
    assert "2026-11-22 05:12 UTC (READY, eflowprov 0.1.0)" in text
    assert "2 worse, 1 new, 2 changed, 14 gone, 1 better; new trouble: 1" in text
    for change in CHANGES[:7]:
        for part in (name(change), change.before, change.after, change.kind.value):
            assert part.lower() in text.lower(), (form, part)
    assert text.lower().count("new trouble") == 2  # of the tally and of the one


def test_the_json_report_has_every_change() -> None:
    document = json.loads(render(compared(*CHANGES), ReportFormat.JSON))["baseline"]
    assert document["started_at"] == "2026-11-22T05:12:10.123Z"
    assert (document["verdict"], document["tool_version"], document["device"]) == ("ready", "0.1.0", "line4-press2")
    assert [each["id"] for each in document["changes"]] == [change.id for change in CHANGES]
    assert document["changes"][2] == {
        "about": "finding",
        "id": "logs/network",
        "change": "new",
        "before": None,
        "after": "warn",
        "new_trouble": False,
    }


@pytest.mark.parametrize("form", ReportFormat)
def test_without_a_baseline_no_form_says_a_word_of_it(form: ReportFormat) -> None:
    text = render(report(finding(Outcome.PASS)), form)
    body = text.partition("</style>")[2] if form is ReportFormat.HTML else text
    assert not re.search("baseline|changes|since|versions", body, re.IGNORECASE)


@pytest.mark.parametrize("form", ReportFormat)
def test_a_baseline_alone_changes_neither_verdict_nor_counts(form: ReportFormat) -> None:
    plain = report(finding(Outcome.PASS), finding(Outcome.WARN, "a/w"))
    shown = compared(*CHANGES, plain=plain)
    assert (shown.verdict, shown.summary) == (plain.verdict, plain.summary)
    assert render(shown, form).startswith(render(plain, form)[:60])


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("unicode", [False, True])
def test_the_console_keeps_its_width_its_ascii_and_has_no_colour_unasked(width: int, unicode: bool) -> None:
    text = to_console(compared(*CHANGES), width=width, color=False, unicode=unicode)
    assert max(map(len, text.split("\n"))) <= width and "\x1b" not in text
    assert unicode or text.isascii()
    assert "\x1b" in to_console(compared(*CHANGES), width=width, color=True, unicode=unicode)


def test_the_console_shows_changes_at_arms_length() -> None:
    lines = to_console(compared(*CHANGES[:4]), width=200, color=False, unicode=False).split("\n")
    begin = next(at for at, each in enumerate(lines) if each.startswith("SINCE"))
    assert lines[begin : begin + 5] == [
        "SINCE 2026-11-22 05:12 UTC (READY, eflowprov 0.1.0): 2 worse, 1 new, 1 changed; new trouble: 1",
        "WORSE     module/edgeHub  was pass, now fail (new trouble)",
        "WORSE     vm/clock  was pass, now skip",
        "NEW       logs/network  now warn",
        "CHANGED   module edgeAgent  was agent:1.5.1, now agent:1.5.2",
    ]


@pytest.mark.parametrize("form", [ReportFormat.CONSOLE, ReportFormat.MARKDOWN, ReportFormat.HTML])
def test_a_person_is_shown_a_bounded_number_of_rows(form: ReportFormat) -> None:
    many = [Change("module", f"m{n}", ChangeKind.NEW, "", f"running, image:{n}") for n in range(ROWS + 5)]
    text = told(render(compared(*many), form), form)
    assert f"image:{ROWS - 1}" in text and f"image:{ROWS} " not in text
    assert "5 rows more; the JSON report has them all" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_earlier_report_says_can_begin_no_line(hostile: str) -> None:
    change = Change("module", hostile, ChangeKind.GONE, hostile, hostile)
    assert "\n" not in line(change) and "\x1b" not in line(change)
    text = to_console(compared(change), width=80, color=False, unicode=True)
    assert not any(each.startswith(("READY: forged", "NOT READY: forged")) for each in text.split("\n"))
