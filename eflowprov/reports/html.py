"""The report as one HTML file: for a browser, a phone and paper, without a script and without anything from elsewhere.

Its Content-Security-Policy allows nothing but its own style sheet, by hash: whatever a device says, nothing runs and
nothing is fetched. The text is ASCII, so that no code page on the way can spoil it.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from eflowprov.model import Finding, Outcome, Report, TimelineEntry
from eflowprov.reports import changes
from eflowprov.reports.clean import clean_line, clean_lines
from eflowprov.reports.words import BY_WEIGHT, TEXT, VERDICT_WORDS, device, facts, headline, minute, of, seconds, wrong

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_LINES = 200  # of evidence for each finding; the JSON report has them all
_LINE = 500  # characters
_ROWS = 80  # of the timeline; a run that waits long asks the same again and again
_SCALE = 1000  # units of a timeline's whole width

_KINDS = {
    "certificate": "Certificate",
    "deployment": "Deployment",
    "dps": "Device Provisioning Service",
    "host": "Windows host",
    "iotedge-check": "iotedge check",
    "logs": "Log",
    "module": "Modules",
    "provision": "Provisioning",
    "provisioning": "Provisioning",
    "service": "Services",
    "step": "Steps",
}


def to_html(report: Report) -> str:
    """Return the report as one self-contained HTML document, ASCII, with a final newline."""
    style = _style()
    text = _template().render(
        report=report,
        style=style,
        style_hash=b64encode(hashlib.sha256(style.encode("ascii")).digest()).decode("ascii"),
        word=VERDICT_WORDS[report.verdict],
        device=device(report),
        headline=headline(report),
        facts={name: value for name, value in facts(report).items() if value != device(report)},
        outcomes=BY_WEIGHT,
        wrong=wrong(report),
        look=of(report, Outcome.WARN, Outcome.EXPECTED),
        skipped=of(report, Outcome.SKIP),
        passed=_by_kind(of(report, Outcome.PASS)),
        rows=_rows(report),
        more_rows=max(0, len(report.timeline) - _ROWS),
        changes=changes,
    )
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "line": lambda text: clean_line(text, TEXT),
        "lines": lambda text: clean_lines(text, _LINE, _LINES),
        "minute": minute,
        "seconds": seconds,
    }
    return environment.from_string(_file("report.html.j2"))


def _style() -> Markup:
    """The style sheet, ready to stand between its tags; it has none of the characters that end it."""
    from markupsafe import Markup

    return Markup(_file("report.css"))  # noqa: S704 - a file of this package, no text from outside


def _file(name: str) -> str:
    text = files("eflowprov.reports").joinpath("templates", name).read_text(encoding="ascii")
    return text.replace("\r\n", "\n")  # as a browser reads it before it compares the hash


def _by_kind(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Findings under headings, in the order in which the report has them."""

    def kind(finding: Finding) -> str:
        name = finding.id.partition("/")[0]
        return _KINDS.get(name, name)

    order = list(dict.fromkeys(map(kind, findings)))
    in_order = sorted(findings, key=lambda finding: order.index(kind(finding)))
    return [(name, list(group)) for name, group in groupby(in_order, key=kind)]


def _rows(report: Report) -> list[tuple[TimelineEntry, float, float]]:
    """The timeline's entries, each with the beginning and the width of its bar."""
    ends = (entry.begin_s + entry.duration_s for entry in report.timeline)
    whole = max([report.duration_s, *ends, 0.001])
    return [
        (entry, round(entry.begin_s / whole * _SCALE, 1), max(round(entry.duration_s / whole * _SCALE, 1), 4))
        for entry in report.timeline[:_ROWS]
    ]
