"""The report as Markdown: what one pastes into a ticket on GitHub, GitLab or Azure DevOps.

What came from outside stays text: a word that holds anything these readers act upon (mentions, issue numbers,
addresses, markup, emoji names, formulas) stands in a code span, evidence in a code block. Escapes with a backslash
would not do: mentions and issue numbers are looked for after they are taken away. There are no tables, since a `\\|` in
a cell is read differently by each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from eflowprov.model import Finding, Outcome, Report
from eflowprov.reports import changes
from eflowprov.reports.clean import clean_line, clean_lines
from eflowprov.reports.words import NAME, TEXT, VERDICT_WORDS, counts, device, facts, headline, minute, of, wrong

_LARGEST = 60_000  # characters; GitHub takes 65,536 in a comment, and people write something above it
# Lines of evidence for each finding, and findings of each kind: as many as fit into a comment.
_SIZES = ((30, 1000), (8, 1000), (0, 1000), (0, 100), (0, 25), (0, 5))
_LINE = 300  # characters of a line of evidence

_ACTED_UPON = re.compile(
    r"""[@#<>&\\`*_~\[\]|{}^$]      # mentions, issues, HTML, markup, links, formulas
    | ://|www\.|mailto:|xmpp:       # addresses that become links by themselves (GFM, Autolinks)
    | [!%]\w                        # GitLab's merge requests and milestones, Azure DevOps' pull requests
    | :[\w+-]+:                     # emoji names
    | \bGH-\d                       # GitHub's other way to write an issue
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A first word that makes a list, a rule or a block of its own of what follows; `/close` is obeyed by GitLab.
_BEGINS_A_BLOCK = re.compile(r"[-+=]+|[0-9]{1,9}[.)]|:::.*|/.*")


def to_markdown(report: Report) -> str:
    """Return the report as Markdown with a final newline; evidence, then findings are cut to fit into a comment."""
    for lines, most in _SIZES:
        text = "\n\n".join(_blocks(report, lines, most)) + "\n"
        if len(text) <= _LARGEST:
            return text
    return text


def _blocks(report: Report, lines: int, most: int) -> Iterator[str]:
    name = device(report)
    yield f"## {VERDICT_WORDS[report.verdict]}" + (f": {_words(name)}" if name else "")
    yield _words(headline(report)[:1].upper() + headline(report)[1:])
    yield _bullets(f"{name}: {_words(value)}" for name, value in facts(report).items())
    yield f"**{counts(report)}**"
    loud = wrong(report)
    for finding in loud[:most]:
        yield from _whole(finding, lines)
    if len(loud) > most:
        yield f"And {_more(loud, most)}."
    yield from _changes(report)
    yield from _listed("Worth a look", of(report, Outcome.WARN, Outcome.EXPECTED), most)
    yield from _folded("skipped", of(report, Outcome.SKIP), most)
    yield from _folded("passed", of(report, Outcome.PASS), most)
    yield from _modules(report)
    yield from _logs(report)
    yield f"eflowprov {_words(report.tool_version)}"


# --------------------------------------------------------------------------------------------------- findings


def _whole(finding: Finding, lines: int) -> Iterator[str]:
    """Fail and error: with all that helps to put them right."""
    yield f"### {finding.outcome.value.upper()}: {_words(finding.title)}"
    yield _code(finding.id)
    if finding.detail:
        yield _words(finding.detail)
    if finding.remedy:
        yield f"**Next:** {_words(finding.remedy)}"
    evidence = clean_lines(finding.evidence, _LINE, lines)
    if evidence and lines:
        yield from ("<details><summary>Evidence</summary>", _block(evidence), "</details>")


def _listed(heading: str, findings: list[Finding], most: int) -> Iterator[str]:
    if findings:
        yield f"### {heading}"
        yield _cut(
            [f"{finding.outcome.value.upper()} {_short(finding)}" for finding in findings[:most]], findings, most
        )


def _folded(word: str, findings: list[Finding], most: int) -> Iterator[str]:
    if findings:
        yield f"<details><summary>{len(findings)} {word}</summary>"
        yield _cut([_short(finding) for finding in findings[:most]], findings, most)
        yield "</details>"


def _cut(items: list[str], findings: list[Finding], most: int) -> str:
    return _bullets([*items, f"and {_more(findings, most)}"] if len(findings) > most else items)


def _more(findings: list[Finding], most: int) -> str:
    return f"{len(findings) - most} more; the JSON report has them all"


def _short(finding: Finding) -> str:
    return f"{_code(finding.id)} {_words(finding.detail or finding.title)}".rstrip()


# -------------------------------------------------------------------------------- changes, modules and the log


def _changes(report: Report) -> Iterator[str]:
    if report.baseline is None:
        return
    yield "### Changes"
    yield f"Since {_words(changes.since(report.baseline))}: {changes.tally(report.baseline)}."
    every = changes.rows(report.baseline)
    if every:
        yield _bullets(map(_change, every[: changes.ROWS]))
    if len(every) > changes.ROWS:
        yield f"And {len(every) - changes.ROWS} rows more; the JSON report has them all."


def _change(row: changes.Row) -> str:
    names = ", ".join([*map(_code, row.names), *([f"and {row.more} more"] if row.more else [])])
    told = f"{row.kind.value.upper()} {names}: {_words(row.told)}"
    return f"{told} **(new trouble)**" if row.trouble else told


def _modules(report: Report) -> Iterator[str]:
    if report.modules:
        yield "### Modules"
        yield _bullets(
            f"{_code(module.name)} {_words(module.status)}: {_words(module.description)}, {_code(module.image)}"
            for module in report.modules
        )


def _logs(report: Report) -> Iterator[str]:
    if report.logs.patterns:
        yield "### Known messages in the log"
        yield _bullets(
            f"{_code(pattern.id)} {pattern.count} times, last {minute(pattern.last) or 'without a time'}"
            for pattern in report.logs.patterns
        )


# ------------------------------------------------------------------------------------------------------ escaping


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _words(text: str) -> str:
    """One line of prose; neighbouring words that would be acted upon go into one code span."""
    words = clean_line(text, TEXT).split(" ")
    alike = groupby(enumerate(words), key=lambda place: _is_acted_upon(*place))
    runs = ((acted, " ".join(word for _, word in run)) for acted, run in alike)
    return " ".join(_span(run) if acted else run for acted, run in runs)


def _is_acted_upon(place: int, word: str) -> bool:
    return bool(_ACTED_UPON.search(word) or (place == 0 and _BEGINS_A_BLOCK.fullmatch(word)))


def _code(text: str) -> str:
    return _span(clean_line(text, NAME) or "-")


def _span(text: str) -> str:
    """A code span (CommonMark 6.1): fenced by more backticks than stand in it, with blanks that the reader strips."""
    fence = "`" * (_longest_run(text) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _block(lines: list[str]) -> str:
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
