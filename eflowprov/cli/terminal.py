"""What this run's terminal is like, and the three ways to speak: results, hints, progress.

Standard output carries only what was asked for; hints and progress go to standard error, and progress is
silent where that is no terminal.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import typer

from eflowprov.errors import StorageError

_NO_READER = (errno.EPIPE, errno.EINVAL)  # Windows says EINVAL


@dataclass
class Settings:
    """The global flags of this run."""

    debug: bool = False
    verbose: bool = False
    quiet: bool = False
    no_color: bool = False
    log_file: Path | None = None


SETTINGS = Settings()


def soften_encodings() -> None:
    """Let no character that the console's code page lacks end a command after its work is done.

    A stream that was closed (`>&-`) or never there (pythonw) is one that nobody reads, and no file may get its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def result(text: str) -> None:
    """Print what was asked for on standard output.

    A reader that has gone (`| head`) is no error, and does not change what the command found out. StorageError when
    the output goes to a file that cannot be written.
    """
    try:
        typer.echo(text, nl=not text.endswith("\n"), color=True)
    except OSError as error:
        drop_output()
        if error.errno not in _NO_READER:
            raise StorageError(
                "standard output", f"cannot be written ({error.strerror})", "Send it to another place"
            ) from error


def drop_output(stream: TextIO | None = None) -> None:
    """Send the rest of standard output, or of `stream`, nowhere, so that Python does not complain about it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, (stream or sys.stdout).fileno())
    os.close(nowhere)


def say(text: str) -> None:
    """Print a line on standard error. Where that cannot be (a full disk), the exit status alone has to tell."""
    try:
        typer.echo(text, err=True)
    except OSError:
        drop_output(sys.stderr)


def say_error(text: object) -> None:
    """Print an error as its one line. It may quote what was typed: nothing of it steers the terminal, and a secret that
    stood in a wrong place is taken out."""
    from eflowprov.redaction import redact

    say("error: " + redact(" ".join("".join(c if c.isprintable() else " " for c in str(text)).split())))


def hint(text: str) -> None:
    """Tell something worth knowing on standard error, unless --quiet."""
    if not SETTINGS.quiet:
        say(text)


def progress(text: str) -> None:
    """Tell a step on standard error: on a terminal, or with --verbose."""
    if not SETTINGS.quiet and (SETTINGS.verbose or sys.stderr.isatty()):
        say(text)


def width() -> int:
    """The console's width in columns; 100 where there is none."""
    return shutil.get_terminal_size((100, 25)).columns


def color(stream: TextIO | None = None) -> bool:
    """Colour only on a terminal that can, and never with --no-color or NO_COLOR."""
    stream = stream or sys.stdout
    wanted = not SETTINGS.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream.isatty()


def unicode_marks(stream: TextIO | None = None) -> bool:
    """Whether the stream's encoding has the marks of the console report."""
    encoding = (stream or sys.stdout).encoding or "ascii"
    try:
        "✔✘│".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def is_interactive() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
