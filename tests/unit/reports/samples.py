"""Reports for the renderers' tests: a few by hand, and any by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from eflowprov.model import (
    Baseline,
    Change,
    ChangeKind,
    Finding,
    Identity,
    LogPattern,
    LogSummary,
    Module,
    Outcome,
    Report,
    Target,
    TimelineEntry,
    Verdict,
)

START = datetime(2026, 11, 22, 5, 12, 10, 123000, tzinfo=UTC)


def finding(outcome: Outcome, name: str = "a/b", **texts: str) -> Finding:
    return Finding(name, texts.pop("title", "a title"), outcome, **texts)


def report(*findings: Finding, modules: tuple[Module, ...] = ()) -> Report:
    return Report("0.1", START, 1.25, Target(), Identity(), findings, modules)


# Texts that try to steer a terminal, to forge a line, or to be read as markup.
HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07rest",
    "\x9b31mred",
    "[bold]loud[/bold] [link=http://x]y[/link] [/]",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "one\ntwo\r\nthree\ttab",
    "READY: forged\nNOT READY: forged",
    "x" * 10_000,
    "a\x00b\x08c\ud800",
    ":warning: \N{ZERO WIDTH SPACE}",
    "<script>alert(1)</script><img src=x onerror=alert(2)><h1>READY</h1>",
    "</style><style>*{display:none}</style></pre></details><!-- ]]> <![CDATA[",
    "\"' onload='x' {{ 7*7 }} {% raw %} &lt;b&gt; &#60;",
    "[link](https://x.example) ![i](//x) <https://x> www.x.example me@x.example javascript:alert(1)",
    "@user @org/team #12 GH-3 !4 %5 ~bug AB#6 ^alert#7 :tada: $x^2$ [[_TOC_]] a`b``c |d| \\|e",
    "``` \n```\n````text\n</details>\n# heading\n| a | b |\n|---|---|\n/close\n- [ ] x",
    "--- === *** ___ 1. > + - : ~~~ <details>",
    "/close /assign @me",
    "::: mermaid",
    "1. one",
    "\ufffe\uffff\ufdd0\U0001ffff\U000e0041 \u061c\u2066x\u2069",
)

texts = st.text(max_size=60) | st.sampled_from(HOSTILE)
times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC))
names = st.text(min_size=1, max_size=30) | st.sampled_from(HOSTILE)
findings = st.builds(Finding, names, texts, st.sampled_from(Outcome), texts, texts, texts, texts)
spans = st.floats(0, 1e6)
changes = st.builds(
    Change,
    st.sampled_from(["finding", "module", "version", "identity"]),
    names,
    st.sampled_from(ChangeKind),
    texts,
    texts,
    st.booleans(),
)
baselines = st.builds(Baseline, times, st.sampled_from(Verdict), texts, texts, st.lists(changes, max_size=5).map(tuple))
patterns = st.builds(LogPattern, names, st.integers(1, 9), st.none() | times, st.none() | times, texts)
reports = st.builds(
    Report,
    texts,
    times,
    st.floats(0, 1e6),
    st.builds(Target, texts, texts, st.sampled_from(["", "ssh", "cmdlet", "saved"])),
    st.builds(Identity, texts, texts, texts, texts, st.none() | times),
    st.lists(findings, max_size=6).map(tuple),
    st.lists(st.builds(Module, texts, texts, texts, texts), max_size=3).map(tuple),
    st.builds(
        LogSummary,
        st.integers(0, 99),
        st.none() | times,
        st.none() | times,
        st.integers(0, 9),
        st.integers(0, 9),
        st.lists(patterns, max_size=2).map(tuple),
    ),
    st.lists(
        st.builds(TimelineEntry, texts, st.sampled_from(["step", "command"]), spans, spans, texts), max_size=3
    ).map(tuple),
    st.dictionaries(names, texts, max_size=2),
    st.none() | baselines,
)


def hostile_report(text: str) -> Report:
    """A report in which every text is this one, whole, with a finding of each outcome."""
    return Report(
        text,
        START,
        1,
        Target(text, text, "ssh"),
        Identity(text, text, text, text, START),
        tuple(Finding(text, text, outcome, text, text, text, text) for outcome in Outcome),
        (Module(text, text, text, text),),
        LogSummary(9, START, START, 1, 1, (LogPattern(text, 2, START, START, text),)),
        (TimelineEntry(text, "command", 0, 1, text),),
        {text: text},
        Baseline(START, Verdict.READY, text, text, tuple(_changed(text, kind) for kind in ChangeKind)),
    )


def _changed(text: str, kind: ChangeKind) -> Change:
    return Change("module", text, kind, text, text, trouble=kind is ChangeKind.WORSE)
