"""Starting PowerShell: the program, the command line, the environment; and the process tree with its deadline."""

from __future__ import annotations

import base64
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eflowprov.errors import TransportError
from eflowprov.transports import process_tree
from eflowprov.transports.powershell import find_powershell, powershell_command, powershell_environment
from eflowprov.transports.process_tree import ProcessResult, run_process


def test_windows_uses_5_1_by_absolute_path_and_never_asks_path() -> None:
    environ = {"SystemRoot": r"D:\Windows", "PATH": r"C:\Program Files\PowerShell\7"}
    assert find_powershell(environ, "win32") == (r"D:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",)


def test_a_32_bit_process_gets_the_64_bit_powershell_through_sysnative() -> None:
    environ = {"SYSTEMROOT": r"C:\Windows", "PROCESSOR_ARCHITEW6432": "AMD64"}
    assert find_powershell(environ, "win32") == (r"C:\Windows\Sysnative\WindowsPowerShell\v1.0\powershell.exe",)


@pytest.mark.parametrize("platform", ["win32", "linux", "darwin"])
def test_the_variable_names_one_program_on_every_platform(platform: str) -> None:
    assert find_powershell({"EFLOWPROV_POWERSHELL": "/opt/my pwsh"}, platform) == ("/opt/my pwsh",)


@pytest.mark.linux
def test_elsewhere_pwsh_comes_from_path(tmp_path: Path) -> None:
    pwsh = tmp_path / "pwsh"
    pwsh.touch(mode=0o755)
    assert find_powershell({"PATH": str(tmp_path)}, "linux") == (str(pwsh),)


def test_no_pwsh_is_an_error_that_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"no pwsh is on PATH.*EFLOWPROV_POWERSHELL"):
        find_powershell({"PATH": str(tmp_path)}, "linux")


def test_the_command_line_is_the_recorded_one_and_sets_no_execution_policy() -> None:
    *arguments, encoded = powershell_command(("pwsh",), "'a'\n")
    assert " ".join(arguments) == "pwsh -NoLogo -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand"
    assert base64.b64decode(encoded).decode("utf-16-le") == "'a'\n"


def test_the_environment_has_no_module_path_no_colours_and_no_telemetry() -> None:
    env = powershell_environment({"PSModulePath": "7", "PSMODULEPATH": "7", "PATH": "kept", "NO_COLOR": ""})
    assert env == {"PATH": "kept", "NO_COLOR": "1", "POWERSHELL_TELEMETRY_OPTOUT": "1"}


class Grandchild:
    """A process that a program under test starts: it holds standard output, and a connection to here while it lives."""

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        self._listener = listener
        self._script = folder / "grandchild.py"
        connect = f"s = socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}))"
        told = "s.send(b'x'); sys.stderr.write('running\\n'); sys.stderr.flush(); s.recv(1)"
        self._script.write_text(f"import socket, sys\n{connect}; {told}\n", encoding="utf-8")

    def started(self, **options: object) -> str:
        """Python code that starts it and goes on when it runs."""
        given = "".join(f", {name}={value!r}" for name, value in options.items())
        process = f"subprocess.Popen([sys.executable, {str(self._script)!r}], stderr=subprocess.PIPE{given})"
        return f"import subprocess, sys; child = {process}; child.stderr.readline()"

    def wait_until_it_runs(self) -> None:
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(10)
        assert self._connection.recv(1) == b"x"

    def is_dead(self) -> bool:
        """Its end closes the connection; alive, it says nothing and the time runs out."""
        try:
            return self._connection.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        """Let it end, if it still runs."""
        self._connection.close()


@pytest.fixture
def grandchild(tmp_path: Path) -> Iterator[Grandchild]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        yield Grandchild(listener, tmp_path)


def python(code: str, stdin: bytes = b"", *, timeout_s: float = 20.0, cap: int = 2**20) -> ProcessResult:
    return run_process((sys.executable, "-c", code), stdin, timeout_s=timeout_s, env=os.environ, cap=cap)


def test_input_output_error_and_status_travel_together() -> None:
    code = "import sys; t = sys.stdin.buffer.read(); sys.stdout.buffer.write(t * 2); sys.stderr.write('e'); sys.exit(3)"
    assert python(code, b"abc\x00") == ProcessResult(3, b"abc\x00abc\x00", b"e", timed_out=False, dropped=0)


def test_both_streams_are_read_at_once_and_capped() -> None:
    code = "import sys; sys.stdout.write('o' * 2_000_000); sys.stderr.write('e' * 2_000_000)"
    result = python(code, cap=1000)
    assert (result.stdout, result.stderr) == (b"o" * 1000, b"e" * 1000)
    assert result.dropped == 2 * (2_000_000 - 1000)


def test_a_program_that_leaves_its_input_unread_is_no_error() -> None:
    assert python("pass", b"x" * 1_000_000).status == 0


def test_the_deadline_ends_the_whole_tree_though_a_grandchild_holds_the_pipes(
    grandchild: Grandchild, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_by = process_tree._ended_by

    def once_it_runs(process: object, deadline: float, cancel: None) -> bool:
        grandchild.wait_until_it_runs()
        return ended_by(process, time.monotonic() + 0.3, cancel)  # type: ignore[arg-type]

    monkeypatch.setattr(process_tree, "_ended_by", once_it_runs)
    code = f"print('before', flush=True); {grandchild.started()}; import time; time.sleep(60)"
    result = python(code)
    assert result.timed_out and result.status is None
    assert result.stdout.strip() == b"before"
    assert grandchild.is_dead()


def test_the_call_returns_within_a_second_of_the_deadline() -> None:
    started = time.monotonic()
    assert python("import time; time.sleep(60)", timeout_s=0.5).timed_out
    assert time.monotonic() - started < 1.6


@pytest.mark.linux
def test_a_process_that_got_away_with_the_pipes_does_not_hold_the_call(grandchild: Grandchild) -> None:
    started = time.monotonic()
    assert python(grandchild.started(start_new_session=True)).status == 0
    assert time.monotonic() - started < 5
    grandchild.wait_until_it_runs()
    grandchild.close()


def test_what_a_program_leaves_behind_is_ended_with_it(grandchild: Grandchild) -> None:
    result = python(grandchild.started())
    assert (result.status, result.timed_out) == (0, False)
    grandchild.wait_until_it_runs()
    assert grandchild.is_dead()


def test_another_thread_can_end_the_whole_tree_long_before_the_deadline(grandchild: Grandchild) -> None:
    cancel = threading.Event()

    def once_it_runs() -> None:
        grandchild.wait_until_it_runs()
        cancel.set()

    thread = threading.Thread(target=once_it_runs)
    thread.start()
    code = f"print('before', flush=True); {grandchild.started()}; import time; time.sleep(60)"
    result = run_process((sys.executable, "-c", code), b"", timeout_s=60, env=os.environ, cap=100, cancel=cancel)
    thread.join()
    assert result.cancelled and not result.timed_out and result.status is None
    assert result.stdout.strip() == b"before" and grandchild.is_dead()


def test_a_program_that_ended_before_it_was_cancelled_has_its_status() -> None:
    cancel = threading.Event()
    result = run_process((sys.executable, "-c", "pass"), b"", timeout_s=60, env=os.environ, cap=100, cancel=cancel)
    assert (result.status, result.cancelled) == (0, False)


def test_ctrl_c_ends_the_whole_tree(grandchild: Grandchild, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object) -> bool:
        grandchild.wait_until_it_runs()
        raise KeyboardInterrupt

    monkeypatch.setattr(process_tree, "_ended_by", interrupted)
    with pytest.raises(KeyboardInterrupt):
        python(grandchild.started() + "; import time; time.sleep(60)")
    assert grandchild.is_dead()


@pytest.mark.parametrize("program", ["no-such-program-here", "nul\0inside"])
def test_a_program_that_cannot_start_is_a_transport_error(program: str) -> None:
    with pytest.raises(TransportError, match="cannot be started"):
        run_process((program,), b"", timeout_s=1, env=os.environ, cap=10)
