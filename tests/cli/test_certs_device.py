"""`certs ca` and `certs device` for fleets, as a person types them: lists, faults, progress, secrets."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from eflowprov.cli import progress, terminal
from eflowprov.cli.main import run_command
from eflowprov.errors import EflowprovError
from eflowprov.workflows.identities.authority_files import open_authority

ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery"
Captured = pytest.CaptureFixture[str]
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *words: run_command(["certs", *words])


@pytest.fixture
def pki(run: Run, capsys: Captured) -> Path:
    assert run("ca", "--out", "pki", "--key-type", "ec-p256", "--no-passphrase") == 0
    capsys.readouterr()
    return Path("pki")


def _device(run: Run, *words: str) -> int:
    return run("device", "--ca", "pki", "--out", "out", *words)


# ------------------------------------------------------------------------------------------------------- lists


def test_a_list_is_issued_counted_and_summed_up(run: Run, pki: Path, capsys: Captured) -> None:
    Path("ids.csv").write_text("name,deviceId\n" + "".join(f"x,d{n}\n" for n in range(60)), encoding="utf-8")
    assert _device(run, "--ids-file", "ids.csv") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("60 devices: 60 issued; valid until 20")
    assert said[2] == f"all identities in out: {Path('out/identities.csv')}, {Path('out/identities.json')}"
    assert len(Path("out/identities.csv").read_text("utf-8").splitlines()) == 61
    assert _device(run, "--ids-file", "ids.csv", "more") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("61 devices: 1 issued, 60 kept; valid until 20")
    assert len(Path("out/identities.csv").read_text("utf-8").splitlines()) == 62


def test_verbose_gives_every_device_a_line(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run, "--verbose", *(f"d{n}" for n in range(60))) == 0
    terminal.SETTINGS.verbose = False
    assert capsys.readouterr().out.count(": issued") == 60


def test_a_summary_is_a_list_itself(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run, "a", "b") == 0
    assert _device(run, "--ids-file", "out/identities.csv", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert [(one["registration_id"], one["kept"]) for one in document["identities"]] == [("a", True), ("b", True)]
    assert document["summary"] == {"csv": str(Path("out/identities.csv")), "json": str(Path("out/identities.json"))}


def test_standard_input_is_a_list_too(pki: Path) -> None:
    words = [sys.executable, "-m", "eflowprov", "certs", "device", "--ids-file", "-", "--ca", "pki", "--out", "out"]
    done = subprocess.run(words, input=b"a\r\nb\r\n", capture_output=True, check=True, env=_with_project())
    assert b"a: issued" in done.stdout
    assert Path("out/b/b.key.pem").exists()


@pytest.mark.linux
@pytest.mark.parametrize(
    ("streams", "status"),
    [("<&-", 2), ("<&- >&- 2>&-", 2), ("2>&-", 2), (">/dev/full 2>/dev/full", 2)],
)
def test_streams_that_are_closed_or_full_change_no_status(pki: Path, streams: str, status: int) -> None:
    words = f'"$1" -m eflowprov certs device --ids-file - --ca pki --out out {streams}'
    done = subprocess.run(
        ["/bin/sh", "-c", words, "sh", sys.executable], input=b"", capture_output=True, check=False, env=_with_project()
    )
    assert (done.returncode, done.stdout) == (status, b"")
    assert b"in the tool itself" not in done.stderr
    assert not Path("out").exists()


def test_no_id_at_all_is_status_2(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run) == 2
    assert capsys.readouterr().err == (
        "error: certs device: no registration ID is given. Name them, or give --ids-file.\n"
    )


def test_faults_of_all_lists_are_named_together_and_nothing_is_written(run: Run, pki: Path, capsys: Captured) -> None:
    Path("ids.txt").write_text("one\ntwo two\nONE\ncli\n", encoding="utf-8")
    assert _device(run, "cli", "--ids-file", "ids.txt") == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(
        "error: registration IDs: 3 stand in the way (1 invalid, 1 alike but for case, 1 given twice)"
    )
    for place in ("ids.txt, line 2, registration ID 'two two'", "(first in ids.txt, line 1)", "ids.txt, line 4"):
        assert place in line
    assert not Path("out").exists()


def test_many_faults_get_a_line_each_and_are_counted_in_the_last(run: Run, pki: Path, capsys: Captured) -> None:
    Path("ids.txt").write_text("".join(f"bad {n}\n" for n in range(30)) + "ok\n" * 3000, encoding="utf-8")
    assert _device(run, "--ids-file", "ids.txt") == 2
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert lines[-1] == (
        "error: registration IDs: 3029 stand in the way (2999 given twice, 30 invalid). Use 1 to 64 letters, digits, "
        "'-', '.', '_' or ':', with a letter, a digit or '-' at the end. Give each device once."
    )
    assert "ids.txt, line 30, registration ID 'bad 29': character 4 is a space" in lines[29]
    assert len(lines) == 501


def test_faults_on_the_disk_are_named_together_too(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run, "a", "b", "c") == 0
    for name in ("a", "b"):
        (Path("out") / name / f"{name}.chain.pem").unlink()
    capsys.readouterr()
    assert _device(run, "a", "b", "c", "d") == 2
    said = capsys.readouterr().err
    assert "lacks a.chain.pem" in said
    assert "lacks b.chain.pem" in said
    assert not Path("out/d").exists()


def test_a_key_that_is_only_on_its_device_stands_in_no_fleets_way(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run, "a") == 0
    Path("out/a/a.key.pem").unlink()
    capsys.readouterr()
    assert _device(run, "a", "b") == 0
    said = capsys.readouterr().out
    assert f"{Path('out/a/a.key.pem')}  (no longer here)" in said
    assert f"{Path('out/b/b.key.pem')}  (keep it secret)" in said
    assert f"next: eflowprov certs check {Path('out/b/b.chain.pem')}" in said
    assert _device(run, "a", "--format", "json") == 0
    (one,) = json.loads(capsys.readouterr().out)["identities"]
    assert one["kept"] and one["device"]["key"] is None
    assert _device(run, "a") == 0
    assert "next:" not in capsys.readouterr().out
    assert _device(run, "a", *(f"d{n}" for n in range(60))) == 0
    assert "61 devices: 60 issued, 1 kept, 1 of them without a private key here;" in capsys.readouterr().out


def _close(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have the system refuse to look at these, as it does for a user without rights; an administrator has all."""
    stat, iterdir = Path.stat, Path.iterdir

    def refuse(path: Path) -> None:
        if path.name in names:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def closed_stat(path: Path, **flags: bool) -> os.stat_result:
        refuse(path)
        return stat(path, **flags)

    def closed_iterdir(path: Path) -> Iterator[Path]:
        refuse(path)
        return iterdir(path)

    monkeypatch.setattr(Path, "stat", closed_stat)
    monkeypatch.setattr(Path, "iterdir", closed_iterdir)


def test_an_identity_that_is_closed_to_us_is_one_line_and_status_2(
    run: Run, pki: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _device(run, "a") == 0
    capsys.readouterr()
    _close(monkeypatch, "a.key.pem")
    assert _device(run, "a", "b") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a.key.pem: it cannot be read" in line
    assert not Path("out/b").exists()


def test_a_closed_folder_is_listed_as_unusable_when_it_may_be_an_identity(
    run: Run, pki: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _device(run, "a", "b") == 0
    Path("out/lost+found").mkdir()
    capsys.readouterr()
    _close(monkeypatch, "a", "lost+found")
    assert run("list", "out") == 2
    said = capsys.readouterr()
    assert [line.split()[:2] for line in said.out.splitlines()[2:]] == [["a", "unusable"]]
    assert "lost+found" not in said.out + said.err


def test_a_summary_that_cannot_be_written_says_that_the_identities_are_there(
    run: Run, pki: Path, capsys: Captured
) -> None:
    Path("out/identities.csv").mkdir(parents=True)
    assert _device(run, "a") == 3
    said = capsys.readouterr()
    assert "; the identities themselves are whole in out." in said.err
    assert Path("out/a/a.key.pem").exists()


def test_a_closed_folder_of_another_kind_stands_in_no_summarys_way(
    run: Run, pki: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out/lost+found").mkdir(parents=True)
    _close(monkeypatch, "lost+found.leaf.pem")
    assert _device(run, "a") == 0
    assert Path("out/identities.csv").exists()


@pytest.mark.parametrize("words", [("--jobs", "0"), ("--jobs", "999"), ("--layout", "mkcert"), ("--ids-file", "no")])
def test_unusable_flags_are_status_2(run: Run, pki: Path, words: tuple[str, str]) -> None:
    assert _device(run, "a", *words) == 2
    assert not Path("out").exists()


def test_the_demo_scripts_layout_is_told_by_its_paths(run: Run, pki: Path, capsys: Captured) -> None:
    assert _device(run, "line4", "--layout", "certgen") == 0
    said = capsys.readouterr().out
    for path in (
        "certs/iot-edge-device-identity-line4-full-chain.cert.pem",
        "private/iot-edge-device-identity-line4.key.pem",
    ):
        assert str(Path("out") / path) in said
    assert run("check", "out/certs/iot-edge-device-identity-line4-full-chain.cert.pem") == 0


# ---------------------------------------------------------------------------------------------------- progress


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_the_rate_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = _Terminal()
    monkeypatch.setattr(sys, "stderr", drawn)
    monkeypatch.setenv("COLUMNS", "120")
    with progress.progress_bar() as watch:
        for done in range(0, 2001, 100):
            watch("issuing", done, 2000)
    text = drawn.getvalue()
    assert "issuing" in text
    assert "2000/2000" in text
    assert "/s" in text
    assert "0:00:00" in text


@pytest.mark.parametrize("quiet", [True, False])
def test_elsewhere_progress_is_silent(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    drawn = _Terminal() if quiet else io.StringIO()
    monkeypatch.setattr(sys, "stderr", drawn)
    monkeypatch.setattr(terminal.SETTINGS, "quiet", quiet)
    with progress.progress_bar() as watch:
        watch("issuing", 2000, 2000)
    assert drawn.getvalue() == ""


def test_few_devices_have_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", drawn := _Terminal())
    with progress.progress_bar() as watch:
        watch("issuing", 1, 2)
    assert drawn.getvalue() == ""


def test_ctrl_c_is_status_130_and_leaves_whole_identities(
    run: Run, pki: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eflowprov.workflows.identities import issue

    make = issue.Issuer.issue

    def fourth_is_interrupted(self: issue.Issuer, registration_id: str) -> object:
        if registration_id == "d3":
            raise KeyboardInterrupt
        return make(self, registration_id)

    monkeypatch.setattr(issue.Issuer, "issue", fourth_is_interrupted)
    monkeypatch.setattr(issue, "BATCH", 2)
    assert _device(run, *(f"d{n}" for n in range(6))) == 130
    assert "interrupted, at least 2 of 6 identities are in out. Nothing half" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").iterdir()) == ["d0", "d1"]


# ------------------------------------------------------------------------------------------------------ secrets


def _with_project() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _with_variables(error: BaseException) -> str:
    """The traceback with every variable of the product's own frames."""
    assert error.__traceback__
    below = error.__traceback__.tb_next  # the first is the test's
    return "".join(traceback.TracebackException(type(error), error, below, capture_locals=True).format())


def _locked(run: Run) -> None:
    Path("p").write_text(PASSPHRASE + "\n", encoding="utf-8")
    Path("wrong").write_text("staple wrong staple\n", encoding="utf-8")
    assert run("ca", "--out", "pki", "--key-type", "ec-p256", "--passphrase-file", "p") == 0


def test_a_traceback_of_a_wrong_passphrase_shows_none(run: Run) -> None:
    _locked(run)
    words = [sys.executable, "-m", "eflowprov", "--debug", "--log-file", "log", "certs", "device", "a"]
    words += ["--ca", "pki", "--out", "out", "--passphrase-file", "wrong"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=_with_project())
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "cannot be opened with this passphrase" in done.stderr
    log = Path("log").read_text("utf-8")
    for text in (done.stdout, done.stderr, log):
        assert "staple" not in text


def test_no_frame_of_a_traceback_holds_a_passphrase_in_its_variables(run: Run) -> None:
    """As tools show them that print variables with a traceback."""
    _locked(run)
    with pytest.raises(EflowprovError) as refused:
        open_authority(Path("pki"), passphrase_file=Path("wrong"))
    text = _with_variables(refused.value)
    assert "load_key" in text
    assert "staple" not in text


@pytest.mark.parametrize("content", ["two\nstaple lines\n", "staple\udcff", "x" * 5000])
def test_neither_does_an_unusable_passphrase_file(run: Run, content: str) -> None:
    Path("f").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert run("ca", "--out", "pki", "--passphrase-file", "f") == 2
    from eflowprov.workflows.disk.files import read_passphrase

    with pytest.raises(EflowprovError) as refused:
        read_passphrase(Path("f"))
    text = _with_variables(refused.value)
    assert "staple" not in text
    assert "xxxxx" not in text


def test_a_prompted_passphrase_is_in_no_log_no_environment_and_no_argument(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: PASSPHRASE)
    with caplog.at_level(logging.DEBUG):
        assert run("ca", "--out", "pki") == 0
        assert _device(run, "a") == 0
    said = capsys.readouterr()
    for text in (said.out, said.err, caplog.text, str(os.environ), str(sys.argv)):
        assert PASSPHRASE not in text
    files = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert not any(PASSPHRASE.encode() in data for data in files)


def test_the_flag_for_no_passphrase_says_what_it_means(run: Run, capsys: Captured) -> None:
    assert run("ca", "--help") == 0
    assert "whoever reads them can make devices" in " ".join(capsys.readouterr().out.split())
    assert run("ca", "--out", "pki", "--no-passphrase") == 0
    assert "Whoever can read them can make devices that your DPS takes." in capsys.readouterr().err


def test_a_short_answer_is_refused_before_anything_is_made(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "is_interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: "short")
    assert run("ca", "--out", "pki") == 2
    assert "shorter than 12 characters" in capsys.readouterr().err
    assert not Path("pki").exists()
