"""The words that every form of the report has in common: the verdict's, the headline, the order of what matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from eflowprov.model import Finding, Outcome, Report, Verdict
from eflowprov.reports.clean import clean_line

NAME = 120
"""Characters of an id, title or name."""

TEXT = 1000
"""Characters of a detail or remedy."""

BY_WEIGHT = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN, Outcome.SKIP, Outcome.EXPECTED, Outcome.PASS)
"""Every outcome, what has to be put right first."""

VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.READY: "READY",
    Verdict.READY_AWAITING_DEPLOYMENT: "READY, AWAITING DEPLOYMENT",
    Verdict.NOT_READY: "NOT READY",
    Verdict.UNKNOWN: "UNKNOWN",
}
_MEANINGS = {
    Verdict.READY: "provisioned, connected and running. Nothing to do.",
    Verdict.READY_AWAITING_DEPLOYMENT: "nothing deployed yet. Next: set modules in IoT Hub.",
}
_FIT = "this host is fit. Next: provision it (eflowprov run, or eflowprov provision)."


def headline(report: Report) -> str:
    """What stands behind the verdict's word: what it means, or the id of the finding to put right first."""
    if report.verdict is Verdict.READY and all(finding.id.startswith("host/") for finding in report.findings):
        return _FIT  # `host check` asked nothing about the device
    if report.verdict in _MEANINGS:
        return _MEANINGS[report.verdict]
    wanted = Outcome.FAIL if report.verdict is Verdict.NOT_READY else Outcome.ERROR
    first = next((finding for finding in report.findings if finding.outcome is wanted), None)
    if first is None:
        return "Nothing was proved. Next: verify again."
    what = "failed" if wanted is Outcome.FAIL else "could not be told"
    return f"{report.summary[wanted]} {what}. Next: put right {clean_line(first.id, NAME)}."


def counts(report: Report) -> str:
    """`1 fail, 0 error, …; exit status 1`, without line breaks."""
    told = ", ".join(f"{report.summary[outcome]} {outcome.value}" for outcome in BY_WEIGHT)
    return f"{told}; exit status {report.exit_status}"


def device(report: Report) -> str:
    """The device as a person knows it, one line; "" when nothing told its name."""
    return clean_line(report.identity.device_id or report.identity.registration_id, NAME)


def facts(report: Report) -> dict[str, str]:
    """What the report is about, by name, each one line; what is not known is not there."""
    identity, target = report.identity, report.target
    known = {
        "device": identity.device_id,
        "registration ID": identity.registration_id,
        "hub": identity.hub,
        "ID scope": identity.scope_id,
        "certificate until": minute(identity.expires_at),
        "VM": target.vm,
        "channel": target.channel,
        "at": f"{minute(report.started_at)}, {seconds(report.duration_s)}",
        "host": target.host,
    }
    if known["registration ID"] == known["device"]:
        del known["registration ID"]
    return {name: clean_line(value, NAME) for name, value in known.items() if value}


def of(report: Report, *outcomes: Outcome) -> list[Finding]:
    """The findings with these outcomes, in the order of the outcomes and then of the report."""
    return [finding for outcome in outcomes for finding in report.findings if finding.outcome is outcome]


def wrong(report: Report) -> list[Finding]:
    """What has to be put right, that first which the headline names: errors while they keep the verdict unknown."""
    order = (Outcome.FAIL, Outcome.ERROR)
    return of(report, *(reversed(order) if report.verdict is Verdict.UNKNOWN else order))


def minute(time: datetime | None) -> str:
    """`2026-11-22 05:12 UTC`; "" for a time that is not known."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if time else ""


def seconds(duration_s: float) -> str:
    """`230 ms`, `4.1 s`, `12 min 5 s`: short, and in the unit that a person would say."""
    if duration_s < 1:
        return f"{round(duration_s * 1000)} ms"
    whole = round(duration_s)
    return f"{duration_s:.1f} s" if duration_s < 100 else f"{whole // 60} min {whole % 60} s"
