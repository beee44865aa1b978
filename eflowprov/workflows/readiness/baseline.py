"""`verify --baseline FILE`: an earlier report, read before anything is touched, and the comparison with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from eflowprov.checks.baseline import another_device, changes, new_trouble
from eflowprov.errors import InputError, ParseError
from eflowprov.model import Baseline, Report
from eflowprov.parsers.text import MARKS, utf16_order
from eflowprov.reports.reading import from_json
from eflowprov.workflows.disk.files import read_limited

_LIMIT = 2**24  # bytes; a report has a few hundred kilobytes at most, UTF-16 twice that


def load_baseline(path: Path | None, *, fail_on_new: bool = False) -> Report | None:
    """Read an earlier JSON report; None without a path.

    InputError, in one line, for a file that cannot be read or is no such report, and for --fail-on-new without one.
    """
    if path is None and fail_on_new:
        raise InputError("--fail-on-new", "there is nothing to compare with", "Name an earlier report with --baseline")
    if path is None:
        return None
    try:
        report = from_json(_decoded(read_limited(path, _LIMIT)))
    except ParseError as error:
        raise InputError(str(path), error.why, error.next_step) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "it is not text", "Give a file that eflowprov wrote with --format json") from None
    counted = Counter(finding.id for finding in report.findings)
    twice = next((id_ for id_, count in counted.items() if count > 1), None)
    if twice is not None:
        raise InputError(str(path), f"finding {twice[:120]} stands in it more than once", "Write a new report")
    return report


def against(report: Report, before: Report | None, *, fail_on_new: bool = False) -> Report:
    """The report with what changed since `before`; the same report without one.

    Verdict and exit status change only with `fail_on_new`, through one more finding.
    """
    if before is None:
        return report
    found = changes(before, report)
    warning = another_device(before, report)
    told = replace(
        report,
        findings=(*report.findings, *([warning] if warning else [])),
        baseline=Baseline(
            before.started_at,
            before.verdict,
            before.tool_version,
            before.identity.registration_id or before.identity.device_id,
            found,
        ),
    )
    return replace(told, findings=(*told.findings, new_trouble(before, found, told))) if fail_on_new else told


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16, with or without a mark: Windows PowerShell's `>` writes UTF-16."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode(utf16_order(data) or "utf-8")
