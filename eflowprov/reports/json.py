"""The report as one JSON document, and its published schema (schema_version 1.0)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from eflowprov.model import (
    Baseline,
    Change,
    Finding,
    Identity,
    LogPattern,
    LogSummary,
    Module,
    Outcome,
    Report,
    Target,
)

SCHEMA_VERSION = "1.0"
_SCHEMA_FILE = "report-1.0.schema.json"


def to_json(report: Report, *, indent: int | None = 2) -> str:
    """Return the report as ASCII JSON without a final newline; times are RFC 3339 in UTC, what is unknown is null."""
    return json.dumps(to_document(report), indent=indent, ensure_ascii=True, allow_nan=False)


def to_document(report: Report) -> dict[str, Any]:
    """Return the report as plain dicts, lists and scalars, in the contract's shape and order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "eflowprov", "version": report.tool_version},
        "verdict": report.verdict.value,
        "summary": {outcome.value: report.summary[outcome] for outcome in Outcome},
        "started_at": _time(report.started_at),
        "duration_s": round(report.duration_s, 3),
        "target": _target(report.target),
        "identity": _identity(report.identity),
        "findings": [_finding(finding) for finding in report.findings],
        "modules": [_module(module) for module in report.modules],
        "logs": _logs(report.logs),
        **({"versions": dict(report.versions)} if report.versions else {}),
        **({"baseline": _baseline(report.baseline)} if report.baseline else {}),
    }


def report_schema() -> dict[str, Any]:
    """Return the schema that every report of this version keeps: JSON Schema, draft 2020-12."""
    return json.loads(_schema_text())  # type: ignore[no-any-return]


@cache
def _schema_text() -> str:
    return files("eflowprov.reports").joinpath(_SCHEMA_FILE).read_text(encoding="utf-8")


def _time(time: datetime | None) -> str | None:
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _target(target: Target) -> dict[str, str | None]:
    return {"host": target.host or None, "vm": target.vm or None, "channel": target.channel or None}


def _identity(identity: Identity) -> dict[str, str | None]:
    return {
        "registration_id": identity.registration_id or None,
        "device_id": identity.device_id or None,
        "hub": identity.hub or None,
        "scope_id": identity.scope_id or None,
        "expires_at": _time(identity.expires_at),
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "title": finding.title,
        "outcome": finding.outcome.value,
        "detail": finding.detail,
        "remedy": finding.remedy,
        "evidence": finding.evidence,
        "source": finding.source,
    }


def _module(module: Module) -> dict[str, str]:
    return {
        "name": module.name,
        "status": module.status,
        "description": module.description,
        "image": module.image,
    }


def _logs(logs: LogSummary) -> dict[str, Any]:
    return {
        "lines": logs.lines,
        "from": _time(logs.first),
        "to": _time(logs.last),
        "errors": logs.errors,
        "warnings": logs.warnings,
        "patterns": [_pattern(pattern) for pattern in logs.patterns],
    }


def _pattern(pattern: LogPattern) -> dict[str, str | int | None]:
    return {
        "id": pattern.id,
        "count": pattern.count,
        "first": _time(pattern.first),
        "last": _time(pattern.last),
        "sample": pattern.sample,
    }


def _baseline(baseline: Baseline) -> dict[str, Any]:
    return {
        "started_at": _time(baseline.started_at),
        "verdict": baseline.verdict.value,
        "tool_version": baseline.tool_version,
        "device": baseline.device or None,
        "changes": [_change(change) for change in baseline.changes],
    }


def _change(change: Change) -> dict[str, str | bool | None]:
    return {
        "about": change.about,
        "id": change.id,
        "change": change.kind.value,
        "before": change.before or None,
        "after": change.after or None,
        "new_trouble": change.trouble,
    }
