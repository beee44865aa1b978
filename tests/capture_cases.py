"""The captures: folders with outputs as the field shows them, each beside what is to be read in it.

`tests/captures/verify/CASE/` holds saved outputs under the contract's names; `tests/captures/TOOL/CASE/` one output of
one tool. `expected.toml` says what comes of it. Adding a folder adds a test; tests/captures/README.md tells the keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eflowprov.checks.catalogue import explain_refusal
from eflowprov.checks.words import named_identity
from eflowprov.model import (
    CheckOutcome,
    CmdletAnswer,
    CmdletRecord,
    CommandResult,
    Log,
    Outcome,
    Problem,
    Refused,
    Report,
)
from eflowprov.parsers.agent_log import parse_agent_log
from eflowprov.parsers.cmdlet import parse_provision
from eflowprov.parsers.dps_refusal import parse_dps_refusal
from eflowprov.parsers.iotedge_check import parse_check
from eflowprov.parsers.iotedge_list import parse_list
from eflowprov.parsers.system_logs import parse_system_logs
from eflowprov.parsers.system_status import parse_system_status
from eflowprov.parsers.text import decode
from eflowprov.workflows.readiness.outputs import Output, read_saved
from eflowprov.workflows.readiness.verify import VerifyOptions, report_on

ROOT = Path(__file__).parent / "captures"
EXPECTED = "expected.toml"
_ABOUT: dict[str, type] = {"situation": str, "source": str, "deviations": list}
_VERIFY: dict[str, type] = {
    "version": str,
    "verdict": str,
    "fail": list,
    "error": list,
    "expected": list,
    "hub": str,
    "device": str,
}
_VERIFY |= {"findings": dict, "words": dict, "never": list}


@dataclass(frozen=True)
class Capture:
    """One folder; `expected` is its file, of which every key is known."""

    folder: Path
    expected: Mapping[str, Any]

    @property
    def tool(self) -> str:
        return self.folder.parent.name

    def __str__(self) -> str:
        return f"{self.tool}/{self.folder.name}"

    @property
    def input(self) -> bytes:
        """The one output of a capture of one tool."""
        (file,) = (path for path in self.folder.iterdir() if path.name != EXPECTED)
        return file.read_bytes()

    def outputs(self) -> dict[str, bytes]:
        """What each saved output holds, by its short name (`list`, `check`, `logs`, `status`, `agent`)."""
        results = read_saved(self.folder).results
        return {name: result.stdout for name, result in results.items() if isinstance(result, CommandResult)}

    def report(self, **changed: bytes | None) -> Report:
        """The report on a folder of saved outputs, of which some hold other bytes, or (None) are not there."""
        saved = read_saved(self.folder)
        results = dict(saved.results) | {name: _changed(saved.results[name], data) for name, data in changed.items()}
        return report_on(replace(saved, results=results), VerifyOptions(), vm=str(self), channel="saved")


def _changed(output: Output, data: bytes | None) -> Output:
    if data is None or isinstance(output, Problem):
        return Problem("it is not in the folder", missing=True)
    return replace(output, stdout=data)


def captures() -> list[Capture]:
    """Every folder. ValueError for one without a whole, known expected file: it would prove nothing."""
    folders = sorted(path for tool in ROOT.iterdir() if tool.is_dir() for path in tool.iterdir())
    return [_capture(folder) for folder in folders]


def _capture(folder: Path) -> Capture:
    name = f"{folder.parent.name}/{folder.name}"
    try:
        expected = tomllib.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: no {EXPECTED} that can be read: {error}") from error
    known = _ABOUT | (
        _VERIFY if folder.parent.name == "verify" else dict(TOOLS[folder.parent.name].keys) | {"refused": list}
    )
    for key, value in expected.items():
        if key not in known or not isinstance(value, known[key]):
            raise ValueError(f"{name}: {key} is no key of {EXPECTED}, or not of its type")
    if not {"situation", "source"} <= expected.keys() or len(expected) < 4:
        raise ValueError(f"{name}: {EXPECTED} lacks its situation, its source or what is to be read")
    return Capture(folder, expected)


# ---------------------------------------------------------------------------------------- what one tool's output says


@dataclass(frozen=True)
class Tool:
    """How a tool's output is read into plain values, and the keys and types that its expected files may have."""

    read: Callable[[bytes], Mapping[str, object]]
    keys: Mapping[str, type]


def _check(data: bytes) -> Mapping[str, object]:
    report = parse_check(decode(data))
    ids = {str(o): [check.id for check in report.checks if check.outcome is o] for o in CheckOutcome}
    details = {check.id: list(check.details) for check in report.checks}
    whole = {"form": report.form, "complete": report.complete, "skipped_unlisted": report.skipped_unlisted}
    return {**whole, "totals": dict(report.totals), **ids, "details": details}


def _list(data: bytes) -> Mapping[str, object]:
    found = parse_list(decode(data))
    rows = [[module.name, module.status, module.description, module.image] for module in found.modules]
    return {"modules": rows, "failure": list(found.failure)}


def _log(parse: Callable[[str], Log]) -> Callable[[bytes], Mapping[str, object]]:
    def read(data: bytes) -> Mapping[str, object]:
        log = parse(decode(data))
        said = [[entry.service, str(entry.level), entry.message, *entry.causes] for entry in log.entries]
        times = [entry.time.isoformat() if entry.time else "" for entry in log.entries]
        whole = {"entries": len(said), "torn": log.torn, "failure": list(log.failure), "hub": named_identity(log)[0]}
        return {**whole, "said": said, "times": times}

    return read


def _status(data: bytes) -> Mapping[str, object]:
    services = parse_system_status(decode(data)).services
    rows = [[service.name, service.state, service.detail] for service in services]
    return {"services": rows, "logs": {service.name: list(service.log) for service in services}}


def _provision(data: bytes) -> Mapping[str, object]:
    """A transcript of which every line begins with its stream: `host| text`; `thrown|` is the terminating error."""
    split = [line.partition("|") for line in decode(data).splitlines()]
    lines = [(stream.strip(), text.removeprefix(" ")) for stream, _, text in split]
    thrown = "\n".join(text for stream, text in lines if stream == "thrown")
    records = tuple(CmdletRecord(stream, text) for stream, text in lines if stream != "thrown")
    verdict = parse_provision(CmdletAnswer(records, error=thrown))
    return {"ok": verdict.ok, "message": verdict.message}


def _dps(data: bytes) -> Mapping[str, object]:
    refused = parse_dps_refusal(decode(data))
    return {**_facts(refused), "meaning": explain_refusal(refused.http_status, refused.error_code, refused.message).id}


def _facts(refused: Refused) -> Mapping[str, object]:
    numbers = {"http_status": refused.http_status, "error_code": refused.error_code}
    return {**numbers, "message": refused.message, "tracking_id": refused.tracking_id}


_LOG_KEYS = {"entries": int, "torn": bool, "failure": list, "hub": str, "said": list, "times": list}
_CHECK_KEYS = {"form": str, "complete": bool, "skipped_unlisted": int, "totals": dict, "details": dict}
TOOLS: Mapping[str, Tool] = {
    "check": Tool(_check, _CHECK_KEYS | {str(outcome): list for outcome in CheckOutcome}),
    "list": Tool(_list, {"modules": list, "failure": list}),
    "logs": Tool(_log(parse_system_logs), _LOG_KEYS),
    "agent-log": Tool(_log(parse_agent_log), _LOG_KEYS),
    "status": Tool(_status, {"services": list, "logs": dict}),
    "provision": Tool(_provision, {"ok": bool, "message": str}),
    "dps": Tool(_dps, {"http_status": int, "error_code": int, "message": str, "tracking_id": str, "meaning": str}),
}


# ------------------------------------------------------------------------------------------------ what differs


def differences(capture: Capture, found: Mapping[str, object]) -> list[str]:
    """Say where the values of one tool's output are not the expected ones.

    `details` and `logs` name the entries that they are about; `said` is given in order and may leave entries out; the
    outcomes of checks are whole: a list that is not given is empty.
    """
    wanted = {key: value for key, value in capture.expected.items() if key not in _ABOUT}
    if capture.tool == "check":
        wanted = {str(outcome): [] for outcome in CheckOutcome} | wanted
    return [
        f"{key}: {found[key]!r}, not {value!r}" for key, value in wanted.items() if not _agree(key, found[key], value)
    ]


def _agree(key: str, found: Any, wanted: Any) -> bool:
    if key in ("details", "logs"):
        return bool({name: found.get(name) for name in wanted} == wanted)
    if key == "said":
        rest = iter(found)
        return all(entry in rest for entry in wanted)
    if key in list(CheckOutcome) and isinstance(found, list):
        return sorted(found) == sorted(wanted)
    return bool(found == wanted)


def wrong_in(report: Report, expected: Mapping[str, Any]) -> list[str]:
    """Say where a report is not as expected.

    `fail`, `error` and `expected` list all findings of that outcome; `findings` tells the outcomes of others, `words`
    what one must say, `never` what must stand nowhere.
    """
    by_id = {finding.id: finding for finding in report.findings}
    wrong = [] if report.verdict == expected["verdict"] else [f"verdict: {report.verdict}"]
    for outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.EXPECTED):
        ids = sorted(finding.id for finding in report.findings if finding.outcome is outcome)
        wrong += [f"{outcome}: {ids}"] if ids != sorted(expected.get(outcome, [])) else []
    for id_, outcome in expected.get("findings", {}).items():
        wrong += [f"{id_} is {by_id[id_].outcome if id_ in by_id else 'missing'}"] * (
            id_ not in by_id or by_id[id_].outcome != outcome
        )
    said = {id_: "\n".join((found.title, found.detail, found.remedy, found.evidence)) for id_, found in by_id.items()}
    wrong += [
        f"{id_} does not say {word!r}: {said.get(id_)}"
        for id_, words in expected.get("words", {}).items()
        for word in words
        if word not in said.get(id_, "")
    ]
    wrong += [f"{text!r} in {id_}" for text in expected.get("never", []) for id_ in said if text in said[id_]]
    identity = (("hub", report.identity.hub), ("device", report.identity.device_id))
    return wrong + [f"{key}: {value!r}" for key, value in identity if expected.get(key, value) != value]
