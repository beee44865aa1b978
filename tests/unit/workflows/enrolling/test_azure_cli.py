"""`--emit az`: a script in which every value is one word of data, for bash and for PowerShell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from eflowprov.errors import InputError
from eflowprov.model import EnrollmentKind
from eflowprov.workflows.enrolling.azure_cli import (
    Place,
    Shell,
    enroll_script,
    unenroll_script,
    verify_ca_script,
)
from eflowprov.workflows.enrolling.records import Wanted
from tests.support import require

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PLACE = Place("plant-dps", "rg-plant")


def wanted(kind: EnrollmentKind = EnrollmentKind.INDIVIDUAL, **more: object) -> Wanted:
    return Wanted(kind, "line4-press2", PEM, "A1", "B2", **more)  # type: ignore[arg-type]


class Azure:
    """A stand-in for `az` and `eflowprov` on PATH: writes down its arguments, and answers as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        for name in ("az", "eflowprov"):
            program = folder / name
            program.write_text(
                "#!/bin/sh\n"
                f'{{ printf "%s" {name}; for word; do printf "\\037%s" "$word"; done; printf "\\036"; }} >> "$CALLS"\n'
                'for word; do case "$word" in *cert.pem) cat "${word#*=}" >> "$SEEN";; esac; done\n'
                'for word; do case "$word" in show) printf etag; exit "$SHOWS";; generate*) printf C0DE;; esac; done\n'
                'if [ "$2" != proof ]; then exit 0; fi\n'
                'while [ "$1" != --out ]; do shift; done; mkdir "$2"; echo > "$2/proof-x.pem"\n',
                encoding="ascii",
            )
            program.chmod(0o755)

    def run(self, script: str, *, shows: int = 0) -> list[list[str]]:
        """The calls that the script makes, word by word."""
        environ = {
            **os.environ,
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(self.log),
            "SEEN": str(self.folder / "seen"),
            "SHOWS": str(shows),
            "HOME": str(self.folder),
        }
        command = [require("bash"), "-c", script]
        subprocess.run(command, env=environ, check=True, capture_output=True, cwd=self.folder)
        return [call.split("\x1f") for call in self.log.read_text("utf-8").split("\x1e") if call]


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


@pytest.mark.linux
@pytest.mark.parametrize(("shows", "verb"), [(0, "update"), (3, "create")])
def test_the_script_changes_what_is_there_and_makes_what_is_not(azure: Azure, shows: int, verb: str) -> None:
    show, change = azure.run(enroll_script(wanted(), PLACE, Shell.BASH), shows=shows)
    place = ["--dps-name=plant-dps", "--resource-group=rg-plant", "--enrollment-id=line4-press2"]
    assert show == ["az", "iot", "dps", "enrollment", "show", *place]
    assert change[:8] == ["az", "iot", "dps", "enrollment", verb, *place]
    assert ("--attestation-type=x509" in change) == (verb == "create")
    assert "--edge-enabled=true" in change and change[-1].startswith("--certificate-path=/")
    assert (azure.folder / "seen").read_text("ascii") == PEM
    assert not Path(change[-1].partition("=")[2]).exists()  # nothing stays behind


@pytest.mark.linux
def test_a_hostile_device_id_is_one_word_in_bash(azure: Azure) -> None:
    hostile = "$(id)'`x`!%PATH%:=@(,)*?"
    *_, change = azure.run(enroll_script(wanted(device_id=hostile), PLACE, Shell.BASH))
    assert f"--device-id={hostile}" in change


@pytest.mark.linux
def test_a_group_with_its_hub_and_the_secondary_slot(azure: Azure) -> None:
    group = wanted(EnrollmentKind.GROUP, slot="secondary", hub="a.azure-devices.net", edge=False)
    *_, change = azure.run(enroll_script(group, PLACE, Shell.BASH), shows=1)
    assert change[3:5] == ["enrollment-group", "create"]
    assert {"--iot-hubs=a.azure-devices.net", "--allocation-policy=static", "--edge-enabled=false"} < set(change)
    assert change[-1].startswith("--secondary-certificate-path=/") and "--attestation-type=x509" not in change


@pytest.mark.linux
def test_unenroll_deletes_registration_then_enrollment(azure: Azure) -> None:
    calls = azure.run(unenroll_script(EnrollmentKind.INDIVIDUAL, "line4-press2", Place("plant-dps"), Shell.BASH))
    named = ["--dps-name=plant-dps", "--enrollment-id=line4-press2"]
    assert [call[3:] for call in calls] == [
        ["enrollment", "registration", "delete", *named],
        ["enrollment", "delete", *named],
    ]


@pytest.mark.linux
def test_a_ca_is_uploaded_its_code_signed_and_the_proof_handed_in(azure: Azure) -> None:
    folder = Path("/plant's $(pki)")
    calls = azure.run(verify_ca_script(PEM, "plant-root", folder, "root", PLACE, Shell.BASH))
    assert [call[4] if call[0] == "az" else call[2] for call in calls] == [
        *("create", "show", "generate-verification-code", "proof", "show", "verify")
    ]
    proof = calls[3]
    assert proof[3:7] == ["--ca", str(folder), "--by", "root"] and proof[-2:] == ["--", "C0DE"]
    assert calls[-1][-2] == "--etag=etag" and calls[-1][-1].endswith("/proof/proof-x.pem")
    assert (azure.folder / "seen").read_text("ascii") == PEM


_QUOTED = "it''s"  # as PowerShell doubles every kind of quote


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            enroll_script(wanted(device_id="it's"), PLACE, Shell.POWERSHELL),
            (f"'--device-id={_QUOTED}'", "$LASTEXITCODE"),
        ),
        (enroll_script(wanted(EnrollmentKind.GROUP), PLACE, Shell.POWERSHELL), ("enrollment-group", "$LASTEXITCODE")),
        (unenroll_script(EnrollmentKind.INDIVIDUAL, "line4-press2", PLACE, Shell.POWERSHELL), ("delete",)),
        (
            verify_ca_script(PEM, "plant-root", Path("C:\\it\u2019s $(here)"), "root", PLACE, Shell.POWERSHELL),
            ("'C:\\it\u2019\u2019s $(here)'", "$LASTEXITCODE"),
        ),
    ],
)
def test_the_powershell_form_parses_and_quotes_every_kind_of_quote(script: str, words: tuple[str, ...]) -> None:
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode("utf-8"))
    assert not tree.root_node.has_error, script
    assert [word for word in words if word not in script] == []
    assert "it's" not in script.replace("it''s", "") and "it\u2019s" not in script.replace("it\u2019\u2019s", "")
    assert script.count("$(here)") == script.count("'C:\\it\u2019\u2019s $(here)'"), "within its quotes alone"


@pytest.mark.parametrize("odd", ["%", "!", "(", ")", "a%PATH%"])
def test_what_cmd_exe_would_read_is_refused_in_the_powershell_form(odd: str) -> None:
    with pytest.raises(InputError, match=r"--device-id: .* means something to cmd.exe"):
        enroll_script(wanted(device_id=odd), PLACE, Shell.POWERSHELL)


@pytest.mark.parametrize(
    "place", [Place(""), Place("a b"), Place("x;y"), Place("$(id)"), Place("ok-name", "r g"), Place("ok-name", "'")]
)
def test_a_place_that_azure_cannot_have_is_refused(place: Place) -> None:
    for shell in Shell:
        with pytest.raises(InputError):
            enroll_script(wanted(), place, shell)


def test_a_ca_name_and_a_folder_that_cannot_be_are_refused() -> None:
    for name, folder in (("a b", "pki"), ("$(id)", "pki"), ("plant", "p\nki")):
        with pytest.raises(InputError):
            verify_ca_script(PEM, name, Path(folder), "root", PLACE, Shell.BASH)
