"""`module/NAME` for each module that `iotedge list` shows; `module/edgeAgent` always exists.

The runtime's states are running, stopped, failed, dead and unknown, and nothing else (edgelet's source).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from eflowprov.checks.deployment import is_under_way
from eflowprov.checks.judgement import Draft, evidence
from eflowprov.checks.module_trouble import Restarts, missing, restarts, scheduled, stopped_by_deployment
from eflowprov.checks.words import own_entries, quoted, said
from eflowprov.model import Finding, Log, LogEntry, Module, ModuleList, Outcome, Problem

_SOURCE = "iotedge list"
_NOT_ASKED = Problem("not asked for", missing=True)
_AGENT_LOGS = (
    'Read the whole message: Invoke-EflowVmCommand -command "sudo iotedge logs edgeAgent --tail 200". Then mend the '
    "image, its registry's credentials or the module's options in the deployment."
)
_CODE = re.compile(r"Failed \((\d+)\)")
# What a container's exit code says: 128 + a signal's number is a kill by that signal.
_CODES = {
    "1": "it ended with an error of its own",
    "126": "its program may not be executed",
    "127": "its program does not exist in the image",
    "132": "illegal instruction: the image was built for another processor",
    "134": "it aborted itself",
    "137": "it was killed: out of memory, or stopped by hand",
    "139": "it crashed (segmentation fault)",
    "143": "it was told to end",
}
_JUST = timedelta(minutes=10)  # pulling edgeAgent's image takes minutes on a bad line
_PULLING = re.compile(
    r"^Pulling image|^Successfully pulled image|^Creating and starting Edge runtime module|^Creating module edgeAgent"
    r"|^Starting module edgeAgent|^Updating identity for module \$edgeAgent|^Created Edge runtime module",
    re.IGNORECASE,
)
_UP = re.compile(
    r"^Starting watchdog|^Watchdog checking|^Checking edge runtime status|^Edge runtime is running"
    r"|^Identity reconciliation complete"
    r"|^Finished provisioning edge device|^Device is \S+ on |^Starting management API",
    re.IGNORECASE,
)


def judge_modules(
    modules: ModuleList | Problem,
    journal: Log | Problem,
    *,
    now: datetime,
    agent: Log | Problem = _NOT_ASKED,
    deployed: bool = False,
) -> list[Draft]:
    """Judge every module that is listed or wanted.

    An edgeAgent that is not listed is judged by what the journal says of it, a module that could not be made by
    edgeAgent's words; `deployed` says that a deployment was carried out, and then edgeHub has to be there.
    """
    if isinstance(modules, Problem):
        remedy = 'Run it by hand: Invoke-EflowVmCommand -command "sudo iotedge list".'
        return [_draft("edgeAgent", Outcome.ERROR, modules.why, remedy, [modules.seen])]
    if modules.failure:
        return [_no_answer(modules.failure)]
    drafts = [_judge(module, journal, agent) for module in modules.modules]
    if all(module.name != "edgeAgent" for module in modules.modules):
        drafts.insert(0, _absent(bool(drafts), journal, now))
    return drafts + _wanted(modules, journal, agent, deployed=deployed)


def _wanted(modules: ModuleList, journal: Log | Problem, agent: Log | Problem, *, deployed: bool) -> list[Draft]:
    """The modules that should be there and are not."""
    names = {module.name for module in modules.modules}
    found = missing(names, journal, agent)
    drafts = [_draft(each.name, Outcome.FAIL, each.why, _AGENT_LOGS, [quoted(each.entry)]) for each in found]
    if deployed and names and "edgeHub" not in {*names, *(each.name for each in found)}:
        drafts.append(_no_edge_hub(sorted(names), under_way=is_under_way(agent)))
    return drafts


def _draft(
    name: str, outcome: Outcome, detail: str, remedy: str = "", lines: list[str] | None = None, *, is_open: bool = False
) -> Draft:
    finding = Finding(f"module/{name}", f"module {name} runs", outcome, detail, remedy, evidence(lines or []), _SOURCE)
    return Draft(finding, is_open)


# serde's words: an answer came, and was not what was expected (iotedge#69, #147).
_UNREADABLE = re.compile(
    r"\bSerde error|\binvalid type: |\bmissing field `|expected value at line|EOF while parsing|trailing characters at",
    re.IGNORECASE,
)


def _no_answer(failure: tuple[str, ...]) -> Draft:
    text = " ".join(failure)
    if "Permission denied" in text:
        remedy = 'Run it as root: Invoke-EflowVmCommand -command "sudo iotedge list".'
        detail = "iotedge list had no right to ask the runtime."
        # Open: a daemon that never finished starting gives the same words (iotedge#4609).
        return _draft("edgeAgent", Outcome.ERROR, detail, remedy, list(failure), is_open=True)
    if _UNREADABLE.search(text):
        remedy = "Verify again; if it stays, update EFLOW: its iotedge and its runtime do not fit together."
        detail = f"The runtime answered in a form that iotedge list could not read: {failure[-1].strip()}"
        return _draft("edgeAgent", Outcome.ERROR, detail, remedy, list(failure))
    detail = f"The runtime does not answer: {failure[-1].strip()}"
    remedy = (
        'Look at its services: Invoke-EflowVmCommand -command "sudo iotedge system status". Then restart them: '
        'Invoke-EflowVmCommand -command "sudo iotedge system restart".'
    )
    return _draft("edgeAgent", Outcome.FAIL, detail, remedy, list(failure))


def _no_edge_hub(names: list[str], *, under_way: bool) -> Draft:
    if under_way:
        wait = "Wait until its image is pulled (minutes on a bad line), then verify again."
        return _draft("edgeHub", Outcome.ERROR, "edgeAgent has not made edgeHub yet.", wait, names, is_open=True)
    return _draft("edgeHub", Outcome.FAIL, "A deployment is there, and edgeHub is not.", _AGENT_LOGS, names)


def _judge(module: Module, journal: Log | Problem, agent: Log | Problem) -> Draft:
    row = [f"{module.name}  {module.status}  {module.description}  {module.image}"]
    logs = f'Read why: Invoke-EflowVmCommand -command "sudo iotedge logs {module.name} --tail 100".'
    if module.status == "running":
        again = restarts(module, journal, agent)
        return (
            _again(module, again, logs, row)
            if again
            else _draft(module.name, Outcome.PASS, module.description, lines=row)
        )
    if module.status in ("failed", "dead"):
        row += [quoted(entry) for entry in scheduled(module, agent)]
        return _draft(module.name, Outcome.FAIL, _why_failed(module), logs, row)
    if module.status == "stopped":
        return _stopped(module, agent, row)
    return _draft(module.name, Outcome.ERROR, f"The runtime does not know its state: {module.status}.", logs, row)


def _again(module: Module, again: Restarts, logs: str, row: list[str]) -> Draft:
    """A running module that was started again: three times are a loop, and then running is no good news."""
    lines = row + [quoted(entry) for entry in again.entries]
    if again.looping:
        detail = f"{module.description}: it is started again and again, {again.count} times in the log."
        return _draft(module.name, Outcome.FAIL, detail, logs, lines)
    detail = f"{module.description}, and the runtime has run for longer: it was started again."
    return _draft(module.name, Outcome.WARN, detail, f"Verify again in five minutes. {logs}", lines)


def _stopped(module: Module, agent: Log | Problem, row: list[str]) -> Draft:
    detail = f"{module.description or 'Stopped'}."
    start = f'Start it: Invoke-EflowVmCommand -command "sudo iotedge restart {module.name}".'
    if module.name in ("edgeAgent", "edgeHub"):
        return _draft(module.name, Outcome.FAIL, detail, start, row)
    on_purpose = stopped_by_deployment(module.name, agent)
    if on_purpose:
        detail = f"{detail} Stopped on purpose: its deployment says so."
        return _draft(module.name, Outcome.PASS, detail, lines=[*row, quoted(on_purpose)])
    known = "nothing tells who stopped it" if isinstance(agent, Problem) else "edgeAgent's log does not say it did so"
    detail = f"{detail} It ended by itself without an error, or was stopped; {known}."
    return _draft(module.name, Outcome.WARN, detail, start, row)


def _why_failed(module: Module) -> str:
    found = _CODE.search(module.description)
    known = f" ({_CODES[found[1]]})" if found and found[1] in _CODES else ""
    return f"{module.description or module.status}{known}."


# ------------------------------------------------------------------------------------- edgeAgent is not listed


_AGENT_FAILED = re.compile(
    r"Could not pull image \S*agent|Failed to (?:pull|create|start) Edge runtime module|pull image \"\S*agent"
    r"|Could not (?:create|start) module edgeAgent|Error in watchdog",
    re.IGNORECASE,
)
_AGENT_DONE = re.compile(
    r"^Successfully (?:pulled|created|started)|^(?:Created|Started) Edge runtime module|^Edge runtime is running",
    re.IGNORECASE,
)
LOOKED_FOR = (_PULLING, _UP, _AGENT_FAILED, _AGENT_DONE)  # in the journal
_READ_LOGS = 'Read why: Invoke-EflowVmCommand -command "sudo iotedge system logs".'


def _absent(others: bool, journal: Log | Problem, now: datetime) -> Draft:
    own = [(place, said(entry), entry) for place, entry in own_entries(journal)]
    failures = [(place, text) for place, text, _ in own if _AGENT_FAILED.search(text)]
    done = max((place for place, text, _ in own if _AGENT_DONE.search(text)), default=-1)
    if failures and failures[-1][0] > done:
        lines = _whole_failure(own, failures[-1][0])
        cause = " ".join(lines[-1].split("\n")[-1].split()).rstrip(".")
        detail = f"The runtime tried to create edgeAgent and failed: {cause}."
        return _draft("edgeAgent", Outcome.FAIL, detail, _READ_LOGS, lines)
    told = [entry for _, text, entry in own if _PULLING.search(text) or _UP.search(text)]
    lines = [quoted(entry) for entry in told[-3:]]
    if others or _is_overdue(told, journal, now):
        return _draft("edgeAgent", Outcome.FAIL, "The runtime has not created edgeAgent.", _READ_LOGS, lines)
    wait = "Wait until its image is pulled (minutes on a bad line), then verify again."
    return _draft("edgeAgent", Outcome.ERROR, "The runtime has not created edgeAgent yet.", wait, lines, is_open=True)


def _whole_failure(own: list[tuple[int, str, LogEntry]], at: int) -> list[str]:
    """What the runtime said at `at`, and what it announced there with a colon: up to 1.1 that is the next entry."""
    after = [text for place, text, _ in own if place >= at]
    return after[:2] if after[0].endswith(":") else after[:1]


def _is_overdue(told: list[LogEntry], journal: Log | Problem, now: datetime) -> bool:
    """Whether the journal goes on for long after the runtime came up, and does not end with creating edgeAgent."""
    if isinstance(journal, Problem) or not told or _PULLING.search(told[-1].message):
        return False
    first, last = told[0].time, journal.entries[-1].time
    # A saved journal is judged at its own end; a VM whose clock runs ahead is judged at ours.
    return first is not None and last is not None and min(last, now) - first > _JUST
