"""The enroll step of `run`: the enrollment is there before the device registers, once, also when runs were killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eflowprov.errors import InputError, TransportError
from eflowprov.lab.dps_enrollments import EnrollmentBook
from eflowprov.lab.dps_service_api import LabDpsService, ServiceBehaviour
from eflowprov.model import Finding, Outcome
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.enrolling.access import VARIABLE
from eflowprov.workflows.runs.enroll_once import enroll_once, enroll_plan
from eflowprov.workflows.runs.journal import Journal
from tests.machine import DEVICE, SCOPE, Files, make_files


@dataclass
class Site:
    folder: Path
    files: Files
    service: LabDpsService
    enroll: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "ca.pem").write_text(self.service.server_ca_pem, encoding="ascii", newline="\n")
        (self.folder / "dps.txt").write_text(self.service.connection_string().reveal(), encoding="ascii")
        self.enroll = {
            "kind": "individual",
            "connection_string_file": self.folder / "dps.txt",
            "endpoint_ca": self.folder / "ca.pem",
            "timeout_s": 10.0,
        }

    def config(self) -> RunConfig:
        identity = {"registration_id": DEVICE, "ca": self.files.ca, "out": self.files.out}
        return RunConfig.model_validate({"identity": identity, "dps": {"scope_id": SCOPE}, "enroll": self.enroll})

    @property
    def journal(self) -> Journal:
        return Journal.load(self.folder / "journal.json")

    def step(self) -> Finding | None:
        return enroll_once(self.config(), self.files.chain, self.journal, lambda _: None)

    def plan(self) -> tuple[str, tuple[str, ...]]:
        return enroll_plan(self.config(), self.files.chain, self.journal)


@pytest.fixture
def site(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with LabDpsService(EnrollmentBook()) as service:
        yield Site(tmp_path, files, service)


def passed(finding: Finding | None) -> Finding:
    assert finding is not None and (finding.id, finding.outcome) == ("dps/enrollment", Outcome.PASS)
    return finding


def test_it_is_made_once_and_the_second_run_asks_nobody(site: Site) -> None:
    assert passed(site.step()).detail == f"The individual enrollment {DEVICE} was made."
    asked = len(site.service.requests)
    (site.folder / "dps.txt").unlink()  # what is proved needs no rights
    assert passed(site.step()).source == "journal"
    assert len(site.service.requests) == asked


def test_a_group_is_made_of_the_authority_that_issues_the_identity(site: Site) -> None:
    site.enroll |= {"kind": "group", "group_id": "line4"}
    passed(site.step())
    (entry,) = site.service.book.entries
    assert entry.certificate == (site.files.ca / "issuing.ca.cert.pem").read_text("ascii")


@pytest.mark.parametrize("change", ["certificate", "scope", "slot", "edge"])
def test_a_changed_input_is_looked_at_again(site: Site, change: str, tmp_path: Path) -> None:
    passed(site.step())
    site.enroll["update"] = True
    config = site.config()
    if change == "certificate":
        site.files = make_files(tmp_path / "other")
    elif change == "scope":
        config = config.model_copy(update={"dps": config.dps.model_copy(update={"scope_id": "0ne00000002"})})
    else:
        site.enroll |= {"slot": "secondary"} if change == "slot" else {"edge": False}
        config = site.config()
    asked = len(site.service.requests)
    passed(enroll_once(config, site.files.chain, site.journal, lambda _: None))
    assert len(site.service.requests) > asked


def test_another_enrollment_is_changed_only_when_the_file_allows_it(site: Site, tmp_path: Path) -> None:
    passed(site.step())
    site.files = make_files(tmp_path / "other")
    with pytest.raises(InputError, match=r"is there and differs \(primary certificate: .* update = true"):
        site.step()
    site.enroll["update"] = True
    assert "was changed" in passed(site.step()).detail
    assert [method for method, _ in site.service.changes] == ["PUT", "PUT"]


def test_a_refusal_is_a_failing_finding_and_no_answer_an_error_and_neither_is_taken_for_done(site: Site) -> None:
    site.service.add_policy("reader", frozenset(("EnrollmentRead",)))
    (site.folder / "dps.txt").write_text(site.service.connection_string("reader").reveal(), encoding="ascii")
    finding = site.step()
    assert finding is not None and finding.outcome is Outcome.FAIL and "EnrollmentWrite" in finding.remedy
    site.service.behaviour = ServiceBehaviour(fault="broken")
    with pytest.raises(TransportError):
        site.step()
    assert not (site.folder / "journal.json").exists()


@pytest.mark.linux  # fork and SIGKILL
def test_a_kill_between_the_change_and_its_entry_costs_nothing(site: Site) -> None:
    child = os.fork()
    if child == 0:
        Journal.record = lambda *_args, **_kept: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        try:
            site.step()
        finally:
            os._exit(70)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(site.service.changes) == 1 and not (site.folder / "journal.json").exists()
    assert "there already" in passed(site.step()).detail
    assert len(site.service.changes) == 1


def test_a_dry_run_shows_the_requests_without_key_and_token_and_asks_nobody(site: Site) -> None:
    what, (get, put) = site.plan()
    assert what.startswith(f"look for the individual enrollment {DEVICE}; make it when it is missing, stop when it")
    url = f"https://localhost:{site.service.port}/enrollments/{DEVICE}?api-version=2021-10-01"
    assert get == f"GET {url}" and put.startswith(f"PUT {url} ")
    body = json.loads(put.removeprefix(f"PUT {url} "))
    slots = body["attestation"]["x509"]["clientCertificates"]
    assert slots["primary"]["certificate"].startswith("SHA-1 ") and body["capabilities"] == {"iotEdge": True}
    assert "SharedAccess" not in put and site.service.requests == []
    site.enroll["update"] = True
    assert site.plan()[0].endswith("make it when it is missing, change it")
    site.enroll["update"] = False
    passed(site.step())
    assert site.plan() == ("proved by an earlier run; not again", ())


def test_a_dry_run_needs_neither_rights_nor_a_certificate(site: Site, tmp_path: Path) -> None:
    (site.folder / "dps.txt").unlink()
    assert site.plan()[1][0].startswith("GET https://DPS/enrollments/")
    what, commands = enroll_plan(site.config(), tmp_path / "not-yet.pem", site.journal)
    assert "once it is issued" in what and commands == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "tpm"},
        {"kind": "group"},
        {"kind": "group", "group_id": "a", "device_id": "b"},
        {"group_id": "a"},
        {"slot": "third"},
        {"connection_string": "HostName=a"},
    ],
)
def test_a_section_that_cannot_be_is_refused_without_its_values(site: Site, wrong: dict[str, str]) -> None:
    site.enroll |= wrong
    with pytest.raises(ValueError, match="enroll"):
        site.config()
