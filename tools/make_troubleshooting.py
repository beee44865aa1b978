#!/usr/bin/env python3
"""Write docs/troubleshooting.md from the catalogue that `eflowprov explain` shows.

python tools/make_troubleshooting.py            write it
python tools/make_troubleshooting.py --check    only say whether it is up to date (status 1 when not)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from eflowprov.checks.entries import SEVERITIES
from eflowprov.workflows.explaining.topics import Topic, topics

PLACE = Path(__file__).resolve().parent.parent / "docs" / "troubleshooting.md"
_HEAD = """# Troubleshooting

Made from the catalogue by `tools/make_troubleshooting.py`; do not edit. `eflowprov explain ID` or `eflowprov explain
"MESSAGE"` shows the same, and looks words up: `eflowprov explain clock is wrong`. Begin with the first finding that is
`fail`: what could not be judged because of it is `skip` behind it.

Severity: {severities}.
"""
# Heading, what stands below it, and the ids' beginnings; in the order in which a person meets them.
_PARTS = (
    ("The verdict and the exit status", ("verdict/", "exit-status/", "outcome/")),
    ("What eflowprov itself says", ("tool/",)),
    ("What a cmdlet printed", ("eflow/",)),
    ("What DPS answered", ("dps/", "dps-service/")),
    ("Provisioning and deployment", ("provisioning/", "provision/", "deployment/", "step/")),
    ("Modules and services", ("module/", "service/")),
    ("The VM and its identity", ("identity/", "vm/")),
    ("What changed since a baseline", ("baseline/",)),
    ("Messages in the journal", ("logs/",)),
    ("The checks of iotedge check", ("iotedge-check/",)),
    ("The certificate", ("certificate/",)),
    ("The Windows host", ("host/",)),
)


def document() -> str:
    """The whole page."""
    severities = "; ".join(f"**{name}**: {meaning}" for name, meaning in SEVERITIES.items())
    parts = [_HEAD.format(severities=severities), *_index()]
    for heading, beginnings in _PARTS:
        parts.append(f"\n## {heading}\n")
        parts += [_section(topic) for topic in topics() if topic.entry.id.startswith(beginnings)]
    return "\n".join(parts).rstrip() + "\n"


def _index() -> Iterator[str]:
    """By symptom: what one sees, and where to read."""
    yield "\n## By symptom\n\n| what you see | read |\n|---|---|"
    for topic in topics():
        for message in topic.entry.messages:
            yield f"| `{_cell(message)}` | [{topic.entry.id}](#{_anchor(topic.entry.id)}) |"


def _section(topic: Topic) -> str:
    entry = topic.entry
    about = " ".join(part for part in (f"*{topic.kind}*", entry.severity and f"({entry.severity})") if part)
    codes = ", ".join(map(str, (*entry.codes, *entry.comes_with)))
    known = [f"`{_cell(message)}`" for message in entry.messages] + ([f"code {codes}"] if codes else [])
    lines = [f"### {entry.id}\n", f"**{entry.title}** - {about}\n"]
    lines += [f"Seen as: {'; '.join(known)}\n"] if known else []
    return "\n".join([*lines, f"{_text(entry.explanation)}\n", f"What to do: {_text(entry.remedy)}\n"])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(text: str) -> str:
    """Plain text as Markdown: names in angle brackets, stars and underscores stay what they are."""
    return "".join(f"\\{c}" if c in "<>*_" else c for c in text)


def _anchor(id_: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return "".join(c for c in id_.lower() if c.isalnum() or c in "-_ ").replace(" ", "-")


def main(arguments: list[str]) -> int:
    made = document()
    if "--check" in arguments:
        old = PLACE.read_text(encoding="utf-8") if PLACE.exists() else ""
        return 0 if old == made else 1
    PLACE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
