"""The ledger of connections: two a minute to one VM, whatever the clocks do and however many runs there are."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eflowprov.workflows.vm.connections import (
    LIMIT,
    WINDOW_S,
    Clocks,
    ConnectionLedger,
    default_ledger,
    is_this_host,
)

VM = "172.27.120.111:22"


class FakeTime:
    """Both clocks; a sleep moves them, and `turns` holds the steady time of each turn."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 500.0
        self.slept: list[float] = []
        self.told: list[str] = []

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_(seconds)

    def ledger(self, folder: Path) -> ConnectionLedger:
        """A new one each time, as a new run has it."""
        return ConnectionLedger(folder, Clocks(lambda: self.wall, lambda: self.steady, self.sleep))

    def turn(self, folder: Path, vm: str = VM) -> float:
        """Take a turn as a run of its own; the seconds that it waited."""
        before = self.steady
        self.ledger(folder).take_turn(vm, self.told.append)
        return self.steady - before


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def test_two_connections_pass_and_the_third_waits_for_its_minute(time: FakeTime, tmp_path: Path) -> None:
    assert time.turn(tmp_path) == 0
    time.pass_(10)
    assert time.turn(tmp_path) == 0 and time.told == []
    assert time.turn(tmp_path) == 50
    assert time.told == ["waiting 50 s: the VM blocks an address after more than three connections a minute"]
    assert time.turn(tmp_path) == 10  # the second one's minute ends


def test_a_minute_never_sees_more_than_two(time: FakeTime, tmp_path: Path) -> None:
    turns = []
    for number in range(12):
        time.turn(tmp_path)
        turns.append(time.steady)
        time.pass_(number % 4)
    assert all(later - early >= WINDOW_S for early, later in zip(turns, turns[LIMIT:], strict=False))


def test_the_users_own_ledger_is_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path)
    default_ledger().take_turn(VM, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["connections"]
    assert len(list((tmp_path / "connections").glob("*.json"))) == 1


def test_another_vm_has_a_count_of_its_own(time: FakeTime, tmp_path: Path) -> None:
    for vm in ("a:22", "b:22"):
        assert [time.turn(tmp_path, vm) for _ in range(2)] == [0, 0]
    assert time.turn(tmp_path, "A:22") > 0, "names of hosts know no case"


@pytest.mark.parametrize("jump", [-86400.0, -30.0, 30.0, 86400.0])
def test_a_wall_clock_that_jumps_changes_nothing(time: FakeTime, tmp_path: Path, jump: float) -> None:
    time.turn(tmp_path)
    time.turn(tmp_path)
    time.wall += jump
    waited = time.turn(tmp_path)
    assert waited >= WINDOW_S if jump >= 0 else waited >= WINDOW_S - 1e-6
    assert waited <= WINDOW_S + 30


def test_after_a_restart_of_the_host_the_wall_clock_tells(time: FakeTime, tmp_path: Path) -> None:
    time.turn(tmp_path)
    time.turn(tmp_path)
    time.steady, time.wall = 5.0, time.wall + 20
    assert time.turn(tmp_path) == pytest.approx(40)


def test_a_restart_and_a_clock_set_back_are_no_reason_to_wait_for_ever(time: FakeTime, tmp_path: Path) -> None:
    time.turn(tmp_path)
    time.turn(tmp_path)
    time.steady, time.wall = 5.0, time.wall - 86400
    assert time.turn(tmp_path) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"connections": 7}', b'{"connections": [["a", 1]]}', b"\xff"])
def test_a_file_that_is_no_ledger_is_replaced(time: FakeTime, tmp_path: Path, content: bytes) -> None:
    time.turn(tmp_path)
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(content)
    assert [time.turn(tmp_path) for _ in range(2)] == [0, 0]
    assert time.turn(tmp_path) > 0


def test_a_ledger_that_cannot_be_kept_holds_nobody_up(time: FakeTime, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be", encoding="utf-8")
    assert [time.turn(tmp_path / "taken") for _ in range(3)] == [0, 0, 0]


def test_threads_that_come_at_once_never_get_more_turns_than_there_are(tmp_path: Path) -> None:
    class Wait(Exception):  # noqa: N818 - it is no error
        pass

    def must_wait(_seconds: float) -> None:
        raise Wait

    passed, start = [], threading.Barrier(6)

    def run(number: int) -> None:
        start.wait()
        try:
            ConnectionLedger(tmp_path, Clocks(sleep=must_wait)).take_turn(VM, lambda _: None)
            passed.append(number)
        except Wait:
            pass

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(passed) == LIMIT


RUN = """
import sys
from pathlib import Path
from eflowprov.workflows.vm.connections import Clocks, ConnectionLedger
def must_wait(seconds): sys.exit(9)
ConnectionLedger(Path(sys.argv[1]), Clocks(sleep=must_wait)).take_turn("vm:22", lambda text: None)
"""


def test_processes_that_run_at_once_share_the_count(tmp_path: Path) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)]) for _ in range(4)]
    assert sorted(run.wait(60) for run in runs) == [0, 0, 9, 9]


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("::1", True), ("LOCALHOST", True), ("172.27.1.2", False), ("vm", False)]
)
def test_what_listens_on_this_host_itself_is_a_tunnel_or_the_lab_and_not_counted(host: str, own: bool) -> None:
    assert is_this_host(host) is own
