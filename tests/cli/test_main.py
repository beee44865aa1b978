"""The gate: one line for every error, the contract's statuses, nothing on standard output that was not asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eflowprov import __version__
from eflowprov.cli import terminal
from eflowprov.cli.main import COMMANDS, run_command
from eflowprov.errors import BridgeError, EflowprovError
from eflowprov.workflows.config import template
from tests.conftest import ROOT

SUBCOMMANDS = {
    "certs": ("ca", "device", "check", "show", "request", "import", "proof", "export", "renew", "list"),
    "host": ("check", "info"),
    "dps": ("register", "enroll", "unenroll", "status", "verify-ca"),
    "lab": ("run", "scenarios", "start"),
    "config": ("new", "check", "schema"),
}
EVERY = [
    [],
    *([name] for name in COMMANDS),
    *([name, each] for name, below in SUBCOMMANDS.items() for each in below),
]


def process(*argv: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "eflowprov", *argv],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )


def refusal(capsys: pytest.CaptureFixture[str], argv: list[str], status: int = 2) -> str:
    """Run a command line that is refused; its one line."""
    assert run_command(argv) == status
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\n") and len(err.splitlines()) == 1, err
    assert err.startswith("error: ") and err.rstrip().endswith((".", "?"))
    return err.removeprefix("error: ").rstrip("\n")


# ----------------------------------------------------------------------------------------------- wrong usage


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "eflowprov: Missing command. See `eflowprov --help`."),
        (["lab"], "eflowprov lab: Missing command. See `eflowprov lab --help`."),
        (["nosuch"], "eflowprov: No such command 'nosuch'."),
        (["verfy"], "eflowprov: No such command 'verfy'. Did you mean 'verify'? See `eflowprov --help`."),
        (["--nosuch"], "eflowprov: No such option: --nosuch."),
        (["verify", "--nosuch"], "eflowprov verify: No such option: --nosuch"),
        (["lab", "run", "--nosuch"], "eflowprov lab run: No such option: --nosuch"),
        (["provision"], "eflowprov provision: Missing option '--scope-id'."),
        (["run"], "eflowprov run: Missing option '--config'."),
        (["config", "check"], "eflowprov config check: Missing argument"),
        (["verify", "--channel", "telnet"], "'telnet' is not one of 'auto', 'ssh', 'cmdlet'."),
        (["verify", "--format", "xml"], "eflowprov verify: Invalid value for '--format'"),
        (["verify", "--timeout", "soon"], "eflowprov verify: Invalid value for '--timeout'"),
        (["verify", "--timeout", "0"], "eflowprov verify: Invalid value for '--timeout'"),
        (["verify", "--timeout", "nan"], "eflowprov verify: Invalid value for '--timeout'"),
        (["verify", "--timeout", "inf"], "eflowprov verify: Invalid value for '--timeout'"),
        (["verify", "--ssh"], "eflowprov verify: Option '--ssh' requires an argument."),
        (["verify", "surplus"], "eflowprov verify: Got unexpected extra argument"),
        (["verify", "--log-file"], "eflowprov: Option '--log-file' requires an argument."),
        (["--log-file", "no/such/folder/x.jsonl", "lab", "scenarios"], "--log-file: no"),
        (["--install-completion"], "eflowprov: No such option: --install-completion."),
        (["--show-completion"], "eflowprov: No such option: --show-completion."),
        (["--", "--debug"], "eflowprov: No such command '--debug'."),
        (["-vq", "verify", "--channel", "telnet"], "'telnet' is not one of"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line_with_the_place_and_the_next_step(
    capsys: pytest.CaptureFixture[str], argv: list[str], told: str
) -> None:
    line = refusal(capsys, argv)
    assert told in line and ("See `eflowprov" in line or "--log-file: " in line)


@pytest.mark.parametrize(
    "hostile", ["a\nb", "a\r\nerror: b", "\x1b[31mred", "a\x85b\u2028c", "x" * 5000, "\u202ertl", "ÄÖ✔", "%s{0}"]
)
def test_hostile_input_never_breaks_the_line(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    for argv in (
        [hostile],
        [f"--{hostile}"],
        ["lab", "run", "--scenario", hostile],
        ["verify", "--channel", hostile],
        ["verify", "--since", hostile],
        ["verify", "--from", hostile],
        ["run", "--config", hostile],
    ):
        line = refusal(capsys, argv)
        assert line.isprintable() and "\x1b" not in line


def test_a_command_that_is_only_listed_is_never_taken_for_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the module of the command that is called is loaded; every way to name it must find it."""
    for front in (["-v"], ["-vq"], ["--"], ["--no-color", "-q"]):
        assert run_command([*front, "lab", "scenarios"]) == 0
        assert "healthy" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------- global flags


@pytest.mark.parametrize("argv", [["--version"], ["verify", "--version"], ["-q", "--version"], ["--version", "nosuch"]])
def test_the_version_is_told_wherever_it_is_asked_for(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert run_command(argv) == 0
    assert capsys.readouterr() == (f"eflowprov {__version__}\n", "")


@pytest.mark.parametrize("flag", [["--verbose"], ["-q"], ["--no-color"], ["--debug"], ["--log-file", "LOG"]])
@pytest.mark.parametrize("before", [True, False])
def test_global_flags_are_taken_before_and_after_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flag: list[str], before: bool
) -> None:
    words = [word.replace("LOG", str(tmp_path / "log")) for word in flag]
    command = ["lab", "scenarios"]
    assert run_command([*words, *command] if before else [*command, *words]) == 0
    settings = terminal.SETTINGS
    told = {"--verbose": settings.verbose, "-q": settings.quiet, "--no-color": settings.no_color}
    told |= {"--debug": settings.debug, "--log-file": settings.log_file == tmp_path / "log"}
    assert [name for name, is_set in told.items() if is_set] == [flag[0]]
    assert run_command(command) == 0 and not settings.debug and settings.log_file is None


def test_words_behind_two_dashes_are_no_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert "extra argument" in refusal(capsys, ["lab", "scenarios", "--", "--debug"])
    assert not terminal.SETTINGS.debug


@pytest.mark.parametrize("argv", EVERY, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_help_has_a_worked_example(capsys: pytest.CaptureFixture[str], argv: list[str], flag: str) -> None:
    assert run_command([*argv, flag]) == 0
    out, err = capsys.readouterr()
    words = " ".join(out.split())
    assert f"Example: eflowprov {' '.join(argv)}".rstrip() in words and err == ""
    assert words.startswith("Usage: eflowprov ")


def test_every_command_is_tried_here(capsys: pytest.CaptureFixture[str]) -> None:
    """A new command must join `SUBCOMMANDS`."""
    for name, below in SUBCOMMANDS.items():
        assert run_command([name, "--help"]) == 0
        listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0]
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
        assert sorted(set(names)) == sorted(below), name


# --------------------------------------------------------------------------------------- errors and tracebacks


def break_scenarios(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr("eflowprov.cli.lab.scenarios", broken)


def test_a_defect_is_one_line_and_status_3_and_its_traceback_shows_with_debug_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_scenarios(monkeypatch, ZeroDivisionError("secret detail"))
    line = refusal(capsys, ["lab", "scenarios"], status=3)
    assert line == "eflowprov: ZeroDivisionError in the tool itself. Run again with --debug and report what it prints."
    assert run_command(["--debug", "lab", "scenarios"]) == 3
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err and "secret detail" in err
    assert err.splitlines()[-1] == f"error: {line}"


def test_what_the_system_says_of_a_file_is_told_with_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_scenarios(monkeypatch, IsADirectoryError(21, "Is a directory", "lab/lab.toml"))
    line = refusal(capsys, ["lab", "scenarios"], status=3)
    assert line.startswith("lab/lab.toml: Is a directory. ") and "in the tool itself" not in line


def test_an_error_of_the_product_shows_its_traceback_with_debug_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_scenarios(monkeypatch, BridgeError("PowerShell", "the answer is torn: password=hunter2", "Try again"))
    assert "Traceback" not in refusal(capsys, ["lab", "scenarios"], status=3)
    assert run_command(["lab", "scenarios", "--debug"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err and "debug: eflowprov: status 3" in err


@pytest.mark.parametrize("kind", EflowprovError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_error_class_ends_with_its_own_status(
    kind: type[EflowprovError], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_scenarios(monkeypatch, kind("the place", "the\nreason.", "The next step."))
    line = refusal(capsys, ["lab", "scenarios"], status=kind.exit_status)
    assert line == "the place: the reason. The next step."


def test_ctrl_c_is_status_130_and_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    break_scenarios(monkeypatch, KeyboardInterrupt())
    line = refusal(capsys, ["lab", "scenarios"], status=130)
    assert line == "eflowprov: interrupted. Nothing half written is left; run the command again to go on."


INTERRUPTED_WHILE_LOADING = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from eflowprov.__main__ import main
main()
"""


def run_folder(folder: Path, text: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program as Windows' eflowprov.exe is: from a folder or zip with a `__main__.py`."""
    (folder / "__main__.py").write_text(text, encoding="ascii")
    return subprocess.run([sys.executable, str(folder)], capture_output=True, timeout=60)


def test_ctrl_c_while_the_command_line_is_still_loaded_is_status_130_and_one_line(tmp_path: Path) -> None:
    ended = run_folder(tmp_path, INTERRUPTED_WHILE_LOADING)
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (130, b"", 1)
    assert ended.stderr.startswith(b"error: eflowprov: interrupted.")


@pytest.mark.parametrize("error", [EOFError(), BrokenPipeError(32, "Broken pipe"), OSError(5, "I/O error")])
def test_a_wire_that_breaks_inside_is_never_taken_for_a_reader_that_has_gone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_scenarios(monkeypatch, error)
    assert "in the tool itself" in refusal(capsys, ["lab", "scenarios"], status=3)


# --------------------------------------------------------------------------------------------- standard output


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_no_code_page_ends_a_command(tmp_path: Path, encoding: str) -> None:
    done = process("lab", "run", "--scenario", "ca-as-identity", "-v", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 1, done.stderr
    text = done.stdout.decode(encoding)
    assert "NOT READY" in text and "?" not in text.split("FAIL")[0]  # ASCII marks, not replaced ones
    refused = process("lab", "run", "--scenario", "✔ü", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    file = tmp_path / "✔ü.toml"
    file.write_text(template(), encoding="utf-8", newline="\n")
    good = process("config", "check", str(file), PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert good.returncode == 0 and b": good for line4-press2" in good.stdout and good.stderr == b""


@pytest.mark.linux
def test_a_reader_that_goes_away_is_no_error_and_changes_no_verdict() -> None:
    for argv, status in ((["lab", "run", "--scenario", "ca-as-identity", "-q"], 1), (["lab", "scenarios"], 0)):
        read, write = os.pipe()
        os.close(read)
        run = subprocess.Popen(
            [sys.executable, "-m", "eflowprov", *argv], stdout=write, stderr=subprocess.PIPE, cwd=ROOT
        )
        os.close(write)
        _, err = run.communicate(timeout=60)
        assert (run.returncode, err) == (status, b"")


@pytest.mark.linux
def test_a_standard_output_that_is_closed_is_no_error() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$1" -m eflowprov lab scenarios >&-', "sh", sys.executable],
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.linux
def test_an_output_that_cannot_be_written_is_one_line_and_status_3() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eflowprov", "lab", "scenarios"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
            timeout=60,
        )
    assert done.returncode == 3
    assert done.stderr.decode().startswith("error: standard output: cannot be written (No space left on device). ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("is_terminal", "flag", "variable", "term", "expected"),
    [
        (True, False, "", "xterm", True),
        (False, False, "", "xterm", False),
        (True, True, "", "xterm", False),
        (True, False, "1", "xterm", False),
        (True, False, "", "dumb", False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, flag: bool, variable: str, term: str, expected: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setattr(terminal.SETTINGS, "no_color", flag)
    monkeypatch.setenv("NO_COLOR", variable)
    assert terminal.color() is expected


# --------------------------------------------------------------------------------------------------- start-up

_HEAVY = ("paramiko", "winrm", "azure", "cryptography", "requests")


@pytest.mark.parametrize(
    "statement",
    [
        "import eflowprov.cli.main",
        "import eflowprov.cli.main as m; [m.run_command([n, '--help']) for n in ['--help', *m.COMMANDS]]",
        "import eflowprov.cli.main as m; m.run_command(['verify', '--from', 'no-such-folder'])",
    ],
)
def test_the_heavy_libraries_are_loaded_when_they_are_used_and_not_before(statement: str) -> None:
    code = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert "typer" in loaded and not loaded & set(_HEAVY)


def test_the_module_and_the_program_are_the_same() -> None:
    done = process("--version")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"eflowprov {__version__}".encode(), b"")


INTERRUPTED_IN_TEXT = """
from eflowprov.cli import main
def interrupted(argv):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return 130
main.run_command = interrupted
main.main()
"""


def test_an_interrupt_in_text_that_is_being_run_is_status_130_and_no_death_by_a_signal(tmp_path: Path) -> None:
    assert run_folder(tmp_path, INTERRUPTED_IN_TEXT).returncode == 130


def test_a_secret_in_a_wrong_place_of_the_command_line_is_not_printed_back(capsys: pytest.CaptureFixture[str]) -> None:
    named = "HostName=a;SharedAccessKeyName=o;SharedAccessKey=S3CRETS3CRET"
    assert run_command(["certs", "show", named]) == 2
    err = capsys.readouterr().err
    assert "S3CRET" not in err and "SharedAccessKey=***" in err
