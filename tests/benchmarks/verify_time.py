"""How much longer `verify` takes than logs and check one after the other, over SSH to a VM whose commands take a second
each: a difference of medians, measured in turn in one run.

    python tests/benchmarks/verify_time.py [seconds] [rounds]

The product's bound is 0.5 s. Check follows the logs, since it needs the hub's name from them; the rest runs beside
them. Both sides connect, ask and close. Not a test: a busy machine would make it fail for no reason of the code's.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from eflowprov.lab.journal import LabJournal
from eflowprov.lab.mini_shell import run_shell
from eflowprov.lab.programs import LabPrograms
from eflowprov.lab.runtime import LabRuntime
from eflowprov.lab.scenarios import SCENARIOS
from eflowprov.lab.ssh_server import LabSshServer, make_key_pair
from eflowprov.model import CommandResult
from eflowprov.transports.ssh import open_ssh
from eflowprov.transports.ssh_connect import SshTarget
from eflowprov.workflows.readiness.collect import check_commands, log_commands
from eflowprov.workflows.readiness.verify import VerifyOptions, verify_vm

BOUND_S = 0.5
HUB = "lab-hub.azure-devices.net"


def one_after_the_other(target: SshTarget) -> float:
    """The wall time of the two commands that cannot run at once."""
    begin = time.perf_counter()
    channel = open_ssh(target)
    for command in (log_commands("-1h")[0], check_commands(HUB)[0]):
        assert channel.run(("sudo", "-n", *command), timeout_s=60).stdout
    channel.close()
    return time.perf_counter() - begin


def verify(target: SshTarget) -> float:
    """The wall time of the whole report."""
    begin = time.perf_counter()
    channel = open_ssh(target)
    report = verify_vm(channel, VerifyOptions(), host="benchmark")
    channel.close()
    taken = time.perf_counter() - begin
    assert report.identity.hub == HUB and report.findings
    return taken


def main() -> int:
    each = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    journal = LabJournal()
    journal.write("aziot-identityd", f"Assigned to IoT hub: {HUB}", "Successfully provisioned with DPS.")
    programs = LabPrograms(LabRuntime(SCENARIOS["healthy"], journal), journal, {}, "LAB-EFLOW").table()

    def slow(text: str) -> CommandResult:
        time.sleep(each)
        return run_shell(text, programs)

    pair = make_key_pair()
    with tempfile.TemporaryDirectory() as folder, LabSshServer(slow, client_key_public=pair.public) as server:
        known_hosts = Path(folder) / "known_hosts"
        known_hosts.write_text(server.host_key_line + "\n", encoding="ascii")
        target = SshTarget(host="127.0.0.1", port=server.port, private_key=pair.private, known_hosts=known_hosts)
        verify(target)  # once beforehand: imports
        times = [(one_after_the_other(target), verify(target)) for _ in range(rounds)]
    two, whole = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"each command {each:.2f} s: logs, then check {two:.2f} s, verify {whole:.2f} s: "
        f"{whole - two:.2f} s more (bound {BOUND_S} s)"
    )
    return 0 if whole - two <= BOUND_S else 1


if __name__ == "__main__":
    sys.exit(main())
