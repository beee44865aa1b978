"""`verify --bundle F.zip`: what a ticket needs, in one file, without secrets, no larger than said.

Unpacked, it is a folder that `verify --from` judges. Everything in it went through `redacting`, the report
through the same text by text before its forms are made, so that each form stays what it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from eflowprov import __version__
from eflowprov.errors import EflowprovError, InputError
from eflowprov.model import CommandResult, HostFacts, Problem, Report, VmChannel
from eflowprov.redaction import redact
from eflowprov.reports.formats import FORMS, PAPER
from eflowprov.workflows.bundling.log import RunLog
from eflowprov.workflows.bundling.members import MEMBER_BYTES, Member, newest, whole
from eflowprov.workflows.bundling.read_me import NAME, read_me
from eflowprov.workflows.bundling.redacting import redact_file
from eflowprov.workflows.bundling.support_bundle import FOLDER, fetch, opened, why_not
from eflowprov.workflows.bundling.versions import ask_iotedge, versions_document
from eflowprov.workflows.disk.files import write_whole
from eflowprov.workflows.readiness.collect import awaited
from eflowprov.workflows.readiness.outputs import (
    AGENT,
    COMMANDS,
    FILES,
    LOGS,
    Outputs,
    SavedLog,
    commands_document,
    file_of,
    printed,
)

TOTAL_BYTES = 64 * 2**20
"""Of all members together; packed it is a tenth of that, which trackers take."""

_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # of a date in a zip; a host without a clock may be in 1970
MANIFEST, VERSIONS, TRANSCRIPT = "manifest.json", "versions.json", "transcript.jsonl"


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """Where it goes; whether `iotedge support-bundle` is wanted, of how far back, and how long it may take."""

    path: Path
    support_bundle: bool = False
    since: str = "1h"
    timeout_s: float = 420.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was written; `lacking` says why there is no support bundle in it, "" when it is there or was not wanted."""

    path: Path
    members: int
    size: int
    redacted: int
    lacking: str = ""


@dataclass(slots=True)
class _Contents:
    """Members in their order, within the limit of all, and what is not among them: name and why."""

    members: list[Member] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    _left: int = TOTAL_BYTES

    def take(self, member: Member) -> None:
        if len(member.data) > self._left:
            self.left_out.append((member.name, f"the bundle would hold more than {TOTAL_BYTES // 2**20} MiB"))
            return
        self._left -= len(member.data)
        self.members.append(member)


class Bundle:
    """One bundle. `look` takes what a look into the VM gave, while the connection stands; `write` makes the file."""

    def __init__(self, options: BundleOptions, log: RunLog, tell: Callable[[str], None]) -> None:
        self._options = options
        self._log = log
        self._tell = tell
        self._outputs: Outputs | None = None
        self._iotedge = ""
        self._support: CommandResult | Problem = Problem("there was no connection to the VM")

    def look(self, channel: VmChannel | None, outputs: Outputs) -> None:
        """Keep the outputs; ask the VM, over its open channel, for what else a bundle has. Never fails for the VM."""
        self._outputs = outputs
        if channel is None:
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="bundle") as pool:
            asking = pool.submit(self._ask, channel, outputs.hub_asked)
            try:
                awaited(asking)
            except BaseException:  # Ctrl-C: what runs is cut off
                channel.close()
                raise

    def write(
        self, report: Report | None, *, error: EflowprovError | None = None, host: HostFacts | None = None
    ) -> Receipt:
        """Make the file whole, for its owner alone, in the place of one that is there. StorageError when it cannot be.

        `report` is None where `error` says why there is none.
        """
        made_at = datetime.now(UTC)
        contents = _Contents()
        for member in self._members(report, host, contents.left_out):
            contents.take(member)
        lacking = why_not(self._support) if self._options.support_bundle else ""
        first = Member(NAME, read_me(report, error, contents.members, contents.left_out, made_at))
        contents.members.insert(0, first)
        manifest = self._manifest(contents, made_at, report, error, lacking)
        data = _zipped([first, Member(MANIFEST, manifest), *contents.members[1:]], made_at)
        write_whole(self._options.path, data, private=True)
        redacted = sum(member.redacted for member in contents.members)
        return Receipt(self._options.path, len(contents.members) + 1, len(data), redacted, redact(lacking))

    def _ask(self, channel: VmChannel, hub: str) -> None:
        self._iotedge = ask_iotedge(channel)
        if self._options.support_bundle:
            self._tell("asking the VM for iotedge support-bundle, which runs iotedge check again")
            since, limit = self._options.since, self._options.timeout_s
            self._support = fetch(channel, since=since, hub=hub, timeout_s=limit)
            self._log.event("support-bundle", lacking=why_not(self._support))

    def _members(
        self, report: Report | None, host: HostFacts | None, left_out: list[tuple[str, str]]
    ) -> Iterator[Member]:
        if report is not None:
            yield from _forms(report)
        notes: dict[str, str] = {}
        for name, member in _raw(self._outputs, left_out):
            if member.cut:
                notes[name] = member.note
            yield member
        if self._outputs is not None:
            beside = [replace(self._support, stdout=b"")] if isinstance(self._support, CommandResult) else []
            yield whole(COMMANDS, commands_document(self._outputs, notes, beside))
        yield whole(VERSIONS, versions_document(self._outputs, self._iotedge, host))
        yield newest(TRANSCRIPT, self._transcript(report).encode("utf-8"))
        if isinstance(self._support, CommandResult) and not why_not(self._support):
            found = opened(self._support.stdout)
            left_out += found.left_out
            yield from found.members

    def _transcript(self, report: Report | None) -> str:
        if report is not None:
            for entry in report.timeline:
                at, took = report.started_at + timedelta(seconds=entry.begin_s), round(entry.duration_s, 3)
                self._log.event(entry.kind, at, name=entry.name, duration_s=took, note=entry.note)
            self._log.event("report", verdict=report.verdict, exit_status=report.exit_status)
        return self._log.text()

    def _manifest(
        self, contents: _Contents, made_at: datetime, report: Report | None, error: EflowprovError | None, lacking: str
    ) -> bytes:
        """What is in the bundle, what is not, and why; the one member that it does not name is itself."""
        members = contents.members
        document = {
            "schema_version": "1.0",
            "tool": {"name": "eflowprov", "version": __version__},
            "created_at": made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "verdict": report.verdict if report else None,
            "error": redact(str(error)) if error else None,
            "limits": {"member_bytes": MEMBER_BYTES, "total_bytes": TOTAL_BYTES},
            "redacted": sum(member.redacted for member in members),
            "support_bundle": {
                "asked": self._options.support_bundle,
                "there": any(member.name.startswith(f"{FOLDER}/") for member in members),
                "problem": redact(lacking) or None,
            },
            "members": [_listed(member) for member in members],
            "left_out": [{"name": name, "why": redact(why)} for name, why in contents.left_out],
        }
        return (json.dumps(document, indent=2) + "\n").encode("ascii")


def refuse_place(path: Path, *others: Path | None) -> None:
    """Raise InputError, before anything is asked, when the bundle cannot go there, or `others` are the same file."""
    where, next_step = "--bundle", "Name a file such as ticket.zip, in a folder that is there"
    if os.path.isdir(path):  # noqa: PTH112  # False for a path that no disk takes
        raise InputError(where, f"{path} is a folder", next_step)
    if path.suffix.lower() != ".zip":
        raise InputError(where, f"{path} does not end in .zip", next_step)
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise InputError(where, f"there is no folder {path.parent}", next_step)
    if any(other is not None and other.absolute() == path.absolute() for other in others):
        raise InputError(where, f"{path} is named for something else too", next_step)


def _forms(report: Report) -> Iterator[Member]:
    """The report in every form, from one whose texts have no secrets."""
    texts = _Texts()
    clean: Report = texts.cleaned(report)
    for number, form in enumerate(FORMS.values()):
        data = form.render(clean, PAPER).encode("utf-8")
        yield Member(form.file_name, data, 0 if number else texts.count)


def _raw(outputs: Outputs | None, left_out: list[tuple[str, str]]) -> Iterator[tuple[str, Member]]:
    """What each command printed, under the contract's name, by its output's name."""
    for name in FILES:
        result = outputs.results.get(name) if outputs else None
        file = file_of(name, result) if result else None
        if file is None or not isinstance(result, CommandResult):
            continue
        try:
            yield name, _one(name, file, result)
        except OSError as error:
            left_out.append((file, f"it cannot be read ({error.strerror})"))


def _one(name: str, file: str, result: CommandResult) -> Member:
    if isinstance(result, SavedLog):
        return newest(file, result.path)
    make = newest if name in (LOGS, AGENT) else whole
    return make(file, printed(result))


class _Texts:
    """Every text in a report redacted; `count` is how many secrets were taken out."""

    def __init__(self) -> None:
        self.count = 0

    def cleaned(self, value: Any) -> Any:
        """The same value, its texts redacted, whatever dataclasses and collections they stand in."""
        if isinstance(value, str) and not isinstance(value, Enum):
            shown = redact_file(value)
            self.count += shown.count
            return shown.text
        if is_dataclass(value) and not isinstance(value, type):
            changed = {each.name: self.cleaned(getattr(value, each.name)) for each in fields(value) if each.init}
            return replace(value, **changed)
        if isinstance(value, Mapping):
            return {key: self.cleaned(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.cleaned(each) for each in value)
        return value


def _listed(member: Member) -> dict[str, object]:
    return {
        "name": member.name,
        "size": len(member.data),
        "sha256": hashlib.sha256(member.data).hexdigest(),
        "redacted": member.redacted,
        "cut_bytes": member.cut,
        "note": member.note,
    }


def _zipped(members: Iterable[Member], made_at: datetime) -> bytes:
    """The zip, the members in their order, each for its owner alone where it is unpacked with rights."""
    file, date = BytesIO(), max(made_at, _EARLIEST).timetuple()[:6]
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for member in members:
            entry = ZipInfo(member.name, date)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, member.data)
    return file.getvalue()
