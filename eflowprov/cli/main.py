"""The one gate: parses, runs a command, prints an error as one line, gives the exit status."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from eflowprov import __version__
from eflowprov.cli.terminal import SETTINGS, drop_output, say_error, soften_encodings
from eflowprov.errors import EflowprovError

_GLOBAL_SWITCHES = {"--version", "--debug", "--no-color", "-v", "--verbose", "-q", "--quiet"}
_GLOBAL_VALUES = {"--log-file"}

# Each command's module in eflowprov.cli, and its line in the overview. Only the module of the command that is called is
# imported: building all of them takes longer than Typer itself does.
COMMANDS = {
    "certs": "Certificates: make, look at, judge.",
    "host": "The Windows side: is this host fit?",
    "dps": "The Device Provisioning Service.",
    "provision": "Provision-EflowVm with DpsX509, and evidence that it worked.",
    "verify": "The pass/fail readiness report.",
    "run": "Every step in order, from one configuration file.",
    "deprovision": "Take the device's identity away from the VM.",
    "lab": "The whole path against a simulated machine.",
    "explain": "What a finding, a message or a status means, and the way out.",
    "config": "The configuration file of `run`.",
}


def build(named: str) -> typer.Typer:
    """The program for a command line that begins with the word `named`: that command, and a line for every other."""
    # No shell completion by Typer: its --install-completion weakens PowerShell's execution policy for good.
    app = typer.Typer(
        name="eflowprov",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Example: eflowprov lab run    (the whole path against a simulated machine, nothing needed)",
    )
    app.callback()(_global_flags)
    for name, line in COMMANDS.items():
        if name == named:
            import_module(f"eflowprov.cli.{name}").register(app)
        else:
            app.command(name, help=line)(_overview_only)
    return app


def _overview_only() -> None:
    """A line of the overview; `build` has the command itself as soon as a command line names it."""
    raise AssertionError("a command of the overview was called")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eflowprov {__version__}")
        raise typer.Exit


def _global_flags(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
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
    if debug or log_file:
        from eflowprov.cli.logs import set_up

        set_up(log_file, debug=debug)


def run_command(argv: list[str]) -> int:
    """Run one command line and give its exit status; every error has been printed as one line."""
    soften_encodings()
    flags, words = _apart(argv)
    try:
        program = typer.main.get_command(build("".join(_named(words))))
        # Not by calling the app: Typer's own gate ends in silence on Ctrl-C, and with status 1 on a broken pipe.
        with program.make_context("eflowprov", [*flags, *words]) as context:
            program.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except EflowprovError as error:
        return _refuse(str(error), error.exit_status)
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "") or " ".join(["eflowprov", *_named(words)])
        why = _sentence(error.format_message().replace("Value error, ", ""))
        return _refuse(f"{command}: {why} See `{command} --help`.", 2)
    except (KeyboardInterrupt, typer.Abort) as stop:
        why = ", ".join(["interrupted", *map(str, stop.args)])
        return _refuse(f"eflowprov: {why}. Nothing half written is left; run the command again to go on.", 130)
    except OSError as error:
        return _refuse(_of_the_system(error), 3)
    except Exception as error:  # noqa: BLE001 - the last gate: a defect is one line too, its traceback with --debug
        return _refuse(_defect(error), 3)
    return 0


def _of_the_system(error: OSError) -> str:
    """What no command took for its own, by the place that the system names; without one it is a defect."""
    if not isinstance(error.filename, str) or not error.strerror:
        return _defect(error)
    return f"{error.filename}: {error.strerror}. Put that right, or name another place; --debug shows where it came up."


def _defect(error: Exception) -> str:
    return f"eflowprov: {type(error).__name__} in the tool itself. Run again with --debug and report what it prints."


def main() -> None:
    """The console script."""
    status = run_command(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done and its end told: nothing is left to interrupt
    # An interrupt that came while source text was run (a dataclass is made so) has Python end by the signal, whatever
    # the status, when it was started with -m or from a zip, as Windows' eflowprov.exe is; running text again resets
    # that (pythonrun.c, unhandled_keyboard_interrupt).
    exec("")  # noqa: S102 - a constant
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
    sys.exit(status)


def _apart(argv: list[str]) -> tuple[list[str], list[str]]:
    """Global flags, and the rest: they are taken wherever they stand, `verify --debug` as `--debug verify`."""
    flags: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in _GLOBAL_SWITCHES or word.startswith("--log-file="):
            flags.append(word)
        elif word in _GLOBAL_VALUES:
            value = next(words, None)
            if value is None:
                return [word], []  # Typer says that its value is missing
            flags += [word, value]
        else:
            rest.append(word)
    return flags, rest


def _named(words: list[str]) -> list[str]:
    """The command that a command line names, when there is such a one."""
    first = next((word for word in words if not word.startswith("-")), "")
    return [first] if first in COMMANDS else []


def _refuse(line: str, status: int) -> int:
    if SETTINGS.debug:
        import logging

        logging.getLogger("eflowprov").error("status %d", status, exc_info=True)
    say_error(line)
    return status


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else text + "."
