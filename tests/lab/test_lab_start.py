"""`lab start`: a machine that stays, and every command that it prints works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eflowprov.errors import InputError
from eflowprov.lab.machine import LabMachine
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.lab.site import commands, machine_folder
from tests.conftest import ROOT

pytestmark = pytest.mark.linux  # POSIX's shell words, SIGTERM

_LIMIT_S = 60.0


@dataclass
class Lab:
    """A started lab: its folder, the process, and the commands that it printed, without the first word."""

    folder: Path
    process: subprocess.Popen[str]
    environ: dict[str, str]
    commands: list[list[str]]

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eflowprov", *words]
        environ = {**self.environ, "COLUMNS": "80"}
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def printed(self, *begins: str) -> list[str]:
        return next(words for words in self.commands if words[: len(begins)] == list(begins))

    def end(self) -> tuple[int, str]:
        self.process.terminate()
        _, err = self.process.communicate(timeout=_LIMIT_S)
        return self.process.returncode, err


def _start(folder: Path, *more: str) -> Lab:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    environ.pop("EFLOWPROV_LAB", None)
    command = [sys.executable, "-m", "eflowprov", "lab", "start", "--output", str(folder), *more]
    process = subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    commands = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("  export "):
            name, _, value = line.removeprefix("  export ").strip().partition("=")
            environ[name] = shlex.split(value)[0]
        if line.startswith("  eflowprov "):
            commands.append(shlex.split(line)[1:])
        if "dps unenroll" in line:
            break  # the last one
    return Lab(folder, process, environ, commands)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = _start(tmp_path / "a lab")
    yield made
    if made.process.poll() is None:
        made.end()


def test_every_command_that_is_printed_works_as_it_stands(lab: Lab) -> None:
    assert len(lab.commands) == 12
    for words in lab.commands:
        more = ["--yes"] if words[0] == "deprovision" or "unenroll" in words else []
        done = lab.call(*words, *more)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        if words[:2] == ["host", "check"] or words[0] == "provision":
            assert done.stdout.startswith("READY") and "host lab (" in " ".join(done.stdout.split())
    status, err = lab.end()
    assert (status, [line for line in err.splitlines() if line][-1]) == (0, "lab: ended")
    assert "cmdlet Provision-EflowVm" in err and "DPS assigned line4-press2" in err and "VM over SSH: " in err
    assert re.search(r"VM over SSH: sudo -n timeout -k \d+ \d+ iotedge list\n", err), "the command, not what guards it"
    assert not (lab.folder / "machine").exists()
    assert lab.call("host", "check").stderr.startswith("error: lab: no lab answers")


def test_a_dry_run_changes_nothing_and_asks_neither_vm_nor_dps(lab: Lab) -> None:
    def tree() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in lab.folder.rglob("*") if path.is_file()}

    lab.call("certs", "device", "line4-press2", "--ca", "pki", "--out", "out")
    with (lab.folder / "lab.toml").open("a", encoding="utf-8") as file:
        file.write('[enroll]\nkind = "individual"\nconnection_string_file = "dps.txt"\n')
    before = tree()
    done = lab.call(*lab.printed("run", "--config", "lab.toml", "--dry-run"))
    assert done.returncode == 0 and "Provision-EflowVm -provisioningType DpsX509" in done.stdout
    assert "PUT https://localhost:" in done.stdout and "SharedAccess" not in done.stdout
    assert tree() == before
    _, err = lab.end()
    asked = {line.partition(" ")[2] for line in err.splitlines() if line[2:3] == ":"}
    assert asked == {"cmdlet Get-EflowVmName"}  # is the lab there?


def test_a_second_start_in_its_folder_is_refused_and_a_killed_one_is_cleared_away(lab: Lab) -> None:
    with pytest.raises(InputError, match="a lab runs there already"), machine_folder(lab.folder):
        raise AssertionError("it was begun")
    lab.process.kill()
    lab.process.communicate(timeout=_LIMIT_S)
    authority = (lab.folder / "pki" / "issuing.ca.cert.pem").read_bytes()
    again = _start(lab.folder)
    assert again.call(*again.printed("host", "check")).returncode == 0
    assert again.end()[0] == 0
    assert (lab.folder / "pki" / "issuing.ca.cert.pem").read_bytes() == authority


@pytest.mark.parametrize(("name", "text"), [("lab.toml", "[identity]\n"), ("machine/notes.txt", "mine")])
def test_a_folder_with_somebody_elses_files_is_left_alone(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "machine").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(InputError, match="it is no lab's"), machine_folder(tmp_path):
        raise AssertionError("it was begun")
    assert (tmp_path / name).read_text("utf-8") == text


def test_a_lab_that_ended_is_told_and_no_other_machine_is_touched(lab: Lab) -> None:
    lab.end()
    done = lab.call(*lab.printed("verify", "--channel"))
    assert done.returncode == 3 and done.stdout == ""
    assert "Start it with `eflowprov lab start`; without EFLOWPROV_LAB" in done.stderr


def test_the_scenario_of_a_mistaken_identity_has_it_in_its_configuration(tmp_path: Path) -> None:
    lab = _start(tmp_path / "lab", "--scenario", "ca-as-identity")
    try:
        done = lab.call("run", "--config", "lab.toml")
        assert done.returncode == 1 and "certificate/ca-as-identity" in done.stdout
    finally:
        lab.end()


def test_on_windows_the_commands_are_powershells(tmp_path: Path) -> None:
    folder = tmp_path / "o'brien\u2019s [1]"
    with machine_folder(folder) as place:
        machine = LabMachine(SCENARIOS["healthy"], place, enrolled_ca="")
        text = commands(machine, folder, SCENARIOS["healthy"], windows=True)
    quoted = str(folder).replace("'", "''").replace("\u2019", "\u2019\u2019")
    assert f"  cd -LiteralPath '{quoted}'\n  $env:EFLOWPROV_LAB = '{quoted}" in text
