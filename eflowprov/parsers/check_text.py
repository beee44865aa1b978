"""`iotedge check` in its text form: one line for each check, details below it, totals at the end.

The suffix (` - OK`) tells the result where it is there, else the mark does (1.0.7 has no suffix, iotedge#2500; marks
get lost in consoles and tickets). Indents, empty lines and section headings tell nothing that can be relied upon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from eflowprov.model import Check, CheckOutcome, CheckReport
from eflowprov.parsers.causes import fold_causes
from eflowprov.parsers.check_ids import check_id, slug
from eflowprov.parsers.check_lines import HEADING, CheckLine, check_line, logical_lines, total
from eflowprov.parsers.prompts import is_fence, is_prompt
from eflowprov.parsers.text import refusal

_WHERE = "iotedge check"
_CLOSING = re.compile(r"(?:All checks succeeded|One or more checks (raised errors|raised warnings|were skipped))\b")
_SKIPPED = re.compile(r"skipping because of (.+?)\.?$", re.DOTALL)
# Checks after whose failure the tool stops ("fatal" in JSON; read in the source): malformed configuration, an engine
# or a Windows build that cannot be used.
_MAY_BE_FATAL = re.compile(r".*-well-formed|container-engine-uri|windows-host-version")
# The first and the last check of a run, in the versions that print a suffix: a report that has both was not cut off.
_FIRST = {"keyd-config-well-formed", "config-yaml-well-formed"}
_LAST = {"container-connect-upstream-mqtt", "container-connect-iothub-mqtt"}


@dataclass
class _Open:
    """A check whose details are still being read."""

    line: CheckLine
    details: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """What was read of one output so far."""

    checks: list[_Open] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    closing: str | None = None
    section: str | None = None
    bare_titles: int = 0
    below_heading: bool = False
    held: str = ""  # a line without a suffix: a detail, a check of the form of 1.0.7, or a title that was broken
    torn: bool = False
    doubled: bool = False


def parse_text(text: str) -> CheckReport:
    """Read the text form. ParseError when no check and no total is in it, or when nothing tells the results."""
    run = _Run()
    for line in logical_lines(text):
        if is_prompt(line) and (run.checks or run.totals):
            break
        _take(run, line)
    _let_go(run)
    _refuse_the_unreadable(run, text)
    return _report(run)


def _take(run: _Run, line: str) -> None:
    stripped = line.strip()
    if not stripped or is_fence(line) or (run.held and _joins_the_held(run, stripped)):
        return
    if not (_is_heading(run, stripped) or _is_total(run, stripped)):
        found = check_line(stripped)
        if found and found.by_suffix:
            _begin(run, found)
        else:
            run.held = line


def _joins_the_held(run: _Run, stripped: str) -> bool:
    """Whether the line is the rest of the one held back, whose title was broken; if not, that one is settled."""
    held, run.held = run.held, ""
    own, head = check_line(stripped), held.strip()
    whole = None if own and own.by_suffix else check_line(head + stripped) or check_line(f"{head} {stripped}")
    if whole and whole.by_suffix and whole.known:
        _begin(run, whole)
        return True
    _settle(run, held)
    return False


def _settle(run: _Run, line: str) -> None:
    """A line without a suffix, which stands alone: a check told by its mark, or a detail of the last one."""
    found = check_line(line.strip())
    if found and found.mark:
        _begin(run, found)
    elif found:
        run.bare_titles += 1
    elif run.checks and not run.below_heading:
        run.checks[-1].details.append(line)


def _is_heading(run: _Run, stripped: str) -> bool:
    if HEADING.fullmatch(stripped):
        run.section, run.below_heading = stripped, True
        return True
    if len(stripped) < 3 or stripped.strip("-"):
        return False
    details = run.checks[-1].details if run.checks and not run.below_heading else []
    if details and abs(len(details[-1].strip()) - len(stripped)) <= 2:  # an unknown heading, underlined to its length
        run.section, run.below_heading = details.pop().strip(), True
    return True


def _is_total(run: _Run, stripped: str) -> bool:
    counted = total(stripped)
    if counted:
        run.totals[counted[0]] = counted[1]
    closing = _CLOSING.match(stripped)
    if closing:
        run.closing = closing[1] or "succeeded"
    run.below_heading = run.below_heading or bool(counted or closing)
    return bool(counted or closing)


def _begin(run: _Run, line: CheckLine) -> None:
    run.doubled = run.doubled or bool(run.totals or run.closing)
    run.checks.append(_Open(line, [line.rest] if line.rest else []))
    run.below_heading = False


def _let_go(run: _Run) -> None:
    """At the end: in a text with suffixes, a line that has only its mark was cut off; it is no evidence."""
    if run.held:
        _settle(run, run.held)
    if any(check.line.by_suffix for check in run.checks):
        kept = [check for check in run.checks if check.line.by_suffix]
        run.torn = len(kept) < len(run.checks) or bool(run.bare_titles)
        run.checks = kept


def _refuse_the_unreadable(run: _Run, text: str) -> None:
    if run.doubled:
        raise refusal(_WHERE, text, "it holds more than one output of check", "Save one output alone")
    if run.bare_titles and not any(check.line.by_suffix for check in run.checks):
        raise refusal(_WHERE, text, "its lines have neither a readable mark nor a suffix", _AS_JSON)
    if not run.checks and not run.totals:
        raise refusal(_WHERE, text, "there is no check in it")


_AS_JSON = "Run `iotedge check --output json` and save that"


def _report(run: _Run) -> CheckReport:
    checks = [_closed(check) for check in run.checks]
    agree = _agree(run.totals, checks) if run.totals else _closes(run.closing, checks)
    complete = not run.torn and (agree or _needs_no_totals(run, checks))
    if complete and _stopped(run, checks):
        last = checks[-1]
        checks[-1] = Check(last.id, last.title, CheckOutcome.FATAL, last.details)
    unlisted = max(0, run.totals.get("skipped", 0) - _count(checks)[CheckOutcome.SKIPPED])
    return CheckReport(tuple(checks), "text", totals=run.totals, complete=complete, skipped_unlisted=unlisted)


def _closed(check: _Open) -> Check:
    details = fold_causes(check.details)
    skipped = _SKIPPED.match(details[0]) if details else None
    title = " ".join(check.line.title.split())
    if skipped and check.line.outcome is not CheckOutcome.ERROR:
        return Check(_id(title), title, CheckOutcome.SKIPPED, (skipped[1], *details[1:]))
    return Check(_id(title), title, check.line.outcome, details)


def _id(title: str) -> str:
    return check_id(title) or slug(title)


def _count(checks: list[Check]) -> Mapping[CheckOutcome, int]:
    return {outcome: sum(check.outcome is outcome for check in checks) for outcome in CheckOutcome}


def _agree(totals: Mapping[str, int], checks: list[Check]) -> bool:
    """Whether the tool's counts fit the lines; a total that is not printed is 0, skips may have no lines."""
    count = _count(checks)
    return (
        all(totals.get(outcome, 0) == count[CheckOutcome(outcome)] for outcome in ("ok", "warning", "error"))
        and totals.get("skipped", 0) >= count[CheckOutcome.SKIPPED]
    )


def _needs_no_totals(run: _Run, checks: list[Check]) -> bool:
    """Whether a run whose totals were not copied is there from its first check to its last.

    A check that succeeded has no details: some below it say that lines were left out.
    """
    count = _count(checks)
    return (
        bool(checks)
        and all(check.line.by_suffix for check in run.checks)
        and checks[0].id in _FIRST
        and (checks[-1].id in _LAST or _is_last_without_hub(checks))
        and all(number == count[CheckOutcome(outcome)] for outcome, number in run.totals.items())
        and not any(check.details for check in checks if check.outcome is CheckOutcome.OK)
    )


def _is_last_without_hub(checks: list[Check]) -> bool:
    """Whether a run that did not know the hub's name ends here: it skips its containers' checks without a line."""
    untold = any(c.id.startswith("host-connect-iothub-") and c.outcome is CheckOutcome.WARNING for c in checks)
    return untold and checks[-1].id == "proxy-settings"


def _closes(closing: str | None, checks: list[Check]) -> bool:
    """Whether the closing sentence of 1.0.7, which counts nothing, is there and fits the lines."""
    count = _count(checks)
    if closing == "raised errors":
        return count[CheckOutcome.ERROR] > 0
    if closing is None or count[CheckOutcome.ERROR]:
        return False
    return closing != "succeeded" or not count[CheckOutcome.WARNING]


def _stopped(run: _Run, checks: list[Check]) -> bool:
    """Whether the run ended at its last check: a fatal prints no later section, and every run has them."""
    return bool(
        checks
        and checks[-1].outcome is CheckOutcome.ERROR
        and _MAY_BE_FATAL.fullmatch(checks[-1].id)
        and run.section != "Connectivity checks"
    )
