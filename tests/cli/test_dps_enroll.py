"""`dps enroll`, `unenroll`, `status` and `verify-ca` from the command line to both sides of the lab's DPS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from eflowprov.cli import terminal
from eflowprov.cli.main import run_command
from eflowprov.lab.dps import Behaviour, LabDps
from eflowprov.lab.dps_enrollments import EnrollmentBook
from eflowprov.lab.dps_service_api import ALL_RIGHTS, LabDpsService, ServiceBehaviour
from eflowprov.workflows.enrolling.access import VARIABLE
from tests.dps_pki import DEVICE, SCOPE, Pki, make, make_pki, write_pair


@dataclass
class Site:
    """Both sides of one DPS, and a device whose authority it does not know yet."""

    dps: LabDps
    service: LabDpsService
    folder: Path
    cert: Path
    key: Path
    pki: Pki

    @property
    def way(self) -> list[str]:
        secret, ca = str(self.folder / "dps.txt"), str(self.folder / "ca.pem")
        return ["--connection-string-file", secret, "--endpoint-ca", ca, "--timeout", "10"]

    def individual(self, *more: str) -> int:
        return run_command(["dps", "enroll", "individual", "--cert", str(self.cert), *self.way, *more])

    def group(self, *more: str, ca: str = "issuing") -> int:
        file = self.folder / f"{ca}.pem"
        file.write_text(getattr(self.pki, ca).pem, encoding="ascii", newline="\n")
        return run_command(["dps", "enroll", "group", "--group-id", "line4", "--ca", str(file), *self.way, *more])

    def register(self) -> int:
        return run_command(
            [
                *("dps", "register", "--scope-id", SCOPE, "--cert", str(self.cert), "--key", str(self.key)),
                *("--endpoint", f"localhost:{self.dps.port}", "--endpoint-ca", str(self.folder / "ca.pem")),
                *("--timeout", "10"),
            ]
        )

    def status(self, *more: str) -> int:
        return run_command(["dps", "status", *(more or (DEVICE,)), *self.way])

    def unenroll(self, *more: str) -> int:
        return run_command(["dps", "unenroll", *(more or (DEVICE, "--yes")), *self.way])

    def record(self) -> dict[str, object]:
        return self.service.book.get("enrollments", DEVICE)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


@pytest.fixture
def site(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    book = EnrollmentBook()
    with (
        LabDps(book.entries, scope_id=SCOPE, behaviour=Behaviour(polls=0)) as dps,
        LabDpsService(book, lambda: dps.registrations) as service,
    ):
        (tmp_path / "ca.pem").write_text(dps.server_ca_pem + service.server_ca_pem, encoding="ascii", newline="\n")
        (tmp_path / "dps.txt").write_text(service.connection_string().reveal() + "\n", encoding="ascii", newline="\n")
        yield Site(dps, service, tmp_path, *write_pair(tmp_path, pki.device, pki.issuing), pki)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at the terminal who says yes; gives what was asked."""
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


# ------------------------------------------------------------------------------------------------------ individual


def test_a_device_is_refused_before_its_enrollment_and_assigned_after_it(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.register() == 1
    capsys.readouterr()
    assert site.individual("--edge") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        f"created: individual enrollment {DEVICE}",
        f"  service:     localhost:{site.service.port}",
        "  slot:        primary",
    ]
    assert err == ""
    assert site.register() == 0
    assert site.record()["capabilities"] == {"iotEdge": True}


def test_the_same_again_is_nothing_to_do_and_writes_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.individual() == site.individual() == 0
    assert len(site.service.changes) == 1
    assert capsys.readouterr().out.count("nothing to do: individual enrollment") == 1


def test_an_enrollment_without_edge_is_shown_and_changed_when_somebody_agrees(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.individual("--no-edge") == 0
    assert "no IoT Edge device" in capsys.readouterr().err
    assert site.individual() == 2  # nobody there to ask
    err = capsys.readouterr().err
    assert "IoT Edge device: no -> yes" in err and "--yes" in err and len(err.splitlines()) == 1
    assert site.record()["capabilities"] == {"iotEdge": False}
    assert site.individual("--yes") == 0
    out, err = capsys.readouterr()
    assert "changed: individual" in out and "  IoT Edge device: no -> yes" in out
    assert "stays a plain one until it is changed in its hub" in err
    assert site.record()["capabilities"] == {"iotEdge": True}


def test_a_person_is_shown_every_difference_and_asked_once(
    site: Site, person: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.individual() == 0 and person == []
    assert site.individual("--device-id", "Press-2", "--hub", "second.azure-devices.net") == 0
    assert person == ["Change it?"]
    err = capsys.readouterr().err
    assert "  device ID: none -> Press-2" in err
    assert "  hub: by the service's policy -> second.azure-devices.net" in err
    assert (site.record()["deviceId"], site.record()["iotHubs"]) == ("Press-2", ["second.azure-devices.net"])


def test_rotation_brings_the_next_certificate_in_beside_the_first_one(site: Site) -> None:
    assert site.individual() == 0
    first = site.cert.read_bytes()
    write_pair(site.folder, make(DEVICE, site.pki.issuing), site.pki.issuing)
    assert site.register() == 1
    assert site.individual("--slot", "secondary", "--yes") == 0
    assert site.register() == 0
    site.cert.write_bytes(first)
    site.key.write_bytes(site.pki.device.key_pem())
    assert site.register() == 0  # the old one still counts


def test_a_change_by_somebody_else_meanwhile_is_refused_and_not_overwritten(
    site: Site, person: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.individual() == 0

    def meddle(_question: str, **_: object) -> bool:
        site.service.book.put("enrollments", DEVICE, {**site.record(), "deviceId": "theirs"}, "*")
        return True

    monkeypatch.setattr(typer, "confirm", meddle)
    assert site.individual("--device-id", "ours") == 1
    out = capsys.readouterr().out
    assert "refused: individual enrollment" in out and "Somebody else made or changed this record" in out
    assert site.record()["deviceId"] == "theirs"


def test_json_tells_the_result_the_changes_and_the_finding(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.individual("--no-edge", "--format", "json") == 0
    assert site.individual("--yes", "--format", "json") == 0
    first, second = capsys.readouterr().out.split("\n}\n")[:2]
    assert json.loads(first + "}")["result"] == "created"
    told = json.loads(second + "}")
    assert told["changes"] == [{"field": "IoT Edge device", "is": "no", "wanted": "yes"}]
    assert (told["result"], told["finding"]["id"], told["finding"]["outcome"]) == ("changed", "dps/enrollment", "pass")


# ------------------------------------------------------------------------------------------------ who may, and how


def test_a_policy_without_the_right_is_status_1_with_the_words_of_dps_and_the_way_out(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.service.add_policy("reader", ALL_RIGHTS - {"EnrollmentWrite"})
    (site.folder / "dps.txt").write_text(site.service.connection_string("reader").reveal(), encoding="ascii")
    assert site.individual() == 1
    out = capsys.readouterr().out
    assert "DPS refused with 401002: Unauthorized (tracking ID " in out
    assert "EnrollmentWrite" in out and "--emit az" in out


@pytest.mark.parametrize("fault", ["silent", "broken", "garbage"])
def test_no_answer_is_one_line_and_status_3(site: Site, capsys: pytest.CaptureFixture[str], fault: str) -> None:
    site.service.behaviour = ServiceBehaviour(fault=fault)
    assert site.individual("--timeout", "1") == 3
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and f"error: localhost:{site.service.port}: " in err


def test_the_rights_come_from_a_file_the_environment_or_a_question_and_are_never_shown(
    site: Site, person: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = (site.folder / "dps.txt").read_text("ascii").strip()
    command = ["--debug", "dps", "status", DEVICE, "--endpoint-ca", str(site.folder / "ca.pem")]
    log = site.folder / "log.jsonl"
    monkeypatch.setenv(VARIABLE, secret)
    assert run_command([*command, "--log-file", str(log)]) == 1
    monkeypatch.delenv(VARIABLE)
    asked = []

    def prompt(text: str, **how: object) -> str:
        asked.append((text, how.get("hide_input")))
        return secret

    monkeypatch.setattr(typer, "prompt", prompt)
    assert run_command(command) == 1
    assert asked == [("Connection string of the DPS", True)]
    assert site.status() == 1
    seen = "".join(capsys.readouterr()) + log.read_text("utf-8")
    assert secret.rpartition("=")[0][-20:] not in seen and "sig=" not in seen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a connection string",
        "HostName=a.azure-devices-provisioning.net;SharedAccessKeyName=owner",
        "HostName=hub.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=S3CRETS3CRET",
        "HostName=hub.azure-devices.net;DeviceId=d;SharedAccessKey=S3CRETS3CRET",
        "HostName=https://S3CRET/x;SharedAccessKeyName=owner;SharedAccessKey=S3CRETS3CRET",
        "HostName=dps.example;SharedAccessKeyName=o w n;SharedAccessKey=S3CRETS3CRET",
        "HostName=localhost:1;SharedAccessKeyName=owner;SharedAccessKey=S3CRET!S3CRET",
        "HostName=localhost:1\nSharedAccessKeyName=owner",
    ],
)
def test_what_is_no_connection_string_is_status_2_and_not_quoted(
    site: Site, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (site.folder / "dps.txt").write_text(text, encoding="ascii", newline="\n")
    assert site.individual() == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "S3CRET" not in err and site.service.requests == []


def test_a_connection_string_in_the_place_of_its_file_is_refused_and_not_quoted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "HostName=a.azure-devices-provisioning.net;SharedAccessKeyName=o;SharedAccessKey=S3CRETS3CRET"
    more = ["--cert", str(site.cert), "--connection-string-file", secret]
    assert run_command(["dps", "enroll", "individual", *more]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "S3CRET" not in err and "can be read by others. Put it into a file" in err


def test_what_was_deleted_before_dps_refused_is_said_within_the_console(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert site.individual() == site.register() == 0
    site.service.add_policy("half", ALL_RIGHTS - {"EnrollmentWrite"})
    (site.folder / "dps.txt").write_text(site.service.connection_string("half").reveal(), encoding="ascii")
    capsys.readouterr()
    assert site.unenroll() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"refused: individual enrollment {DEVICE}", "  deleted: registration"]
    assert max(map(len, lines)) <= 80 and lines[-1].endswith("has them.")


def test_without_any_rights_the_way_out_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["dps", "enroll", "individual", "--cert", str(site.cert)]) == 2
    err = capsys.readouterr().err
    assert VARIABLE in err and "--emit az" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "more",
    [
        ["--cert", "gone.pem"],
        ["--cert", "ca.pem-of-nobody"],
        ["--device-id", "a b"],
        ["--hub", "https://hub"],
        ["--slot", "third"],
        ["--timeout", "nan"],
        ["--proxy", "http://user:pass@proxy:3128"],
        ["--endpoint-ca", "gone.pem"],
        ["--connection-string-file", "gone.txt"],
    ],
)
def test_what_cannot_be_used_is_status_2_and_never_sent(
    site: Site, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert site.individual(*more) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "user:pass" not in err and site.service.requests == []


def test_a_leaf_is_no_group_and_an_authority_no_device(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.group(ca="device") == 2
    assert "is no authority's" in capsys.readouterr().err
    write_pair(site.folder, site.pki.issuing)
    assert site.individual() == 2
    assert "dps enroll group" in capsys.readouterr().err
    write_pair(site.folder, make("Bad ID!", site.pki.issuing))
    assert site.individual() == 2


# ----------------------------------------------------------------------------------------- group, status, unenroll


@pytest.mark.parametrize("ca", ["issuing", "root"])
def test_a_group_lets_every_device_of_its_authority_in(site: Site, ca: str) -> None:
    assert site.group(ca=ca) == 0
    assert site.register() == 0
    assert site.group(ca=ca) == 0 and len(site.service.changes) == 1


def test_status_follows_a_device_from_nothing_to_assigned(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.status() == 1
    assert f"There is no individual enrollment {DEVICE} in this DPS." in capsys.readouterr().out
    assert site.individual() == 0
    assert site.status() == 1
    assert "The device has not registered yet." in capsys.readouterr().out
    assert site.register() == 0
    capsys.readouterr()
    assert site.status() == 0
    out = capsys.readouterr().out
    assert "  assigned hub:        lab-hub.azure-devices.net" in out and "  iot edge:            yes" in out
    assert site.status(DEVICE, "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["good"], told["registration"]["status"], told["registration"]["device_id"]) == (
        True,
        "assigned",
        DEVICE,
    )


def test_status_says_that_an_enrollment_makes_no_edge_device(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.individual("--no-edge") == site.register() == 0
    assert site.status() == 1
    assert "does not make an IoT Edge device" in capsys.readouterr().out


def test_a_device_of_a_group_has_a_registration_and_no_enrollment_of_its_own(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.group() == site.register() == site.status() == 0
    assert site.status("line4", "--group") == 0
    assert site.status("line5", "--group") == 1
    assert "There is no group enrollment line5" in capsys.readouterr().out


def test_what_dps_holds_can_steer_no_terminal(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.individual() == 0
    body = {**site.record(), "deviceId": "a\x1b[31mb\nc\u202e", "provisioningStatus": "dis\x07abled"}
    site.service.book.put("enrollments", DEVICE, body, "*")
    assert site.status() == 1
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\x07\u202e") and "  device id:           a [31mb c " in out


def test_unenroll_takes_registration_and_enrollment_away_after_a_question(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.individual() == site.register() == 0
    assert site.unenroll(DEVICE) == 2  # nobody confirmed it
    assert site.service.changes[1:] == []
    assert site.unenroll() == 0
    assert site.service.changes[1:] == [
        ("DELETE", f"/registrations/{DEVICE}"),
        ("DELETE", f"/enrollments/{DEVICE}"),
    ]
    assert site.register() == 1
    capsys.readouterr()
    assert site.unenroll() == 0
    assert "nothing to do: individual enrollment" in capsys.readouterr().out


def test_unenroll_of_a_group_touches_no_registration(site: Site) -> None:
    assert site.group() == 0
    assert site.unenroll("line4", "--group", "--yes") == 0
    assert site.service.changes[1:] == [("DELETE", "/enrollmentGroups/line4")]


@pytest.mark.parametrize("id_", ["Bad ID!", "", "a/b", "x" * 129])
def test_an_id_that_none_can_have_is_status_2(site: Site, capsys: pytest.CaptureFixture[str], id_: str) -> None:
    for more in ([], ["--group"]):
        assert site.status(id_, *more) == site.unenroll(id_, "--yes", *more) == 2
    assert site.service.requests == []


# ---------------------------------------------------------------------------------------------------------- --emit


def test_a_script_needs_no_rights_and_asks_nobody(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    emit = ["--emit", "az", "--dps-name", "plant"]
    assert run_command(["dps", "enroll", "individual", "--cert", str(site.cert), *emit]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("#!/usr/bin/env bash\n") and site.pki.device.pem in out and err == ""
    assert site.pki.issuing.pem not in out  # the leaf alone
    assert run_command(["dps", "unenroll", DEVICE, *emit]) == 0
    assert "registration delete" in capsys.readouterr().out
    assert site.service.requests == []


@pytest.mark.parametrize("more", [[], ["--dps-name", "$(id)"], ["--dps-name", "plant", "--device-id", "a%b%"]])
def test_a_script_with_a_name_that_cannot_be_is_status_2(
    site: Site, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert site.individual("--emit", "az-powershell", *more) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1


def test_verify_ca_is_a_script_or_the_reason_why_there_is_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["certs", "ca", "--out", str(tmp_path / "pki"), "--no-passphrase"]) == 0
    capsys.readouterr()
    command = ["dps", "verify-ca", "--ca", str(tmp_path / "pki"), "--name", "plant-root", "--dps-name", "plant"]
    assert run_command(command) == 2
    assert "control plane" in capsys.readouterr().err
    for form, by in (("az", "root"), ("az-powershell", "issuing")):
        assert run_command([*command, "--emit", form, "--by", by]) == 0
        out = capsys.readouterr().out
        assert (tmp_path / "pki" / f"{by}.ca.cert.pem").read_text("ascii") in out
        assert "generate-verification-code" in out and f"'--by' '{by}'" in out.replace(f"--by {by}", f"'--by' '{by}'")
    assert run_command([*command, "--emit", "az", "--ca", str(tmp_path / "none")]) == 2
