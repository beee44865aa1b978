"""A report in its forms, each a file of its own, in one folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eflowprov.model import Report
from eflowprov.reports.formats import FORMS, ReportFormat, render
from eflowprov.workflows.disk.files import make_folder, write_whole


def write_reports(report: Report, folder: Path, forms: Iterable[ReportFormat] = ReportFormat) -> tuple[Path, ...]:
    """Write the report in each form, each file whole, under the form's own name; give the paths."""
    make_folder(folder)
    texts = {folder / FORMS[form].file_name: render(report, form) for form in forms}
    for path, text in texts.items():
        write_whole(path, text.encode("utf-8"))
    return tuple(texts)
