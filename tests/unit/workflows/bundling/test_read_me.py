"""The first file that one opens: it names the files that are there, and no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eflowprov.model import Finding, Identity, Outcome, Report, Target
from eflowprov.workflows.bundling.members import Member
from eflowprov.workflows.bundling.read_me import read_me

AT = datetime(2026, 11, 22, 5, 12, 10, tzinfo=UTC)


def lines(*members: Member, identity: Identity | None = None, left_out: int = 0) -> list[str]:
    report = Report("0.1", AT, 1.0, Target(), identity or Identity(), (Finding("a/b", "t", Outcome.PASS),))
    return read_me(report, None, members, [("f", "why")] * left_out, AT).decode("ascii").split("\r\n")


def test_it_names_the_files_that_are_there_and_no_others() -> None:
    names = "report.html", "iotedge-", "versions.json", "transcript.jsonl", "support-bundle/"
    for there in range(len(names) + 1):
        told = "\n".join(lines(*(Member(f"{name}x", b"") for name in names[:there])))
        assert [name for name in names if f"\n{name}" in told] == [*names[:there]]
        assert "\nmanifest.json " in told


def test_only_what_can_be_judged_again_is_said_to_be() -> None:
    again = "Judge it again: unpack it into a folder, then eflowprov verify --from FOLDER"
    assert again not in lines(Member("versions.json", b""))
    with_output = lines(Member("iotedge-list.txt", b""))
    assert again in with_output and any(line.startswith("iotedge-* ") for line in with_output)


def test_it_counts_what_was_hidden_cut_and_left_out() -> None:
    members = (Member("a", b"", 2), Member("b", b"", 3, cut=7), Member("c", b""))
    told = "Secrets taken out: 5, each shown as ***. Files cut to their limit: 1. Left out: 4."
    assert told in lines(*members, left_out=4)


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        (Identity(), "Verdict: ready"),
        (Identity(registration_id="press2", device_id="other"), "Verdict: ready (device press2)"),
        (Identity(device_id="press2"), "Verdict: ready (device press2)"),
        (Identity(hub="h.azure-devices.net"), "Verdict: ready (hub h.azure-devices.net)"),
    ],
)
def test_the_verdict_stands_with_the_names_that_are_known(identity: Identity, told: str) -> None:
    assert told in lines(identity=identity)
