"""`iotedge system logs`; the numbers are those of the deviations that the field shows."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import Log, LogEntry, LogLevel
from eflowprov.parsers.system_logs import LogReader, parse_system_logs

AT = datetime(2026, 11, 22, 5, 10, 11, tzinfo=UTC)
STAMP = "2026-11-22T05:10:11Z"
SAID = f"{STAMP} [INFO] - Provisioning complete."
IDENTITYD = "Nov 22 05:10:11 HOST-EFLOW aziot-identityd[812]: "
EDGED = "Nov 22 05:10:11 HOST-EFLOW aziot-edged[901]: "
PROVISIONED = LogEntry(AT, "aziot-identityd", LogLevel.INFO, "Provisioning complete.")


def only(text: str) -> LogEntry:
    log = parse_system_logs(text)
    assert len(log.entries) == 1, log.entries
    return log.entries[0]


def messages(text: str) -> list[str]:
    return [entry.message for entry in parse_system_logs(text).entries]


# 20
def test_20_the_journal_with_host_and_pid() -> None:
    assert only(IDENTITYD + SAID) == PROVISIONED


@pytest.mark.parametrize("prefix", ["<6>", "", "# ", "2026-11-22 06:10:11 ", "\t\tuser@vm:~$ "])
def test_20_lines_that_do_not_tell_who_wrote_them(prefix: str) -> None:
    assert only(prefix + SAID) == LogEntry(AT, "", LogLevel.INFO, "Provisioning complete.")


@pytest.mark.parametrize(
    "when",
    [
        "2026-11-22T05:10:11.123456+00:00",
        "2026-11-22T06:10:11+0100",
        "Sun 2026-11-22 05:10:11 UTC",
        "1795324211.123456",
        "[   12.345678]",
        "lis 22 05:10:11",
        "22. Nov. 05:10:11",
        "11月 22 05:10:11",
        "# Nov 22 05:10:11",
        "Nov  2 05:10:11",
    ],
)
def test_20_prefixes_in_every_format_and_language(when: str) -> None:
    assert only(f"{when} HOST-EFLOW aziot-identityd[812]: {SAID}") == PROVISIONED
    plain = only(f"{when} HOST-EFLOW systemd[1]: Started the daemon.")
    assert (plain.service, plain.level, plain.message) == ("systemd", LogLevel.NONE, "Started the daemon.")


def test_20_an_iso_prefix_with_a_zone_tells_the_time() -> None:
    assert only("2026-11-22T06:10:11.000000+0100 host chronyd[7]: synchronised").time == AT
    assert only("Nov 22 05:10:11 host chronyd[7]: synchronised").time is None


def test_20_the_block_of_systemctl_status_before_the_journal() -> None:
    for bullet in ("● ", "ΓùÅ ", "* ", "× ", ""):
        block = (
            f"{bullet}aziot-edged.service - Azure IoT Edge daemon\n"
            "     Loaded: loaded (/lib/systemd/system/aziot-edged.service; enabled)\n"
            "     Active: active (running) since Sun 2026-11-22 05:10:11 UTC; 1min ago\n"
            "   Main PID: 901 (aziot-edged)\n     CGroup: /system.slice/aziot-edged.service\n"
            "             `-901 /usr/libexec/aziot/aziot-edged\n\n"
        )
        assert only(block + IDENTITYD + SAID) == PROVISIONED


def test_20_pager_footer_prompts_and_fences_are_no_entries() -> None:
    text = f"```\nuser@vm:~$ sudo iotedge system logs\n{IDENTITYD}{SAID}\nlines 1-23/23 (END)\n~\n(END)\n```\n"
    assert only(text) == PROVISIONED


def test_20_lines_that_were_cut_at_the_width_keep_what_is_left() -> None:
    assert messages(f"{IDENTITYD}{STAMP} [INFO] - Provisioning comp…\n{IDENTITYD}2026-11-22T05:1>\n") == [
        "Provisioning comp…",
        "2026-11-22T05:1>",
    ]


@pytest.mark.parametrize(
    "own",
    [
        "-- Logs begin at Tue 2021-12-14 22:22:51 PST, end at Wed 2021-12-15 08:46:43 PST. --",
        "-- Journal begins at Sat 2021-10-30 12:29:41 BST, ends at Thu 2022-01-06 19:36:32 GMT. --",
        "-- Boot 0123456789abcdef0123456789abcdef --",
        "-- Reboot --",
    ],
)
def test_20_journalctls_own_lines_are_no_entries(own: str) -> None:
    assert only(f"{own}\n{IDENTITYD}{SAID}") == PROVISIONED


def test_no_entries_is_a_log_and_no_error() -> None:
    assert parse_system_logs("-- No entries --\n") == Log(lines=1)


def test_20_kernel_lines_and_other_programs_keep_their_own_name() -> None:
    log = parse_system_logs(
        f"{IDENTITYD}{SAID}\n[ 3526.212312] docker0: port 1 entered forwarding state\n"
        "Nov 22 05:10:11 HOST-EFLOW kernel: eth0: link up\n"
        "Nov 22 05:10:11 HOST-EFLOW gateway-app[77]: DPS registration failed, 401\n"
    )
    assert [entry.service for entry in log.entries] == ["aziot-identityd", "kernel", "kernel", "gateway-app"]


# 21
@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("INFO", LogLevel.INFO),
        ("WARN", LogLevel.WARNING),
        ("ERR!", LogLevel.ERROR),
        ("DBUG", LogLevel.DEBUG),
        ("DEBUG", LogLevel.DEBUG),
    ],
)
def test_21_levels_of_the_daemons(word: str, level: LogLevel) -> None:
    assert only(f"{EDGED}{STAMP} [{word}] - hello") == LogEntry(AT, "aziot-edged", level, "hello")


def test_21_the_module_of_a_debug_line_stays_in_its_message() -> None:
    assert only(f"{EDGED}{STAMP} [DBUG] - [edgelet::http] hello").message == "[edgelet::http] hello"


@pytest.mark.parametrize("when", ["10.02.2021 18:28:15 ", "4/9/2020 7:25:10 AM ", "06/07/2018 20:22:23 ", ""])
def test_21_windows_lines_folded_and_padded(when: str) -> None:
    text = f"{when}warn: edgelet_core::watchdog -- a message that is      \n{' ' * 21}folded     \n"
    assert only(text) == LogEntry(None, "", LogLevel.WARNING, "a message that is folded")


def test_21_a_line_without_stamp_has_its_level() -> None:
    assert only("[ERR!] - Io(TimedOut)") == LogEntry(None, "", LogLevel.ERROR, "Io(TimedOut)")


# 22
def test_22_loud_messages_at_level_info_are_errors_with_their_causes() -> None:
    text = f'{IDENTITYD}{STAMP} [INFO] - !!! parameter "id" has an invalid value\n'
    text += f"{IDENTITYD}{STAMP} [INFO] - !!! caused by: not found\n"
    assert only(text) == LogEntry(
        AT, "aziot-identityd", LogLevel.ERROR, 'parameter "id" has an invalid value', ("not found",)
    )


# 23
def test_23_a_success_and_a_failure_of_the_same_second_are_both_kept_in_order() -> None:
    text = f"{IDENTITYD}{SAID}\n{IDENTITYD}{STAMP} [ERR!] - Failed to provision with IoT Hub\n"
    text += f"{EDGED}{STAMP} [INFO] - Version - dev build\n"
    assert messages(text) == ["Provisioning complete.", "Failed to provision with IoT Hub", "Version - dev build"]


# 24
@pytest.mark.parametrize(
    "cause",
    [
        f"{IDENTITYD}{STAMP} [ERR!] - \tcaused by: refused",
        f"{IDENTITYD}{STAMP} [ERR!] -         caused by: refused",
        f"{IDENTITYD}{STAMP} [ERR!] - Caused by: refused",
        f"{IDENTITYD}        caused by: refused",
        "\tcaused by: refused",
        "caused by: refused",
        "                    CAUSED BY: refused",
    ],
)
def test_24_causes_with_and_without_a_stamp_of_their_own(cause: str) -> None:
    assert only(f"{IDENTITYD}{STAMP} [ERR!] - it failed\n{cause}\n").causes == ("refused",)


def test_24_a_cause_belongs_to_the_entry_before_it_of_its_own_service() -> None:
    log = parse_system_logs(
        f"{IDENTITYD}{STAMP} [ERR!] - first\n{EDGED}{STAMP} [WARN] - second\n"
        f"{IDENTITYD}{STAMP} [ERR!] - caused by: a\n{EDGED}{STAMP} [WARN] - caused by: b\n"
        f"{IDENTITYD}{STAMP} [ERR!] - caused by: c\n"
    )
    assert [(entry.message, entry.causes) for entry in log.entries] == [("first", ("a", "c")), ("second", ("b",))]


def test_24_a_back_trace_is_no_entry_and_no_cause() -> None:
    trace = [
        "   0: <unknown>",
        "  12: aziot::main",
        "             at /rustc/x.rs:1",
        "Stack backtrace:",
        "   1: <unknown>",
    ]
    text = "".join(f"{IDENTITYD}{STAMP} [ERR!] - {line}\n" for line in ("it failed", "caused by: refused", *trace))
    text += f"{IDENTITYD}   13: <unknown>\n   14: <unknown>\n"
    assert only(text) == LogEntry(AT, "aziot-identityd", LogLevel.ERROR, "it failed", ("refused",))


def test_24_causes_below_a_caused_by_that_stands_alone() -> None:
    one = f"{IDENTITYD}{STAMP} [ERR!] - it failed\n\n    Caused by:\n        refused\n"
    many = f"{IDENTITYD}{STAMP} [ERR!] - it failed\n\n    Caused by:\n        0: refused\n        1: os error 111\n"
    assert only(one).causes == ("refused",)
    assert only(many).causes == ("refused", "os error 111")


def test_24_banner_art_adds_nothing_to_a_message() -> None:
    assert only(f"{IDENTITYD}{SAID}\n    ████ __/\\__ ████\n") == PROVISIONED


# journalctl -o json


def record(message: object, **fields: object) -> str:
    base = {
        "__REALTIME_TIMESTAMP": "1795324211000000",
        "_SYSTEMD_UNIT": "aziot-identityd.service",
        "SYSLOG_IDENTIFIER": "aziot-identityd",
    }
    return json.dumps({**base, "MESSAGE": message, **fields})


def test_a_json_line_is_read() -> None:
    assert only(record(SAID)) == PROVISIONED


def test_a_json_message_may_be_bytes_null_repeated_or_missing() -> None:
    log = parse_system_logs(
        "\n".join([record(list(b"ab\xff")), record(None), record(["x", "yyy"]), '{"__REALTIME_TIMESTAMP": "1"}'])
    )
    assert [entry.message for entry in log.entries] == ["ab\ufffd", "", "x yyy", ""]


def test_a_json_time_that_is_none_is_taken_from_the_message() -> None:
    assert only(record(SAID, __REALTIME_TIMESTAMP="soon")).time == AT
    assert only(record("plain", __REALTIME_TIMESTAMP="9" * 30)).time is None


def test_json_lines_of_systemd_and_of_other_programs_keep_their_name() -> None:
    lines = [
        record("x", SYSLOG_IDENTIFIER="systemd", _SYSTEMD_UNIT="init.scope"),
        record("x", SYSLOG_IDENTIFIER="aziotd"),
    ]
    assert [entry.service for entry in parse_system_logs("\n".join(lines)).entries] == ["systemd", "aziot-identityd"]


def test_json_causes_are_folded_and_terminal_escapes_removed() -> None:
    lines = [record(f"{STAMP} [ERR!] - \x1b[31mfailed\x1b[0m"), record(f"{STAMP} [ERR!] - \tcaused by: refused")]
    assert only("\n".join(lines)) == LogEntry(AT, "aziot-identityd", LogLevel.ERROR, "failed", ("refused",))


def test_a_json_line_cut_off_at_the_end_is_told_and_the_rest_is_read() -> None:
    whole = record(SAID)
    for end in range(1, len(whole)):
        log = parse_system_logs(f"{whole}\n{whole[:end]}")
        assert log.entries == (PROVISIONED,) and log.torn and log.lines == 2
    assert not parse_system_logs(whole).torn


def test_a_json_line_nested_too_deeply_is_a_torn_one() -> None:
    log = parse_system_logs(f'{record(SAID)}\n{{"MESSAGE":{"[" * 200_000}')
    assert log.entries == (PROVISIONED,) and log.torn


def test_json_in_a_message_of_a_text_log_is_no_torn_line() -> None:
    log = parse_system_logs(f'{IDENTITYD}{SAID}\n{{"errorCode":\n')
    assert not log.torn and [entry.message for entry in log.entries] == ["Provisioning complete.", '{"errorCode":']


@pytest.mark.parametrize(
    "text", ["", "\n\n", "sudo: iotedge: command not found\n", '{"MESSAGE": "cut', '{"a": 1}\n', "user@vm:~$ \n"]
)
def test_a_text_without_any_readable_line_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_system_logs(text)
    assert "it is empty" in caught.value.why or text.split()[0].strip('"') in caught.value.why


def test_an_error_in_place_of_the_log_is_a_failure() -> None:
    log = parse_system_logs("Failed to call journalctl\n\tcaused by: no such file\n")
    assert log.failure == ("Failed to call journalctl", "no such file")


# the reader


def test_the_reader_gives_entries_before_its_source_ends() -> None:
    endless = itertools.cycle([record(SAID), record(SAID, SYSLOG_IDENTIFIER="x", _SYSTEMD_UNIT="x.service")])
    reader = LogReader()
    first = list(itertools.islice(reader.entries(endless), 10))
    assert len(first) == 10 and reader.lines < 200


def test_a_service_that_falls_silent_does_not_keep_the_others_waiting() -> None:
    lines = itertools.chain(
        [record("once", SYSLOG_IDENTIFIER="quiet", _SYSTEMD_UNIT="quiet.service")], itertools.repeat(record(SAID))
    )
    many = (record("x", SYSLOG_IDENTIFIER=f"s{n}", _SYSTEMD_UNIT="") for n in range(1000))
    reader = LogReader()
    assert [entry.service for entry in itertools.islice(reader.entries(many), 100)] == [f"s{n}" for n in range(100)]
    assert reader.lines < 200
    assert next(LogReader().entries(itertools.islice(lines, 200))).service == "quiet"


def test_24_a_back_trace_without_its_heading_is_no_cause() -> None:
    entry = only(
        f"{IDENTITYD}{STAMP} [ERR!] - it failed\n\nCaused by:\n    0: refused\n   12: <unknown>\n   13: <unknown>\n"
    )
    assert entry.causes == ("refused",)


def test_24_a_cause_whose_message_was_cut_off_is_a_message_without_blanks_around_it() -> None:
    assert only(f"{EDGED}{STAMP} [WARN] -         caused by: refused").message == "caused by: refused"
