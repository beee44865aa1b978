"""`run` killed with SIGKILL at any point: the next one goes on, and the cmdlet takes effect once for a certificate."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from eflowprov.certs.reading import read_bundle
from eflowprov.workflows.provisioning.staging import staging_folder
from eflowprov.workflows.runs.run import STEPS
from tests.machine import CONFIG, DEVICE, SCOPE, Files, make_files
from tests.unit.workflows.runs.kill_site import KillSite

pytestmark = pytest.mark.linux  # fork and SIGKILL

_KILLED = -9  # SIGKILL, a name that Windows lacks
_PAIRS = 10
_STRIDE = 4  # of the events of a rotation, most of which are those of a first run


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory where there is one: SIGKILL loses nothing of what was written, so no flush has to be real."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


def new_site(folder: Path, files: Files) -> KillSite:
    folder.mkdir(parents=True)
    return KillSite(
        folder,
        {
            "identity": {"registration_id": DEVICE, "ca": files.ca, "out": folder / "out"},
            "dps": {"scope_id": SCOPE, "register": True},
            "vm": {"start_wait_s": 0},
            "provision": {"evidence_s": 0.05},
            "report": {"output": folder / "report"},
        },
    )


def whole(site: KillSite) -> None:
    """What must hold after the last run, whatever was killed before it."""
    names = {path.name for path in (site.folder / "out").iterdir()}
    assert names == {DEVICE}, f"litter: {names}"
    assert {path.name for path in (site.folder / "out" / DEVICE).iterdir()} == {
        *(f"{DEVICE}.{end}" for end in ("leaf.pem", "chain.pem", "key.pem", "json"))
    }
    journal = json.loads(site.journal.read_text("ascii"))
    assert journal["under_way"] == "" and set(journal["steps"]) == {
        *("register", "provision-begun", "provision", "wait")
    }
    assert json.loads((site.folder / "report" / "report.json").read_text("utf-8"))["verdict"] == "ready"
    assert list(staging_folder().iterdir()) == []  # no copy of a key outlives the next run


def fingerprint(path: Path) -> str:
    return read_bundle(str(path), path.read_bytes()).certificates[0].sha256


def in_use(site: KillSite) -> bytes:
    """The certificate file that the VM's configuration names."""
    files = site.world.files
    (line,) = [line for line in files[CONFIG].decode().splitlines() if line.startswith("identity_cert")]
    return files[line.partition("file://")[2].rstrip('"')]


def test_every_step_is_met_and_each_of_its_events_is_one_to_be_killed_at(room: Path, files: Files) -> None:
    site = new_site(room / "site", files)
    assert site.run() == 0
    events = site.events()
    assert {step for step, _ in events if step} == set(STEPS)
    assert len(events) > 60 and len(site.world.effects) == site.world.registrations == 1
    whole(site)


def test_a_run_killed_at_any_event_goes_on_and_provisions_once(room: Path, files: Files) -> None:
    at = 0
    while True:
        at += 1
        site = new_site(room / str(at), files)
        first = site.run(kill_at=at)
        killed_in = site.events()[-1]
        if first == 0:
            break
        assert first == _KILLED, killed_in
        chain = site.folder / "out" / DEVICE / f"{DEVICE}.chain.pem"
        before = chain.read_bytes() if chain.exists() else None
        assert site.run() == 0, killed_in
        assert len(site.world.effects) == 1, killed_in
        assert before in (None, chain.read_bytes()) and in_use(site) == chain.read_bytes(), killed_in
        assert site.world.registrations <= 2, killed_in  # DPS gives the same answer twice
        whole(site)
        shutil.rmtree(site.folder)
    assert at > 60


def test_a_run_killed_twice_goes_on_all_the_same(room: Path, files: Files) -> None:
    chosen = random.Random(5)
    for number in range(_PAIRS):
        site = new_site(room / str(number), files)
        kills = [chosen.randrange(1, 60), chosen.randrange(1, 40)]
        ends = [site.run(kill_at=at) for at in kills]
        assert set(ends) <= {_KILLED, 0}, kills
        assert site.run() == 0 and len(site.world.effects) == 1, kills
        whole(site)


def test_a_rotation_killed_at_any_point_ends_with_the_new_certificate_in_use_once(room: Path, files: Files) -> None:
    base = new_site(room / "base", files)
    assert base.run() == 0
    other = make_files(room / "new")
    at = 0
    while True:
        at += _STRIDE
        folder = room / str(at)
        shutil.copytree(base.folder, folder)
        site = KillSite(folder, {**base.settings, "identity": {}})
        site.settings["identity"] = {"registration_id": DEVICE, "cert": other.chain, "key": other.key}
        site.settings["report"] = {"output": folder / "report"}
        first = site.run(kill_at=at)
        killed_in = site.events()[-1]
        if first == 0:
            break
        assert first == _KILLED and site.run() == 0, killed_in
        effects = site.world.effects
        assert len(effects) == len(set(effects)) == 2, killed_in  # the old one before, the new one once
        assert in_use(site) == other.chain.read_bytes(), killed_in
        shutil.rmtree(folder)
    assert at > 50


def test_a_lock_of_a_killed_run_is_in_nobodys_way(room: Path, files: Files) -> None:
    site = new_site(room / "site", files)
    assert site.run(kill_at=30) == _KILLED
    assert site.journal.with_name(f"{site.journal.name}.lock").exists()  # its file is there, its lock is not
    assert site.run() == 0
    assert not site.journal.with_name(f"{site.journal.name}.lock").exists() and os.listdir(site.folder)  # noqa: PTH208
