"""Usage errors of old tools (deviation 14) are told from answers."""

from __future__ import annotations

import pytest

from eflowprov.parsers.usage import is_refused


@pytest.mark.parametrize(
    "text",
    [
        "error: Found argument 'check' which wasn't expected, or isn't valid\n\nUSAGE:\n    iotedge [OPTIONS]\n",
        "error: unexpected argument '--output' found\n\nUsage: iotedge check [OPTIONS]\n",
        "error: The subcommand 'system' wasn't recognized\n",
        "error: unrecognized subcommand 'system'\n",
        "error: 'json' isn't a valid value for '--output <FORMAT>'\n",
        "error: invalid value 'json' for '--output <FORMAT>'\n",
        "journalctl: unrecognized option '--foo'\n",
        "USAGE:\n    iotedge <SUBCOMMAND>\n",
        "user@vm:~$ iotedge system status\n\nUsage: iotedge <COMMAND>\n",
    ],
)
def test_a_usage_error_is_known(text: str) -> None:
    assert is_refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NAME             STATUS           DESCRIPTION      Config\n",
        "√ DNS server - OK\n1 check(s) succeeded.\n",
        "A module runtime error occurred\n\tcaused by: invalid value\n",
        "line\n" * 10 + "Usage: iotedge\n",
    ],
)
def test_an_answer_is_no_usage_error(text: str) -> None:
    assert not is_refused(text)
