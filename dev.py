#!/usr/bin/env python3
"""Set up this checkout and run it; needs nothing but Python 3.11 or later.

python3 dev.py lab [flags of `eflowprov lab run`]    set up, run the whole path against a simulated machine
python3 dev.py test [flags of pytest]                set up, run every check and test
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
NO_NETWORK = "dev.py: pip failed, for the reason above. The first run takes the dependencies from the package index."


def python_of(folder: Path) -> str:
    """The interpreter of a virtual environment."""
    return str(folder / ("Scripts/python.exe" if WINDOWS else "bin/python"))


def run(*command: str, cwd: Path = ROOT, hint: str = "") -> None:
    """Run a step; the first that fails ends everything with its status, after the hint."""
    print("+", " ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=cwd, check=False)
    if done.returncode:
        if hint:
            print(hint, file=sys.stderr)
        sys.exit(done.returncode)


def environment(folder: Path, *requirements: str) -> str:
    """A virtual environment with the requirements, made anew when they or pyproject.toml changed."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + repr(requirements).encode()).hexdigest()
    stamp = folder / "requirements.sha256"
    python = python_of(folder)
    if not stamp.exists() or stamp.read_text() != wanted:
        try:
            venv.create(folder, with_pip=True, clear=True)
        except subprocess.CalledProcessError:  # Debian's python3 comes without ensurepip
            sys.exit("dev.py: this Python cannot make a virtual environment. On Debian: apt install python3-venv.")
        run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip", hint=NO_NETWORK)
        run(python, "-m", "pip", "install", "--quiet", *requirements, hint=NO_NETWORK)
        stamp.write_text(wanted)
    return python


def lab(arguments: list[str]) -> None:
    python = environment(ROOT / ".venv-run", "--editable", ".")
    run(python, "-m", "eflowprov", "lab", "run", *arguments)


def test(arguments: list[str]) -> None:
    python = environment(ROOT / ".venv", "--editable", ".", "--group", "dev", "--group", "test")
    run(python, "-m", "ruff", "check", ".")
    run(python, "-m", "ruff", "format", "--check", ".")
    run(python, "-m", "mypy")
    run(str(Path(python).with_name("lint-imports" + (".exe" if WINDOWS else ""))))
    test_wheel(python)
    run(python, "-m", "pytest", *arguments)


def test_wheel(python: str) -> None:
    """Build the wheel, install it where the source is out of sight, and run its tests there."""
    build = ROOT / "build"
    shutil.rmtree(build, ignore_errors=True)
    run(python, "-m", "build", "--wheel", "--outdir", str(build / "wheel"), ".")
    (wheel,) = (build / "wheel").glob("*.whl")
    installed = environment(ROOT / ".venv-wheel", "--group", "test")
    run(installed, "-m", "pip", "install", "--quiet", str(wheel))
    run(installed, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", str(wheel))
    place = build / "tests-of-the-wheel"
    shutil.copytree(ROOT / "tests", place / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    run(installed, "-m", "pytest", "-q", "tests/wheel", cwd=place)


def main() -> None:
    commands = {"lab": lab, "test": test}
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may start this file
        sys.exit(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}")
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
