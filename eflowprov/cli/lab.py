"""`lab`: the whole path against a simulated machine, without Windows and without Azure."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eflowprov.cli import options, terminal
from eflowprov.cli.lab_start import start

if TYPE_CHECKING:
    from eflowprov.lab.machine import LabMachine
    from eflowprov.lab.scenarios import Scenario
    from eflowprov.model import Report
    from eflowprov.workflows.config import RunConfig
    from eflowprov.workflows.identities.authority_files import AuthorityReceipt


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="A simulated machine on this one.", epilog="Example: eflowprov lab run")
    group.command("run", epilog="Example: eflowprov lab run --scenario ca-as-identity")(run)
    group.command("start", epilog="Example: eflowprov lab start --scenario new-device")(start)
    group.command("scenarios", epilog="Example: eflowprov lab scenarios")(scenarios)
    app.add_typer(group, name="lab")


def scenarios() -> None:
    """List the scenarios, each with the verdict that a right report gives it."""
    from eflowprov.lab.scenarios import SCENARIOS

    for scenario in SCENARIOS.values():
        terminal.result(f"{scenario.name:24}{scenario.verdict:28}{scenario.title}")


def run(
    scenario: Annotated[str, typer.Option(metavar="NAME", help="See `eflowprov lab scenarios`.")] = "healthy",
    format_: options.Formats = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the report in every form, the transcript and the certificates."),
    ] = None,
) -> None:
    """Issue, register, provision and verify against a simulated machine; end with its report.

    Real: certificates, TLS and MQTT with azure-iot-device, SSH, processes and files. Simulated: DPS, the VM and, where
    no PowerShell is found, PowerShell itself. Nothing leaves loopback, and nothing stays behind.
    """
    from eflowprov.lab.scenarios import scenario as named
    from eflowprov.workflows.disk.files import make_folder

    place = options.delivery(format_, output, folder=True)
    chosen = named(scenario)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eflowprov-lab-")))
        if output is not None:
            make_folder(output)
        report = _play(chosen, folder, output or folder / "kept")
    if output is not None and len(place.forms) == 1:
        from eflowprov.workflows.readiness.report_files import write_reports

        for path in write_reports(report, output):
            terminal.hint(f"written: {path}")
        place = options.Delivery(place.forms)  # the folder has them all; the one that was named is shown
    options.show_report(report, place)


def _play(scenario: Scenario, folder: Path, kept: Path) -> Report:
    """The real path: an authority, then `run` with the configuration of the simulated machine."""
    from eflowprov.lab.machine import LabMachine
    from eflowprov.workflows.disk.transcript import Transcript
    from eflowprov.workflows.identities.authority_files import create_authority
    from eflowprov.workflows.runs.journal import Journal
    from eflowprov.workflows.runs.run import Runner

    _step(f"scenario {scenario.name}: {scenario.title}")
    _step("step ca")
    authority = create_authority(kept / "pki")
    with (
        LabMachine(scenario, folder, enrolled_ca=authority.issuing.read_text("ascii")) as machine,
        Transcript(kept / "transcript.jsonl") as transcript,
    ):
        _step(f"stand-ins: {machine.label}")
        return Runner(
            _config(machine, scenario, authority, kept / "out"),
            host=machine.eflow_host,
            journal=Journal(None),
            transcript=transcript,
            progress=_step,
            known_hosts=machine.known_hosts,
            label=machine.label,
        ).run()


def _config(machine: LabMachine, scenario: Scenario, authority: AuthorityReceipt, out: Path) -> RunConfig:
    """What the technician of the scenario would have in the configuration file."""
    from eflowprov.lab.machine import SCOPE_ID
    from eflowprov.lab.site import DEVICE
    from eflowprov.workflows.config import RunConfig

    issued = {"ca": authority.folder, "out": out}
    mistaken = {
        "cert": authority.folder / "issuing-chain.pem",
        "key": authority.folder / "private" / "issuing.ca.key.pem",
    }
    files = mistaken if scenario.identity == "ca" else issued
    return RunConfig.model_validate(
        {
            "identity": {"registration_id": DEVICE, **files},
            "dps": {
                "scope_id": SCOPE_ID,
                "endpoint": machine.dps_endpoint,
                "endpoint_ca": machine.dps_ca,
                "register": True,
            },
            "vm": {"ssh": machine.ssh, "ssh_key": machine.ssh_key},
            "provision": {"evidence_s": 40.0},
        }
    )


def _step(text: str) -> None:
    """The lab tells every step, also where standard error is no terminal: it is there to be watched."""
    terminal.hint(f"lab: {text}")
