"""What changed since an earlier report: each difference told once, and exactly what is new trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.checks.baseline import another_device, changes, new_trouble
from eflowprov.model import Change, ChangeKind, Finding, Identity, Module, Outcome, Report, Verdict
from tests.unit.reports.samples import START, finding, report, reports

P, X, S, W, F, E = (
    Outcome.PASS,
    Outcome.EXPECTED,
    Outcome.SKIP,
    Outcome.WARN,
    Outcome.FAIL,
    Outcome.ERROR,
)
WORSE, NEW, CHANGED, GONE, BETTER = ChangeKind


def one(name: str, outcome: Outcome | None) -> Report:
    """A report of one finding; of none without an outcome."""
    return report(finding(outcome, name)) if outcome else report()


def told(before: Outcome | None, after: Outcome | None, name: str = "a/b") -> tuple[ChangeKind, bool] | None:
    found = changes(one(name, before), one(name, after))
    assert len(found) <= 1
    return (found[0].kind, found[0].trouble) if found else None


# Down what it was, across what it is: kind, and `!` for new trouble.
TABLE = """
       pass     expected skip     warn     fail     error    none
pass     -        worse    worse    worse!   worse!   worse    gone
expected better   -        worse    worse!   worse!   worse    gone
skip     better   better   -        worse!   worse!   worse    gone
warn     better   better   changed  -        worse!   worse    gone
fail     better   better   changed  better   -        worse    gone
error    better   better   changed  worse!   worse!   -        gone
none     new      new      new      new!     new!     new      -
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], column, cell) for row in ROWS[1:] for column, cell in zip(ROWS[0], row[1:], strict=True)]


def outcome(word: str) -> Outcome | None:
    return None if word == "none" else Outcome(word)


@pytest.mark.parametrize(("before", "after", "wanted"), CELLS)
def test_an_outcome_that_differs_is_told_by_this_table(before: str, after: str, wanted: str) -> None:
    expected = None if wanted == "-" else (ChangeKind(wanted.rstrip("!")), wanted.endswith("!"))
    assert told(outcome(before), outcome(after)) == expected


@pytest.mark.parametrize("before", [None, P, S])
def test_a_warning_of_a_log_is_no_new_trouble_and_a_failure_is(before: Outcome | None) -> None:
    warned, failed = told(before, W, "logs/network"), told(before, F, "logs/network")
    assert warned is not None and failed is not None
    assert (warned[1], failed[1]) == (False, True)


def test_new_trouble_stands_first_and_then_what_is_worse() -> None:
    before = report(*(finding(o, f"a/{n}") for n, o in enumerate([P, F, P, P, W])))
    after = report(*(finding(o, f"a/{n}") for n, o in enumerate([S, P, F])), finding(P, "b/new"), finding(S, "a/4"))
    found = changes(before, after)
    assert [(change.id, change.kind) for change in found] == [
        ("a/2", WORSE),
        ("a/0", WORSE),
        ("b/new", NEW),
        ("a/4", CHANGED),
        ("a/3", GONE),
        ("a/1", BETTER),
    ]


def test_another_text_alone_is_no_change() -> None:
    was = report(finding(F, detail="seen 3 times", evidence="x"))
    assert changes(was, report(finding(F, detail="seen 4 times", evidence="y"))) == ()


def test_of_an_id_that_stands_there_twice_the_worst_counts() -> None:
    twice = report(finding(F), finding(P))
    assert changes(twice, report(finding(F))) == ()
    assert [change.after for change in changes(report(finding(P)), twice)] == ["fail"]


@pytest.mark.parametrize("name", ["certificate/x", "host/x", "dps/registration", "provision/cmdlet"])
def test_the_findings_of_a_step_are_compared_only_where_both_reports_have_the_step(name: str) -> None:
    verified, ran = report(finding(P)), report(finding(P), finding(W, name))
    assert changes(verified, ran) == changes(ran, verified) == ()
    other = finding(P, f"{name.partition('/')[0]}/other")
    assert [
        change.id for change in changes(report(finding(P), other), report(finding(P), other, finding(W, name)))
    ] == [name]


def test_what_an_earlier_comparison_found_is_not_compared() -> None:
    assert changes(report(finding(F, "baseline/new-trouble")), report()) == ()


# ------------------------------------------------------------------------------------- modules, versions, identity

AGENT = Module("edgeAgent", "running", "Up 2 minutes", "mcr/agent:1.5.1")


def test_a_module_is_told_by_status_and_image_and_not_by_how_long_it_is_up() -> None:
    was = report(modules=(AGENT,))
    assert changes(was, report(modules=(replace(AGENT, description="Up 9 days"),))) == ()
    (change,) = changes(was, report(modules=(replace(AGENT, image="mcr/agent:1.5.2"),)))
    assert change == Change("module", "edgeAgent", CHANGED, "mcr/agent:1.5.1", "mcr/agent:1.5.2")
    (change,) = changes(was, report(modules=(replace(AGENT, status="stopped", image="mcr/agent:1.5.2"),)))
    assert (change.before, change.after) == ("running, mcr/agent:1.5.1", "stopped, mcr/agent:1.5.2")
    (change,) = changes(was, report(modules=(replace(AGENT, image=""),)))
    assert (change.before, change.after) == ("mcr/agent:1.5.1", "unknown")


def test_modules_that_came_and_went_are_told() -> None:
    was, now = report(modules=(AGENT, replace(AGENT, name="old"))), report(modules=(AGENT, replace(AGENT, name="new")))
    assert [(change.id, change.kind, change.trouble) for change in changes(was, now)] == [
        ("old", GONE, True),
        ("new", NEW, False),
    ]


def test_a_module_that_went_with_its_passed_finding_is_told_once() -> None:
    with_it = replace(one("module/m", Outcome.PASS), modules=(AGENT, replace(AGENT, name="m")))
    without = replace(one("a/b", Outcome.PASS), modules=(AGENT,))
    assert [change.id for change in changes(with_it, without)] == ["m", "a/b"]
    assert [change.about for change in changes(without, with_it) if change.id.endswith("m")] == ["module"]


def test_a_module_that_is_gone_is_trouble_only_where_it_ran_and_no_finding_tells_of_it() -> None:
    for status, findings, trouble in (
        ("running", (), True),
        ("stopped", (), False),
        ("running", (finding(F, "module/m"),), False),
    ):
        was = report(finding(F, "module/m"), modules=(AGENT, replace(AGENT, name="m", status=status)))
        gone = [each for each in changes(was, report(*findings, modules=(AGENT,))) if each.about == "module"]
        assert [each.trouble for each in gone] == [trouble], status


def test_where_no_module_is_listed_the_modules_are_not_compared() -> None:
    assert changes(report(modules=(AGENT,)), report()) == changes(report(), report(modules=(AGENT,))) == ()


def test_a_secret_in_the_earlier_reports_image_is_not_shown() -> None:
    was = report(modules=(AGENT, replace(AGENT, name="m", image="https://user:geheim@registry/m")))
    assert "geheim" not in str(changes(was, report(modules=(AGENT,))))


def test_versions_are_compared_where_both_reports_know_them() -> None:
    was = replace(report(), tool_version="1", versions={"aziot-edged": "1.5.21", "docker": "20"})
    now = replace(report(), tool_version="2", versions={"aziot-edged": "1.5.24"})
    assert [(change.about, change.id, change.before, change.after) for change in changes(was, now)] == [
        ("version", "eflowprov", "1", "2"),
        ("version", "aziot-edged", "1.5.21", "1.5.24"),
    ]


def test_the_identity_is_compared_where_both_reports_know_it() -> None:
    was = replace(report(), identity=Identity("r", "d", "Hub.net", "0ne1", START))
    assert changes(was, report()) == changes(report(), was) == ()
    assert changes(was, replace(report(), identity=replace(was.identity, hub="hub.NET"))) == ()
    now = replace(report(), identity=Identity("r2", "d2", "hub2", "0ne2", START + timedelta(days=1)))
    assert [(change.id, change.kind) for change in changes(was, now)] == [
        *((name, CHANGED) for name in ("registration_id", "device_id", "hub", "scope_id")),
        ("expires_at", BETTER),
    ]
    assert next(iter(changes(now, was))).kind is WORSE  # it expires sooner


# --------------------------------------------------------------------------------------------------- properties


@given(reports)
def test_a_report_has_no_changes_against_itself(any_report: Report) -> None:
    assert changes(any_report, any_report) == ()


Outcomes = dict[str, Outcome]
outcomes = st.dictionaries(st.sampled_from(["a/b", "c", "logs/x", "module/m"]), st.sampled_from(Outcome))
named = st.sampled_from(["edgeAgent", "m", "n"])
images = st.dictionaries(named, st.sampled_from(["image:1", "image:2"]), min_size=1)


@given(outcomes, outcomes, images, images)
def test_whatever_differs_is_told_exactly_once(
    was: Outcomes, now: Outcomes, old: dict[str, str], new: dict[str, str]
) -> None:
    reports = [
        replace(
            report(*(finding(outcome, name) for name, outcome in found.items())),
            modules=tuple(Module(name, "running", "Up", image) for name, image in modules.items()),
        )
        for found, modules in ((was, old), (now, new))
    ]
    told = [(change.about, change.id) for change in changes(*reports)]
    differ = [("finding", name) for name in {*was, *now} if was.get(name) != now.get(name)]
    differ += [("module", name) for name in {*old, *new} if old.get(name) != new.get(name)]
    for name in {*old} ^ {*new}:  # a module that came or went takes its `pass` along
        found = {was.get(f"module/{name}"), now.get(f"module/{name}")}
        beside = (name in new) == (f"module/{name}" in now)
        if old and new and beside and found == {None, Outcome.PASS}:
            differ.remove(("finding", f"module/{name}"))
    assert sorted(told) == sorted(differ)


@given(reports, reports)
def test_both_ways_the_same_things_differ(before: Report, after: Report) -> None:
    there, back = changes(before, after), changes(after, before)
    assert {(change.about, change.id) for change in there} == {(change.about, change.id) for change in back}
    assert all((change.before, change.after) in {(b.after, b.before) for b in back} for change in there)


# ----------------------------------------------------------------------------------------------------- findings


def judged(before: Report, after: Report) -> Finding:
    return new_trouble(before, changes(before, after), after)


def test_new_trouble_is_a_failure_that_names_each() -> None:
    names = [f"a/{n}" for n in range(14)]
    found = judged(report(finding(P)), report(finding(P), *(finding(W, name) for name in names)))
    assert found.outcome is F and found.id == "baseline/new-trouble" and found.remedy
    assert found.detail == f"New or worse since 2026-11-22 05:12 UTC: {', '.join(names[:10])} and 4 more."
    assert found.evidence.split("\n") == [f"{name}: not there, now warn" for name in names]


def test_without_new_trouble_it_passes() -> None:
    assert judged(report(finding(W)), report(finding(W), finding(P, "a/c"))).outcome is P


@given(reports, reports)
def test_it_never_makes_a_verdict_of_what_is_unknown_nor_a_good_one_of_a_bad_one(before: Report, after: Report) -> None:
    found = judged(before, after)
    verdict = replace(after, findings=(*after.findings, found)).verdict
    trouble = any(change.trouble for change in changes(before, after))
    if after.verdict is Verdict.UNKNOWN:
        assert verdict is Verdict.UNKNOWN
    else:
        assert verdict is (Verdict.NOT_READY if trouble else after.verdict)


@pytest.mark.parametrize(
    ("was", "now", "another"),
    [
        (Identity("a"), Identity("b"), True),
        (Identity("a", "x"), Identity("A", "y"), False),
        (Identity("", "x"), Identity("", "y"), True),
        (Identity("a"), Identity("", "a"), False),
        (Identity(), Identity("a"), False),
    ],
)
def test_a_baseline_of_another_device_is_a_warning(was: Identity, now: Identity, another: bool) -> None:
    found = another_device(replace(report(), identity=was), replace(report(), identity=now))
    assert (found is not None) is another
    assert found is None or found.outcome is W
