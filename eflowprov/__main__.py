"""The start of `eflowprov` and of `python -m eflowprov`: Ctrl-C has its status from here on, while Typer loads."""

import sys


def main() -> None:
    """The console script."""
    try:
        from eflowprov.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.write("error: eflowprov: interrupted. Nothing was begun; run the command again.\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
