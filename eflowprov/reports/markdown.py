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
from eflowprov.reports.clean import clean_line, clean_lines
from eflowprov.reports.words import NAME, TEXT, VERDICT_WORDS, counts, device, facts, headline, minute, of

_LARGEST = 60_000  # characters; GitHub takes 65,536 in a comment, and people write something above it
_EVIDENCE = (30, 8, 0)  # lines for each finding: as many as fit into a comment
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
    """Return the report as Markdown with a final newline; evidence is cut, or left out, to fit into a comment."""
    for lines in _EVIDENCE:
        text = "\n\n".join(_blocks(report, lines)) + "\n"
        if len(text) <= _LARGEST:
            return text
    return text


def _blocks(report: Report, lines: int) -> Iterator[str]:
    name = device(report)
    yield f"## {VERDICT_WORDS[report.verdict]}" + (f": {_words(name)}" if name else "")
    yield _words(headline(report)[:1].upper() + headline(report)[1:])
    yield _bullets(f"{name}: {_words(value)}" for name, value in facts(report).items())
    yield f"**{counts(report)}**"
    for finding in of(report, Outcome.FAIL, Outcome.ERROR):
        yield from _whole(finding, lines)
    yield from _listed("Worth a look", of(report, Outcome.WARN, Outcome.EXPECTED))
    yield from _folded("skipped", of(report, Outcome.SKIP))
    yield from _folded("passed", of(report, Outcome.PASS))
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


def _listed(heading: str, findings: list[Finding]) -> Iterator[str]:
    if findings:
        yield f"### {heading}"
        yield _bullets(f"{finding.outcome.value.upper()} {_short(finding)}" for finding in findings)


def _folded(word: str, findings: list[Finding]) -> Iterator[str]:
    if findings:
        yield f"<details><summary>{len(findings)} {word}</summary>"
        yield _bullets(map(_short, findings))
        yield "</details>"


def _short(finding: Finding) -> str:
    return f"{_code(finding.id)} {_words(finding.detail or finding.title)}".rstrip()


# ------------------------------------------------------------------------------------------- modules and the log


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
