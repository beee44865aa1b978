"""`iotedge system logs` (or `journalctl -u iotedge` of 1.1), as JSON lines or as text, in one pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from json.scanner import make_scanner
from typing import Any, cast

from eflowprov.model import DIGITS, Log, LogCounts, LogEntry, LogLevel, LogRecord, as_entry
from eflowprov.parsers.causes import printed_failure
from eflowprov.parsers.folding import HEAD, ODD, UNCLEAN, Folder, Kind, Kinds, Stream
from eflowprov.parsers.journal_lines import Line, read_fields, read_json_line, read_text_line
from eflowprov.parsers.prompts import is_around
from eflowprov.parsers.text import clean, refusal

WHERE = "iotedge system logs"
_OWN = re.compile(
    r"-- |No journal files were |Hint: You are currently not seeing|Warning: (?:Journal|The unit file|some journal)"
    r"|\s+Users in groups .* can see all messages|\s+Pass -q to turn off this notice"
)
_PAGER = re.compile(r"\s*(?:lines \d+-\d+(?:/\d+)?(?: \(END\))?|\(END\)|~|--More--.*|:)\s*$")
_UNIT = re.compile(r"\s{0,4}(?:[^\w\s]{1,3}\s+)?[\w@.-]+\.(?:service|socket)(?: -(?:\s|$)|\s*$)")
_EVERY = 32  # entries between two looks at which are ready

_MESSAGE = slice(HEAD, None)
_LATEST = 253402300800000000  # the year 10000, in microseconds since 1970


_UNUSUAL = (StopIteration, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_WRITERS = 256


class _Unasked(dict[bytes, Kind]):
    """What texts are to one who takes every entry."""

    def __missing__(self, text: bytes) -> Kind:
        return None


class LogReader:
    """Reads a journal or a container's log line by line in constant memory.

    After (or while) it reads: `lines` counts the lines, `torn` says that one was cut off, `known` that at least one
    line was in a known form. `service` is the writer where lines do not tell one, and `joined` says that every other
    line belongs to the entry before it (a container's log has one writer). `kinds_of` says what the texts of a service
    are to the taker of its entries, see `Folder`.
    """

    def __init__(
        self, service: str = "", *, joined: bool = False, kinds_of: Callable[[str], Kinds] = lambda _: _Unasked()
    ) -> None:
        self.lines = 0
        self.torn = False
        self.known = False
        self._service = service
        self._joined = joined
        self._in_status = False
        self._is_text = False
        self._folder = Folder(kinds_of)
        self._scan = make_scanner(cast(Any, json.JSONDecoder()))  # what json.loads itself calls
        self._writers: dict[object, Stream] = {}

    def entries(self, lines: Iterable[str]) -> Iterator[LogEntry]:
        """The entries of the source, in its order; never raises for a line."""
        due = _EVERY
        for line in lines:
            self.lines += 1
            self._take(line)
            if self._folder.place >= due:
                due += _EVERY
                yield from map(as_entry, self._folder.ready())
        yield from map(as_entry, self._folder.rest())

    def feed(self, lines: Sequence[str]) -> list[LogRecord]:
        """Take some lines, and give the entries that are whole by now, in order; never raises for a line."""
        folder = self._folder
        streams = folder.streams
        self.lines += len(lines)
        if folder.everything:
            for line in lines:
                self._take(clean(line))
        else:
            self._take_many(lines)
        done = folder.ready()
        if folder.streams is not streams:  # some were forgotten
            self._writers.clear()
        return done

    def end(self) -> list[LogRecord]:
        """The entries that are left at the end of the source, whatever their kind."""
        return self._folder.rest()

    def only_wanted(self) -> None:
        """From now on give only errors and entries that have a kind."""
        self._folder.everything = False

    @property
    def counts(self) -> LogCounts:
        """What was counted until now."""
        return self._folder.counts()

    def _take_many(self, lines: Sequence[str]) -> None:
        """The same as `_take` for each line, and quick for what most lines of a journal are.

        That is an object of which the message is one plain line of a daemon; whatever else a line is goes to `_take`.
        """
        folder, scan, writers, closed = self._folder, self._scan, self._writers, self._folder.closed
        place, newest = folder.place, folder.newest
        times: list[int] = []
        for line in lines:
            try:
                fields, end = scan(line, 0)
                stream = writers[fields["_SYSTEMD_UNIT"], fields["SYSLOG_IDENTIFIER"]]
                text = fields["MESSAGE"]
                level, kind = stream.shapes[text.encode().translate(DIGITS)]
                time = int(fields["__REALTIME_TIMESTAMP"], 10)
            except _UNUSUAL:
                kind = UNCLEAN
            if kind is UNCLEAN or kind is ODD or end != len(line) or not 0 <= time < _LATEST:
                folder.place, folder.newest = place, newest
                if kind is ODD and end == len(line) and 0 <= time < _LATEST:
                    folder.add(time, stream.service, level, text[_MESSAGE])
                else:
                    self._take(clean(line))
                place, newest = folder.place, folder.newest
                continue
            last = stream.last
            if last.__class__ is not tuple:
                folder.close(stream)
            elif last[1] or last[4] is LogLevel.ERROR:
                closed.append(last)
            stream.last = (place, kind, time, stream.service, level, text[_MESSAGE], ())
            newest = stream
            place += 1
            times.append(time)
            if level is not LogLevel.INFO:
                folder.count(level)
        folder.place, folder.newest = place, newest
        if times:
            self.known = True
            folder.widen(min(times), max(times))

    def _take(self, line: str) -> None:
        if line[:1] != "{" or not self._take_json(line):
            self._take_text(line)

    def _take_json(self, line: str) -> bool:
        """Read a JSON line; False when the line is part of a log in text form, whose messages may hold JSON."""
        try:
            fields = read_json_line(line)
        except ValueError:
            fields = None
        if fields is not None:
            read = read_fields(fields)
            self._add(read)
            self._remember(fields, read.service or self._service)
        elif self._is_text:
            return False
        else:
            self.torn = True
        return True

    def _remember(self, fields: dict[str, object], service: str) -> None:
        """Whose lines have these two names, for `_take_many`."""
        unit, program = fields.get("_SYSTEMD_UNIT"), fields.get("SYSLOG_IDENTIFIER")
        if isinstance(unit, str) and isinstance(program, str) and len(self._writers) < _WRITERS:
            self._writers[unit, program] = self._folder.stream(service)

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
    reader = LogReader()
    text = clean(text)
    entries = tuple(reader.entries(split_lines(text)))
    return replace(without_entries(reader, text), entries=entries)


def without_entries(reader: LogReader, text: str, where: str = WHERE) -> Log:
    """The Log of a text (or of its head) that a reader has read, but for its entries.

    ParseError, naming `where`, when no line is in a known form.
    """
    if reader.known:
        return Log(lines=reader.lines, torn=reader.torn)
    failure = printed_failure(text)
    if failure:
        return Log(lines=reader.lines, failure=failure)
    raise refusal(where, text, "no line of it could be read")


def split_lines(text: str) -> list[str]:
    """The lines of a clean text."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]
