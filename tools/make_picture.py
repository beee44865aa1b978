#!/usr/bin/env python3
"""Make docs/report.png anew: the HTML report of `lab run`, as a person sees it.

    python -m tools.make_picture [scenario]

From the project's folder, with the environment of `dev.py test` and Chromium on PATH (Debian: package chromium; with
fonts-open-sans the letters are near to those of Windows). Times and ports in the picture are those of the run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chromium import open_page

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "report.png"
SCENARIO = "dps-refused"  # short, and with all that a report is for: what is wrong, why, what to do
_WIDTH = 860  # CSS pixels: what a README shows without making it smaller
_SCALE = 1.5  # sharp on the screens of today


def make(picture: Path, scenario: str, program: str) -> str:
    """Play the scenario, open its report in the Chromium `program`, take the picture; give the verdict's word."""
    with tempfile.TemporaryDirectory(prefix="eflowprov-picture-") as folder, open_page(program) as page:
        command = [sys.executable, "-m", "eflowprov", "lab", "run", "--scenario", scenario, "--format", "html"]
        played = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        report = Path(folder) / "report.html"
        report.write_bytes(played.stdout)
        page.show(report, width=_WIDTH)
        picture.write_bytes(page.picture(_SCALE))
        return str(page.tell("document.querySelector('h1').innerText"))


def main() -> int:
    """The command line."""
    program = shutil.which("chromium") or sys.exit("chromium is not there. On Debian: apt-get install chromium.")
    word = make(PICTURE, sys.argv[1] if len(sys.argv) > 1 else SCENARIO, program)
    sys.stderr.write(f"{PICTURE}: {word}, {PICTURE.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
