"""How much longer `verify` takes than one command alone, over SSH to a VM whose commands take a second each.

    python tests/benchmarks/verify_time.py [seconds]

The product's bound: the time of one command and 1.5 s. Logs and check follow each other, since check needs the hub's
name from the logs.
"""

from __future__ import annotations

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
from eflowprov.workflows.readiness.verify import VerifyOptions, verify_vm

ALLOWED_S = 1.5


def main() -> int:
    each = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    journal = LabJournal()
    journal.write(
        "aziot-identityd", "Assigned to IoT hub: lab-hub.azure-devices.net", "Successfully provisioned with DPS."
    )
    programs = LabPrograms(LabRuntime(SCENARIOS["healthy"], journal), journal, {}, "LAB-EFLOW").table()

    def slow(text: str) -> CommandResult:
        time.sleep(each)
        return run_shell(text, programs)

    pair = make_key_pair()
    with tempfile.TemporaryDirectory() as folder, LabSshServer(slow, client_key_public=pair.public) as server:
        known_hosts = Path(folder) / "known_hosts"
        known_hosts.write_text(server.host_key_line + "\n", encoding="ascii")
        begin = time.perf_counter()
        channel = open_ssh(
            SshTarget(host="127.0.0.1", port=server.port, private_key=pair.private, known_hosts=known_hosts)
        )
        verify_vm(channel, VerifyOptions(), host="benchmark")
        channel.close()
        taken = time.perf_counter() - begin
    print(f"one command {each:.2f} s, verify {taken:.2f} s: {taken - each:.2f} s more (bound {ALLOWED_S} s)")
    return 0 if taken - each <= ALLOWED_S else 1


if __name__ == "__main__":
    sys.exit(main())
