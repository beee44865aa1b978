"""The report as one reads it at arm's length: the verdict first and last, what is wrong, the way out, the rest.

Every text of the report goes through `reports.clean` and into rich as `Text`, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from io import StringIO

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eflowprov.model import Finding, Outcome, Report, Verdict
from eflowprov.reports import changes
from eflowprov.reports.clean import clean_line, clean_lines
from eflowprov.reports.words import NAME, TEXT, VERDICT_WORDS, counts, headline, of, wrong

_NARROWEST = 40  # columns below which a hanging indent leaves no room for words
_EVIDENCE = 8  # lines of evidence for each finding; the JSON report has them all
_MOST = 2000  # lines of evidence that are looked at
_LINE = 300  # characters of one line of evidence
_IDS = 12  # ids of findings that say the same, in one row; the JSON report has them all

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
_VERDICT_STYLES = {
    Verdict.READY: "bold green",
    Verdict.READY_AWAITING_DEPLOYMENT: "bold green",
    Verdict.NOT_READY: "bold red",
    Verdict.UNKNOWN: "bold magenta",
}


def to_console(report: Report, *, width: int, color: bool, unicode: bool, verbose: bool = False) -> str:
    """Return the report as text for a terminal of `width` columns, with a final newline.

    `color` asks for ANSI colours; without `unicode` every character is ASCII. Passes are counted, and with `verbose`
    shown one by one.
    """
    page = _Page(width, color, unicode)
    verdict, step = _verdict(report, page.width)
    page.line(verdict)
    page.line(step, indent=2)
    page.line(_about(report), indent=2)
    _loud(page, report)
    _changes(page, report)
    _quiet(page, report, verbose=verbose)
    _passes(page, report, verbose=verbose)
    if report.modules:
        page.gap()
        page.print(Padding(_modules(page, report), (0, 0, 0, 2)))
    page.gap()
    page.line(Text(counts(report)))
    page.line(step, indent=2)
    page.line(verdict)
    return page.text()


class _Page:
    """What is printed so far, and the terminal it is meant for."""

    def __init__(self, width: int, color: bool, unicode: bool) -> None:
        self.unicode = unicode
        self.width = max(width, _NARROWEST)
        self._file = StringIO()
        self._console = Console(
            file=self._file,
            width=self.width,
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
        word = outcome.value.upper()
        return f"{_MARKS[outcome]} {word}" if self.unicode else word

    def print(self, renderable: RenderableType) -> None:
        self._console.print(renderable)

    def line(self, text: Text, indent: int = 0) -> None:
        # Printed by itself, a Text would lose its own overflow: rich joins what one call prints.
        if text:
            self.print(Padding(text, (0, 0, 0, indent)))

    def quote(self, lines: Iterable[str]) -> None:
        """Lines of evidence, each folded behind its own bar."""
        for line in lines:
            row = Table.grid(padding=(0, 1, 0, 0))
            row.add_column(width=1)
            row.add_column(overflow="fold")
            row.add_row(Text("|", style="dim"), Text(line, style="dim"))
            self.print(Padding(row, (0, 0, 0, 4)))

    def gap(self) -> None:
        self.print("")

    def text(self) -> str:
        text = "\n".join(line.rstrip() for line in self._file.getvalue().split("\n"))
        return text if self.unicode else text.encode("ascii", "replace").decode("ascii")


def _verdict(report: Report, width: int) -> tuple[Text, Text]:
    """The verdict as one line; what to do next stands in it, or under it where the terminal is too narrow for both."""
    word, style = VERDICT_WORDS[report.verdict], _VERDICT_STYLES[report.verdict]
    told, rest = headline(report), ""
    if len(f"{word}: {told}") > width and ". Next: " in told:
        told, _, rest = told.partition(" Next: ")
    # Cut if it must be: only our own words may begin a line, or a device could forge a verdict.
    line = Text.assemble((f"{word}:", style), " ", told, no_wrap=True, overflow="crop")
    return line, Text(f"Next: {rest}" if rest else "", overflow="fold")


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
    return Text("  ".join(f"{name} {clean_line(value, NAME)}" for name, value in facts if value), style="dim")


# --------------------------------------------------------------------------------------------------- findings


def _loud(page: _Page, report: Report) -> None:
    """Fail and error: with all that helps to put them right. Evidence that stands above already is counted."""
    above: set[str] = set()
    for same in _alike(wrong(report), lambda one: one.detail + one.remedy):
        finding = same[0]
        page.gap()
        page.print(_row(page, finding, clean_line(finding.title, NAME) if len(same) == 1 else "", _names(same)))
        for line in clean_lines(finding.detail, TEXT, _EVIDENCE):
            page.line(Text(line), indent=2)
        if finding.remedy:
            page.line(Text.assemble(("Next: ", "bold"), clean_line(finding.remedy, TEXT)), indent=2)
        page.quote(_evidence(same, above))


def _evidence(same: list[Finding], above: set[str]) -> list[str]:
    """The lines to show, one cause being seen by several findings; those are put into `above`."""
    lines = clean_lines("\n".join(one.evidence for one in same), _LINE, _MOST)
    new = [line for line in lines if line not in above]
    shown = new[:_EVIDENCE]
    above.update(shown)
    if len(new) > len(shown):
        shown.append(f"(and {len(new) - len(shown)} more lines)")
    if len(new) < len(lines):
        shown.append(f"(and {len(lines) - len(new)} of the lines above)" if new else "(the lines above)")
    return shown


def _quiet(page: _Page, report: Report, *, verbose: bool) -> None:
    """Expected, warn and skip: one row each, wrapped under itself; without `verbose` one row for the same words."""
    shown = of(report, Outcome.EXPECTED, Outcome.WARN, Outcome.SKIP)
    if shown:
        page.gap()
    for same in [[finding] for finding in shown] if verbose else _alike(shown, _gist):
        text = same[0].detail or same[0].title
        page.print(_row(page, same[0], clean_line(_gist(same[0]) if len(same) > 1 else text, TEXT), _names(same)))
        if verbose and same[0].remedy:
            page.line(Text.assemble(("Next: ", "bold"), clean_line(same[0].remedy, TEXT)), indent=12)


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
    """The ids of one row."""
    return _joined([clean_line(finding.id, NAME) for finding in same[:_IDS]], len(same))


def _joined(ids: Sequence[str], count: int) -> str:
    """`room/first, second, other-room/third (3)`; `count` is that of all, also of those that are not named."""
    room, names = "", list[str]()
    for id_ in ids:
        before, _, name = id_.rpartition("/")
        names.append(name if names and before == room else id_)
        room = before
    more = [f"and {count - len(ids)} more"] if count > len(ids) else []
    return ", ".join(names + more) + (f" ({count})" if count > 1 else "")


def _row(page: _Page, finding: Finding, text: str, name: str = "") -> Table:
    mark = Text(page.mark(finding.outcome), style=_STYLES[finding.outcome])
    return _cells(page, mark, name or clean_line(finding.id, NAME), text)


def _cells(page: _Page, mark: Text, name: str, text: str) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True, width=10 if page.unicode else 8)
    row.add_column(overflow="fold")
    row.add_row(mark, Text.assemble((f"{name}  ", "bold"), text))
    return row


def _passes(page: _Page, report: Report, *, verbose: bool) -> None:
    passed = of(report, Outcome.PASS)
    if not passed:
        return
    page.gap()
    for finding in passed if verbose else []:
        page.print(_row(page, finding, clean_line(finding.detail or finding.title, TEXT)))
    if not verbose:
        hint = f"  {len(passed)} passed (shown with --verbose)"
        page.line(Text.assemble((page.mark(Outcome.PASS), _STYLES[Outcome.PASS]), hint))


# ------------------------------------------------------------------------------------------ changes and modules


def _changes(page: _Page, report: Report) -> None:
    """What changed since the baseline: one row for all of which the same is said."""
    if report.baseline is None:
        return
    page.gap()
    page.line(Text(f"SINCE {changes.since(report.baseline)}: {changes.tally(report.baseline)}", style="bold"))
    every = changes.rows(report.baseline)
    for row in every[: changes.ROWS]:
        told = f"{row.told} (new trouble)" if row.trouble else row.told
        mark = Text(row.kind.value.upper(), style=_STYLES[row.tone])
        page.print(_cells(page, mark, _joined(row.names, row.count), told))
    if len(every) > changes.ROWS:
        page.line(Text(f"and {len(every) - changes.ROWS} rows more; the JSON report has them all"))


def _modules(page: _Page, report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD if page.unicode else box.ASCII2, pad_edge=False, show_edge=False)
    names = max(len(clean_line(module.name, NAME)) for module in report.modules)
    room = min(names, page.width // 3)  # so that a long image is folded rather than the name
    for heading in ("MODULE", "STATUS", "DESCRIPTION", "IMAGE"):
        table.add_column(heading, overflow="fold", min_width=room if heading == "MODULE" else None)
    for module in report.modules:
        cells = (module.name, module.status, module.description, module.image)
        table.add_row(*(Text(clean_line(cell, NAME)) for cell in cells))
    return table
