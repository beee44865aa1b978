"""`iotedge support-bundle` for a bundle: fetched from the VM in one answer, opened as a stream, redacted text by text.

`--output -` gives the zip on standard output (1.0.10 and later, iotedge's main.rs), so that no file of it is ever in
the VM; the cmdlets' channel keeps it in a folder of its own there, which its script removes. What is in it is foreign:
it is read with limits of its own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from eflowprov.errors import EflowprovError
from eflowprov.model import CommandResult, Problem, VmChannel
from eflowprov.parsers.text import decode, first_words
from eflowprov.parsers.usage import is_refused
from eflowprov.redaction import redact
from eflowprov.workflows.bundling.members import MEMBER_BYTES, Member, beginning, is_binary, newest_of

FOLDER = "support-bundle"
LIMIT = 16 * 2**20
"""Bytes of the zip: what the cmdlets' channel can carry in one answer (bridge/session.py)."""
TIME_S = 300.0
"""It runs `iotedge check` again, which starts containers."""
MOST_MEMBERS = 500
MOST_READ = 256 * 2**20
"""Bytes unpacked in all: a zip of 16 MiB may hold a thousand times as much."""

_SAMPLE = 4096
_ENCRYPTED = 1
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICE_NAMES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_LONGEST_NAME = 100
_ZIP_BEGINS = b"PK\x03\x04"


class TooMuchError(Exception):
    """More was to be unpacked than is allowed."""


@dataclass(slots=True)
class Opened:
    """The members, by name, and what was left out: its name and why."""

    members: list[Member] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def support_command(since: str, hub: str) -> tuple[str, ...]:
    """The command; `since` is a duration such as 1h, `hub` the name for its `iotedge check`, "" when not known."""
    named = ("--iothub-hostname", hub) if hub else ()
    return ("sudo", "-n", "iotedge", "support-bundle", "--output", "-", "--since", since, "--quiet", *named)


def fetch(channel: VmChannel, *, since: str, hub: str, timeout_s: float) -> CommandResult | Problem:
    """Have it made and take it; never raises for what the VM does. `stdout` of the result is the zip, perhaps noise."""
    command = support_command(since, hub)
    try:
        return channel.run(command, timeout_s=min(timeout_s, TIME_S), cap=LIMIT)
    except EflowprovError as error:
        return Problem(str(error))


def why_not(result: CommandResult | Problem) -> str:
    """Why there is no zip in an answer; "" when there is one."""
    if isinstance(result, Problem):
        return result.why
    if result.status is None:
        return result.note or "it did not end"
    said = first_words(decode(result.stderr) or decode(result.stdout[:_SAMPLE]))
    if is_refused(decode(result.stderr)):
        return f"this version of iotedge does not have the command ({said})"
    if result.status != 0:
        return f"it ended with status {result.status}: {said}"
    if result.dropped:
        return f"it is larger than {LIMIT // 2**20} MiB; ask for less with --since 10m"
    return "" if _ZIP_BEGINS in result.stdout else f"it gave no zip but: {said or 'nothing'}"


def opened(data: bytes, *, limit: int = MEMBER_BYTES) -> Opened:
    """Every text in the zip, redacted; what is no text, cannot be read or goes beyond the limits is left out."""
    found = Opened()
    try:
        with ZipFile(BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _Reader(archive, found, limit).read(sorted(entries, key=lambda entry: entry.filename))
    except (BadZipFile, OSError, ValueError, EOFError, NotImplementedError, OverflowError) as error:
        found.left_out.append((FOLDER, f"the zip cannot be read ({error})"))
    return found


class _Reader:
    """One pass over the entries, within the limits."""

    def __init__(self, archive: ZipFile, found: Opened, limit: int) -> None:
        self._archive = archive
        self._found = found
        self._limit = limit
        self._names: set[str] = set()
        self._left = MOST_READ

    def read(self, entries: Iterable[ZipInfo]) -> None:
        for number, entry in enumerate(entries):
            name = self._name(entry.filename, number)
            why = (
                f"there are more than {MOST_MEMBERS} files in it" if number >= MOST_MEMBERS else self._one(entry, name)
            )
            if why:
                self._found.left_out.append((name, why))
            if number > MOST_MEMBERS:
                return

    def _one(self, entry: ZipInfo, name: str) -> str:
        """Take one entry; a text when it cannot be taken."""
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            return "it is encrypted, or packed in a way that iotedge does not use"
        try:
            self._found.members.append(self._member(entry, name))
        except _NotTextError:
            return "it is no text, so that nothing in it could be redacted"
        except TooMuchError:
            return f"the zip unpacks to more than {MOST_READ // 2**20} MiB"
        except (BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError) as error:
            return f"it cannot be read ({error})"
        return ""

    def _member(self, entry: ZipInfo, name: str) -> Member:
        with self._archive.open(entry) as stream:
            if is_binary(stream.read(_SAMPLE)):
                raise _NotTextError
            stream.seek(0)
            if name.endswith(".json"):
                self._spend(min(self._limit, entry.file_size))
                return beginning(name, stream, limit=self._limit, size=entry.file_size)
            return newest_of(name, stream, limit=self._limit, spend=self._spend)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise TooMuchError

    def _name(self, told: str, number: int) -> str:
        """A name that unpacks anywhere and nowhere else: plain characters, no way up, none twice whatever the case."""
        parts = [
            _UNSAFE.sub("_", part).strip(".")[:_LONGEST_NAME] for part in redact(told).replace("\\", "/").split("/")
        ]
        parts = [f"_{part}" if _DEVICE_NAMES.fullmatch(part) else part for part in parts if part][-3:]
        name = "/".join((FOLDER, *(parts or ["file"])))
        if name.lower() in self._names:
            name = "/".join((FOLDER, f"{number:03}-{parts[-1] if parts else 'file'}"))
        self._names.add(name.lower())
        return name


class _NotTextError(Exception):
    """The entry is no text."""
