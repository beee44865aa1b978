"""`iotedge system logs` (or `journalctl -u iotedge` of 1.1), as JSON lines or as text, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eflowprov.model import Log, LogEntry, LogLevel
from eflowprov.parsers.causes import printed_failure
from eflowprov.parsers.folding import Folder
from eflowprov.parsers.journal_lines import Line, read_json_line, read_text_line
from eflowprov.parsers.prompts import is_around
from eflowprov.parsers.text import clean, refusal

_WHERE = "iotedge system logs"
_OWN = re.compile(
    r"-- |No journal files were |Hint: You are currently not seeing|Warning: (?:Journal|The unit file|some journal)"
    r"|\s+Users in groups .* can see all messages|\s+Pass -q to turn off this notice"
)
_PAGER = re.compile(r"\s*(?:lines \d+-\d+(?:/\d+)?(?: \(END\))?|\(END\)|~|--More--.*|:)\s*$")
_UNIT = re.compile(r"\s{0,4}(?:[^\w\s]{1,3}\s+)?[\w@.-]+\.(?:service|socket)(?: -(?:\s|$)|\s*$)")


class LogReader:
    """Reads a journal or a container's log line by line in constant memory.

    After (or while) `entries` runs: `lines` counts the lines, `torn` says that one was cut off, `known` that at least
    one line was in a known form. `service` is the writer where lines do not tell one, and `joined` says that every
    other line belongs to the entry before it (a container's log has one writer).
    """

    def __init__(self, service: str = "", *, joined: bool = False) -> None:
        self.lines = 0
        self.torn = False
        self.known = False
        self._service = service
        self._joined = joined
        self._in_status = False
        self._is_text = False
        self._folder = Folder()

    def entries(self, lines: Iterable[str]) -> Iterator[LogEntry]:
        """The entries of the source, in its order; never raises for a line."""
        folder = self._folder
        for line in lines:
            self.lines += 1
            if line[:1] != "{" or not self._take_json(line):
                self._take_text(line)
            if folder.has_ready():
                yield from folder.ready()
        yield from folder.rest()

    def _take_json(self, line: str) -> bool:
        """Read a JSON line; False when the line is part of a log in text form, whose messages may hold JSON."""
        try:
            read = read_json_line(line)
        except ValueError:
            read = None
        if read is not None:
            self._add(read)
        elif self._is_text:
            return False
        else:
            self.torn = True
        return True

    def _take_text(self, line: str) -> None:
        if not line.strip():
            self._in_status = False
        elif _OWN.match(line) or _PAGER.match(line):
            self.known = self.known or line.startswith("-- ")
        elif (read := read_text_line(line)) is not None:
            self._in_status, self._is_text = False, True
            self._add(read)
        elif self._in_status or _UNIT.match(line):
            self._in_status = True
        elif not is_around(line):
            self._take_other(line)

    def _add(self, read: Line) -> None:
        self.known = True
        time, service, level, text = read
        if "\n" not in text and "\x1b" not in text:
            self._folder.add(time, service or self._service, level, text)
            return
        first, *rest = clean(text).split("\n")
        self._folder.add(time, service or self._service, level, first)
        for line in rest:
            self._folder.continue_last(line, any_indent=True)

    def _take_other(self, line: str) -> None:
        """A line in no form of its own: a cause, a trace or a continuation, else a line without a known writer."""
        if not self._folder.continue_last(line, any_indent=self._joined) and not self._joined:
            self._folder.add(None, self._service, LogLevel.NONE, line.strip())


def parse_system_logs(text: str) -> Log:
    """Read one output of `iotedge system logs`; journalctl's own `-- No entries --` is a Log without entries.

    Lines of other programs keep their own service name. `torn` says that a JSON line was cut off. An error that was
    printed in place of the log is `failure`. ParseError when nothing at all could be read.
    """
    return read_log(clean(text), _WHERE, LogReader())


def read_log(text: str, where: str, reader: LogReader) -> Log:
    """The Log of a whole, clean text. ParseError, naming `where`, when no line is in a known form."""
    lines = text.split("\n")
    entries = tuple(reader.entries(lines[:-1] if not lines[-1] else lines))
    if reader.known:
        return Log(entries, reader.lines, torn=reader.torn)
    failure = printed_failure(text)
    if failure:
        return Log(lines=reader.lines, failure=failure)
    raise refusal(where, text, "no line of it could be read")
