"""`deployment/present`: has the device a deployment, and was it carried out?

edgeAgent's newest word wins; without one the list of modules tells: nothing but edgeAgent means that nothing was
deployed yet, the state that IoT Hub shows as 417. Read in edge-agent's source (Agent, TwinConfigSource, Planner).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eflowprov.checks.judgement import Draft, evidence
from eflowprov.checks.words import own_entries, quoted, said
from eflowprov.model import Finding, Log, LogEntry, ModuleList, Outcome, Problem

ID = "deployment/present"
_TITLE = "the device's deployment was carried out"

_EMPTY = re.compile(
    r"desired properties is empty|has an empty configuration|Empty edge agent config was received|ConfigEmptyException",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"invalid schema|invalid configuration format|ConfigFormatException|InvalidSchemaVersion", re.IGNORECASE
)
_STARTED = re.compile(r"^Plan execution started", re.IGNORECASE)
_ENDED = re.compile(r"^Plan execution ended", re.IGNORECASE)
_FAILED = re.compile(
    r"Executing command for operation .* failed|^Step failed in deployment|Edge agent plan execution failed",
    re.IGNORECASE,
)
# edged's own words about modules other than edgeAgent: somebody deployed them.
_OTHER_MODULE = re.compile(r"\b(?:creat|start)\w* module (?!edgeAgent\b)(?P<name>[\w-]+)", re.IGNORECASE)
_OTHER_FAILED = re.compile(r"could not|failed|error", re.IGNORECASE)
LOOKED_FOR = (_OTHER_MODULE,)  # in the journal


@dataclass(frozen=True, slots=True)
class _Word:
    """edgeAgent's newest word: `empty`, `broken`, `carried-out`, `failed` or `under-way`, and what it rests on."""

    state: str
    entries: tuple[LogEntry, ...]


def judge_deployment(modules: ModuleList | Problem, agent: Log | Problem, journal: Log | Problem) -> Draft:
    """Judge whether a deployment is there."""
    word = None if isinstance(agent, Problem) else _newest(agent)
    if word is not None and word.state != "under-way":
        return _by_agent(word)
    return _by_list(modules, _in_journal(journal), word)


def is_under_way(agent: Log | Problem) -> bool:
    """Whether edgeAgent began to carry a deployment out and has not ended, by its newest word."""
    word = None if isinstance(agent, Problem) else _newest(agent)
    return word is not None and word.state == "under-way"


def _newest(agent: Log) -> _Word | None:
    word: _Word | None = None
    failures: list[LogEntry] = []
    for entry in agent.entries:
        text = said(entry)
        if _FAILED.search(text):
            failures.append(entry)
            word = _Word("failed", tuple(failures))
        elif _STARTED.search(text):
            failures = []
            word = _Word("under-way", (entry,))
        elif _ENDED.search(text):
            word = _Word("failed", tuple(failures)) if failures else _Word("carried-out", (entry,))
        elif _EMPTY.search(text):
            word = _Word("empty", (entry,))
        elif _BROKEN.search(text):
            word = _Word("broken", (entry,))
    return word


def _draft(
    outcome: Outcome, detail: str, remedy: str = "", *, lines: str = "", source: str = "", is_open: bool = False
) -> Draft:
    return Draft(Finding(ID, _TITLE, outcome, detail, remedy, lines, source or "iotedge logs edgeAgent"), is_open)


_DEPLOY = "Set modules for the device in IoT Hub (or wait for its automatic deployment), then verify again."
_VERDICTS = {
    "empty": (
        Outcome.EXPECTED,
        "417: the device's deployment configuration is not set. A new device looks so.",
        _DEPLOY,
    ),
    "carried-out": (Outcome.PASS, "edgeAgent carried the deployment out.", ""),
    "failed": (
        Outcome.FAIL,
        "A deployment is there, and edgeAgent could not carry it out.",
        "Read the failed command below; most often an image cannot be pulled or a module's options are wrong. Then "
        "mend the "
        'deployment in IoT Hub. The whole log: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail '
        '200".',
    ),
    "broken": (
        Outcome.FAIL,
        "A deployment is there, and edgeAgent cannot read it (412: schema version; 400: format).",
        "Mend the deployment manifest in IoT Hub: schemaVersion must be one that this runtime knows, and the format "
        "valid.",
    ),
}


def _by_agent(word: _Word) -> Draft:
    outcome, detail, remedy = _VERDICTS[word.state]
    return _draft(outcome, detail, remedy, lines=evidence(quoted(entry) for entry in word.entries[-3:]))


def _in_journal(journal: Log | Problem) -> list[tuple[str, LogEntry]]:
    found = []
    for _, entry in own_entries(journal):
        if match := _OTHER_MODULE.search(said(entry)):
            found.append((match["name"], entry))
    return found


def _by_list(modules: ModuleList | Problem, asked_for: list[tuple[str, LogEntry]], word: _Word | None) -> Draft:
    if isinstance(modules, Problem) or modules.failure or not modules.modules:
        detail = "Nothing tells whether the device has a deployment: no module is listed."
        return _draft(Outcome.ERROR, detail, "Verify again when edgeAgent runs.", is_open=True)
    others = [module.name for module in modules.modules if module.name != "edgeAgent"]
    if others:
        detail = f"Modules of a deployment are there: {', '.join(others)}."
        return _draft(Outcome.PASS, detail, source="iotedge list", lines=evidence(others))
    if word is not None:
        detail = "edgeAgent began to carry a deployment out, and has not ended."
        lines = evidence(quoted(entry) for entry in word.entries)
        return _draft(Outcome.ERROR, detail, "Wait two minutes, then verify again.", lines=lines, is_open=True)
    return _deployed_but_absent(*asked_for[-1]) if asked_for else _nothing_deployed()


def _deployed_but_absent(name: str, entry: LogEntry) -> Draft:
    lines = evidence([quoted(entry)])
    if _OTHER_FAILED.search(said(entry)):
        _, detail, remedy = _VERDICTS["failed"]
        return _draft(
            Outcome.FAIL, f"{detail} Module {name} is missing.", remedy, lines=lines, source="iotedge system logs"
        )
    detail = f"The runtime was asked for module {name}, and the module is not there yet."
    return _draft(
        Outcome.ERROR,
        detail,
        "Wait two minutes, then verify again.",
        lines=lines,
        source="iotedge system logs",
        is_open=True,
    )


def _nothing_deployed() -> Draft:
    _, detail, remedy = _VERDICTS["empty"]
    return _draft(Outcome.EXPECTED, f"Nothing but edgeAgent exists. {detail}", remedy, source="iotedge list")
