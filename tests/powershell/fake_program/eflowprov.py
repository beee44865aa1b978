"""Plays the eflowprov program: keeps what it was called with, says what the plan says, and ends as the plan says.

The module starts it as `python -P -m eflowprov` with this folder on PYTHONPATH. The plan is a list of answers, one
for each call in turn; the last serves for all later ones.
"""

import json
import os
import sys
from pathlib import Path

calls = Path(os.environ["EFLOWPROV_FAKE_CALLS"])
plan = json.loads(Path(os.environ["EFLOWPROV_FAKE_PLAN"]).read_text(encoding="utf-8"))
before = len(calls.read_text(encoding="ascii").splitlines()) if calls.exists() else 0
answer = plan[min(before, len(plan) - 1)]
call = {"argv": sys.argv[1:], "stdin": sys.stdin.read(), "cwd": str(Path.cwd()), "utf8": sys.flags.utf8_mode}
with calls.open("a", encoding="ascii") as record:
    record.write(json.dumps(call) + "\n")
sys.stderr.write(answer.get("stderr", ""))
sys.stdout.write(answer.get("stdout", ""))
sys.exit(answer.get("status", 0))
