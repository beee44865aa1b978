"""The command text for `Invoke-EflowVmCommand`, run by real shells, and its answer, damaged in every way."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.bridge.vm_command import MAX_TEXT, unwrap, wrap
from eflowprov.errors import BridgeError, InputError, TransportError
from eflowprov.model import CommandResult
from eflowprov.transports import shell as guard

NONCE = uuid.uuid4().hex  # so that a run beside this one has folders of other names
ECHO_ARGV = (sys.executable, "-I", "-S", "-c", "import json,sys; print(json.dumps(sys.argv[1:]))")
linux = pytest.mark.linux


def text_of(argv: tuple[str, ...], shell: str = "sh", timeout_s: float = 20, cap: int = 16 * 2**20) -> str:
    """The command text, its inner shell set to the one under test."""
    text = wrap(argv, nonce=NONCE, timeout_s=timeout_s, cap=cap)
    return text.removesuffix("sh") + {"busybox": "busybox sh"}.get(shell, shell)


def run(argv: tuple[str, ...], shell: str = "sh", timeout_s: float = 20, cap: int = 16 * 2**20) -> CommandResult:
    """What a real shell makes of the text: it always ends with 0 and says nothing on standard error."""
    text = text_of(argv, shell, timeout_s, cap)
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, b"")
    return read(ran.stdout.decode("ascii").splitlines(), argv)


def read(lines: list[str], argv: tuple[str, ...] = ("a",)) -> CommandResult:
    return unwrap(lines, nonce=NONCE, argv=argv, duration_s=0.5)


def envelope(
    status: str = "3", out: bytes = b"out\n", err: bytes = b"err\n", sizes: tuple[int, int] | None = None
) -> str:
    """An answer as the script prints it."""
    total = sizes or (len(out), len(err))
    streams = [base64.encodebytes(stream).decode("ascii") for stream in (out, err)]
    numbers = f"{status}:0:20:100:{total[0]}:{total[1]}"
    return f"#vm:{NONCE}:{numbers}:\n{streams[0]}:\n{streams[1]}:\n{numbers}:{NONCE}:vm#\n"


@pytest.fixture
def folders() -> Callable[[], set[str]]:
    """Our folders in the VM's temporary folders."""
    return lambda: {str(found) for place in ("/tmp", "/var/tmp") for found in Path(place).glob(f"eflowprov.{NONCE}.*")}


@linux
def test_status_and_both_streams_come_back_from_each_shell(shell: str) -> None:
    got = run(("sh", "-c", "echo out; echo err >&2; exit 7"), shell)
    assert (got.status, got.stdout, got.stderr, got.dropped, got.duration_s) == (7, b"out\n", b"err\n", 0, 0.5)


@linux
def test_hostile_arguments_arrive_byte_for_byte_in_each_shell(shell: str) -> None:
    hostile = [
        "",
        "it's",
        '"',
        "$(id)",
        "`id`",
        "a\nb\n",
        "“x”",
        "-n",
        "--",
        "\\",
        "}",
        "{",
        "$nonce",
        "é" * 5000,
        "\x7f\x01",
    ]
    assert json.loads(run((*ECHO_ARGV, *hostile), shell).stdout) == hostile


@linux
def test_exit_statuses_over_the_whole_range_are_kept() -> None:
    statuses = [0, 1, 2, 3, 42, 124, 126, 127, 128, 137, 200, 255]
    assert [run(("sh", "-c", f"exit {status}")).status for status in statuses] == statuses


@linux
@pytest.mark.parametrize("number", [9, 11, 15])  # SIGKILL, SIGSEGV, SIGTERM
def test_death_by_a_signal_is_128_and_its_number(number: int) -> None:
    assert run(("sh", "-c", f"kill -{number} $$")).status == 128 + number


@linux
def test_five_megabytes_are_capped_on_each_stream_and_counted(shell: str) -> None:
    got = run(("sh", "-c", "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"), shell, cap=1000)
    assert (got.stdout, got.stderr, got.dropped) == (bytes(1000), bytes(1000), 2 * 4_999_000)


@linux
@pytest.mark.parametrize("count", [999, 1000, 1001])
def test_at_the_cap_not_a_byte_is_lost_or_invented(count: int) -> None:
    got = run(("head", "-c", str(count), "/dev/zero"), cap=1000)
    assert (len(got.stdout), got.dropped) == (min(count, 1000), max(count - 1000, 0))


@linux
def test_a_head_that_reads_ahead_as_busybox_does_never_hides_that_something_was_dropped(tmp_path: Path) -> None:
    greedy = tmp_path / "head"
    real = shutil.which("head")
    greedy.write_text(
        f'#!/bin/sh\n[ "$3" ] || {{ {real} -c "$2"; {real} -c 4096 >/dev/null; exit; }}\nexec {real} "$@"\n'
    )
    greedy.chmod(0o755)
    text = text_of((str(real), "-c", "1001", "/dev/zero"), cap=1000)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, env={"PATH": path}, check=True)
    got = read(ran.stdout.decode("ascii").splitlines())
    assert (len(got.stdout), got.dropped) == (1000, 1)


@linux
def test_binary_output_survives() -> None:
    every = bytes(range(256)) * 3
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)"
    assert run((sys.executable, "-I", "-S", "-c", code)).stdout == every


@linux
def test_the_program_gets_no_input_and_keeps_its_folder(tmp_path: Path) -> None:
    text = text_of(("sh", "-c", "cat; pwd"))
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, input=b"not for you", cwd=tmp_path, check=True)
    assert read(ran.stdout.decode("ascii").splitlines()).stdout == f"{tmp_path}\n".encode()


@linux
def test_no_folder_is_left_and_it_was_the_owners_alone(folders: Callable[[], set[str]]) -> None:
    got = run(("sh", "-c", f"ls -ld /tmp/eflowprov.{NONCE}.*"))
    assert got.stdout.startswith(b"drwx------")
    assert folders() == set()


@linux
@pytest.mark.parametrize("number", [1, 2, 15])  # SIGHUP, SIGINT, SIGTERM
def test_a_signal_removes_the_folder_at_once(
    shell: str, number: int, folders: Callable[[], set[str]], tmp_path: Path
) -> None:
    script = base64.b64decode(text_of(("sh", "-c", f"touch {tmp_path}/on; sleep 2"), timeout_s=3).split()[1])
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    with subprocess.Popen([*words, "-c", script.decode()], stdout=subprocess.DEVNULL) as process:
        _until((tmp_path / "on").exists)
        assert len(folders()) == 1
        process.send_signal(number)
        _until(lambda: folders() == set(), within_s=1.5)


@linux
def test_the_deadline_ends_a_program_and_keeps_what_it_printed() -> None:
    got = run(("sh", "-c", "echo half; sleep 30"), timeout_s=1)
    assert (got.status, got.stdout, got.note) == (None, b"half\n", "no end within 1 s")


@linux
def test_the_deadline_kills_a_program_that_ignores_sigterm(
    folders: Callable[[], set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "KILL_AFTER_S", 1)  # the test has less patience
    pid_file = tmp_path / "pid"
    code = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"with open({str(pid_file)!r}, 'w') as file: file.write(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    got = run((sys.executable, "-I", "-S", "-c", code), timeout_s=1)
    assert (got.status, got.note) == (None, "no end within 1 s")
    assert not _is_running(int(pid_file.read_text(encoding="ascii")))
    assert folders() == set()


@linux
def test_a_program_may_end_with_the_guards_status_itself() -> None:
    got = run(("sh", "-c", "exit 124"), timeout_s=5)
    assert (got.status, got.note) == (124, "")


@linux
def test_without_a_temporary_folder_the_program_is_not_started_and_the_reason_is_told(tmp_path: Path) -> None:
    failing = tmp_path / "mktemp"
    failing.write_text("#!/bin/sh\necho 'mktemp: No space left on device' >&2\nexit 1\n", encoding="ascii")
    failing.chmod(0o755)
    text = text_of(("touch", str(tmp_path / "started")))
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, env={"PATH": path}, check=True)
    with pytest.raises(TransportError, match=r"no folder can be made .*No space left on device.*df -h") as refusal:
        read(ran.stdout.decode("ascii").splitlines())
    assert not isinstance(refusal.value, BridgeError)
    assert not (tmp_path / "started").exists()


@linux
def test_what_fails_in_the_script_itself_is_silent_and_never_an_answer(tmp_path: Path) -> None:
    failing = tmp_path / "wc"  # as on a full disk
    failing.write_text("#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n", encoding="ascii")
    failing.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(["/bin/sh", "-c", text_of(("true",))], capture_output=True, env={"PATH": path})
    assert (ran.returncode, ran.stderr) == (0, b"")
    with pytest.raises(BridgeError, match="unknown form"):
        read(ran.stdout.decode("ascii").splitlines())


@linux
def test_var_tmp_is_used_where_tmp_is_read_only(tmp_path: Path) -> None:
    picky = tmp_path / "mktemp"
    picky.write_text(
        f'#!/bin/sh\ncase $2 in /tmp/*) exit 1;; esac\nexec {shutil.which("mktemp")} "$@"\n', encoding="ascii"
    )
    picky.chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", "-c", text_of(("sh", "-c", f"ls -d /var/tmp/eflowprov.{NONCE}.*"))],
        capture_output=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
    )
    assert read(ran.stdout.decode("ascii").splitlines()).stdout.startswith(b"/var/tmp/eflowprov.")


@linux
def test_half_of_the_text_runs_nothing(tmp_path: Path) -> None:
    script = base64.b64decode(text_of(("touch", str(tmp_path / "started"))).split()[1])
    for end in range(0, len(script) - 2, 97):
        subprocess.run(["/bin/sh"], input=script[:end], capture_output=True)
    assert not (tmp_path / "started").exists()
    subprocess.run(["/bin/sh"], input=script, capture_output=True, check=True)
    assert (tmp_path / "started").exists()


def test_the_text_has_nothing_that_powershell_or_windows_would_change() -> None:
    text = wrap(("echo", "$(x) `y` \"z\" 'q' %PATH%"), nonce=NONCE, timeout_s=5, cap=10)
    echo, encoded, rest = text.split(" ", 2)
    assert (echo, rest) == ("echo", "| base64 -d | sh")
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def test_a_text_longer_than_a_windows_command_line_is_refused() -> None:
    assert len(wrap(("a", "x" * 20_000), nonce=NONCE, timeout_s=5, cap=10)) <= MAX_TEXT
    with pytest.raises(InputError, match=r"Windows takes 30000 .*--channel ssh"):
        wrap(("a", "x" * 30_000), nonce=NONCE, timeout_s=5, cap=10)


@pytest.mark.parametrize("nonce", ["", "short", "has spaces", "quote'quote'", "a" * 65, "trailing1\n"])
def test_a_nonce_is_letters_and_digits(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        wrap(("a",), nonce=nonce, timeout_s=5, cap=10)


def test_a_nul_is_refused() -> None:
    with pytest.raises(InputError, match="NUL"):
        wrap(("a", "\0"), nonce=NONCE, timeout_s=5, cap=10)


def test_the_answer_is_found_among_noise() -> None:
    got = read(["WARNING: x", f"noise {envelope()} more", "", "[11/20/2022] done"])
    assert (got.status, got.stdout, got.stderr, got.argv) == (3, b"out\n", b"err\n", ("a",))


@given(st.lists(st.integers(0, 120), max_size=12), st.sampled_from(["\n", "\r\n", "\r", " "]))
def test_lines_broken_anywhere_make_no_difference(cuts: list[int], end: str) -> None:
    whole = envelope()
    places = [0, *sorted(cuts), len(whole)]
    lines = [whole[a:b] + end for a, b in pairwise(places)]
    assert read(lines) == read([whole])


@given(st.integers(0, 200), st.integers(1, 40))
def test_a_part_that_is_missing_is_never_an_answer(start: int, length: int) -> None:
    whole = "".join(envelope().split())
    torn = whole[:start] + whole[start + length :]
    if torn != whole:
        with pytest.raises(BridgeError):
            read([torn])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "0 beginnings and 0 ends of an answer; the first line seen is 'nothing'"),
        (["ssh: connect failed"], "first line seen is 'ssh: connect failed'"),
        ([envelope(), envelope()], "2 beginnings and 2 ends"),
        ([envelope().replace(NONCE, "another0nonce")], "0 beginnings"),
        ([envelope(status="")], "unknown form"),
        ([envelope(status="x")], "unknown form"),
        ([envelope().replace("3:0:20", "0:0:20", 1)], "unknown form"),
        ([envelope(out=b"out\n", sizes=(5, 4))], "a part is missing"),
        ([envelope(out=b"out\n", sizes=(3, 4))], "a part is missing"),
        ([envelope().replace("b3V0Cg==", "b3V0C===")], "not whole"),
        ([envelope().replace("b3V0Cg==", "b3V0C!==")], "unknown form"),
    ],
)
def test_an_answer_that_is_missing_doubled_or_torn_is_an_error(lines: list[str], said: str) -> None:
    with pytest.raises(BridgeError, match=said):
        read(lines)


def _is_running(pid: int) -> bool:
    """Whether the process lives; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(happened: Callable[[], bool], within_s: float = 5) -> None:
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
