"""`run`: every step in order, from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal

if TYPE_CHECKING:
    from eflowprov.model import Report
    from eflowprov.workflows.config import RunConfig


def register(app: typer.Typer) -> None:
    app.command("run", epilog="Example: eflowprov run --config line4-press2.toml")(run)


def run(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The machine's TOML file; see `eflowprov config new`.")],
    from_step: Annotated[
        str, typer.Option("--from-step", metavar="S", help="Do this step and those behind it again.")
    ] = "",
    restart: Annotated[bool, typer.Option("--restart", help="Forget what earlier runs proved.")] = False,
    transcript: options.TranscriptFile = None,
    format_: options.Formats = None,
    output: options.Output = None,
) -> None:
    """Issue, check, register, provision and verify, and end with the report.

    What is proved is kept in a journal beside the configuration; a second call goes on where the first stopped.
    """
    from eflowprov.workflows.config import load_config
    from eflowprov.workflows.journal import Journal
    from eflowprov.workflows.run import Runner, resumable
    from eflowprov.workflows.transcript import Transcript

    place = options.delivery(format_, output)
    settings = load_config(config)
    path = config.with_name(config.name + ".journal.json")
    journal = Journal(path) if restart else Journal.load(path)
    journal.forget(resumable(from_step))
    with Transcript(transcript or options.default_transcript("run")) as kept:
        terminal.hint(f"transcript: {kept.path}")
        report = Runner(
            settings,
            host=lambda: options.eflow_host(settings.host.target),
            journal=journal,
            transcript=kept,
            progress=terminal.progress,
            known_hosts=options.default_known_hosts(),
        ).run()
    _keep(report, settings)
    options.show_report(report, place)


def _keep(report: Report, settings: RunConfig) -> None:
    if settings.report.output is not None:
        from eflowprov.workflows.report_files import write_reports

        for path in write_reports(report, settings.report.output):
            terminal.hint(f"written: {path}")
