"""The one gate: parses, runs a command, prints an error as one line, gives the exit status."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from eflowprov import __version__
from eflowprov.cli import certs, config, dps, host, lab, provision, run, verify
from eflowprov.cli.terminal import SETTINGS, soften_encodings
from eflowprov.errors import EflowprovError

_GLOBAL_SWITCHES = {"--debug", "--no-color", "-v", "--verbose", "-q", "--quiet"}
_GLOBAL_VALUES = {"--log-file"}

# No shell completion by Typer: its --install-completion weakens PowerShell's execution policy for good.
app = typer.Typer(
    name="eflowprov",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: eflowprov lab run    (the whole path against a simulated machine, nothing needed)",
)
for group in (certs, host, dps, provision, verify, run, lab, config):
    group.register(app)


@app.callback()
def _global_flags(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and a debug log.")] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", help="Write events as JSON lines, secrets redacted.")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (also the NO_COLOR variable).")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what was asked for.")] = False,
) -> None:
    """Bring an EFLOW machine up with X.509 and DPS, and prove that it is ready.

    Exit statuses: 0 done or ready, 1 judged and not ready, 2 wrong usage or input, 3 could not find out, 130
    interrupted.
    """
    SETTINGS.debug, SETTINGS.verbose, SETTINGS.quiet = debug, verbose, quiet
    SETTINGS.no_color, SETTINGS.log_file = no_color, log_file
    if version:
        typer.echo(f"eflowprov {__version__}")
        raise typer.Exit
    if debug or log_file:
        from eflowprov.cli.logs import set_up

        set_up(log_file, debug=debug)


def run_command(argv: list[str]) -> int:
    """Run one command line and give its exit status; every error has been printed as one line."""
    soften_encodings()
    try:
        outcome = app(args=_global_flags_first(argv), prog_name="eflowprov", standalone_mode=False)
    except EflowprovError as error:
        return _refuse(str(error), error.exit_status)
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "eflowprov")
        return _refuse(f"{command}: {_sentence(error.format_message())} See `{command} --help`.", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _refuse("eflowprov: interrupted. Nothing half written is left; run the command again to go on.", 130)
    except BrokenPipeError:
        _close_quietly()
        return 0
    except Exception as error:  # noqa: BLE001 - the last gate: a defect is one line too, its traceback with --debug
        text = (
            f"eflowprov: {type(error).__name__} in the tool itself. Run again with --debug and report what it prints."
        )
        return _refuse(text, 3)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """The console script."""
    status = run_command(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly()
    sys.exit(status)


def _global_flags_first(argv: list[str]) -> list[str]:
    """Global flags are taken wherever they stand, so that `verify --debug` works as `--debug verify` does."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in _GLOBAL_SWITCHES or word.startswith("--log-file="):
            front.append(word)
        elif word in _GLOBAL_VALUES:
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return front + rest


def _refuse(line: str, status: int) -> int:
    if SETTINGS.debug:
        logging.getLogger("eflowprov").error("status %d", status, exc_info=True)
    text = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    typer.echo(f"error: {text}", err=True)
    return status


def _sentence(text: str) -> str:
    return text.strip() if text.strip().endswith(".") else text.strip() + "."


def _close_quietly() -> None:
    """Whoever read standard output has gone; keep Python from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
