"""The quick pass over a journal gives what the slow one gives, line for line, whatever the lines are."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.model import LogEntry, as_entry
from eflowprov.parsers import folding
from eflowprov.parsers.folding import Kind
from eflowprov.parsers.system_logs import LogReader
from eflowprov.parsers.text import clean

STAMP = "2026-11-22T05:10:11Z"
MESSAGES = (
    *("Watchdog checking Edge runtime status", "it failed", "!!! it failed", "!!! caused by: os error 2"),
    *(
        "caused by: refused",
        "\tcaused by: refused",
        "Caused by:",
        "    0: refused",
        "  12: <unknown>",
        "at /rustc/x.rs:1",
    ),
    *("stack backtrace:", "two\nlines", "   indented", "trailing  ", "", "x\x1b[31mred\x1b[0m", "[31mred[0m", "‼ ΓÇ╝"),
    *("grüße…", "<E2><88><9A> ok", "odd \ud800 half", "note: run with `X=1`", '{"a": 1}', "id 4711", "id 0815"),
)
HEADS = (
    *(f"{STAMP} [{word}] - " for word in ("INFO", "WARN", "ERR!", "DBUG", "INF")),
    *(
        "",
        "<6>",
        f"{STAMP} [INFO] -",
        f"{STAMP}  [INFO] - ",
        f"{STAMP} [INFO] - [mod] - ",
        "2026-11-22T05:10:1xZ [INFO] - ",
    ),
    *(
        "٢026-11-22T05:10:11Z [INFO] - ",
        "2026-11-22 05:10:11Z [INFO] - ",
        "[ERR!] - ",
        "9999-99-99T99:99:99Z [ERR!] - ",
    ),
)
TIMES = (
    *("1795324211000000", "1795324212000000", "0", "-5", "9" * 30, "253402300799999999", "253402300800000000"),
    *("soon", "", "1_795_324_211_000_000", " 17953242110000 ", "١٢٣"),
)
NAMES = ("aziot-edged", "aziot-identityd", "systemd", "camera", "")


@st.composite
def json_lines(draw: st.DrawFn) -> str:
    """A line as journald writes it, or as it does not: fields missing or of other types, cut off, with a tail."""
    name = draw(st.sampled_from(NAMES))
    message: object = draw(st.sampled_from(HEADS)) + draw(st.sampled_from(MESSAGES) | st.text(max_size=12))
    odd = st.sampled_from([None, 5, 1.5, True, [1, 2], ["a", "b"], {"x": 1}])
    fields: dict[str, object] = {
        "__REALTIME_TIMESTAMP": draw(st.sampled_from(TIMES)),
        "_SYSTEMD_UNIT": f"{name}.service",
        "SYSLOG_IDENTIFIER": name,
        "MESSAGE": message,
    }
    if draw(st.integers(0, 5)) == 0:
        fields[draw(st.sampled_from(list(fields)))] = draw(odd)
    if draw(st.integers(0, 8)) == 0:
        del fields[draw(st.sampled_from(list(fields)))]
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()))
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text + draw(TAILS)


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    """A line as nearly all are: those that the quick pass is for."""
    message = draw(st.sampled_from(MESSAGES))
    service = draw(st.sampled_from(NAMES[:2]))
    return plain(draw(st.integers(0, 99)), service, message, draw(st.sampled_from(["INFO", "ERR!"])))


TAILS = st.sampled_from(["", "", "", "", " ", "}", ",{}", " x"])
lines_of_a_journal = st.lists(
    plain_lines()
    | plain_lines()
    | json_lines()
    | st.sampled_from(
        ["", "-- No entries --", "    continued", "caused by: below", "Nov 22 05:10:11 h aziot-edged[1]: x"]
    ),
    max_size=40,
)


class Everything(dict[bytes, Kind]):
    def __missing__(self, text: bytes) -> Kind:
        return "wanted"


def slowly(lines: Sequence[str]) -> tuple[list[LogEntry], object]:
    reader = LogReader()
    entries = list(reader.entries([clean(line) for line in lines]))
    return entries, (reader.lines, reader.torn, reader.known, reader.counts)


def quickly(lines: Sequence[str], batch: int) -> tuple[list[LogEntry], object]:
    reader = LogReader(kinds_of=lambda _: Everything())
    reader.only_wanted()
    records = [record for at in range(0, len(lines), batch) for record in reader.feed(lines[at : at + batch])]
    records += reader.end()
    assert [record[0] for record in records] == list(range(len(records)))
    return [as_entry(record) for record in records], (reader.lines, reader.torn, reader.known, reader.counts)


@given(
    lines=lines_of_a_journal,
    batch=st.sampled_from([1, 3, 100]),
    window=st.sampled_from([2, 64]),
    streams=st.sampled_from([1, 256]),
)
@settings(max_examples=600, deadline=None, database=None)
def test_the_quick_pass_reads_what_the_slow_one_reads(lines: list[str], batch: int, window: int, streams: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "WINDOW", window)
        patch.setattr(folding, "_STREAMS", streams)
        assert quickly([line for line in lines if "\n" not in line], batch) == slowly(lines)


def plain(n: int, service: str, message: str, level: str = "INFO") -> str:
    fields = {"__REALTIME_TIMESTAMP": str(1795324211000000 + n), "_SYSTEMD_UNIT": f"{service}.service"}
    return json.dumps({**fields, "SYSLOG_IDENTIFIER": service, "MESSAGE": f"{STAMP} [{level}] - {message}"})


def test_only_what_is_wanted_and_errors_leave_and_all_is_counted() -> None:
    class Some(dict[bytes, Kind]):
        def __missing__(self, text: bytes) -> Kind:
            return "wanted" if text.startswith(b"wanted 0000") else None

    lines = [plain(n, "aziot-edged", f"{'wanted' if n % 100 == 0 else 'boring'} {n:04}") for n in range(1000)]
    lines[550] = plain(550, "aziot-edged", "broken 550", "ERR!")
    reader = LogReader(kinds_of=lambda _: Some())
    reader.only_wanted()
    records = [*reader.feed(lines[:500]), *reader.feed(lines[500:]), *reader.end()]
    assert [record[0] for record in records] == [*range(0, 501, 100), 550, *range(600, 1000, 100), 999]
    assert (reader.counts.entries, reader.counts.errors) == (1000, 1)


def test_thousands_of_programs_are_not_all_remembered() -> None:
    reader = LogReader()
    reader.only_wanted()
    for n in range(5000):
        reader.feed([plain(n, f"program-{n}", "hello")])
    assert len(reader._folder.streams) < 500 and len(reader._writers) < 500
