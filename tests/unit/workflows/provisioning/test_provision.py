"""Provisioning: nothing is touched before it is allowed, nothing is believed but what the VM shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.errors import CmdletError, DeadlineError, InputError, ParseError, StorageError, TransportError
from eflowprov.model import CmdletRecord, Finding, Outcome, Report, Verdict
from eflowprov.workflows.disk.transcript import Transcript
from eflowprov.workflows.identities.certificates import Asked, check_files
from eflowprov.workflows.provisioning import provision as module
from eflowprov.workflows.provisioning import staging
from eflowprov.workflows.provisioning.preparation import (
    Prepared,
    ProvisionRequest,
    certificate_facts,
    planned_call,
    prepare,
    staged_files,
)
from eflowprov.workflows.provisioning.provision import provision_and_report
from eflowprov.workflows.vm.channels import ChannelRequest, OpenChannel
from tests.machine import (
    DEVICE,
    HOME,
    HUB,
    PARAMETERS,
    PROVISIONED,
    REFUSED,
    SCOPE,
    FakeHost,
    FakeVm,
    Files,
    make_files,
)

FAILED = (
    CmdletRecord("host", "[10/20/2022 08:17:31] Exception caught!!!"),
    CmdletRecord("host", " - iotedge service not running after provisioning, please investigate manually at line 2416"),
    CmdletRecord("output", "iotedge service not running after provisioning, please investigate manually"),
)
NOTHING_STARTS = (CmdletRecord("output", "OK "),)  # to the fake host; to the tool it is OK


@dataclass
class Site:
    """A VM, its host, and what a technician gives the command."""

    vm: FakeVm
    host: FakeHost
    request: ProvisionRequest
    kept: Path
    answer: bool = False
    asked: int = 0

    def provision(self, **changes: object) -> Report:
        request = replace(self.request, **changes)  # type: ignore[arg-type]

        def confirm(_state: str) -> bool:
            self.asked += 1
            return self.answer

        with Transcript(self.kept) as transcript:
            return provision_and_report(
                request,
                self.host,
                ChannelRequest(),
                confirm=confirm,
                transcript=transcript,
                progress=lambda _: None,
            )

    def events(self, name: str) -> list[dict[str, object]]:
        told = [json.loads(line) for line in self.kept.read_text("ascii").splitlines()]
        return [event for event in told if event["event"] == name]


@pytest.fixture
def site(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> Site:
    vm = FakeVm()
    monkeypatch.setattr(module, "open_channel", lambda _request, _host, _tell: OpenChannel(vm, "it is a test"))
    monkeypatch.setattr(staging, "staging_folder", lambda: tmp_path / "staging")
    request = ProvisionRequest(SCOPE, files.chain, files.key, timeout_s=5.0, evidence_s=0.05)
    return Site(vm, FakeHost(vm), request, tmp_path / "transcript.jsonl")


def finding(report: Report, id_: str) -> Finding:
    return next(finding for finding in report.findings if finding.id == id_)


def ids(report: Report) -> list[str]:
    return [finding.id for finding in report.findings]


# ----------------------------------------------------------------------------------------------- what works


def test_a_provisioning_that_the_vm_shows_is_ready(site: Site) -> None:
    report = site.provision()
    assert report.verdict is Verdict.READY
    assert finding(report, "provision/cmdlet").outcome is Outcome.PASS
    assert finding(report, "provisioning/dps-assigned").outcome is Outcome.PASS
    assert finding(report, "module/edgeAgent").outcome is Outcome.PASS
    identity = report.identity
    assert (identity.registration_id, identity.scope_id) == (DEVICE, SCOPE)
    assert (identity.hub, identity.device_id) == (HUB, DEVICE)
    assert identity.expires_at is not None and site.vm.closed.is_set() and site.asked == 0


def test_the_cmdlet_gets_files_that_bear_the_serial_and_no_registration_id(site: Site, files: Files) -> None:
    site.provision()
    ((arguments, switches),) = zip(site.host.calls, [site.host.switches], strict=True)
    stem = f"{DEVICE}-{files.serial.lower()}"
    assert {name: Path(value).name for name, value in arguments.items()} == {
        "provisioningType": "DpsX509",
        "scopeId": SCOPE,
        "identityCertPath": f"{stem}.cert.pem",
        "identityPrivKeyPath": f"{stem}.key.pem",
    }
    assert switches == ("headless",)
    assert site.host.seen == {
        f"{stem}.cert.pem": files.chain.read_bytes(),
        f"{stem}.key.pem": files.key.read_bytes(),
    }


@pytest.mark.parametrize(("passed", "expected"), [(True, DEVICE), (False, None)])
def test_the_registration_id_is_passed_only_when_asked_for(site: Site, passed: bool, expected: str | None) -> None:
    site.provision(pass_registration_id=passed, registration_id=DEVICE)
    assert site.host.calls[0].get("registrationId") == expected


# ------------------------------------------------------------------------------ before anything is touched


def test_a_failing_certificate_is_refused_and_nothing_is_touched(site: Site, files: Files) -> None:
    ca, ca_key = files.ca / "issuing-chain.pem", files.ca / "private" / "issuing.ca.key.pem"
    report = site.provision(cert=ca, key=ca_key)
    assert report.verdict is Verdict.NOT_READY
    assert finding(report, "certificate/ca-as-identity").outcome is Outcome.FAIL
    assert {id_.partition("/")[0] for id_ in ids(report)} == {"certificate"}, "nothing else was asked"
    assert site.vm.asked == [] and site.host.calls == [] and not site.events("cmdlet")


def test_a_failing_host_is_refused_and_nothing_is_touched(site: Site) -> None:
    site.host.facts = replace(site.host.facts, is_elevated=False)
    report = site.provision()
    assert report.verdict is Verdict.NOT_READY and finding(report, "host/elevated").outcome is Outcome.FAIL
    assert site.vm.asked == [] and site.host.calls == []


def test_a_host_that_does_not_tell_is_refused_as_unknown(site: Site) -> None:
    site.host.facts = replace(site.host.facts, is_elevated=None)
    assert site.provision().exit_status == 3
    assert site.host.calls == []


def test_force_goes_on_and_the_report_still_says_what_is_wrong(site: Site) -> None:
    site.host.facts = replace(site.host.facts, is_elevated=False)
    report = site.provision(force=True)
    assert len(site.host.calls) == 1
    assert finding(report, "provision/cmdlet").outcome is Outcome.PASS and report.verdict is Verdict.NOT_READY


@pytest.mark.parametrize(
    "changes",
    [
        {"scope_id": "0ne-1"},
        {"scope_id": ""},
        {"scope_id": "0ne１"},
        {"registration_id": "Bad ID!"},
        {"cert": Path("gone.pem")},
        {"key": Path("gone.pem")},
    ],
)
def test_input_that_cannot_be_used_is_said_before_anything_is_asked(site: Site, changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        site.provision(**changes)
    assert site.vm.asked == [] and site.host.calls == []


def test_a_provisioned_vm_is_not_touched_unless_somebody_says_so(site: Site) -> None:
    site.vm.answers["cat"] = PROVISIONED
    with pytest.raises(
        InputError, match=r"provisioned already \(source dps, ID scope 0neOLD\). .* give --yes"
    ) as caught:
        site.provision()
    assert caught.value.exit_status == 2 and site.asked == 1
    assert site.host.calls == [] and site.vm.closed.is_set() and not site.events("cmdlet")
    site.answer = True
    site.vm.closed.clear()
    assert site.provision().verdict is Verdict.READY and len(site.host.calls) == 1


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        (PARAMETERS, "identityPrivKeyPath"),
        (("provisioningType", "scopeId", "identityCertPath", "identityPrivateKey"), "identityPrivateKey"),
    ],
)
def test_the_planned_call_has_the_names_of_this_host(site: Site, parameters: tuple[str, ...], key: str) -> None:
    site.host.parameters = parameters
    prepared = prepare(site.request, site.host, progress=lambda _: None)
    text = planned_call(site.request, prepared, site.host, Path("folder")).text()
    assert f" -{key} '" in text and "PRIVATE" not in text
    assert site.host.calls == [] and site.vm.asked == []


# ---------------------------------------------------------------------------------- what the cmdlet's word is


def test_ok_without_evidence_is_unknown(site: Site) -> None:
    site.host.returned = NOTHING_STARTS
    site.vm.answers["iotedge list"] = (0, b"NAME             STATUS           DESCRIPTION      Config\n", b"")
    report = site.provision()
    assert finding(report, "provision/cmdlet").outcome is Outcome.PASS
    assert report.verdict is Verdict.UNKNOWN and report.exit_status == 3


def test_ok_and_a_runtime_that_does_not_answer_is_a_failure(site: Site) -> None:
    site.host.returned = NOTHING_STARTS
    report = site.provision()
    assert report.verdict is Verdict.NOT_READY and finding(report, "module/edgeAgent").outcome is Outcome.FAIL


def test_ok_with_an_old_success_in_the_journal_is_unknown(site: Site) -> None:
    """The VM was provisioned before; the clock says that the call came after all that its journal holds."""
    site.vm.start()
    site.vm.answers["date"] = (0, b"4000000000\n", b"")
    site.host.returned = NOTHING_STARTS
    assert site.provision().verdict is Verdict.UNKNOWN
    assert site.vm.commands("iotedge system logs")[0][6] == "@4000000000"


def test_ok_and_a_refusal_in_the_vm_is_a_failure_with_its_reason(site: Site) -> None:
    site.vm.registration = REFUSED
    report = site.provision()
    assert report.verdict is Verdict.NOT_READY
    assert "CA certificate not found" in finding(report, "provisioning/dps-assigned").detail


def test_a_failure_is_told_with_its_message_and_without_its_line_number(site: Site) -> None:
    site.host.returned = FAILED
    report = site.provision()
    failed = finding(report, "provision/cmdlet")
    assert report.verdict is Verdict.NOT_READY and failed.outcome is Outcome.FAIL
    assert failed.detail.startswith("iotedge service not running after provisioning, please investigate manually. ")
    assert "2416" not in failed.detail and failed.remedy
    assert "Exception caught!!!" in failed.evidence
    assert "provisioning/dps-assigned" not in ids(report)


def test_a_failure_is_told_with_the_vms_own_refusal_where_it_has_one(site: Site) -> None:
    site.vm.registration = REFUSED
    site.vm.start()
    site.host.returned = FAILED
    site.vm.answers["date"] = (0, b"1\n", b"")
    assert finding(site.provision(), "provisioning/dps-assigned").outcome is Outcome.FAIL


def test_a_cmdlet_that_returned_nothing_is_no_success(site: Site) -> None:
    site.host.returned = (CmdletRecord("host", "[10/20/2022 08:17:08] Provisioning virtual machine..."),)
    with pytest.raises(ParseError) as caught:
        site.provision()
    assert caught.value.exit_status == 3


# ----------------------------------------------------------------------------------------- what stays behind


@contextmanager
def raised(error: BaseException | None) -> Iterator[None]:
    if error is None:
        yield
    else:
        with pytest.raises(type(error)):
            yield


@pytest.mark.parametrize(
    "error",
    [
        None,
        CmdletError("Provision-EflowVm", "threw", "Look"),
        DeadlineError("PowerShell", "no answer within 5 s", "Try again"),
        KeyboardInterrupt(),
        RuntimeError("a defect"),
    ],
)
def test_the_staged_files_are_gone_whatever_happened(site: Site, error: BaseException | None) -> None:
    site.host.error = error
    with raised(error):
        site.provision()
    assert len(site.host.seen) == 2  # they were there for the cmdlet
    assert not site.host.folder.exists()
    assert not list(staging.staging_folder().iterdir()) and site.vm.closed.is_set()


@pytest.mark.linux
def test_the_staged_files_are_their_owners_alone(site: Site) -> None:
    modes: list[int] = []
    provision = site.host.provision

    def looking(*args: object, **more: object) -> object:
        room = next(staging.staging_folder().iterdir())
        modes.extend(path.stat().st_mode & 0o777 for path in (room, *room.glob("*.pem")))
        return provision(*args, **more)  # type: ignore[arg-type]

    site.host.provision = looking  # type: ignore[method-assign,assignment]
    site.provision()
    assert sorted(modes) == [0o600, 0o600, 0o700]


def test_an_interrupted_cmdlet_says_that_the_vm_may_be_half_provisioned(site: Site) -> None:
    site.host.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt, match="Provision-EflowVm was under way: the VM may be half provisioned"):
        site.provision()


def test_the_gate_prints_what_was_half_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt("and Provision-EflowVm was under way")

    monkeypatch.setattr("eflowprov.cli.lab.scenarios", stopped)
    assert run_command(["lab", "scenarios"]) == 130
    assert capsys.readouterr().err.startswith("error: eflowprov: interrupted, and Provision-EflowVm was under way. ")


def test_the_transcript_has_the_call_and_the_records_and_no_key(site: Site, files: Files) -> None:
    key = files.key.read_text("ascii")
    lines = [CmdletRecord("verbose", line) for line in key.splitlines()]
    site.host.returned = (CmdletRecord("host", key), *lines, CmdletRecord("output", "OK"))
    report = site.provision()
    (call,) = site.events("cmdlet")
    (answer,) = site.events("cmdlet-answer")
    assert str(call["text"]).startswith("Provision-EflowVm -provisioningType DpsX509 -scopeId")
    records = answer["records"]
    assert isinstance(records, list) and len(records) == len(lines) + 2
    assert records[-1] == {"stream": "output", "text": "OK"}
    secret = key.splitlines()[1]
    assert secret not in site.kept.read_text("ascii") and secret not in repr(report)
    assert [str(event["event"]) for name in ("prepared", "before", "evidence") for event in site.events(name)]


def test_a_key_that_the_cmdlet_prints_in_its_failure_is_not_in_the_report(site: Site, files: Files) -> None:
    *begun, _end = files.key.read_text("ascii").splitlines()
    lines = [*begun, *(f"step {number}" for number in range(15))]  # the last twenty begin in the middle of the key
    site.host.returned = (*(CmdletRecord("host", line) for line in lines), *FAILED)
    shown = repr(site.provision())
    assert not [line for line in begun[1:] if line in shown]


# ------------------------------------------------------------------------------------------------ odd names


def prepared(registration_id: str) -> Prepared:
    return Prepared(registration_id, "0A1B", datetime.now(UTC), "f", (), refused=False)


@pytest.mark.parametrize("name", [DEVICE, "a:b", "CON", "nul.1", "x" * 64])
def test_the_staged_files_can_be_made_on_windows_too(tmp_path: Path, name: str) -> None:
    cert, key = staged_files(prepared(name), tmp_path)
    assert cert.parent == key.parent == tmp_path and cert != key
    assert "0a1b" in cert.name and not set(cert.name) & set('<>:"/\\|?*')
    assert cert.name.split("-")[0].upper() not in ("CON", "NUL.1")


@pytest.mark.parametrize("name", ["../../x", "..", "", "a b", "x" * 65, "a/b", "a\\b", "\n"])
def test_a_name_that_dps_does_not_take_becomes_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="registration ID"):
        staged_files(prepared(name), tmp_path)


def test_another_serial_gives_another_file_name(tmp_path: Path) -> None:
    one, other = prepared(DEVICE), replace(prepared(DEVICE), serial="0A1C")
    assert not set(staged_files(one, tmp_path)) & set(staged_files(other, tmp_path))


def test_the_registration_id_is_the_common_name_unless_given(site: Site) -> None:
    assert certificate_facts(site.request)[0] == DEVICE
    registration_id, _, findings = certificate_facts(replace(site.request, registration_id="another"))
    assert registration_id == "another"
    assert [each.outcome for each in findings if each.id == "certificate/common-name"] == [Outcome.FAIL]


def test_a_transcript_that_cannot_be_written_stops_before_the_vm(site: Site, tmp_path: Path) -> None:
    site.kept = tmp_path
    with pytest.raises(StorageError):
        site.provision()
    assert site.vm.asked == []


# -------------------------------------------------------------------- what `certs check` and `verify` would say, too


def test_the_report_has_the_vms_own_checks(site: Site) -> None:
    report = site.provision()
    told = {each.id: each.outcome for each in report.findings if each.id.startswith(("identity/", "vm/"))}
    assert told == dict.fromkeys(
        (
            *("identity/registration-id", "identity/certificate", "identity/certificate-expiry"),
            *("identity/key-readable", "vm/clock"),
        ),
        Outcome.PASS,
    )


def test_another_certificate_in_the_vm_than_the_one_that_was_given_is_not_ready(site: Site, tmp_path: Path) -> None:
    take = site.host.take

    def swapped(scope_id: str, cert: Path, key: Path) -> None:
        take(scope_id, cert, key)
        site.vm.files[f"{HOME}/certs/{cert.name}"] = make_files(tmp_path / "other").chain.read_bytes()

    site.host.take = swapped  # type: ignore[method-assign]
    report = site.provision()
    assert report.verdict is Verdict.NOT_READY
    assert finding(report, "identity/certificate").outcome is Outcome.FAIL


def test_a_vm_that_breaks_off_before_its_own_checks_is_told_and_what_was_proved_stays(site: Site) -> None:
    site.vm.answers["sh -c"] = TransportError("SSH vm:22", "the connection was lost", "Look")
    report = site.provision()
    assert finding(report, "vm/answers").outcome is Outcome.SKIP
    assert finding(report, "provision/identity-in-use").outcome is Outcome.PASS


def test_a_chain_that_dps_would_refuse_is_refused_here_as_certs_check_does(site: Site, tmp_path: Path) -> None:
    other = make_files(tmp_path / "other")
    leaf = site.request.cert.read_text("ascii").partition("-----END CERTIFICATE-----\n")
    issuing = other.chain.read_text("ascii").partition("-----END CERTIFICATE-----\n")[2]
    mixed = tmp_path / "mixed.pem"
    mixed.write_text("".join(leaf[:2]) + issuing, encoding="ascii", newline="\n")
    report = site.provision(cert=mixed)
    checked = check_files([mixed, site.request.key], Asked(registration_id=DEVICE), now=datetime.now(UTC))[0]  # type: ignore[list-item]
    of_certificate = {each.id: each.outcome for each in report.findings if each.id.startswith("certificate/")}
    assert of_certificate == {each.id: each.outcome for each in checked.findings}
    assert "certificate/dps-answer" in of_certificate and report.verdict is Verdict.NOT_READY
    assert site.host.calls == []


@pytest.mark.linux
def test_a_key_that_others_can_read_is_told_here_too(site: Site, tmp_path: Path, files: Files) -> None:
    key = tmp_path / "open.key.pem"
    key.write_bytes(files.key.read_bytes())
    key.chmod(0o644)
    assert finding(site.provision(key=key), "certificate/key-access").outcome is Outcome.WARN
    site.vm.closed.clear()
    site.answer = True
    assert finding(site.provision(), "certificate/key-access").outcome is Outcome.PASS
