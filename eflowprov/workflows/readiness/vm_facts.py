"""The VM's answer about itself, read into facts; and what its identity should be."""

from __future__ import annotations

from pathlib import Path

from eflowprov.errors import EflowprovError, ParseError
from eflowprov.model import CertificateFacts, CommandResult, Problem, VmFacts, VmProbe, Wanted
from eflowprov.parsers.text import decode, first_words
from eflowprov.parsers.vm_probe import parse_vm_probe
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.readiness.outputs import Output

_FILE_LIMIT = 2**20  # a full chain is a few KiB


def read_vm(output: Output, asked_at: float | None) -> VmFacts | Problem:
    """The facts, or why there are none; never raises for what the VM printed."""
    if isinstance(output, Problem):
        return output
    if output.status != 0:
        return Problem(_why_not(output), seen=first_words(decode(output.stdout)))
    try:
        probe = parse_vm_probe(decode(output.stdout))
    except ParseError as error:
        return Problem(error.why, seen=first_words(decode(output.stdout)))
    return VmFacts(probe, _leaf(probe), asked_at, output.duration_s)


def wanted_identity(cert: Path | None, registration_id: str = "") -> Wanted:
    """What `--cert` and `--registration-id` ask for; the ID is the certificate's common name unless it is given.

    InputError for a file that holds no certificate.
    """
    if cert is None:
        return Wanted(registration_id=registration_id)
    from eflowprov.certs.reading import read_bundle

    leaf = read_bundle(str(cert), read_limited(cert, _FILE_LIMIT)).certificates[0]
    return Wanted(registration_id or next(iter(leaf.common_names), ""), sha256=leaf.sha256)


def _why_not(result: CommandResult) -> str:
    return result.note or first_words(decode(result.stderr)) or f"exit status {result.status}"


def _leaf(probe: VmProbe) -> CertificateFacts | Problem:
    if not probe.provisioned:
        return Problem("the VM has no configuration in /etc/aziot/config.toml", missing=True)
    if not probe.certificate_path:
        return Problem("the VM's configuration names no certificate file", missing=True)
    if not probe.certificates:
        return Problem(f"{probe.certificate_path} in the VM holds no certificate, or is not there")
    from eflowprov.certs.reading import read_bundle

    try:
        return read_bundle(probe.certificate_path, probe.certificates.encode()).certificates[0]
    except EflowprovError as error:
        return Problem(error.why, seen=first_words(probe.certificates))
