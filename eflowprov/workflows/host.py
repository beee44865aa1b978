"""Is this host fit? The facts of one PowerShell call, judged."""

from __future__ import annotations

from eflowprov.bridge.eflow import EflowHost
from eflowprov.checks.host import judge_host
from eflowprov.model import Identity, Report, Target
from eflowprov.workflows.readiness.timeline import Begun
from eflowprov.workflows.readiness.verify import assemble


def host_report(host: EflowHost, name: str) -> Report:
    """Ask the host and judge what it tells; nothing is changed."""
    begun = Begun.now()
    findings = judge_host(host.host_facts(), now=begun.at)
    return assemble(None, begun=begun, target=Target(name), identity=Identity(), extra=findings)
