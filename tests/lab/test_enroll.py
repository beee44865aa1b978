"""The whole path with [enroll] against the lab's machine: a device that DPS does not know is ready at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eflowprov.lab.machine import SCOPE_ID, LabMachine
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.model import Outcome, Report, Verdict
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.runs.journal import Journal
from eflowprov.workflows.runs.run import Runner

DEVICE = "line4-press2"


@dataclass
class Site:
    machine: LabMachine
    folder: Path
    enroll: dict[str, Any] | None = None

    def run(self) -> Report:
        settings: dict[str, Any] = {
            "identity": {"registration_id": DEVICE, "ca": self.folder / "pki", "out": self.folder / "out"},
            "dps": {
                "scope_id": SCOPE_ID,
                "endpoint": self.machine.dps_endpoint,
                "endpoint_ca": self.machine.dps_ca,
                "register": True,
            },
            "vm": {"ssh": self.machine.ssh, "ssh_key": self.machine.ssh_key},
            "provision": {"evidence_s": 40.0},
        }
        if self.enroll is not None:
            file = self.folder / "dps.txt"
            file.write_text(self.machine.connection_string.reveal(), encoding="ascii", newline="\n")
            more = {"connection_string_file": file, "endpoint_ca": self.machine.dps_ca}
            settings["enroll"] = {**self.enroll, **more}
        with Transcript(self.folder / "transcript.jsonl") as transcript:
            return Runner(
                RunConfig.model_validate(settings),
                host=self.machine.eflow_host,
                journal=Journal.load(self.folder / "journal.json"),
                transcript=transcript,
                progress=lambda _: None,
                known_hosts=self.machine.known_hosts,
            ).run()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    create_authority(tmp_path / "pki")
    (tmp_path / "machine").mkdir()
    with LabMachine(SCENARIOS["dps-refused"], tmp_path / "machine", enrolled_ca="") as lab:
        yield Site(lab, tmp_path)


def outcome(report: Report, id_: str) -> Outcome | None:
    return next((finding.outcome for finding in report.findings if finding.id == id_), None)


@pytest.mark.parametrize("enroll", [{"kind": "individual"}, {"kind": "group", "group_id": "line4"}])
def test_a_device_that_dps_does_not_know_is_enrolled_registered_provisioned_and_ready(
    site: Site, enroll: dict[str, str]
) -> None:
    refused = site.run()
    assert refused.verdict is Verdict.NOT_READY and outcome(refused, "dps/registration") is Outcome.FAIL
    site.enroll = enroll
    report = site.run()
    assert report.verdict is Verdict.READY, [f"{each.id}: {each.detail}" for each in report.findings]
    assert outcome(report, "dps/enrollment") is outcome(report, "dps/registration") is Outcome.PASS
    secret = site.machine.connection_string.reveal().rpartition("SharedAccessKey=")[2]
    for path in (site.folder / "transcript.jsonl", site.folder / "journal.json"):
        assert secret not in path.read_text("utf-8")
