"""`run`: the order of the steps, what a journal saves, what an error in a step becomes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest

from eflowprov.errors import CmdletError, DeadlineError, InputError, StorageError, TransportError
from eflowprov.model import Assigned, CmdletRecord, Finding, Outcome, Report, Verdict
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.readiness import patience, timeline
from eflowprov.workflows.register import DeviceRegistration, Registered
from eflowprov.workflows.runs import run as module
from eflowprov.workflows.runs.journal import Journal
from eflowprov.workflows.runs.run import STEPS, Runner, resumable
from eflowprov.workflows.vm.channels import OpenChannel
from tests.machine import DEVICE, HUB, PROVISIONED, REFUSED, SCOPE, FakeHost, FakeVm, Files, make_files

PASSED = Finding("dps/registration", "DPS takes the device", Outcome.PASS)
ASSIGNED = Registered(Assigned(DEVICE, HUB, DEVICE), PASSED)


@dataclass
class Site:
    """One machine, and a journal on disk that outlives a `Runner`."""

    folder: Path
    files: Files
    vm: FakeVm = field(default_factory=FakeVm)
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    registrations: list[DeviceRegistration] = field(default_factory=list)
    registered: Registered = ASSIGNED
    opened: int = 0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = FakeHost(self.vm)
        self.settings = {
            "identity": {"registration_id": DEVICE, "cert": self.files.chain, "key": self.files.key},
            "dps": {"scope_id": SCOPE, "register": True},
            "provision": {"evidence_s": 0.05},
        }

    @property
    def journal(self) -> Path:
        return self.folder / "run.toml.journal.json"

    def run(
        self, journal: Journal | None = None, *, again: bool = False, transcript: Transcript | None = None
    ) -> Report:
        """A run as another process would make it: a new runner, the journal from disk, a channel of its own."""
        self.vm.closed.clear()
        self.told.clear()
        return Runner(
            RunConfig.model_validate(self.settings),
            host=lambda: self.host,
            journal=journal or Journal.load(self.journal),
            transcript=transcript or Transcript(None),
            progress=self.told.append,
            known_hosts=self.folder / "known_hosts",
            again=again,
        ).run()

    def open(self, _request: object, _host: object, tell: Callable[[str], None]) -> OpenChannel:
        self.opened += 1
        tell("waiting 30 s: the VM blocks an address")
        return OpenChannel(self.vm, "it is a test")

    def register(self, device: DeviceRegistration) -> Registered:
        self.registrations.append(device)
        return self.registered


@pytest.fixture
def site(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path, files)
    monkeypatch.setattr(module, "open_channel", made.open)
    monkeypatch.setattr(module, "register_device", made.register)
    return made


def outcomes(report: Report, *begins: str) -> dict[str, Outcome]:
    return {each.id: each.outcome for each in report.findings if each.id.startswith(begins)}


# --------------------------------------------------------------------------------------------------- the order


def test_every_step_runs_in_order_over_one_connection_and_ends_with_the_report(site: Site) -> None:
    report = site.run()
    assert [line for line in site.told if line.startswith("step ")] == [f"step {step}" for step in STEPS]
    assert report.verdict is Verdict.READY
    assert site.opened == 1 and site.vm.closed.is_set()
    assert (len(site.registrations), len(site.host.calls)) == (1, 1)
    assert (report.identity.hub, report.identity.device_id, report.identity.scope_id) == (HUB, DEVICE, SCOPE)
    assert report.identity.expires_at is not None and report.target.channel == "ssh"
    ids = [finding.id for finding in report.findings]
    assert len(ids) == len(set(ids))


def test_a_wait_for_the_vms_block_is_told_where_the_operator_looks_and_so_is_the_way(site: Site) -> None:
    site.run()
    assert "waiting 30 s: the VM blocks an address" in site.told
    assert "into the VM by ssh: it is a test" in site.told


def test_who_watches_is_told_what_is_left_out_what_is_not_done_again_and_why(site: Site) -> None:
    site.run()
    assert site.told[site.told.index("step enroll") + 1] == "  not configured: left out"
    site.run()
    after = {line: site.told[number + 1] for number, line in enumerate(site.told[:-1])}
    assert after["step register"] == f"  not again. Proved by an earlier run: hub {HUB}, device {DEVICE}."
    assert after["step wait"].startswith("  not again. Proved by an earlier run: hub ")
    assert "  not again. Called by an earlier run, and it returned OK." in site.told


def test_who_watches_is_told_which_finding_ended_the_run(site: Site) -> None:
    site.host.facts = replace(site.host.host_facts(1.0), is_elevated=False)
    site.run()
    assert site.told[site.told.index("step host") + 2 :] == ["  fail: host/elevated", "step report"]


def test_check_is_given_the_hub_of_the_registration(site: Site) -> None:
    site.run()
    assert site.vm.commands("iotedge check")[0][-1] == HUB


def test_an_identity_is_issued_once_and_kept(site: Site) -> None:
    site.settings["identity"] = {"registration_id": DEVICE, "ca": site.files.ca, "out": site.folder / "out"}
    site.run()
    chain = (site.folder / "out" / DEVICE / f"{DEVICE}.chain.pem").read_bytes()
    site.run()
    assert (site.folder / "out" / DEVICE / f"{DEVICE}.chain.pem").read_bytes() == chain


def test_without_register_dps_is_not_asked_from_here(site: Site) -> None:
    site.settings["dps"] = {"scope_id": SCOPE}
    assert site.run().verdict is Verdict.READY
    assert site.registrations == []


def test_expecting_a_deployment_makes_a_new_device_not_ready(site: Site) -> None:
    site.vm = FakeVm("new-device")
    site.host = FakeHost(site.vm)
    assert site.run().verdict is Verdict.READY_AWAITING_DEPLOYMENT
    site.settings["verify"] = {"expect": "deployed"}
    assert site.run().verdict is Verdict.NOT_READY


# ------------------------------------------------------------------------------------------------- the journal


def test_a_second_run_repeats_nothing_that_is_proved_and_verifies_anew(site: Site) -> None:
    site.run()
    report = site.run()
    assert (len(site.registrations), len(site.host.calls)) == (1, 1)
    assert len(site.vm.commands("iotedge check")) == 2
    assert report.verdict is Verdict.READY and (report.identity.hub, report.identity.device_id) == (HUB, DEVICE)
    by_journal = [finding for finding in report.findings if finding.source == "journal"]
    assert {finding.id for finding in by_journal} == {
        *("dps/registration", "provision/cmdlet", "provision/identity-in-use")
    }
    assert all(HUB in finding.detail for finding in by_journal if finding.id != "provision/cmdlet")


def test_the_journal_proves_nothing_about_now(site: Site) -> None:
    """A VM that broke after it was provisioned is not ready, whatever an earlier run saw."""
    site.run()
    site.vm.runtime.services |= {"aziot-edged": "Down - failed", "aziot-identityd": "Down - failed"}
    assert site.run().verdict is Verdict.NOT_READY


@pytest.mark.parametrize("what", ["certificate", "scope", "endpoint"])
def test_a_changed_input_is_done_again(site: Site, what: str, tmp_path: Path) -> None:
    site.run()
    if what == "certificate":
        files = make_files(tmp_path / "other")
        site.settings["identity"] = {"registration_id": DEVICE, "cert": files.chain, "key": files.key}
    else:
        changed = {"scope_id": "0ne00000002"} if what == "scope" else {"endpoint": "dps.example"}
        site.settings["dps"] = {"scope_id": SCOPE, "register": True, **changed}
    site.run()
    assert (len(site.registrations), len(site.host.calls)) == (2, 2)


def test_what_failed_is_not_taken_for_done(site: Site) -> None:
    site.registered = Registered(REFUSED, replace(PASSED, outcome=Outcome.FAIL))
    assert site.run().verdict is Verdict.NOT_READY
    site.run()
    assert len(site.registrations) == 2 and site.host.calls == []


def test_ok_without_evidence_is_called_again(site: Site) -> None:
    site.host.returned = (CmdletRecord("output", "OK "),)  # and nothing starts
    assert site.run().verdict is not Verdict.READY
    site.run()
    assert len(site.host.calls) == 2


@pytest.mark.parametrize(
    ("step", "again"),
    [
        ("certs", (1, 1)),
        ("host", (1, 1)),
        ("register", (1, 1)),
        ("provision", (0, 1)),
        ("wait", (0, 0)),
        ("verify", (0, 0)),
    ],
)
def test_from_step_does_that_step_and_those_behind_it_again(site: Site, step: str, again: tuple[int, int]) -> None:
    site.run()
    journal = Journal.load(site.journal)
    journal.forget(resumable(step))
    assert site.run(journal, again=True).verdict is Verdict.READY
    assert (len(site.registrations) - 1, len(site.host.calls) - 1) == again


def test_a_step_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"--from-step: .*'provisoin'. Choose one of certs, check, host, enroll"):
        resumable("provisoin")
    assert resumable("") == ()


def test_a_vm_that_has_this_certificate_is_not_provisioned_again_without_being_told(site: Site) -> None:
    site.run()
    site.journal.unlink()
    with pytest.raises(InputError, match="Give --from-step provision to call the cmdlet once more"):
        site.run()
    assert len(site.host.calls) == 1


def test_a_second_call_for_one_certificate_takes_other_file_names(site: Site) -> None:
    """The VM has the first ones, and the services own them: scp would be refused (iotedge-eflow#103)."""
    site.run()
    journal = Journal.load(site.journal)
    journal.forget(resumable("provision"))
    site.run(journal, again=True)
    first, second = (Path(call["identityCertPath"]).name for call in site.host.calls)
    assert second == first.replace(".cert.pem", "-2.cert.pem")


def test_a_vm_that_was_deployed_anew_is_provisioned_again(site: Site) -> None:
    site.run()
    site.vm.files.clear()
    assert site.run().verdict is Verdict.READY and len(site.host.calls) == 2
    assert any("deployed anew?" in line for line in site.told)


@pytest.mark.parametrize("cut", [KeyboardInterrupt(), DeadlineError("PowerShell", "no answer", "Try again")])
def test_a_run_that_was_cut_off_while_provisioning_goes_on_without_asking(site: Site, cut: BaseException) -> None:
    site.host.error = cut
    if isinstance(cut, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            site.run()
    else:
        assert site.run().exit_status == 3
    assert site.vm.closed.is_set()
    site.host.error = None
    assert site.run().verdict is Verdict.READY and len(site.host.calls) == 2


def test_a_vm_that_was_provisioned_by_others_is_not_touched_by_the_second_run_either(site: Site) -> None:
    site.vm.answers["cat"] = PROVISIONED
    for _ in range(2):
        with pytest.raises(InputError, match="provisioned already") as caught:
            site.run()
        assert caught.value.exit_status == 2 and "again = true" in caught.value.next_step
    assert site.host.calls == []
    site.settings["provision"]["again"] = True
    assert site.run().verdict is Verdict.READY


def test_a_vm_that_could_not_be_asked_is_no_begun_provisioning(site: Site) -> None:
    site.vm.answers["date"] = TransportError("SSH", "it broke", "Try again")
    assert site.run().exit_status == 3
    site.vm.answers |= {"cat": PROVISIONED, "date": (0, b"1700000000\n", b"")}
    with pytest.raises(InputError, match="provisioned already"):
        site.run()


def test_the_journal_holds_no_secret_and_no_path(site: Site) -> None:
    site.run()
    text = site.journal.read_text("ascii")
    assert "PRIVATE" not in text and str(site.files.key) not in text
    assert set(json.loads(text)["steps"]) == {"register", "provision-begun", "provision", "wait"}
    assert json.loads(text)["under_way"] == ""


# -------------------------------------------------------------------------------------------------- the errors


@pytest.mark.parametrize(
    ("step", "skipped"),
    [
        ("check", ["step/host", "step/enroll", "step/register", "step/provision", "step/wait", "step/verify"]),
        ("host", ["step/enroll", "step/register", "step/provision", "step/wait", "step/verify"]),
        ("register", ["step/provision", "step/wait", "step/verify"]),
        ("provision", ["step/wait", "step/verify"]),
        ("wait", ["step/verify"]),
        ("verify", []),
    ],
)
def test_an_error_in_a_step_is_a_finding_and_what_comes_after_is_skipped(
    site: Site, step: str, skipped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise CmdletError("the place", "the reason", "The next step")

    parts = {"check": "check_certificate", "host": "check_host", "register": "register_device"}
    parts |= {"provision": "provision_once", "wait": "wait_once", "verify": "collect"}
    monkeypatch.setattr(module, parts[step], broken)
    report = site.run()
    assert report.verdict is Verdict.UNKNOWN and report.exit_status == 3
    (error,) = [finding for finding in report.findings if finding.outcome is Outcome.ERROR]
    assert (error.id, error.detail, error.remedy) == (f"step/{step}", "the place: the reason", "The next step")
    assert [id_ for id_, told in outcomes(report, "step/").items() if told is Outcome.SKIP] == skipped


def test_a_way_into_the_vm_that_is_not_open_is_a_finding_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_request: object, _host: object, _tell: object) -> OpenChannel:
        raise TransportError("SSH vm:22", "the connection was refused", "Use --channel cmdlet")

    monkeypatch.setattr(module, "open_channel", closed)
    report = site.run()
    assert report.exit_status == 3 and outcomes(report, "step/provision") == {"step/provision": Outcome.ERROR}
    assert site.host.calls == []


def test_a_certificate_that_fails_stops_everything_before_anything_is_asked(site: Site) -> None:
    private = site.files.ca / "private" / "issuing.ca.key.pem"
    site.settings["identity"] |= {"cert": site.files.ca / "issuing-chain.pem", "key": private}
    report = site.run()
    assert report.verdict is Verdict.NOT_READY
    assert (site.registrations, site.host.calls, site.opened) == ([], [], 0)


def test_a_provisioning_that_failed_is_followed_by_what_the_vm_says(site: Site) -> None:
    site.vm.registration = REFUSED
    site.vm.start()
    site.host.returned = (
        CmdletRecord("host", " - Failed to provision at line 2415"),
        CmdletRecord("output", "Failed to provision"),
    )
    report = site.run()
    assert report.verdict is Verdict.NOT_READY
    assert outcomes(report, "provision/cmdlet") == {"provision/cmdlet": Outcome.FAIL}
    assert outcomes(report, "provisioning/dps-assigned") == {"provisioning/dps-assigned": Outcome.FAIL}
    assert outcomes(report, "iotedge-check/")


@pytest.mark.parametrize(
    "identity",
    [
        {"registration_id": "Bad ID!", "ca": "CA", "out": "OUT"},
        {"registration_id": DEVICE, "ca": "GONE", "out": "OUT"},
        {"registration_id": DEVICE, "cert": "GONE", "key": "GONE"},
    ],
)
def test_input_that_cannot_be_used_stays_status_2_and_makes_no_journal(site: Site, identity: dict[str, object]) -> None:
    places = {"CA": site.files.ca, "OUT": site.folder / "out", "GONE": site.folder / "gone"}
    site.settings["identity"] = {key: places.get(str(value), value) for key, value in identity.items()}
    with pytest.raises(InputError) as caught:
        site.run()
    assert caught.value.exit_status == 2 and not site.journal.exists() and site.opened == 0


# -------------------------------------------------------------------------------------- rotation, and the host's key


def rotate(site: Site, folder: Path) -> Files:
    files = make_files(folder)
    site.settings["identity"] = {"registration_id": DEVICE, "cert": files.chain, "key": files.key}
    return files


def test_a_new_certificate_takes_the_place_of_ours_without_asking_and_is_proved_to_be_in_use(
    site: Site, tmp_path: Path
) -> None:
    site.run()
    files = rotate(site, tmp_path / "new")
    report = site.run()
    assert report.verdict is Verdict.READY and len(site.host.calls) == 2
    (used,) = [finding for finding in report.findings if finding.id == "provision/identity-in-use"]
    assert used.outcome is Outcome.PASS and files.serial.lower() in used.detail
    assert outcomes(report, "identity/certificate")["identity/certificate"] is Outcome.PASS


def test_an_old_certificate_that_stays_in_use_after_ok_is_not_ready(site: Site, tmp_path: Path) -> None:
    site.run()
    rotate(site, tmp_path / "new")
    site.host.returned = (CmdletRecord("output", "OK "),)  # the VM is as it was
    report = site.run()
    assert outcomes(report, "provision/identity-in-use") == {"provision/identity-in-use": Outcome.FAIL}
    assert report.exit_status != 0
    assert "wait" in json.loads(site.journal.read_text("ascii"))["steps"]  # the first one's, under its own key
    assert site.run().exit_status != 0 and len(site.host.calls) == 2


def test_going_back_from_a_rotation_that_was_cut_off_is_a_provisioning_of_its_own(site: Site, tmp_path: Path) -> None:
    """The journal knows the old certificate's call as done, but another one's began after it."""
    site.run()
    old = dict(site.settings["identity"])
    rotate(site, tmp_path / "new")
    take = site.host.take

    def cut(scope_id: str, cert: Path, key: Path) -> None:
        take(scope_id, cert, key)
        raise DeadlineError("PowerShell", "no answer", "Try again")

    site.host.take = cut  # type: ignore[method-assign]
    assert site.run().exit_status == 3
    site.host.take = take  # type: ignore[method-assign]
    site.settings["identity"] = old
    with pytest.raises(InputError, match="provisioned already"):
        site.run()
    site.settings["provision"]["again"] = True
    assert site.run().verdict is Verdict.READY and len(site.host.calls) == 3


def test_a_vm_that_others_provisioned_since_is_not_rotated(site: Site, tmp_path: Path) -> None:
    site.run()
    rotate(site, tmp_path / "new")
    site.vm.answers["cat"] = PROVISIONED
    with pytest.raises(InputError, match="provisioned already"):
        site.run()


def own_files(site: Site, tmp_path: Path) -> Files:
    files = rotate(site, tmp_path / "own")
    site.settings["provision"]["remove_key"] = True
    return files


def test_the_hosts_key_goes_once_the_vm_holds_it_and_later_runs_do_without(site: Site, tmp_path: Path) -> None:
    files = own_files(site, tmp_path)
    report = site.run()
    assert outcomes(report, "provision/host-key") == {"provision/host-key": Outcome.PASS}
    assert not files.key.exists() and report.verdict is Verdict.READY
    assert site.run().verdict is Verdict.READY and (len(site.registrations), len(site.host.calls)) == (1, 1)


def test_an_issued_identitys_key_goes_too_and_is_not_issued_anew(site: Site, tmp_path: Path) -> None:
    own_files(site, tmp_path)
    site.settings["identity"] = {"registration_id": DEVICE, "ca": site.files.ca, "out": site.folder / "out"}
    site.run()
    assert not list((site.folder / "out").rglob("*.key.pem"))
    assert site.run().verdict is Verdict.READY and len(site.host.calls) == 1


def test_without_evidence_the_key_stays(site: Site, tmp_path: Path) -> None:
    files = own_files(site, tmp_path)
    site.vm.registration = REFUSED
    report = site.run()
    assert outcomes(report, "provision/host-key") == {"provision/host-key": Outcome.WARN} and files.key.exists()


def test_a_key_that_is_gone_without_proof_is_a_missing_file(site: Site, tmp_path: Path) -> None:
    files = own_files(site, tmp_path)
    files.key.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        site.run()


def test_a_vm_that_lost_the_only_key_asks_for_a_new_identity(site: Site, tmp_path: Path) -> None:
    own_files(site, tmp_path)
    site.run()
    site.vm.files.clear()
    with pytest.raises(InputError, match="Issue a new identity"):
        site.run()


# --------------------------------------------------------------------------------------- after a restart of Windows


def cut_off(site: Site, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Windows had restarted in the middle; pauses are written down and take no time."""
    Journal.load(site.journal).begin("provision")
    waiting = patience.wait_until

    def wait(*args: object, **more: object) -> object:
        return waiting(*args, **more, pause=pauses.append, clock=lambda: sum(pauses))  # type: ignore[arg-type]

    monkeypatch.setattr(patience, "wait_until", wait)


def test_a_run_after_a_restart_waits_for_host_and_vm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    cut_off(site, pauses, monkeypatch)
    facts = [replace(site.host.facts, vm_power_state="Off"), site.host.facts]
    monkeypatch.setattr(site.host, "host_facts", lambda **_: facts.pop(0) if len(facts) > 1 else facts[0])
    silent = [TransportError("SSH vm:22", "it does not answer", "Wait")] * 2

    def open_later(request: object, host: object, tell: Callable[[str], None]) -> OpenChannel:
        if silent:
            raise silent.pop()
        return site.open(request, host, tell)

    monkeypatch.setattr(module, "open_channel", open_later)
    assert site.run().verdict is Verdict.READY
    assert pauses == [20.0, 20.0, 20.0]
    assert "an earlier run was cut off in step provision: going on" in site.told
    assert any("waiting for the VM: it does not answer" in line for line in site.told)


def test_that_wait_ends_when_its_time_is_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    cut_off(site, pauses, monkeypatch)
    site.settings["vm"] = {"start_wait_s": 50}

    def closed(_request: object, _host: object, _tell: object) -> OpenChannel:
        raise TransportError("SSH vm:22", "it does not answer", "Wait")

    monkeypatch.setattr(module, "open_channel", closed)
    assert site.run().exit_status == 3 and sum(pauses) == 50


def test_a_run_that_came_to_its_end_is_followed_by_one_that_does_not_wait(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run()

    def closed(_request: object, _host: object, _tell: object) -> OpenChannel:
        raise TransportError("SSH vm:22", "it does not answer", "Wait")

    monkeypatch.setattr(module, "open_channel", closed)
    started = time.monotonic()
    assert site.run().exit_status == 3 and time.monotonic() - started < 10


# ------------------------------------------------------------------------------------- a full disk, a clock that is set


class FullAfter(Transcript):
    """A transcript on a disk that has no room from an event on."""

    def __init__(self, event: str) -> None:
        super().__init__(None)
        self._last = event
        self._is_full = False

    def event(self, event: str, **details: object) -> None:
        self._is_full = self._is_full or event == self._last
        if self._is_full:
            raise StorageError("run.jsonl", "cannot be written (No space left on device)", "Free some space")


@pytest.mark.parametrize(
    ("event", "step"), [("before", "provision"), ("cmdlet-answer", "provision"), ("step", "certs")]
)
def test_a_transcript_on_a_full_disk_costs_no_report(site: Site, event: str, step: str) -> None:
    report = site.run(transcript=FullAfter(event))
    assert report.exit_status == 3 and outcomes(report, f"step/{step}") == {f"step/{step}": Outcome.ERROR}
    assert len(site.host.calls) == (1 if event == "cmdlet-answer" else 0)


@pytest.mark.parametrize("step", ["host", "provision", "verify", "report"])
def test_a_journal_that_cannot_be_written_costs_no_report(
    site: Site, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is done that it would not know of."""
    begin = Journal.begin

    def full(self: Journal, name: str) -> None:
        if name == step:
            raise StorageError("run.toml.journal.json", "it cannot be written (No space left on device)", "Free some")
        begin(self, name)

    monkeypatch.setattr(Journal, "begin", full)
    report = site.run()
    assert len(site.host.calls) == (0 if step in ("host", "provision") else 1)
    if step == "report":
        assert report.verdict is Verdict.READY
    else:
        assert report.exit_status == 3 and outcomes(report, f"step/{step}") == {f"step/{step}": Outcome.ERROR}


def test_a_clock_that_is_set_during_a_run_changes_no_duration(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = datetime(2020, 1, 1, tzinfo=UTC)

    class SetAfterwards(datetime):
        @classmethod
        def now(cls, _tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return begin

    monkeypatch.setattr(timeline, "datetime", SetAfterwards)
    report = site.run()
    assert report.started_at == begin and 0 <= report.duration_s < 60
