"""Every form that a report can have: its name, its file's name, and what makes it. One table for all commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from eflowprov.model import Report


class ReportFormat(StrEnum):
    """The names that `--format` takes."""

    CONSOLE = "console"
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a console report is read: columns, colours, marks beyond ASCII, passes one by one."""

    width: int
    color: bool
    unicode: bool
    verbose: bool


PAPER = Screen(width=100, color=False, unicode=True, verbose=True)
"""A file: nobody can ask it for more."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form: the name of its file in a folder of reports, and what makes its text."""

    file_name: str
    render: Callable[[Report, Screen], str]


def _console(report: Report, screen: Screen) -> str:
    from eflowprov.reports.console import to_console

    return to_console(report, width=screen.width, color=screen.color, unicode=screen.unicode, verbose=screen.verbose)


def _json(report: Report, _screen: Screen) -> str:
    from eflowprov.reports.json import to_json

    return to_json(report)


def _junit(report: Report, _screen: Screen) -> str:
    from eflowprov.reports.junit import to_junit

    return to_junit(report)


def _markdown(report: Report, _screen: Screen) -> str:
    from eflowprov.reports.markdown import to_markdown

    return to_markdown(report)


def _html(report: Report, _screen: Screen) -> str:
    from eflowprov.reports.html import to_html

    return to_html(report)


FORMS: Mapping[ReportFormat, Form] = {
    ReportFormat.CONSOLE: Form("report.txt", _console),
    ReportFormat.JSON: Form("report.json", _json),
    ReportFormat.JUNIT: Form("report.junit.xml", _junit),
    ReportFormat.MARKDOWN: Form("report.md", _markdown),
    ReportFormat.HTML: Form("report.html", _html),
}


def render(report: Report, form: ReportFormat, screen: Screen = PAPER) -> str:
    """Return the report in one form. Libraries that only one form needs are loaded for that one alone."""
    return FORMS[form].render(report, screen)
