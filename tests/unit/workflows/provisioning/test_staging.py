"""Copies of a private key live as long as the call that needs them; a killed run's are gone with the next command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from eflowprov.errors import EflowprovError, StorageError
from eflowprov.workflows.provisioning import staging
from eflowprov.workflows.provisioning.preparation import ProvisionRequest
from eflowprov.workflows.provisioning.provision import provision_and_report
from eflowprov.workflows.provisioning.staging import stage, staging_room, sweep_staging
from eflowprov.workflows.runs.run import Runner
from eflowprov.workflows.vm.channels import ChannelRequest
from tests.conftest import ROOT

_HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from eflowprov.workflows.provisioning import staging
staging.staging_folder = lambda: Path(sys.argv[1])
with staging.staging_room() as room:
    staging.stage(room / "press2.key.pem", b"a private key")
    print(room, flush=True)
    sys.stdin.read()
"""

_USERS_OWN = staging.staging_folder


def test_the_rooms_have_a_folder_of_their_own_so_that_a_sweep_takes_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path)
    assert _USERS_OWN() == tmp_path / "staging"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(staging, "staging_folder", lambda: tmp_path / "state" / "staging")
    return tmp_path / "state" / "staging"


@contextmanager
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a key staged, and its room."""
    command = [sys.executable, "-c", _HOLDER, str(folder), str(ROOT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().rstrip("\n"))
        finally:
            process.kill()


def test_a_room_and_what_is_in_it_are_gone_afterwards(folder: Path) -> None:
    with staging_room() as room:
        stage(room / "press2.key.pem", b"a private key")
        assert (room / "press2.key.pem").read_bytes() == b"a private key"
    assert list(folder.iterdir()) == []


def test_a_killed_runs_key_is_swept_and_a_living_ones_is_not(folder: Path) -> None:
    with holder(folder) as (dead, left), holder(folder) as (_, used):
        dead.kill()
        dead.wait()
        assert (left / "press2.key.pem").exists()  # SIGKILL leaves it: nobody could take it away
        sweep_staging()
        assert not left.exists() and (used / "press2.key.pem").exists()


def _by_provision() -> None:
    request = ProvisionRequest("0ne1", Path("gone.pem"), Path("gone.pem"))
    provision_and_report(
        request,
        None,
        ChannelRequest(),
        confirm=bool,
        transcript=None,
        progress=print,  # type: ignore[arg-type]
    )


def _by_run() -> None:
    Runner.run(Runner.__new__(Runner))


def _by_deprovision() -> None:
    run_command(["deprovision", "--config", "gone.toml"])


@pytest.mark.parametrize("command", [_by_provision, _by_run, _by_deprovision])
def test_each_command_begins_with_the_sweep(folder: Path, command: Callable[[], None]) -> None:
    with holder(folder) as (dead, left):
        dead.kill()
        dead.wait()
        with suppress(EflowprovError, AttributeError):  # it has no input to go on with, which comes later
            command()
        assert not left.exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way", encoding="ascii", newline="\n")
    with pytest.raises(StorageError, match="cannot be written"), staging_room():
        raise AssertionError
