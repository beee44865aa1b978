"""The report as JUnit XML, in the shape that Jenkins, Azure DevOps and GitLab all take.

`testsuites` with one `testsuite`, one `testcase` for each finding, in it at most one of `failure`, `error` and
`skipped` (Jenkins' junit-10.xsd). Readers group by `classname`, at its dots: device, then the finding's kind; `name` is
the lasting id, since readers know a test again by these two.
"""

from __future__ import annotations

from datetime import UTC
from itertools import chain, count
from xml.etree import ElementTree as ET

from eflowprov.model import Finding, Outcome, Report
from eflowprov.reports import changes
from eflowprov.reports.clean import clean_line, clean_lines
from eflowprov.reports.words import NAME, TEXT, device, facts, headline

_LINES = 200  # of evidence for each finding; the JSON report has them all
_LINE = 500  # characters
_ELEMENTS = {Outcome.FAIL: "failure", Outcome.ERROR: "error", Outcome.SKIP: "skipped"}


def to_junit(report: Report) -> str:
    """Return the report as JUnit XML, ASCII, with a final newline.

    ASCII and without an encoding in its declaration, so that it stays well-formed when a shell saves it as UTF-16.
    """
    suites = ET.Element("testsuites", _attributes(report, name="eflowprov"))
    name = f"eflowprov readiness: {device(report)}" if device(report) else "eflowprov readiness"
    suite = ET.SubElement(
        suites,
        "testsuite",
        _attributes(report, name=name)
        | {
            "skipped": str(report.summary[Outcome.SKIP]),  # of a suite alone: junit-10.xsd refuses it above
            "timestamp": f"{report.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",  # junit-10.xsd: UTC, and no zone
            "hostname": clean_line(report.target.host, NAME) or "localhost",
        },
    )
    _properties(suite, report)
    taken: set[tuple[str, str]] = set()
    for finding in report.findings:
        _case(suite, finding, _class_name(report, finding), taken)
    if report.baseline is not None:
        told = [f"Since {changes.since(report.baseline)}: {changes.tally(report.baseline)}"]
        ET.SubElement(suite, "system-out").text = "\n".join([*told, *map(changes.line, report.baseline.changes)])
    ET.indent(suites)
    body: bytes = ET.tostring(suites, encoding="us-ascii", xml_declaration=False)
    return f'<?xml version="1.0"?>\n{body.decode("ascii")}\n'


def _attributes(report: Report, *, name: str) -> dict[str, str]:
    summary = report.summary
    return {
        "name": clean_line(name, NAME * 2),
        "tests": str(len(report.findings)),
        "failures": str(summary[Outcome.FAIL]),
        "errors": str(summary[Outcome.ERROR]),
        "time": f"{report.duration_s:.3f}",
    }


def _properties(suite: ET.Element, report: Report) -> None:
    told = {
        "verdict": report.verdict.value,
        "headline": headline(report),
        "exit_status": str(report.exit_status),
        **{f"summary.{outcome.value}": str(report.summary[outcome]) for outcome in Outcome},
        "eflowprov": report.tool_version,
        **facts(report),
        **({"baseline": changes.since(report.baseline)} if report.baseline else {}),
        **({"changes": changes.tally(report.baseline)} if report.baseline else {}),
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        ET.SubElement(properties, "property", {"name": name, "value": clean_line(value, TEXT)})


def _class_name(report: Report, finding: Finding) -> str:
    """`line4-press2.certificate`: dots in a name would be taken for packages."""
    kind = finding.id.partition("/")[0]
    return ".".join(
        clean_line(part, NAME).replace(".", "_") or "unnamed" for part in (device(report) or "eflowprov", kind)
    )


def _case(suite: ET.Element, finding: Finding, class_name: str, taken: set[tuple[str, str]]) -> None:
    name = _free_name(class_name, clean_line(finding.id, NAME) or "unnamed", taken)
    case = ET.SubElement(suite, "testcase", {"classname": class_name, "name": name, "time": "0.000"})
    element = _ELEMENTS.get(finding.outcome)
    if element is None:
        ET.SubElement(case, "system-out").text = _story(finding)
        return
    message = clean_line(finding.detail or finding.title, TEXT)
    kind = {} if element == "skipped" else {"type": finding.outcome.value}
    ET.SubElement(case, element, {"message": message, **kind}).text = _story(finding)


def _free_name(class_name: str, name: str, taken: set[tuple[str, str]]) -> str:
    """GitLab keeps only the first of two tests with one name, and the counts would no longer agree."""
    numbers = (f"{name} ({number})" for number in count(2))
    free = next(each for each in chain([name], numbers) if (class_name, each) not in taken)
    taken.add((class_name, free))
    return free


def _story(finding: Finding) -> str:
    """What a reader shows when the test is opened; the first word is the outcome, which JUnit has no six of."""
    parts = [
        f"{finding.outcome.value.upper()}: {finding.title}",
        finding.detail,
        finding.remedy and f"Next: {finding.remedy}",
        finding.source and f"Source: {finding.source}",
    ]
    lines = [line for part in parts if part and (line := clean_line(part, TEXT))]
    return "\n".join([*lines, *clean_lines(finding.evidence, _LINE, _LINES)])
