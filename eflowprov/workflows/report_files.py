"""A report in every form that is kept, in one folder."""

from __future__ import annotations

from pathlib import Path

from eflowprov.model import Report
from eflowprov.reports.console import to_console
from eflowprov.reports.json import to_json
from eflowprov.workflows.files import make_folder, write_whole

_PAPER_WIDTH = 100


def write_reports(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write `report.json` and `report.txt`, each whole, and give their paths."""
    make_folder(folder)
    texts = {
        "report.json": to_json(report),
        "report.txt": to_console(report, width=_PAPER_WIDTH, color=False, unicode=True, verbose=True),
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode("utf-8"))
    return tuple(folder / name for name in texts)
