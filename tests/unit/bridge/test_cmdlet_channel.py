"""Commands in the VM through Invoke-EflowVmCommand: status and output kept, deadlines, one call at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from eflowprov.bridge import cmdlet_channel, session
from eflowprov.bridge.cmdlet_channel import CmdletChannel
from eflowprov.bridge.eflow import EflowHost
from eflowprov.bridge.session import PowerShellSession
from eflowprov.errors import BridgeError, CmdletError, DeadlineError, InputError, TransportError
from eflowprov.model import CmdletAnswer, CmdletRecord, CommandResult

Call = Callable[[str], CmdletAnswer]


class FakeHost:
    """An EflowHost of which only `call` is used; answers as `answer` does with the command's text."""

    def __init__(self, answer: Call) -> None:
        self._answer = answer
        self.calls: list[tuple[str, Sequence[str], float]] = []

    def call(
        self,
        name: str,
        arguments: Mapping[str, str],
        *,
        optional_switches: Sequence[str],
        timeout_s: float,
        cancel: threading.Event,
    ) -> CmdletAnswer:
        self.calls.append((name, optional_switches, timeout_s))
        return self._answer(arguments["command"])


def returned(*lines: str) -> CmdletAnswer:
    return CmdletAnswer(tuple(CmdletRecord("output", line) for line in lines))


@pytest.fixture(autouse=True)
def _plain_wrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrapping has tests of its own; here the command's text is its words, the answer its lines."""

    def wrap(argv: Sequence[str], *, nonce: str, timeout_s: float, cap: int) -> str:
        if "\0" in "".join(argv):
            raise InputError("argument", "NUL", "Remove it")
        return " ".join(argv)

    def unwrap(lines: Sequence[str], *, nonce: str, argv: Sequence[str], duration_s: float) -> CommandResult:
        if not lines:
            raise BridgeError("VM", "no answer", "Try again")
        status, *output = lines
        return CommandResult(tuple(argv), int(status), "\n".join(output).encode(), b"", duration_s)

    monkeypatch.setattr(cmdlet_channel, "wrap", wrap)
    monkeypatch.setattr(cmdlet_channel, "unwrap", unwrap)


def channel(answer: Call) -> tuple[CmdletChannel, FakeHost]:
    host = FakeHost(answer)
    return CmdletChannel(host), host  # type: ignore[arg-type]


def test_a_failed_command_is_a_result() -> None:
    opened, host = channel(lambda _text: returned("3", "out"))
    result = opened.run(["systemctl", "status"], timeout_s=5)
    assert (result.status, result.stdout) == (3, b"out")
    assert host.calls == [("Invoke-EflowVmCommand", ("ignoreError",), 5 + cmdlet_channel._START_UP_S)]


def test_only_the_output_stream_is_the_answer() -> None:
    answer = CmdletAnswer((CmdletRecord("host", "[ts] noise"), *returned("0", "out").records))
    assert channel(lambda _text: answer)[0].run(["x"], timeout_s=5).stdout == b"out"


def test_a_deadline_is_a_result_without_a_status() -> None:
    def late(_text: str) -> CmdletAnswer:
        raise DeadlineError("PowerShell", "no answer within 95 s", "Try again")

    result = channel(late)[0].run(["sleep", "99"], timeout_s=5)
    assert (result.status, result.stdout, result.note) == (None, b"", "no answer within 95 s")


def test_calls_that_waited_for_a_powershell_that_hung_are_not_tried_and_later_ones_are() -> None:
    waiting = threading.Event()

    def hang(_text: str) -> CmdletAnswer:
        waiting.wait(10)
        raise DeadlineError("PowerShell", "no answer within 95 s", "Try again")

    opened, host = channel(hang)
    results: list[CommandResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(opened.run(["x"], timeout_s=5)), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.2)  # they all wait; one that came later would be tried
    waiting.set()
    for thread in threads:
        thread.join(10)
    assert len(host.calls) == 1 and [result.status for result in results] == [None] * 4
    assert {result.note for result in results[1:]} == {"not run: PowerShell gave no answer before it"}
    opened.run(["x"], timeout_s=5)
    assert len(host.calls) == 2


def test_a_cmdlet_that_throws_is_a_transport_error_with_its_message() -> None:
    answer = CmdletAnswer((), error="Cannot process request, EFLOW VM is OFF!")
    with pytest.raises(TransportError, match="EFLOW VM is OFF!"):
        channel(lambda _text: answer)[0].run(["x"], timeout_s=5)


def test_a_command_that_cannot_be_passed_never_reaches_powershell() -> None:
    opened, host = channel(lambda _text: returned("0"))
    with pytest.raises(InputError):
        opened.run(["a\0b"], timeout_s=5)
    assert host.calls == []


def test_the_probe_learns_the_name_of_the_vm() -> None:
    opened, _ = channel(lambda _text: returned("0", "LINE4-EFLOW"))
    assert (opened.name, opened.vm) == ("cmdlet", "EFLOW VM")
    opened.probe()
    assert opened.vm == "LINE4-EFLOW"


def test_a_vm_without_hostname_answers_all_the_same() -> None:
    opened, _ = channel(lambda _text: returned("127", "not a name"))
    opened.probe()
    assert opened.vm == "EFLOW VM"


def test_the_probe_fails_when_nothing_answers() -> None:
    def late(_text: str) -> CmdletAnswer:
        raise DeadlineError("PowerShell", "no answer within 120 s", "Try again")

    with pytest.raises(TransportError, match="no answer within 120 s"):
        channel(late)[0].probe()
    with pytest.raises(BridgeError):
        channel(lambda _text: returned())[0].probe()


def test_a_missing_module_stays_the_error_that_it_is() -> None:
    def missing(_text: str) -> CmdletAnswer:
        raise CmdletError("Invoke-EflowVmCommand", "the module AzureEFLOW is not installed", "Install it")

    with pytest.raises(CmdletError):
        channel(missing)[0].probe()


def test_calls_wait_for_each_other() -> None:
    inside = threading.Semaphore(1)
    overlapped = []

    def answer(_text: str) -> CmdletAnswer:
        if not inside.acquire(blocking=False):
            overlapped.append(True)
        threading.Event().wait(0.02)  # long enough for another call to come in, were it let in
        inside.release()
        return returned("0")

    opened, host = channel(answer)
    threads = [threading.Thread(target=opened.run, args=(["x"],), kwargs={"timeout_s": 5}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(host.calls), overlapped) == (4, [])


def test_closing_ends_the_powershell_under_way_and_lets_no_other_start() -> None:
    """Ctrl-C in `verify`: five commands wait for their turn, and none of them may cost its start of PowerShell."""
    code = "import sys, time; sys.stderr.write('up'); time.sleep(60)"
    host = EflowHost(PowerShellSession((sys.executable, "-c", code)))
    made = CmdletChannel(host)
    errors: list[str] = []

    def run() -> None:
        try:
            made.run(("hostname",), timeout_s=50)
        except TransportError as error:
            errors.append(error.why)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(3)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    made.close()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - started < 10 and not any(thread.is_alive() for thread in threads)
    assert len(errors) == 3 and set(errors) <= {"the way into the VM is closed", "it was ended before it answered"}


def test_a_powershell_that_is_ended_is_no_torn_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that runs when the channel is closed, without the two that only wait."""
    running = threading.Event()
    run_process = session.run_process

    def told(*args: object, **more: object) -> object:
        running.set()
        return run_process(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "run_process", told)
    made = CmdletChannel(EflowHost(PowerShellSession((sys.executable, "-c", "import time; time.sleep(60)"))))
    closing = threading.Thread(target=lambda: (running.wait(20), made.close()))
    closing.start()
    with pytest.raises(TransportError, match="it was ended before it answered"):
        made.run(("hostname",), timeout_s=50)
    closing.join()
