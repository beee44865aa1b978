"""Is this host fit? The facts of one PowerShell call, judged."""

from __future__ import annotations

from datetime import UTC, datetime

from eflowprov.bridge.eflow import EflowHost
from eflowprov.checks.host import judge_host
from eflowprov.model import Identity, Report, Target
from eflowprov.workflows.readiness.verify import assemble


def host_report(host: EflowHost, name: str, *, timeout_s: float) -> Report:
    """Ask the host and judge what it tells; nothing is changed."""
    started_at = datetime.now(UTC)
    findings = judge_host(host.host_facts(timeout_s=timeout_s), now=started_at)
    return assemble(None, started_at=started_at, target=Target(name), identity=Identity(), extra=findings)
