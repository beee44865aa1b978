"""Logs of any size: the live output's newest lines, a saved file that is never held, and what was left out."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from eflowprov.checks.digesting import JournalDigester
from eflowprov.checks.log_digest import LogDigest
from eflowprov.errors import ParseError
from eflowprov.model import CommandResult, Finding, LogRecord, Outcome, Problem
from eflowprov.workflows.readiness import collect as collecting
from eflowprov.workflows.readiness import outputs as module
from eflowprov.workflows.readiness.collect import Collector
from eflowprov.workflows.readiness.log_reading import read_agent, read_journal
from eflowprov.workflows.readiness.outputs import AGENT, LOGS, Outputs, SavedLog, read_saved, save
from eflowprov.workflows.readiness.reading import read_log
from eflowprov.workflows.readiness.verify import VerifyOptions, collect, read, report_on
from tests.machine import FakeVm

OPTIONS = VerifyOptions()


def line(n: int, message: str, service: str = "aziot-edged") -> str:
    fields = {"__REALTIME_TIMESTAMP": str(1795324211000000 + n), "_SYSTEMD_UNIT": f"{service}.service"}
    return json.dumps({**fields, "SYSLOG_IDENTIFIER": service, "MESSAGE": f"2026-11-22T05:10:11Z [INFO] - {message}"})


ASSIGNED = line(1, "Assigned to IoT hub: plant7.azure-devices.net", "aziot-identityd")
QUIET = [line(n, "Watchdog checking Edge runtime status") for n in range(5000)]


def saved(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> Outputs:
    """Saved outputs of which the journal counts as too large to be held."""
    save(folder, collect(FakeVm().start(), OPTIONS))
    (folder / "iotedge-system-logs.json").write_bytes("".join(f"{each}\n" for each in lines).encode())
    monkeypatch.setattr(module, "_HELD", 1000)
    return read_saved(folder)


def finding(outputs: Outputs, id_: str) -> Finding | None:
    report = report_on(outputs, OPTIONS, vm="vm", channel="saved")
    return next((finding for finding in report.findings if finding.id == id_), None)


def test_a_large_saved_journal_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = saved(tmp_path, monkeypatch, ASSIGNED, *QUIET)
    assert isinstance(outputs.results[LOGS], SavedLog)
    assigned = finding(outputs, "provisioning/dps-assigned")
    assert assigned is not None and assigned.outcome is Outcome.PASS and "plant7.azure-devices.net" in assigned.detail
    logs = read(outputs).logs
    assert isinstance(logs, LogDigest) and logs.lines == logs.counts.entries == 5001 and len(logs.entries) < 500


def test_what_nobody_looks_for_is_not_even_handed_over_in_a_long_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def take(self: JournalDigester, records: list[LogRecord]) -> None:
        nonlocal taken
        taken += len(records)
        original(self, records)

    original = JournalDigester.take
    monkeypatch.setattr(JournalDigester, "take", take)
    data = "".join(line(n, f"GET /modules {n} 200") + "\n" for n in range(20_000)).encode()
    digest = read_journal(BytesIO(data))
    assert digest.counts.entries == 20_000 and taken < 8000


def test_a_journal_takes_no_more_memory_when_it_is_ten_times_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = saved(tmp_path, monkeypatch, ASSIGNED, *QUIET)
    peaks = [peak(outputs)]
    with (tmp_path / "iotedge-system-logs.json").open("ab") as file:
        file.writelines(f"{each}\n".encode() for each in QUIET * 9)
    peaks.append(peak(read_saved(tmp_path)))
    assert peaks[1] < 1.5 * peaks[0] and peaks[1] < 20e6


def peak(outputs: Outputs) -> int:
    tracemalloc.start()
    read(outputs)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_a_large_agent_log_is_judged_by_its_newest_entries_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, monkeypatch, ASSIGNED)
    told = "<6> 2026-11-22 05:12:10.123 +00:00 [INF] - {}\n"
    text = told.format("old") * 6000 + told.format("Edge agent connected to IoT Hub via Amqp_Tcp_Only.")
    (tmp_path / "iotedge-logs-edgeAgent.txt").write_bytes(text.encode())
    outputs = read_saved(tmp_path)
    assert isinstance(outputs.results[AGENT], SavedLog)
    connected, log = finding(outputs, "provisioning/hub-connected"), finding(outputs, "logs/edgeAgent")
    assert connected is not None and connected.outcome is Outcome.PASS
    assert log is not None and log.outcome is Outcome.WARN and "newest 5000 of the 6001 entries" in log.detail


def test_a_large_file_of_something_else_is_a_problem_with_its_first_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = read(saved(tmp_path, monkeypatch, *["%PDF-1.7 nothing of a journal"] * 100)).logs
    assert isinstance(logs, Problem) and "%PDF-1.7" in logs.seen


FAILED = b"A problem occurred\n    caused by: Could not connect to the socket\n"


def test_a_log_is_read_whatever_noise_stands_beside_it() -> None:
    journal = "".join(f"{each}\n" for each in (ASSIGNED, *QUIET[:3])).encode()
    alone = read_log(CommandResult(("x",), 0, journal, b"", 0.1), read_journal, errors_too=True)
    beside = read_log(CommandResult(("x",), 0, journal, FAILED, 0.1), read_journal, errors_too=True)
    assert not isinstance(alone, Problem) and alone == beside and len(alone.entries) == 4


def test_the_error_that_was_printed_in_place_of_a_log_is_read_from_either_stream() -> None:
    for streams in ((FAILED, b""), (b"", FAILED)):
        told = read_log(CommandResult(("x",), 1, *streams, 0.1), read_journal, errors_too=True)
        assert not isinstance(told, Problem), told
        assert told.failure == ("A problem occurred", "Could not connect to the socket")


def test_what_is_no_journal_is_refused_with_its_own_first_words() -> None:
    with pytest.raises(ParseError, match=r"%PDF-1\.7 nothing"):
        read_journal(BytesIO(b"%PDF-1.7 nothing of a journal\n" * 5000))


def test_what_was_left_out_of_edge_agents_log_is_said() -> None:
    text = "<6> 2026-11-22 05:10:11.000 +00:00 [INF] - Edge agent attempting to connect\n"
    assert read_agent(BytesIO(text.encode()), "its head is missing").left_out == "its head is missing"
    assert read_agent(BytesIO(text.encode())).left_out == ""


def test_a_saved_log_that_is_gone_when_it_is_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = saved(tmp_path, monkeypatch, ASSIGNED, *QUIET)
    (tmp_path / "iotedge-system-logs.json").unlink()
    logs = read(outputs).logs
    assert isinstance(logs, Problem) and "cannot be read" in logs.why


class Chatty(FakeVm):
    """A VM whose journal since an hour is larger than what is kept of an output."""

    newest = (0, f"{ASSIGNED}\n".encode(), b"")

    def run(self, argv: list[str] | tuple[str, ...], *, timeout_s: float, cap: int = 0) -> CommandResult:  # type: ignore[override]
        if "--since" in argv:
            super().run(argv, timeout_s=timeout_s, cap=cap)
            return CommandResult(tuple(argv), 0, f"{QUIET[0]}\n".encode() + b'{"MESSAGE": "cu', b"", 0.1, dropped=1000)
        if "--lines" in argv:
            super().run(argv, timeout_s=timeout_s, cap=cap)
            return CommandResult(tuple(argv), *self.newest, 0.1)
        return super().run(argv, timeout_s=timeout_s, cap=cap)


def test_of_a_journal_that_is_too_large_the_newest_lines_are_asked_for(tmp_path: Path) -> None:
    vm = Chatty().start()
    outputs = collect(vm, OPTIONS)
    assert vm.commands("iotedge system logs")[1] == (
        *("iotedge", "system", "logs", "--", "--no-pager", "--lines", str(collecting._NEWEST), "-o", "json"),
    )
    save(tmp_path, outputs)
    for each in (outputs, read_saved(tmp_path)):
        told = finding(each, "logs/journal")
        assert told is not None and told.outcome is Outcome.WARN and "only its newest 20000 lines" in told.detail
        assigned = finding(each, "provisioning/dps-assigned")
        assert assigned is not None and assigned.outcome is Outcome.PASS


def test_a_journal_of_which_only_the_head_came_is_cut_off() -> None:
    vm = Chatty()
    vm.newest = (1, b"", b"")
    told = finding(collect(vm.start(), OPTIONS), "logs/journal")
    assert told is not None and told.outcome is Outcome.ERROR and "cut off" in told.detail


def test_a_text_journal_of_which_only_the_head_came_is_cut_off_too(tmp_path: Path) -> None:
    outputs = collect(FakeVm().start(), OPTIONS)
    logs = CommandResult(("x",), 0, b"Nov 22 05:10:11 h aziot-edged[1]: hello\n", b"", 0.1, dropped=5)
    cut = replace(outputs, results={**outputs.results, LOGS: logs})
    save(tmp_path, cut)
    for each in (cut, read_saved(tmp_path)):
        told = finding(each, "logs/journal")
        assert told is not None and told.outcome is Outcome.ERROR


def test_the_journal_is_asked_for_once_when_it_is_whole() -> None:
    vm = FakeVm().start()
    Collector(vm, since="-1h", timeout_s=20.0, find_hub=lambda _: "").collect()
    assert len(vm.commands("iotedge system logs")) == 1
