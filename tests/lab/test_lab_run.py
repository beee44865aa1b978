"""`lab run`: every scenario over the real path, in a process of its own; what it says, what it saw, what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eflowprov.lab.machine import HUB, SCOPE_ID
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.model import EXIT_STATUS
from eflowprov.reports.json import report_schema
from tests.conftest import ROOT

DEVICE = "line4-press2"
_LIMIT_S = 120.0  # on a machine that does much else; a run takes five seconds


def environment(folder: Path) -> dict[str, str]:
    """This process's, with an own home and an own place for temporary files."""
    own = {}
    for name in ("TMPDIR", "TEMP", "TMP", "HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "XDG_STATE_HOME"):
        place = folder / ("tmp" if name in ("TMPDIR", "TEMP", "TMP") else "home")
        place.mkdir(parents=True, exist_ok=True)
        own[name] = str(place)
    return {**os.environ, **own, "NO_COLOR": "1"}


@dataclass(frozen=True)
class Played:
    """One scenario's run: how it ended, what it printed, what the lab saw (see drive.py), what it left."""

    status: int
    out: str
    err: str
    facts: dict[str, Any]
    left: list[str]

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)  # type: ignore[no-any-return]

    def finding(self, id_: str) -> dict[str, str]:
        return next(finding for finding in self.report["findings"] if finding["id"] == id_)

    def provisioning(self) -> dict[str, Any]:
        (call,) = [call for call in self.facts["calls"] if call["name"] == "Provision-EflowVm"]
        return call  # type: ignore[no-any-return]


def play(scenario: str, folder: Path) -> Played:
    command = [sys.executable, "-m", "tests.lab.drive", str(folder / "facts.json")]
    folder.mkdir()
    done = subprocess.run(
        [*command, "lab", "run", "--scenario", scenario, "--format", "json"],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        timeout=_LIMIT_S,
        check=False,
    )
    facts = json.loads((folder / "facts.json").read_text("ascii"))
    left = [path.name for path in (folder / "tmp").iterdir()]
    return Played(done.returncode, done.stdout.decode(), done.stderr.decode(), facts, left)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Future[Played]]:
    """Every scenario, played once, several at the same time: each has ports and folders of its own."""
    folder = tmp_path_factory.mktemp("lab")
    with ThreadPoolExecutor(4) as pool:
        return {name: pool.submit(play, name, folder / name) for name in SCENARIOS}


@pytest.fixture(params=SCENARIOS)
def each(request: pytest.FixtureRequest, runs: Mapping[str, Future[Played]]) -> tuple[str, Played]:
    return request.param, runs[request.param].result()


# -------------------------------------------------------------------------------------------- of every scenario


def test_the_verdict_is_the_scenarios_and_the_status_the_verdicts(each: tuple[str, Played]) -> None:
    name, played = each
    assert played.report["verdict"] == SCENARIOS[name].verdict, played.err
    assert played.status == played.facts["status"] == EXIT_STATUS[SCENARIOS[name].verdict]


def test_the_report_keeps_the_published_schema(each: tuple[str, Played]) -> None:
    jsonschema.Draft202012Validator(report_schema()).validate(each[1].report)


def test_standard_output_is_the_report_alone_and_standard_error_the_steps(each: tuple[str, Played]) -> None:
    lines = each[1].err.splitlines()
    assert all(line.startswith("lab: ") for line in lines), each[1].err
    assert [line for line in lines if line.startswith("lab: step")][:3] == [
        *("lab: step ca", "lab: step certs", "lab: step check")
    ]
    assert each[1].report["identity"]["registration_id"] == DEVICE


def test_the_report_says_who_played_the_cmdlets(each: tuple[str, Played]) -> None:
    played = "played powershell.exe, since no PowerShell was found" in each[1].report["target"]["host"]
    real = "in a real PowerShell" in each[1].report["target"]["host"]
    assert played != real and each[1].report["target"]["host"].startswith("lab (stand-in AzureEFLOW ")


def test_nothing_is_left_behind(each: tuple[str, Played]) -> None:
    facts = each[1].facts
    assert len(facts["ports"]) >= 2  # else nothing was looked for
    assert (facts["open"], facts["children"], each[1].left) == ([], [], [])
    assert facts["threads"] == ["MainThread"]


def test_no_private_key_and_no_place_of_this_machine_is_in_the_report(each: tuple[str, Played]) -> None:
    assert "PRIVATE KEY" not in each[1].out + each[1].err


# ------------------------------------------------------------------------------------------- of one scenario each


def test_a_healthy_device_registers_over_mqtt_from_the_host_and_from_the_vm(
    runs: Mapping[str, Future[Played]],
) -> None:
    played = runs["healthy"].result()
    registrations = played.facts["registrations"]
    assert [(one["registration_id"], one["hub"]) for one in registrations] == [(DEVICE, HUB), (DEVICE, HUB)]
    assert len({one["fingerprint"] for one in registrations}) == 1  # with the same certificate
    assert played.report["identity"] | {"expires_at": ""} == {
        "registration_id": DEVICE,
        "device_id": DEVICE,
        "hub": HUB,
        "scope_id": SCOPE_ID,
        "expires_at": "",
    }
    assert played.finding("provisioning/dps-assigned")["outcome"] == "pass"
    assert played.finding("iotedge-check/host-connect-iothub-amqp")["outcome"] == "pass"  # the hub was named


@pytest.mark.parametrize("name", ["healthy", "new-device", "dps-refused", "service-down-after-ok", "edgehub-missing"])
def test_provision_and_verify_take_one_connection_together(runs: Mapping[str, Future[Played]], name: str) -> None:
    played = runs[name].result()
    if name == "dps-refused":
        assert played.facts["connections"] == [0]  # refused before the VM was touched
    else:
        assert played.facts["connections"] == [1] and played.report["target"]["channel"] == "ssh"


def test_the_cmdlet_gets_files_named_by_the_serial_and_no_registration_id(runs: Mapping[str, Future[Played]]) -> None:
    call = runs["healthy"].result().provisioning()
    assert "registrationId" not in call and call["provisioningType"] == "DpsX509" and call["scopeId"] == SCOPE_ID
    for key, end in (("identityCertPath", ".cert.pem"), ("identityPrivKeyPath", ".key.pem")):
        name = Path(str(call[key]).replace("\\", "/")).name
        serial = name.removeprefix(f"{DEVICE}-").removesuffix(end)
        assert name == f"{DEVICE}-{serial}{end}" and len(serial) > 30 and int(serial, 16)


def test_a_new_device_is_ready_for_its_first_deployment_as_documented(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["new-device"].result()
    present = played.finding("deployment/present")
    assert present["outcome"] == "expected" and "417" in present["detail"]
    storage = played.finding("iotedge-check/edge-hub-storage-mounted-from-host")
    assert storage["outcome"] == "expected"
    assert "Could not check current state of edgeHub container" in storage["evidence"]
    assert played.report["summary"]["fail"] == played.report["summary"]["error"] == 0


def test_a_ca_as_identity_is_said_in_plain_words_with_what_to_do(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["ca-as-identity"].result()
    finding = played.finding("certificate/ca-as-identity")
    assert finding["outcome"] == "fail"
    assert "A CA certificate was given as the identity" in finding["detail"]
    assert "Give the leaf or full chain of the device" in finding["remedy"]
    assert "eflowprov certs device" in finding["remedy"]
    assert played.facts["registrations"] == played.facts["refusals"] == played.facts["calls"] == []


def test_a_refusal_of_dps_carries_its_code_its_message_and_its_tracking_id(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["dps-refused"].result()
    finding = played.finding("dps/registration")
    assert finding["outcome"] == "fail" and finding["remedy"]
    assert "DPS refused with 401002: CA certificate not found (tracking ID " in finding["detail"]
    assert "full chain" in finding["remedy"] and "whether the CA is there" in finding["remedy"]
    ((refusal),) = played.facts["refusals"]
    assert (refusal["registration_id"], refusal["error_code"]) == (DEVICE, "401002")
    assert played.facts["registrations"] == []


def test_a_service_that_goes_down_after_ok_is_not_ready(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["service-down-after-ok"].result()
    assert played.finding("provision/cmdlet")["outcome"] == "pass"  # its OK is not proof
    assert played.finding("service/aziot-identityd")["outcome"] == "fail"


def test_an_edgehub_that_could_not_be_created_is_no_expected_exception(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["edgehub-missing"].result()
    assert played.finding("deployment/present")["outcome"] == "fail"
    assert played.finding("iotedge-check/edge-hub-storage-mounted-from-host")["outcome"] == "fail"
    assert played.report["summary"]["expected"] == 0


def test_an_unreachable_vm_is_unknown_and_both_ways_are_named(runs: Mapping[str, Future[Played]]) -> None:
    played = runs["vm-unreachable"].result()
    finding = played.finding("step/provision")
    assert finding["outcome"] == "error"
    assert "the connection was refused; and through the cmdlets: " in finding["detail"]
    assert played.finding("step/verify")["outcome"] == "skip"


# ----------------------------------------------------------------------------------------------------- Ctrl-C


MOMENTS = (
    "step ca",
    "stand-ins",
    "checking the host",
    "step register",
    "calling Provision",
    "waiting for",
    "step verify",
)

LAST = ("waiting for", "step verify")  # what comes after them is done in a moment


@pytest.mark.linux
def test_ctrl_c_leaves_nothing_and_says_one_line_at_every_moment(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        stopped = {word: pool.submit(_stop_at, word, tmp_path / str(at)) for at, word in enumerate(MOMENTS)}
    for word, future in stopped.items():
        status, out, err, left, alive = future.result()
        if status == 0 and word in LAST:
            continue  # it had ended before the signal came
        assert status == 130, (word, err)
        told = [line for line in err.splitlines() if not line.startswith("lab: ")]
        assert len(told) == 1 and told[0].startswith("error: eflowprov: interrupted"), (word, err)
        assert (out, left, alive) == ("", [], False), word


def _stop_at(word: str, folder: Path) -> tuple[int, str, str, list[str], bool]:
    """Interrupt a run, as a terminal would, as soon as its standard error names the moment."""
    environ = environment(folder)
    run = subprocess.Popen(
        [sys.executable, "-m", "eflowprov", "lab", "run", "--format", "json"],
        env=environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert run.stderr is not None
        for line in run.stderr:
            if word in line:
                break
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=_LIMIT_S)
    finally:
        run.kill()
    left = [path.name for path in (folder / "tmp").iterdir()]
    return run.returncode, out, err, left, _mentions(str(folder))


def _mentions(folder: str) -> bool:
    """Whether any process still has this run's environment."""
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if folder.encode() in place.read_bytes():
                return True
        except OSError:  # gone, or another user's
            continue
    return False
