"""Logs of any size, read from a stream in constant memory: a live output, or a saved file of gigabytes."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from eflowprov.checks.digesting import JournalDigester
from eflowprov.checks.log_digest import LogDigest
from eflowprov.model import Log
from eflowprov.parsers.agent_log import read_agent_log
from eflowprov.parsers.system_logs import LogReader, without_entries
from eflowprov.parsers.text_stream import lines_of

_HEAD = 64 * 2**10  # characters that are kept until a line is known, for a refusal's first words


def read_journal(stream: BinaryIO, left_out: str = "") -> LogDigest:
    """The digest of what `iotedge system logs` printed; `left_out` says what of it is not there.

    ParseError when no line of it is in a known form.
    """
    digester = JournalDigester()
    reader = LogReader(kinds_of=digester.kinds)
    head = ""
    for lines in lines_of(stream):
        digester.take(reader.feed(lines))
        if digester.is_long:
            reader.only_wanted()
        if not reader.known and len(head) < _HEAD:
            head += "".join(f"{line}\n" for line in lines)[:_HEAD]
    digester.take(reader.end())
    log = without_entries(reader, head)
    return digester.digest(replace(log, left_out=left_out), reader.counts)


def read_agent(stream: BinaryIO, left_out: str = "") -> Log:
    """What `iotedge logs edgeAgent` printed. ParseError when no line of it is in a known form."""
    log = read_agent_log(lines_of(stream))
    return replace(log, left_out=left_out or log.left_out)
