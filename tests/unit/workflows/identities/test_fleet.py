"""Thousands at once: killed runs, runs that meet, full and read-only disks, the demo scripts' names, the summary."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.certs.reading import read_bundle
from eflowprov.errors import EflowprovError, InputError, StorageError
from eflowprov.workflows.disk import workroom
from eflowprov.workflows.disk.locks import FileLock
from eflowprov.workflows.identities import batch, issue, summary
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.issue import issue_identities
from eflowprov.workflows.identities.issued import IdentityReceipt
from eflowprov.workflows.identities.layouts import Layout, place_of, places_in
from eflowprov.workflows.identities.summary import refuse_summary_names, write_summary
from tests.support import missing

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "eflowprov", "certs", "device"]
CERTGEN = "iot-edge-device-identity-"
IDS = [f"device-{number:02}" for number in range(12)]


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    create_authority(tmp_path / "pki", AuthorityProfile(KeyType.EC_P256))
    return tmp_path / "pki"


def _issue(pki: Path, *ids: str, **more: object) -> list[IdentityReceipt]:
    return list(issue_identities(ids or IDS, ca=pki, out=pki.parent / "out", **more))  # type: ignore[arg-type]


def _whole(out: Path, layout: Layout) -> dict[str, str]:
    """Every identity that has a key, with its serial; each must be whole."""
    serials = {}
    for key in [path for path in out.rglob("*.key.pem") if not any(part.startswith(".") for part in path.parts)]:
        name = key.name.removesuffix(".key.pem").removeprefix(CERTGEN)
        if "~" in name or "~" in key.parent.name:
            continue
        place = place_of(name, layout)
        read = read_bundle(name, (out / place.chain).read_bytes(), key=key.read_bytes())
        assert read.key_matches
        assert read_bundle(name, (out / place.leaf).read_bytes()).certificates == read.certificates[:1]
        assert not place.document or json.loads((out / place.document).read_bytes())
        serials[name] = read.certificates[0].serial
    return serials


def _hidden(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if path.name.startswith(".")]


# ------------------------------------------------------------------------------------------------ killed runs

KILL = """
import os, signal, sys
from pathlib import Path
from eflowprov.workflows.identities import batch, issue
from eflowprov.workflows.disk import storage, workroom
from eflowprov.workflows.identities.layouts import Layout
from tests.support import missing
issue.BATCH = 3
calls = []
def counted(step):
    def call(*words, **named):
        calls.append(step)
        if len(calls) == int(sys.argv[3]):
            os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))
        return step(*words, **named)
    return call
for module, names in ((workroom, ('fill', 'rename', 'rename_to_nothing', 'flush_folder')), (batch, ('flush_below',))):
    for name in names:
        setattr(module, name, counted(getattr(module, name)))
here, ids = Path(sys.argv[1]), sys.argv[4:]
renew = 'renew' in sys.argv[2]
layout = Layout(sys.argv[2].split('-')[0])
for _ in issue.issue_identities(ids, ca=here / 'pki', out=here / 'out', layout=layout, renew=renew):
    pass
print(len(calls))
"""


def _run_killed(pki: Path, how: str, step: int, ids: list[str]) -> int:
    words = [sys.executable, "-c", KILL, str(pki.parent), how, str(step), *ids]
    return subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("step", [1, 4, 9, 13, 14, 15, 16, 17, 18, 19, 22, 26, 33, 40])
def test_a_run_killed_at_any_step_leaves_whole_identities_and_the_next_goes_on(
    pki: Path, layout: Layout, step: int
) -> None:
    assert _run_killed(pki, layout.value, step, IDS[:7]) != 0
    out = pki.parent / "out"
    left = _whole(out, layout)
    receipts = _issue(pki, *IDS[:7], layout=layout)
    after = _whole(out, layout)
    assert sorted(after) == IDS[:7]
    assert {name: after[name] for name in left} == left, "nothing was issued twice"
    assert [one.registration_id for one in receipts if one.kept] >= sorted(left)
    assert _hidden(out) == []


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("step", [1, 5, 6, 7, 8, 9, 10, 11, 12, 13])
def test_a_renewal_killed_at_any_step_loses_neither_the_old_nor_the_new_identity(
    pki: Path, layout: Layout, step: int
) -> None:
    (first,) = _issue(pki, "d", layout=layout)
    old = first.key.read_bytes()
    _run_killed(pki, f"{layout.value}-renew", step, ["d"])
    out = pki.parent / "out"
    _whole(out, layout)
    (now,) = _issue(pki, "d", layout=layout)
    assert now.kept, "either one is there"
    assert _hidden(out) == []
    keys = [path.read_bytes() for path in out.rglob("*.key.pem")]
    assert old in keys
    assert len(keys) == (1 if now.certificate == first.certificate else 2)


@pytest.mark.linux
def test_a_killed_command_goes_on(pki: Path) -> None:
    out = pki.parent / "out"
    ids = [f"device-{number}" for number in range(400)]
    words = [*COMMAND, *ids, "--ca", str(pki), "--out", str(out)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while not (out / "device-0").exists() and run.poll() is None:
            pass
        run.kill()
    left = _whole(out, Layout.EFLOWPROV)
    assert left
    subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = _whole(out, Layout.EFLOWPROV)
    assert len(after) == 400
    assert left.items() <= after.items()
    rows = json.loads((out / "identities.json").read_bytes())["identities"]
    assert {row["registration_id"]: row["serial"] for row in rows} == after
    assert _hidden(out) == []


def test_a_batch_is_flushed_before_any_of_it_gets_its_name(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut could leave empty files under their names."""
    steps: list[str] = []

    def watched(step: Callable[..., None]) -> Callable[..., None]:
        def call(*words: object) -> None:
            steps.append(step.__name__)
            step(*words)

        return call

    monkeypatch.setattr(batch, "flush_below", watched(batch.flush_below))
    monkeypatch.setattr(workroom, "rename_to_nothing", watched(workroom.rename_to_nothing))
    monkeypatch.setattr(issue, "BATCH", 2)
    _issue(pki, *IDS[:3])
    assert steps == ["flush_below", "rename_to_nothing", "rename_to_nothing", "flush_below", "rename_to_nothing"]


# --------------------------------------------------------------------------------------------- runs that meet


@pytest.mark.parametrize("layout", list(Layout))
def test_runs_at_once_in_one_folder_make_each_identity_once_and_one_summary_of_all(pki: Path, layout: Layout) -> None:
    out = pki.parent / "out"
    lists = (IDS[:10], IDS[2:], IDS[::-1])
    runs = [
        subprocess.Popen(
            [*COMMAND, *ids, "--ca", str(pki), "--out", str(out), "--layout", layout.value, "--format", "json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for ids in lists
    ]
    answers = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    there = _whole(out, layout)
    assert sorted(there) == IDS
    for ids, answer in zip(lists, answers, strict=True):
        told = {one["registration_id"]: one["certificate"]["serial"] for one in json.loads(answer)["identities"]}
        assert told == {one: there[one] for one in ids}, "every run tells what is on disk"
    rows = json.loads((out / "identities.json").read_bytes())["identities"]
    assert {row["registration_id"]: row["serial"] for row in rows} == there
    assert _hidden(out) == []


@pytest.mark.parametrize("layout", list(Layout))
def test_what_another_run_made_meanwhile_is_kept(pki: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run comes between this one's writing and its naming."""
    flush, theirs = batch.flush_below, []

    def meanwhile(folder: Path, files: int) -> None:
        monkeypatch.setattr(batch, "flush_below", flush)
        theirs.extend(_issue(pki, "d1", layout=layout))
        flush(folder, files)

    monkeypatch.setattr(batch, "flush_below", meanwhile)
    first, second = _issue(pki, "d1", "d2", layout=layout)
    assert (first.kept, second.kept) == (True, False)
    assert first.certificate == theirs[0].certificate
    assert sorted(_whole(pki.parent / "out", layout)) == ["d1", "d2"]


def test_two_renewals_in_one_second_keep_both_old_identities(pki: Path) -> None:
    now = None
    for _ in range(3):
        (now,) = _issue(pki, "d", renew=True)
    assert now is not None
    folders = [path for path in (pki.parent / "out").iterdir() if path.name.startswith("d~")]
    assert len(folders) == 2


# ------------------------------------------------------------------------------------------------------- disks


@contextmanager
def _mounted(place: Path, options: str) -> Iterator[Path]:
    """A small file system of its own; skips where mounting is not allowed."""
    place.mkdir()
    command = ["/usr/bin/mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        missing("root and mount")
    try:
        yield place
    finally:
        subprocess.run(["/usr/bin/umount", str(place)], check=True)


@pytest.mark.linux
@pytest.mark.parametrize("kib", range(40, 140, 12))
@pytest.mark.parametrize("layout", list(Layout))
def test_a_full_disk_leaves_whole_identities_and_one_line(
    pki: Path, tmp_path: Path, layout: Layout, kib: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue, "BATCH", 2)
    with _mounted(tmp_path / "small", f"size={kib}k") as disk:
        with pytest.raises(StorageError, match=r"No space left on device\)\. Free some space") as refused:
            list(issue_identities(IDS, ca=pki, out=disk / "out", layout=layout))
        assert refused.value.exit_status == 3
        assert set(_whole(disk / "out", layout)) <= set(IDS)
        assert not [path for path in disk.rglob("*") if "+" in path.name]


@pytest.mark.linux
def test_a_read_only_disk_is_one_line(pki: Path, tmp_path: Path) -> None:
    with _mounted(tmp_path / "fixed", "ro") as disk:
        for attempt in (
            lambda: list(issue_identities(IDS, ca=pki, out=disk, layout=Layout.EFLOWPROV)),
            lambda: create_authority(disk / "pki"),
            lambda: create_authority(disk),
        ):
            with pytest.raises(StorageError, match=r"Read-only file system\)\. Choose a folder that you may write to"):
                attempt()


@pytest.mark.linux
def test_what_is_whole_in_a_read_only_folder_is_kept_without_a_write(pki: Path, tmp_path: Path) -> None:
    _issue(pki)
    out = tmp_path / "out"
    words = ["/usr/bin/mount", "--bind", "-o", "ro", str(out), str(out)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        missing("root and mount")
    try:
        assert all(one.kept for one in _issue(pki))
    finally:
        subprocess.run(["/usr/bin/umount", str(out)], check=True)


@pytest.mark.parametrize(
    "name", ["with space", 'it\'s "quoted"' if os.name != "nt" else "it's quoted", "Größe 漢字 🚀"]
)
def test_folders_of_any_name_are_written_to(pki: Path, name: str) -> None:
    out = pki.parent / name
    receipts = list(issue_identities(IDS[:2], ca=pki, out=out))
    assert all(one.key.exists() for one in receipts)
    write_summary(out, Layout.EFLOWPROV, receipts)
    assert [one.kept for one in issue_identities(IDS[:2], ca=pki, out=out)] == [True, True]


@pytest.mark.linux
def test_a_folder_path_of_250_characters_is_written_to(pki: Path) -> None:
    out = pki.parent
    while len(str(out)) < 250:
        out /= "x" * min(60, 250 - len(str(out)))
    (receipt,) = issue_identities(["d" * 64], ca=pki, out=out)
    assert receipt.key.exists()


def test_a_folder_path_beyond_every_limit_is_one_line(pki: Path) -> None:
    with pytest.raises(EflowprovError, match="Choose a shorter path"):
        list(issue_identities(["d"], ca=pki, out=pki.parent / ("x" * 300)))
    with pytest.raises(InputError, match="holds no authority"):
        list(issue_identities(["d"], ca=pki / ("x" * 300), out=pki.parent))


def test_a_file_in_the_place_of_a_folder_is_refused(pki: Path, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    for attempt in (
        lambda: list(issue_identities(["d"], ca=pki, out=tmp_path / "f")),
        lambda: create_authority(tmp_path / "f"),
    ):
        with pytest.raises(InputError, match="it is no folder"):
            attempt()
    with pytest.raises(StorageError, match="cannot be written"):
        list(issue_identities(["d"], ca=pki, out=tmp_path / "f" / "below"))


@pytest.mark.linux
def test_keys_on_a_disk_without_rights_are_said_to_be_exposed(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(one.exposed for one in _issue(pki, "a"))
    stage = batch.Workroom.stage

    def on_fat(self: batch.Workroom, folder: Path, files: dict[str, bytes], private: dict[str, bytes]) -> None:
        stage(self, folder, files, private)
        for name in private:
            (folder / name).chmod(0o755)

    monkeypatch.setattr(batch.Workroom, "stage", on_fat)
    assert all(one.exposed for one in _issue(pki, "b", "c"))


# ---------------------------------------------------------------------------------- the demo scripts' file names


def test_the_demo_scripts_names_and_chains(pki: Path) -> None:
    (receipt,) = _issue(pki, "line4", layout=Layout.CERTGEN)
    out = pki.parent / "out"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == [
        "certs/azure-iot-test-only.intermediate-full-chain.cert.pem",
        "certs/azure-iot-test-only.intermediate.cert.pem",
        "certs/azure-iot-test-only.root.ca.cert.pem",
        "certs/iot-edge-device-identity-line4-full-chain.cert.pem",
        "certs/iot-edge-device-identity-line4.cert.pem",
        "private/iot-edge-device-identity-line4.key.pem",
    ]
    for name, source in (("root.ca", "root.ca.cert.pem"), ("intermediate", "issuing.ca.cert.pem")):
        assert (out / f"certs/azure-iot-test-only.{name}.cert.pem").read_bytes() == (pki / source).read_bytes()
    chain = (pki / "issuing-chain.pem").read_bytes()
    assert (out / "certs/azure-iot-test-only.intermediate-full-chain.cert.pem").read_bytes() == chain
    assert receipt.chain.read_bytes() == receipt.leaf.read_bytes() + chain, "leaf, intermediate, root"
    assert (receipt.issuing, receipt.folder) == (pki / "issuing.ca.cert.pem", out / "certs")


def test_without_an_issuing_authority_the_demo_scripts_have_the_root_alone(tmp_path: Path) -> None:
    create_authority(tmp_path / "pki", AuthorityProfile(KeyType.EC_P256, intermediate=False))
    (receipt,) = _issue(tmp_path / "pki", "d", layout=Layout.CERTGEN)
    assert len(list(receipt.leaf.parent.glob("azure-*"))) == 1
    assert receipt.chain.read_bytes() == receipt.leaf.read_bytes() + (tmp_path / "pki/root.ca.cert.pem").read_bytes()


def test_another_authoritys_copies_are_not_overwritten(pki: Path, tmp_path: Path) -> None:
    _issue(pki, "a", layout=Layout.CERTGEN)
    create_authority(tmp_path / "other", AuthorityProfile(KeyType.EC_P256))
    with pytest.raises(InputError, match="another authority's certificate"):
        list(issue_identities(["b"], ca=tmp_path / "other", out=tmp_path / "out", layout=Layout.CERTGEN))
    assert not (tmp_path / "out" / place_of("b", Layout.CERTGEN).leaf).exists()


def test_under_the_demo_scripts_names_what_is_there_is_kept_renewed_or_refused(pki: Path) -> None:
    (first,) = _issue(pki, "a", layout=Layout.CERTGEN)
    (again,) = _issue(pki, "a", layout=Layout.CERTGEN)
    assert again.kept
    (second,) = _issue(pki, "a", layout=Layout.CERTGEN, renew=True)
    assert second.replaced is not None
    assert read_bundle("f", second.replaced.read_bytes()).certificates[0] == first.certificate
    assert [place.leaf for place in places_in(pki.parent / "out", Layout.CERTGEN)] == [second.place.leaf]
    second.key.unlink()
    with pytest.raises(InputError, match=r"lacks iot-edge-device-identity-a\.key\.pem"):
        _issue(pki, "a", layout=Layout.CERTGEN)


@pytest.mark.linux
def test_under_the_demo_scripts_names_case_clashes_are_refused_too(pki: Path) -> None:
    _issue(pki, "line4", layout=Layout.CERTGEN)
    with pytest.raises(InputError, match="DPS ignores case"):
        _issue(pki, "Line4", layout=Layout.CERTGEN)


# ----------------------------------------------------------------------------------------- jobs, progress, summary


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_receipts_come_in_the_lists_order_however_many_make_keys(pki: Path, jobs: int | None) -> None:
    profile = LeafProfile(KeyType.RSA_2048) if jobs is None else LeafProfile()
    ids = IDS[:4] if jobs is None else IDS
    assert [one.registration_id for one in _issue(pki, *ids, jobs=jobs, profile=profile)] == ids


def test_an_error_in_a_thread_ends_the_run_and_leaves_nothing_half_written(
    pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = issue.Issuer.issue

    def fifth_fails(self: issue.Issuer, registration_id: str) -> object:
        if registration_id == IDS[4]:
            raise MemoryError
        return make(self, registration_id)

    monkeypatch.setattr(issue.Issuer, "issue", fifth_fails)
    monkeypatch.setattr(issue, "BATCH", 2)
    with pytest.raises(MemoryError):
        _issue(pki, jobs=2)
    assert sorted(_whole(pki.parent / "out", Layout.EFLOWPROV)) == IDS[:4]
    assert _hidden(pki.parent / "out") == []


def test_progress_is_told_to_the_last_of_them(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "BATCH", 5)
    told: list[tuple[str, int, int]] = []
    _issue(pki, watch=lambda *what: told.append(what))
    assert told == [("issuing", done, 12) for done in (5, 10, 12)]
    told.clear()
    _issue(pki, watch=lambda *what: told.append(what))
    assert told[-1] == ("looking", 11, 12)


def test_a_batch_ends_when_its_time_is_up(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "BATCH_S", 0.0)
    told: list[int] = []
    _issue(pki, *IDS[:3], watch=lambda _what, done, _of: told.append(done))
    assert told == [1, 2, 3, 3]


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "identities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    document = json.loads((out / "identities.json").read_bytes())
    assert document["identities"] == rows, "both say the same"
    return rows


@pytest.mark.parametrize("layout", list(Layout))
def test_the_summary_names_every_identity_with_its_files(pki: Path, layout: Layout) -> None:
    receipts = _issue(pki, layout=layout)
    out = pki.parent / "out"
    assert write_summary(out, layout, receipts) == (out / "identities.csv", out / "identities.json")
    rows = _rows(out)
    assert [row["registration_id"] for row in rows] == IDS
    for row, receipt in zip(rows, receipts, strict=True):
        facts = receipt.certificate
        assert (row["serial"], row["sha1"], row["sha256"]) == (facts.serial, facts.sha1, facts.sha256)
        assert row["not_after"] == f"{facts.not_after:%Y-%m-%dT%H:%M:%SZ}"
        assert [out / row[name] for name in ("leaf", "chain", "key")] == [receipt.leaf, receipt.chain, receipt.key]


@pytest.mark.parametrize("layout", list(Layout))
def test_the_summary_has_what_other_runs_made_and_nothing_that_is_not_whole(pki: Path, layout: Layout) -> None:
    _issue(pki, *IDS[:3], layout=layout)
    renewed = _issue(pki, IDS[0], layout=layout, renew=True)
    out = pki.parent / "out"
    (out / place_of(IDS[1], layout).leaf).write_bytes(b"torn")
    (out / place_of(IDS[2], layout).key).unlink()
    (out / "somebody-elses").mkdir()
    write_summary(out, layout, renewed)
    assert [(row["registration_id"], bool(row["key"])) for row in _rows(out)] == [(IDS[0], True), (IDS[2], False)]
    assert _rows(out)[0]["serial"] == renewed[0].certificate.serial


def test_no_other_run_gives_names_while_the_summary_is_made(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an older list could take the place of a newer one."""
    seen: list[object] = []
    look = summary.places_in

    def locked(out: Path, layout: Layout) -> object:
        seen.append(FileLock.take(out / ".eflowprov+lock"))
        return look(out, layout)

    monkeypatch.setattr(summary, "places_in", locked)
    write_summary(pki.parent / "out", Layout.EFLOWPROV, _issue(pki))
    assert seen == [None]


@pytest.mark.linux
def test_the_summary_may_be_read_by_all_and_the_keys_by_none(pki: Path) -> None:
    receipts = _issue(pki)
    for path in write_summary(pki.parent / "out", Layout.EFLOWPROV, receipts):
        assert stat.S_IMODE(path.stat().st_mode) & 0o400
    assert {stat.S_IMODE(one.key.stat().st_mode) for one in receipts} == {0o600}


@pytest.mark.parametrize("name", ["identities.csv", "Identities.JSON"])
def test_an_id_whose_folder_would_take_the_summarys_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="the name of the summary"):
        refuse_summary_names(["a", name])
