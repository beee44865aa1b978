"""`eflowprov dps register` from the command line to the lab's DPS and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.errors import InputError
from eflowprov.lab.dps import Behaviour, Enrollment, LabDps
from eflowprov.workflows.addresses import split_address
from tests.dps_pki import DEVICE, SCOPE, Pki, make, make_pki, write_pair


@dataclass(frozen=True)
class Site:
    """A lab, and the identity of a device that it would take."""

    lab: LabDps
    folder: Path
    cert: Path
    key: Path

    def command(self, *more: str) -> list[str]:
        return [
            *("dps", "register", "--scope-id", SCOPE, "--cert", str(self.cert), "--key", str(self.key)),
            *("--endpoint", f"localhost:{self.lab.port}", "--endpoint-ca", str(self.folder / "ca.pem")),
            *("--timeout", "10", *more),
        ]


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


@pytest.fixture
def site(tmp_path: Path, pki: Pki) -> Iterator[Site]:
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        (tmp_path / "ca.pem").write_text(lab.server_ca_pem, encoding="ascii", newline="\n")
        yield Site(lab, tmp_path, *write_pair(tmp_path, pki.device, pki.issuing))


def test_an_accepted_device_shows_its_hub_and_its_id(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(site.command()) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"assigned: {DEVICE}",
        "  hub:         lab-hub.azure-devices.net",
        f"  device ID:   {DEVICE}",
    ]
    assert err == ""  # no terminal, no progress


def test_a_refusal_shows_the_words_of_dps_their_cause_and_the_way_out(
    tmp_path: Path, pki: Pki, capsys: pytest.CaptureFixture[str]
) -> None:
    with LabDps([], scope_id=SCOPE) as lab:
        (tmp_path / "ca.pem").write_text(lab.server_ca_pem, encoding="ascii", newline="\n")
        status = run_command(Site(lab, tmp_path, *write_pair(tmp_path, pki.device)).command())
    out = capsys.readouterr().out
    assert status == 1
    assert out.startswith(
        f"refused: {DEVICE}\n  HTTP status: 401\n  error code:  401002\n  message:     CA certificate not found.\n"
    )
    assert "tracking ID: " in out
    assert "What to do: " in out


def test_json_carries_the_answer_and_the_finding(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(site.command("--format", "json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["hub"], told["device_id"]) == ("assigned", "lab-hub.azure-devices.net", DEVICE)
    assert (told["finding"]["id"], told["finding"]["outcome"]) == ("dps/registration", "pass")


def test_json_of_a_refusal_has_the_fields_of_dps(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(site.command("--format", "json", "--registration-id", "line4-press3")) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["http_status"], told["error_code"]) == ("refused", 401, 401002)
    assert (told["message"], told["finding"]["outcome"]) == ("Unauthorized", "fail")
    assert len(told["tracking_id"]) == 36


def test_a_service_that_does_not_answer_is_one_line_and_status_3(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.lab.stop()
    assert run_command(site.command()) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: localhost:{site.lab.port}: the connection was refused. ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "more",
    [
        ["--registration-id", "Bad ID!"],
        ["--endpoint", "https://global.azure-devices-provisioning.net"],
        ["--key", "gone.pem"],
        ["--endpoint-ca", "gone.pem"],
        ["--timeout", "soon"],
        ["--timeout", "nan"],
        ["--scope-id", "a\nb"],
        ["--transport", "amqp"],
    ],
)
def test_what_cannot_be_used_is_status_2_and_never_sent(
    site: Site, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert run_command(site.command(*more)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert site.lab.registrations == site.lab.refusals == ()


def test_a_nameless_certificate_needs_the_registration_id_said(
    site: Site, pki: Pki, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(site.folder, make("", pki.issuing), pki.issuing)
    assert run_command(site.command()) == 2
    assert "has no common name. Give --registration-id." in capsys.readouterr().err


def test_an_encrypted_key_is_opened_by_the_passphrase_file_which_is_never_shown(
    site: Site, pki: Pki, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(site.folder, pki.device, pki.issuing, passphrase=b"open sesame")
    assert run_command(site.command()) == 2
    (site.folder / "pass.txt").write_text("open sesame\n", encoding="utf-8", newline="\n")
    assert run_command(site.command("--key-passphrase-file", str(site.folder / "pass.txt"))) == 0
    (site.folder / "pass.txt").write_text("open says me\n", encoding="utf-8", newline="\n")
    assert run_command(site.command("--key-passphrase-file", str(site.folder / "pass.txt"))) == 2
    assert "open s" not in "".join(capsys.readouterr())


def test_progress_shows_on_a_terminal_alone(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run_command(site.command()) == 0
    assert f"registering with localhost:{site.lab.port}" in capsys.readouterr().err


def test_the_help_has_a_worked_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["dps", "register", "--help"]) == 0
    assert "Example: eflowprov dps register --scope-id 0ne00112233" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dps.example", ("dps.example", 8883)),
        ("dps.example:443", ("dps.example", 443)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("[::1]", ("::1", 8883)),
        ("[::1]:443", ("::1", 443)),
    ],
)
def test_an_endpoint_is_a_host_with_or_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text, 8883, where="--endpoint", example="a") == expected


@pytest.mark.parametrize(
    "text", ["", ":8883", "::1", "a b", "host:port", "host:", "host:999999", "mqtts://host", "u@host", "[]"]
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        split_address(text, 8883, where="--endpoint", example="a")
