"""What `certs check` says: findings by file, for people and as a JSON document."""

from __future__ import annotations

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from eflowprov.model import BundleFacts, Finding, Outcome
from eflowprov.reports.clean import clean, clean_line

if TYPE_CHECKING:
    from eflowprov.workflows.identities.certificates import SeenFile

LINE = 600  # characters of one line from outside; a path may have 250, a subject some more
_WIDEST = 110  # columns: longer lines of prose are hard to follow
_NARROWEST = 40
_INDENT = " " * 8
_IN_FULL = 5  # certificate files; of more, a good one is one line
_EVIDENCE = 10  # lines of it for one finding
_COLORS = {
    Outcome.FAIL: "red",
    Outcome.ERROR: "magenta",
    Outcome.WARN: "yellow",
    Outcome.SKIP: "bright_black",
    Outcome.PASS: "green",
}
_ALWAYS = {"certificate/dps-answer"}
_LOUD = {Outcome.FAIL, Outcome.ERROR, Outcome.WARN}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """How the text is to look: columns, ANSI colours, and whether passes are shown one by one."""

    width: int = 100
    color: bool = False
    verbose: bool = False


def check_document(seen: Sequence[SeenFile]) -> dict[str, Any]:
    """Findings by file, with the counts of all."""
    outcomes = Counter(finding.outcome for one in seen for finding in one.findings)
    return {
        "schema_version": "1.0",
        "verdict": _verdict(seen),
        "summary": {outcome.value: outcomes[outcome] for outcome in Outcome},
        "files": [
            {
                "file": str(one.path),
                "error": str(one.error) if one.error else None,
                "judged_with": str(one.partner) if one.partner else None,
                "findings": [dataclasses.asdict(finding) for finding in one.findings],
            }
            for one in seen
        ],
    }


def check_text(seen: Sequence[SeenFile], now: datetime, look: Look) -> str:
    """Each file with what is wrong and the way out, and DPS's answer; what passed is counted."""
    is_long = sum(1 for one in seen if one.bundle and one.bundle.certificates) > _IN_FULL and not look.verbose
    blocks = [_line(one, now) if is_long and not _has_loud(one) else "\n".join(_file(one, now, look)) for one in seen]
    counts = Counter(finding.outcome for one in seen for finding in one.findings)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (Outcome.FAIL, Outcome.WARN, Outcome.PASS))
    return ("\n" if is_long else "\n\n").join([*filter(None, blocks), f"verdict: {_verdict(seen)} ({told})"])


def _file(one: SeenFile, now: datetime, look: Look) -> Iterator[str]:
    if one.error:
        return  # told on standard error
    path = clean_line(str(one.path), LINE)
    if one.bundle and not one.bundle.certificates:
        kind = one.bundle.key_type or "encrypted, not opened"
        partner = f", judged with {clean_line(str(one.partner), LINE)}" if one.partner else ""
        yield f"{path}: a private key ({kind}){partner}"
    else:
        yield path
        yield from _about(one, now, look)
    shown = [finding for finding in one.findings if _is_shown(finding, look)]
    for finding in shown:
        yield from _finding(finding, look)
    yield from _counted([finding for finding in one.findings if finding not in shown])


def _has_loud(one: SeenFile) -> bool:
    return any(finding.outcome in _LOUD for finding in one.findings)


def _line(one: SeenFile, now: datetime) -> str:
    """One good file among many: its certificate in a line, and nothing for a key that was judged with it."""
    if not one.bundle or not one.bundle.certificates:
        return ""
    return f"{clean_line(str(one.path), LINE)}: ready, {clean_line(_leaf(one.bundle, now), LINE)}"


def _about(one: SeenFile, now: datetime, look: Look) -> Iterator[str]:
    """The device's certificate and its key in a line or two."""
    if not one.bundle:
        return
    text = _leaf(one.bundle, now)
    if one.partner:
        text += f"; its key: {one.partner}"
    yield from _folded(text, "  ", look)


def _leaf(bundle: BundleFacts, now: datetime) -> str:
    leaf = next((each for each in bundle.certificates if not each.is_ca), bundle.certificates[0])
    name = leaf.common_names[0] if leaf.common_names else leaf.subject or "(no name)"
    days = (leaf.not_after - now).days
    until = f"until {leaf.not_after:%Y-%m-%d} ({days} days left)" if days >= 0 else f"ended {leaf.not_after:%Y-%m-%d}"
    return f"{name}, {leaf.key_type}, {until}, issued by {leaf.issuer}"


def _is_shown(finding: Finding, look: Look) -> bool:
    return look.verbose or finding.outcome in _LOUD or finding.id in _ALWAYS


def _finding(finding: Finding, look: Look) -> Iterator[str]:
    word = _styled(f"{finding.outcome.value:<5}", _COLORS.get(finding.outcome, ""), look)
    if finding.outcome not in _LOUD:
        first, *more = _folded(f"{finding.id}: {finding.detail}", _INDENT, look)
        yield from (f"  {word} {first.lstrip()}", *more)
        return
    yield f"  {word} {finding.id}"
    yield from _folded(finding.detail, _INDENT, look)
    yield from _folded(f"Next: {finding.remedy}", _INDENT, look)
    if look.verbose:
        for line in clean(finding.evidence).splitlines()[:_EVIDENCE]:
            yield f"{_INDENT}| {clean_line(line, LINE)}"


def _styled(text: str, color: str, look: Look) -> str:
    return typer.style(text, fg=color, bold=True) if look.color and color else text


def _counted(rest: Sequence[Finding]) -> Iterator[str]:
    counts = Counter(finding.outcome for finding in rest)
    told = [f"{counts[outcome]} {outcome}" for outcome in (Outcome.PASS, Outcome.SKIP) if counts[outcome]]
    if told:
        yield f"  {', '.join(told)} (shown with --verbose)"


def _folded(text: str, indent: str, look: Look) -> list[str]:
    """Words and paths stay whole, so that they can be copied."""
    room = max(min(look.width, _WIDEST) - 1, _NARROWEST)
    return textwrap.wrap(
        clean_line(text, 4 * LINE),
        room,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(seen: Sequence[SeenFile]) -> str:
    if any(one.error for one in seen):
        return "unknown"
    return "not-ready" if any(one.has_failed for one in seen) else "ready"
