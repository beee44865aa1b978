"""`eflowprov run` as a real process against the lab's machine, killed with SIGKILL in and between all of its steps.

Real: the process, its files, PowerShell's stand-in as a child process, SSH, DPS over TLS. One configuration is run
again and again, each time killed a little later; what the last one finds must be one certificate, provisioned once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eflowprov.lab import machine as lab
from eflowprov.lab.cmdlets import EflowCmdlets
from eflowprov.lab.machine import SCOPE_ID, LabMachine
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.model import CommandResult
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.runs.run import STEPS
from tests.conftest import ROOT

pytestmark = pytest.mark.linux  # SIGKILL

DEVICE = "line4-press2"
_KILLED = -9
_LIMIT_S = 60.0

# Where each run ends, in the order of the steps: at a step's beginning, then inside it.
POINTS = (
    *("step certs", "certs/fsync"),
    *("step check", "checking the certificate"),
    *("step host", "cmdlet Get-EflowVm before"),
    "step enroll",
    *("step register", "dps"),
    *("step provision", "vm cat", "provision/fsync"),
    *("cmdlet Provision-EflowVm before", "cmdlet Provision-EflowVm after"),
    *("step wait", "vm iotedge list", "wait/fsync"),
    *("step verify", "vm iotedge check"),
    *("step report", "report/fsync"),
)


@dataclass
class Site:
    """The machine, which outlives the processes that work on it, and the one that works on it now."""

    folder: Path
    environ: dict[str, str]
    process: subprocess.Popen[str] | None = None
    point: str = ""
    effects: list[dict[str, object]] = field(default_factory=list)  # what Provision-EflowVm was called with, and did

    def run(self, point: str = "-") -> tuple[int, str]:
        """Run it to the end, or to `point`; its exit status, minus the signal's number, and its standard error."""
        self.point = point
        command = [sys.executable, "-m", "tests.lab.drive_killed", point, "--verbose", "run", "--config"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(
            [*command, str(self.folder / "press2.toml")], env=self.environ, cwd=ROOT, text=True, **pipes
        )
        with self.process:
            try:
                return self.process.wait(_LIMIT_S), self.process.communicate()[1]
            finally:
                self.process.kill()

    def meet(self, point: str) -> bool:
        """Kill the process if this is where it is to end; whether it was."""
        if self.point != point or self.process is None:
            return False
        self.process.kill()
        self.process.wait()
        return True

    @property
    def journal(self) -> dict[str, Any]:
        return json.loads((self.folder / "press2.toml.journal.json").read_text("ascii"))  # type: ignore[no-any-return]


class _Registrations(list[object]):
    """The lab's DPS has assigned the device, and its answer is not out yet."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def append(self, one: object) -> None:
        super().append(one)
        self._site.meet("dps")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    authority = create_authority(tmp_path / "pki")
    (tmp_path / "machine").mkdir()
    made = Site(tmp_path, {})

    class Cmdlets(EflowCmdlets):
        def __call__(self, name: str, args: dict[str, object]) -> list[dict[str, str]]:
            if made.meet(f"cmdlet {name} before"):
                return [{"stream": "throw", "text": "nobody waits for it any more"}]
            if name == "Provision-EflowVm":
                made.effects.append(args)
            records = super().__call__(name, args)
            made.meet(f"cmdlet {name} after")
            return records

    monkeypatch.setattr(lab, "EflowCmdlets", Cmdlets)
    with ExitStack() as stack:
        machine = LabMachine(
            SCENARIOS["healthy"], tmp_path / "machine", enrolled_ca=authority.issuing.read_text("ascii")
        )
        shell = machine._vm.shell

        def watched(text: str, *more: Any, **named: Any) -> CommandResult:
            for point in ("cat", "iotedge list", "iotedge check"):
                if f" {point} " in f" {text} ":
                    made.meet(f"vm {point}")
            return shell(text, *more, **named)

        monkeypatch.setattr(machine._vm, "shell", watched)
        stack.enter_context(machine)
        machine._dps._service.registrations = _Registrations(made)  # type: ignore[assignment]
        made.environ = {**machine._environ, "EFLOWPROV_POWERSHELL": str(_played(tmp_path)), "PYTHONPATH": str(ROOT)}
        (tmp_path / "press2.toml").write_text(
            f'[identity]\nregistration_id = "{DEVICE}"\nca = "pki"\nout = "out"\n'
            f'[dps]\nscope_id = "{SCOPE_ID}"\nendpoint = "{machine.dps_endpoint}"\nregister = true\n'
            f'endpoint_ca = "{machine.dps_ca}"\n'
            f'[vm]\nssh = "{machine.ssh}"\nssh_key = "{machine.ssh_key}"\nknown_hosts = "{machine.known_hosts}"\n'
            '[provision]\nevidence_s = 40\n[report]\noutput = "report"\n',
            encoding="utf-8",
        )
        yield made


def _played(folder: Path) -> Path:
    """PowerShell's stand-in as the one program that EFLOWPROV_POWERSHELL names."""
    path = folder / "powershell"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m eflowprov.lab.played_powershell "$@"\n', encoding="ascii")
    path.chmod(0o700)
    return path


def test_a_run_killed_in_and_between_all_of_its_steps_ends_ready_and_provisions_once(site: Site) -> None:
    assert {point.removeprefix("step ") for point in POINTS if point.startswith("step ")} == set(STEPS)
    chain = site.folder / "out" / DEVICE / f"{DEVICE}.chain.pem"
    issued = b""
    for point in POINTS:
        status, err = site.run(point)
        assert status == _KILLED, f"{point}: {err}"
        assert chain.exists() or not issued
        issued = issued or (chain.read_bytes() if chain.exists() else b"")
    status, err = site.run()
    assert status == 0, err
    assert len(site.effects) == 1, "the cmdlet took effect once"
    assert chain.read_bytes() == issued, "and for the certificate that was issued at first"
    _is_whole(site)
    assert site.run()[0] == 0 and len(site.effects) == 1, "and a finished run's next one repeats nothing"


def _is_whole(site: Site) -> None:
    """What the last run leaves: its report, its journal, the identity, and no trace of the killed ones."""
    report = json.loads((site.folder / "report" / "report.json").read_text("utf-8"))
    assert report["verdict"] == "ready"
    assert site.journal["under_way"] == ""
    assert set(site.journal["steps"]) == {"register", "provision-begun", "provision", "wait"}
    identity = site.folder / "out" / DEVICE
    assert {path.name for path in identity.iterdir()} == {
        *(f"{DEVICE}.{end}" for end in ("leaf.pem", "chain.pem", "key.pem", "json"))
    }
    key = (identity / f"{DEVICE}.key.pem").read_bytes()
    state = Path(site.environ["XDG_STATE_HOME"])
    places = [path for folder in (site.folder, state) for path in folder.rglob("*") if path.is_file()]
    copies = [path for path in places if path.read_bytes() == key and not path.is_relative_to(site.folder / "machine")]
    assert copies == [identity / f"{DEVICE}.key.pem"], "no copy of the key outlives the next run"
    assert not [path for path in site.folder.rglob(".eflowprov+*") if os.access(path, os.R_OK)]
