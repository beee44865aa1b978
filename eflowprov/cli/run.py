"""`run`: every step in order, from one configuration file."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal
from eflowprov.reports.formats import ReportFormat

if TYPE_CHECKING:
    from eflowprov.workflows.config import RunConfig
    from eflowprov.workflows.runs.journal import Journal


def register(app: typer.Typer) -> None:
    app.command("run", epilog="Example: eflowprov run --config line4-press2.toml")(run)


def run(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The machine's TOML file; see `eflowprov config new`.")],
    from_step: Annotated[
        str, typer.Option("--from-step", metavar="S", help="Do this step and those behind it again.")
    ] = "",
    restart: Annotated[bool, typer.Option("--restart", help="Forget what earlier runs proved.")] = False,
    remove_key: options.RemoveKey = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what each step would do, with its commands; touch nothing.")
    ] = False,
    transcript: options.TranscriptFile = None,
    format_: options.Formats = None,
    output: options.Output = None,
) -> None:
    """Issue, check, register, provision, wait for evidence and verify, and end with the report.

    What is proved is kept in a journal beside the configuration; a second call goes on where the first stopped.
    """
    from eflowprov.cli.bundling import tell_receipt
    from eflowprov.workflows.config import load_config
    from eflowprov.workflows.disk.transcript import Transcript
    from eflowprov.workflows.runs.journal import Journal, alone, journal_path
    from eflowprov.workflows.runs.provision_once import BEGUN
    from eflowprov.workflows.runs.run import Runner, resumable
    from eflowprov.workflows.runs.run_files import refuse_without_key

    place = options.delivery(format_, output)
    settings = load_config(config)
    if remove_key:
        settings = settings.model_copy(update={"provision": settings.provision.model_copy(update={"remove_key": True})})
    path = journal_path(config)
    forgotten = resumable(from_step)
    if dry_run:
        _show_plan(settings, Journal(path) if restart else Journal.load(path), forgotten, format_)
        return
    with alone(path), Transcript(transcript or options.default_transcript("run")) as kept:
        journal = Journal(path) if restart else Journal.load(path)
        if BEGUN in forgotten:
            refuse_without_key(settings.identity, journal)
        terminal.hint(f"transcript: {kept.path}")
        runner = Runner(
            settings,
            host=lambda: options.eflow_host(settings.host.target),
            journal=journal,
            transcript=kept,
            progress=terminal.progress,
            known_hosts=options.default_known_hosts(),
            label=options.host_label(settings.host.target),
            again=restart or BEGUN in forgotten,
            on_way=terminal.hint,
        )
        journal.forget(forgotten)  # now: what the runner refused has changed nothing
        report = runner.run()
    for written in runner.written:
        terminal.hint(f"written: {written}")
    if runner.receipt is not None:
        tell_receipt(runner.receipt)
    with suppress(typer.Exit) if runner.unwritten else nullcontext():
        options.show_report(report, place)
    if runner.unwritten:
        raise runner.unwritten


def _show_plan(
    settings: RunConfig, journal: Journal, forgotten: tuple[str, ...], forms: list[ReportFormat] | None
) -> None:
    """The plan for people, or with --format json as one document."""
    import json
    import textwrap
    from dataclasses import asdict

    from eflowprov.workflows.runs.plan import plan_run

    kept = journal.without(forgotten)
    plan = plan_run(settings, kept, lambda: options.eflow_host(settings.host.target))
    if forms == [ReportFormat.JSON]:
        terminal.result(json.dumps({"steps": [asdict(step) for step in plan]}, indent=2))
        return
    for step in plan:
        what = textwrap.wrap(step.what, max(terminal.width() - 11, 20), break_long_words=False, break_on_hyphens=False)
        lines = [f"{step.step:10} {what[0]}", *(f"{'':10} {line}" for line in what[1:])]
        terminal.result("\n".join([*lines, *(f"{'':10}   {each}" for each in step.commands)]))  # whole, to be copied
