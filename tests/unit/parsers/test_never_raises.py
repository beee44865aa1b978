"""No text makes a parser raise anything but ParseError: mutated samples, and arbitrary text and bytes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.errors import ParseError
from eflowprov.model import CmdletAnswer, CmdletRecord
from eflowprov.parsers.agent_log import parse_agent_log
from eflowprov.parsers.cmdlet import failure_message, parse_provision
from eflowprov.parsers.dps_refusal import parse_dps_refusal
from eflowprov.parsers.iotedge_check import parse_check
from eflowprov.parsers.iotedge_list import parse_list
from eflowprov.parsers.system_logs import parse_system_logs
from eflowprov.parsers.system_status import parse_system_status
from eflowprov.parsers.text import decode, first_words
from eflowprov.parsers.usage import is_refused

bounded = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SAMPLES = (
    "Configuration checks\n----\n√ DNS server - OK\n‼ keyd is running - Warning\n    x\n        caused by: y\n"
    "1 check(s) succeeded.\n",
    json.dumps(
        {
            "additional_info": {"now": "2026-11-22T05:10:11Z"},
            "checks": {"hostname": {"result": {"result": "error", "details": ["a"]}}},
        }
    ),
    "NAME  STATUS  DESCRIPTION  Config\nedgeAgent  running  Up 2 minutes  img:1\n",
    "A module runtime error occurred\n\tcaused by: Could not list modules\n",
    "Nov 22 05:10:11 H aziot-edged[901]: 2026-11-22T05:10:12Z [ERR!] - x\n"
    "Nov 22 05:10:11 H aziot-edged[901]: Caused by:\n  0: y\n",
    '{"__REALTIME_TIMESTAMP":"1795324211000000","MESSAGE":[1,2],"_SYSTEMD_UNIT":"aziot-edged.service"}\n{"MESSAGE":null}\n',
    "<6> 2026-11-22 05:12:10.123 +00:00 [INF] - x\nSystem.Exception: y\n   at z\n",
    "System services:\n    aziot-edged   Running\n    aziot-keyd    Down - failed\n\n"
    "aziot-keyd is in a bad state because:\nline\n",
    "[11/22/2026 05:10:11] Exception caught!!!\n - Failed to provision at line 2415\nFailed to provision\n",
    'x: {"errorCode":401002,"trackingId":"abc","message":"Invalid certificate."}\n',
)
PIECES = [
    *'√‼×-{}[]":,<>$#\\\t\n \x00\x1b\ufffd',
    " - OK",
    "caused by:",
    " " * 129,
    "999999999999999999999",
    "[31m",
    "-0001-99-99T99:99:99Z [INFO] - ",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A sample of which parts are cut out, doubled or replaced."""
    text = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        put = draw(st.one_of(st.sampled_from(PIECES), st.just(""), st.just(text[start:end] * 2), st.text(max_size=5)))
        text = text[:start] + put + text[end:]
    return text


def _provision(text: str) -> object:
    half = len(text) // 2
    return parse_provision(CmdletAnswer((CmdletRecord("host", text[:half]), CmdletRecord("output", text[half:]))))


PARSERS: list[Callable[[str], object]] = [
    parse_check,
    parse_list,
    parse_system_logs,
    parse_agent_log,
    parse_system_status,
    parse_dps_refusal,
    _provision,
]


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__.strip("_"))
@given(
    text=mutated()
    | st.text(max_size=200)
    | st.text(alphabet=st.sampled_from('√‼×- OKab:\n\t{}[]"0123456789TZ'), max_size=200)
)
@bounded
def test_a_parser_reads_or_refuses(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except ParseError as error:
        assert str(error).isprintable() and len(str(error)) < 500


@given(data=st.binary(max_size=300) | mutated().map(lambda text: text.encode("utf-16-le", "replace")))
@bounded
def test_any_bytes_become_text(data: bytes) -> None:
    text = decode(data)
    assert "\x00" not in text and "\r" not in text
    assert first_words(text).isprintable()
    assert is_refused(text) in (True, False)
    assert isinstance(failure_message(text.split("\n")), str)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__.strip("_"))
@pytest.mark.parametrize(
    "text",
    [" " * 300_000, "\t" * 300_000, "-" * 300_000, "√ " * 100_000, "{" * 300_000, "a" * 300_000, ": [" * 100_000],
)
def test_long_runs_take_no_quadratic_time(parse: Callable[[str], object], text: str) -> None:
    """300 kB in one line: a pattern that starts again at each character would take minutes."""
    try:
        parse(text)
    except ParseError:
        return
