"""Runs small scripts against the PowerShell module in a real PowerShell, with a program that plays eflowprov."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MANIFEST = ROOT / "powershell" / "EflowProv" / "EflowProv.psd1"
SUMMARY = {"pass": 12, "expected": 0, "warn": 3, "fail": 0, "skip": 1, "error": 0}


def report(verdict: str, *findings: dict[str, str], **summary: int) -> str:
    """A report as the tool prints it."""
    document = {
        "schema_version": "1.0",
        "tool": {"name": "eflowprov", "version": "0.1.0"},
        "verdict": verdict,
        "summary": {**SUMMARY, **summary},
        "started_at": "2026-11-22T05:10:11Z",
        "duration_s": 1.5,
        "target": {"host": "local", "vm": "line4", "channel": "cmdlet"},
        "identity": {
            "registration_id": "line4-press2",
            "device_id": "line4-press2",
            "hub": "plant.azure-devices.net",
            "scope_id": "0ne00112233",
            "expires_at": "2027-11-22T07:10:11+02:00",
        },
        "findings": list(findings),
        "modules": [],
        "logs": {"lines": 0, "from": None, "to": None, "errors": 0, "warnings": 0, "patterns": []},
    }
    return json.dumps(document, indent=2) + "\n"


def finding(id_: str, outcome: str, detail: str = "", remedy: str = "") -> dict[str, str]:
    """One finding as it stands in a report."""
    texts = {"detail": detail, "remedy": remedy, "evidence": "", "source": "iotedge check"}
    return {"id": id_, "title": id_.upper(), "outcome": outcome, **texts}


@dataclass
class Module:
    """The module in a fresh PowerShell for each call. `answers` is what the played program says, call by call."""

    powershell: str
    folder: Path
    answers: list[dict[str, Any]] = field(default_factory=lambda: [{"stdout": report("ready")}])
    stdout: str = ""

    def call(
        self, command: str, *, at: Path | None = None, having: dict[str, str] | None = None, **parameters: object
    ) -> dict[str, Any]:
        """One cmdlet, called in the folder `at` and `having` these environment variables.

        See scripts/module_call.ps1 for what comes back.
        """
        place = {"location": str(at) if at else "", "environment": having or {}}
        return self.script("module_call", command=command, parameters=parameters, **place)

    def script(self, name: str, **request: object) -> dict[str, Any]:
        """Run a script of scripts/ with a request, and give the result that it wrote."""
        files = {part: self.folder / f"{part}.json" for part in ("request", "result", "plan", "calls")}
        files["result"].unlink(missing_ok=True)
        files["request"].write_text(json.dumps({"module": str(MANIFEST), **request}), encoding="ascii")
        files["plan"].write_text(json.dumps(self.answers), encoding="ascii")
        policy = ["-ExecutionPolicy", "Bypass"] if os.name == "nt" else []
        front = [self.powershell, "-NoLogo", "-NoProfile", "-NonInteractive", "-OutputFormat", "Text", *policy]
        done = subprocess.run(
            [*front, "-File", str(HERE / "scripts" / f"{name}.ps1")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            cwd=self.folder,
            env=self._environment(files),
        )
        self.stdout = done.stdout.decode(errors="replace")
        said = f"{name}.ps1 wrote no result:\n{self.stdout}\n{done.stderr.decode(errors='replace')}"
        assert files["result"].exists(), said
        result: dict[str, Any] = json.loads(files["result"].read_text(encoding="utf-8-sig"))
        return result

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How the played program was called, in order."""
        path = self.folder / "calls.json"
        return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []

    @property
    def argv(self) -> list[str]:
        """The arguments of the only call, without the --verbose that stands in front of every one."""
        assert len(self.calls) == 1, self.calls
        assert self.calls[0]["argv"][0] == "--verbose"
        return list(self.calls[0]["argv"][1:])

    def _environment(self, files: dict[str, Path]) -> dict[str, str]:
        return {
            **os.environ,
            "EFLOWPROV_PROGRAM": sys.executable,
            "PYTHONPATH": str(HERE / "fake_program"),
            "EFLOWPROV_TEST_REQUEST": str(files["request"]),
            "EFLOWPROV_TEST_RESULT": str(files["result"]),
            "EFLOWPROV_FAKE_PLAN": str(files["plan"]),
            "EFLOWPROV_FAKE_CALLS": str(files["calls"]),
        }
