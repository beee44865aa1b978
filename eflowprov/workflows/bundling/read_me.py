"""`README.txt` of a bundle: what somebody who opens it sees first: verdict, which device, which file tells what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eflowprov import __version__
from eflowprov.errors import EflowprovError
from eflowprov.model import Report
from eflowprov.redaction import redact
from eflowprov.reports.clean import clean_line
from eflowprov.workflows.bundling.members import Member
from eflowprov.workflows.bundling.support_bundle import FOLDER

NAME = "README.txt"
_LONGEST = 1000

_ABOUT = (
    ("report.html", "the report for a browser; report.txt, .md, .json and .junit.xml tell the same"),
    ("iotedge-*", "what the commands in the VM printed; commands.json: how each ended"),
    ("versions.json", "versions of this tool, this host, EFLOW and the runtime"),
    ("transcript.jsonl", "what was done and told, with its time"),
    (f"{FOLDER}/", "the texts of iotedge support-bundle"),
)


def read_me(
    report: Report | None,
    error: EflowprovError | None,
    members: Sequence[Member],
    left_out: Sequence[tuple[str, str]],
    made_at: datetime,
) -> bytes:
    """The text, without secrets; `members` are the other files, and `error` says why there is no report."""
    hidden, cut = sum(member.redacted for member in members), sum(member.cut > 0 for member in members)
    lines = [
        f"Readiness of an EFLOW device, by eflowprov {__version__}, {made_at:%Y-%m-%d %H:%M:%S} UTC.",
        "",
        *(_told(report) if report else [f"No report: {clean_line(redact(str(error)), _LONGEST)}"]),
        "",
        *(f"{name:18} {what}" for name, what in _ABOUT if _has(members, name.rstrip("*"))),
        f"{'manifest.json':18} size and SHA-256 of each file, what was left out, and why",
        "",
        f"Secrets taken out: {hidden}, each shown as ***. Files cut to their limit: {cut}. Left out: {len(left_out)}.",
        "Names of hosts, hubs and devices, addresses and fingerprints are in it. All times are UTC.",
    ]
    if _has(members, "iotedge-"):
        lines.append("Judge it again: unpack it into a folder, then eflowprov verify --from FOLDER")
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")  # a Notepad before Windows 10 1809 knows no other line ends


def _told(report: Report) -> list[str]:
    identity = report.identity
    named = (("device", identity.registration_id or identity.device_id), ("hub", identity.hub))
    where = ", ".join(f"{what} {clean_line(redact(name), 200)}" for what, name in named if name)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.summary.items())
    return [f"Verdict: {report.verdict}{f' ({where})' if where else ''}", counts]


def _has(members: Sequence[Member], begin: str) -> bool:
    return any(member.name.startswith(begin) for member in members)
