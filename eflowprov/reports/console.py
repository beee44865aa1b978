"""The report as one reads it at arm's length: the verdict first and last, what is wrong, the way out, the rest.

Every text of the report goes through `reports.clean` and into rich as `Text`, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from io import StringIO

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eflowprov.model import EXIT_STATUS, Finding, Outcome, Report, Verdict
from eflowprov.reports.clean import clean_line, clean_lines

_NARROWEST = 40  # columns below which a hanging indent leaves no room for words
_EVIDENCE = 8  # lines of evidence for each finding; the JSON report has them all
_LINE = 300  # characters of one line of evidence
_TEXT = 1000  # characters of a detail or remedy
_NAME = 120  # characters of an id, title or name
_IDS = 12  # ids of findings that say the same, in one row; the JSON report has them all

_WORDS = {
    Outcome.PASS: "PASS",
    Outcome.EXPECTED: "EXPECTED",
    Outcome.WARN: "WARN",
    Outcome.FAIL: "FAIL",
    Outcome.SKIP: "SKIP",
    Outcome.ERROR: "ERROR",
}
_MARKS = {
    Outcome.PASS: "\N{CHECK MARK}",
    Outcome.EXPECTED: "\N{CHECK MARK}",
    Outcome.WARN: "!",
    Outcome.FAIL: "\N{BALLOT X}",
    Outcome.SKIP: "-",
    Outcome.ERROR: "?",
}
_STYLES = {
    Outcome.PASS: "green",
    Outcome.EXPECTED: "cyan",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.SKIP: "dim",
    Outcome.ERROR: "bold magenta",
}
_VERDICTS = {
    Verdict.READY: ("READY", "bold green", "provisioned, connected and running. Nothing to do."),
    Verdict.READY_AWAITING_DEPLOYMENT: (
        "READY, AWAITING DEPLOYMENT",
        "bold green",
        "nothing deployed yet. Next: set modules in IoT Hub.",
    ),
    Verdict.NOT_READY: ("NOT READY", "bold red", ""),
    Verdict.UNKNOWN: ("UNKNOWN", "bold magenta", ""),
}


def to_console(report: Report, *, width: int, color: bool, unicode: bool, verbose: bool = False) -> str:
    """Return the report as text for a terminal of `width` columns, with a final newline.

    `color` asks for ANSI colours; without `unicode` every character is ASCII. Passes are counted, and with `verbose`
    shown one by one.
    """
    page = _Page(width, color, unicode)
    verdict = _verdict(report)
    page.line(verdict)
    page.line(_about(report), indent=2)
    _loud(page, report.findings)
    _quiet(page, report.findings, verbose=verbose)
    _passes(page, report.findings, verbose=verbose)
    if report.modules:
        page.gap()
        page.print(Padding(_modules(page, report), (0, 0, 0, 2)))
    page.gap()
    page.line(_counts(report))
    page.line(verdict)
    return page.text()


class _Page:
    """What is printed so far, and the terminal it is meant for."""

    def __init__(self, width: int, color: bool, unicode: bool) -> None:
        self.unicode = unicode
        self._file = StringIO()
        self._console = Console(
            file=self._file,
            width=max(width, _NARROWEST),
            height=100,  # both must be given, or rich asks a dumb terminal for its size
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=False,
            legacy_windows=False,
        )

    def mark(self, outcome: Outcome) -> str:
        word = _WORDS[outcome]
        return f"{_MARKS[outcome]} {word}" if self.unicode else word

    def print(self, renderable: RenderableType) -> None:
        self._console.print(renderable)

    def line(self, text: Text, indent: int = 0) -> None:
        # Printed by itself, a Text would lose its own overflow: rich joins what one call prints.
        self.print(Padding(text, (0, 0, 0, indent)))

    def gap(self) -> None:
        self.print("")

    def text(self) -> str:
        text = "\n".join(line.rstrip() for line in self._file.getvalue().split("\n"))
        return text if self.unicode else text.encode("ascii", "replace").decode("ascii")


def _verdict(report: Report) -> Text:
    word, style, meaning = _VERDICTS[report.verdict]
    # One line, cut if it must be: only our own words may begin a line, or a device could forge a verdict.
    return Text.assemble((f"{word}:", style), " ", meaning or _next(report), no_wrap=True, overflow="crop")


def _next(report: Report) -> str:
    """What to do first when the machine is not ready: one finding's id, and the whole way out stands with it."""
    wanted = Outcome.FAIL if report.verdict is Verdict.NOT_READY else Outcome.ERROR
    count, first = report.summary[wanted], next((f for f in report.findings if f.outcome is wanted), None)
    if first is None:
        return "Nothing was proved. Next: verify again."
    what = "failed" if wanted is Outcome.FAIL else "could not be told"
    return f"{count} {what}. Next: put right {clean_line(first.id, _NAME)}."


def _about(report: Report) -> Text:
    identity, target = report.identity, report.target
    saved = target.channel == "saved"
    facts = (
        ("device", identity.device_id or identity.registration_id),
        ("hub", identity.hub),
        ("from" if saved else "vm", target.vm),
        ("host", target.host),
        ("by", "" if saved else target.channel),
        ("at", f"{report.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {report.duration_s:.1f} s"),
    )
    return Text("  ".join(f"{name} {clean_line(value, _NAME)}" for name, value in facts if value), style="dim")


# --------------------------------------------------------------------------------------------------- findings


def _of(findings: Iterable[Finding], *outcomes: Outcome) -> Iterator[Finding]:
    every = list(findings)
    return (finding for outcome in outcomes for finding in every if finding.outcome is outcome)


def _loud(page: _Page, findings: Iterable[Finding]) -> None:
    """Fail and error: with all that helps to put them right."""
    for same in _alike(_of(findings, Outcome.FAIL, Outcome.ERROR), lambda one: one.detail + one.remedy):
        finding = same[0]
        page.gap()
        page.print(_row(page, finding, clean_line(finding.title, _NAME) if len(same) == 1 else "", _names(same)))
        for line in clean_lines(finding.detail, _TEXT, _EVIDENCE):
            page.line(Text(line), indent=2)
        if finding.remedy:
            page.line(Text.assemble(("Next: ", "bold"), clean_line(finding.remedy, _TEXT)), indent=2)
        for line in clean_lines("\n".join(one.evidence for one in same), _LINE, _EVIDENCE):
            page.line(Text(f"| {line}", style="dim"), indent=4)


def _quiet(page: _Page, findings: Iterable[Finding], *, verbose: bool) -> None:
    """Expected, warn and skip: one row each, wrapped under itself; without `verbose` one row for the same words."""
    shown = list(_of(findings, Outcome.EXPECTED, Outcome.WARN, Outcome.SKIP))
    if shown:
        page.gap()
    for same in [[finding] for finding in shown] if verbose else _alike(shown, _gist):
        text = same[0].detail or same[0].title
        page.print(_row(page, same[0], clean_line(_gist(same[0]) if len(same) > 1 else text, _TEXT), _names(same)))
        if verbose and same[0].remedy:
            page.line(Text.assemble(("Next: ", "bold"), clean_line(same[0].remedy, _TEXT)), indent=12)


def _alike(findings: Iterable[Finding], said: Callable[[Finding], str]) -> list[list[Finding]]:
    """The findings that say the same, together, in the order in which the first of them came."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.outcome, said(finding)), []).append(finding)
    return list(groups.values())


def _gist(finding: Finding) -> str:
    """What is said; of a skip its first sentence: behind what it stands, or why it was not tested."""
    text = finding.detail or finding.title
    return text.split(". ")[0].rstrip(".") + "." if finding.outcome is Outcome.SKIP and ". " in text else text


def _names(same: list[Finding]) -> str:
    """The ids of one row: `room/first, second, other-room/third (3)`."""
    room, names = "", list[str]()
    for finding in same[:_IDS]:
        before, _, name = clean_line(finding.id, _NAME).rpartition("/")
        names.append(name if names and before == room else clean_line(finding.id, _NAME))
        room = before
    more = [f"and {len(same) - _IDS} more"] if len(same) > _IDS else []
    return ", ".join(names + more) + (f" ({len(same)})" if len(same) > 1 else "")


def _row(page: _Page, finding: Finding, text: str, name: str = "") -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True, width=10 if page.unicode else 8)
    row.add_column(overflow="fold")
    title = (f"{name or clean_line(finding.id, _NAME)}  ", "bold")
    row.add_row(Text(page.mark(finding.outcome), style=_STYLES[finding.outcome]), Text.assemble(title, text))
    return row


def _passes(page: _Page, findings: Iterable[Finding], *, verbose: bool) -> None:
    passed = list(_of(findings, Outcome.PASS))
    if not passed:
        return
    page.gap()
    for finding in passed if verbose else []:
        page.print(_row(page, finding, clean_line(finding.detail or finding.title, _TEXT)))
    if not verbose:
        hint = f"  {len(passed)} passed (shown with --verbose)"
        page.line(Text.assemble((page.mark(Outcome.PASS), _STYLES[Outcome.PASS]), hint))


# ------------------------------------------------------------------------------------------- modules and counts


def _modules(page: _Page, report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD if page.unicode else box.ASCII2, pad_edge=False, show_edge=False)
    for heading in ("MODULE", "STATUS", "DESCRIPTION", "IMAGE"):
        table.add_column(heading, overflow="fold")
    for module in report.modules:
        cells = (module.name, module.status, module.description, module.image)
        table.add_row(*(Text(clean_line(cell, _NAME)) for cell in cells))
    return table


def _counts(report: Report) -> Text:
    order = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN, Outcome.SKIP, Outcome.EXPECTED, Outcome.PASS)
    counts = ", ".join(f"{report.summary[outcome]} {outcome.value}" for outcome in order)
    return Text(f"{counts}; exit status {EXIT_STATUS[report.verdict]}")
