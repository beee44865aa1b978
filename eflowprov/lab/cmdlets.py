"""Stand-ins for the AzureEFLOW cmdlets: what they print, return and throw, after the documents and the issues.

The source of AzureEFLOW.psm1 is not public; texts and line numbers are quoted from the azure-docs pages and from issues
of iotedge-eflow. What happens in the VM is the lab machine's (`LabVmPort`).

`python -m eflowprov.lab.cmdlets NAME` plays one cmdlet of the running lab for AzureEFLOW.psm1 beside this file: its
parameters come as one line on standard input, its records go to standard output.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from eflowprov.errors import EflowprovError
from eflowprov.lab.control import Record, call
from eflowprov.model import CommandResult

PROVISIONING_TYPES = ("ManualConnectionString", "ManualX509", "DpsTPM", "DpsX509", "DpsSymmetricKey")

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Get-EflowVm": (),
    "Get-EflowVmAddr": (),
    "Get-EflowVmName": (),
    "Verify-EflowVm": (),
    "Invoke-EflowVmCommand": ("command", "ignoreError"),
    "Provision-EflowVm": (
        "provisioningType",
        "devConnString",
        "iotHubHostname",
        "deviceId",
        "scopeId",
        "registrationId",
        "symmKey",
        "identityCertPath",
        "identityPrivKeyPath",
        "globalEndpoint",
        "headless",
    ),
}
"""Each cmdlet's own parameters; AzureEFLOW.psm1 beside this file declares the same."""

_HOME = PurePosixPath("/home/iotedge-user")
_LINES = {
    "Failed to provision": 2415,
    "iotedge service not running after provisioning": 2416,
    "scp ": 3689,
    "ssh ": 3101,
}
_ANY_LINE = 2324  # of a message whose line no issue shows
_MAC = "00:15:5d:4e:15:2c"
_OFF = "Cannot process request, EFLOW VM is OFF!"
_NO_PROMPT = "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available."


class LabVmPort(Protocol):
    """The lab machine as the cmdlets see it."""

    def shell(self, text: str) -> CommandResult:
        """Run a shell text in the VM, as iotedge-user; status None when the VM does not answer."""
        ...

    def provision(self, settings: dict[str, str]) -> str | None:
        """Provision the VM; None when the service runs afterwards, else the cmdlet's failure text.

        `settings` has the cmdlet's own names and values, except that identityCertPath and identityPrivKeyPath are the
        files' places in the VM; `identityCert` and `identityPrivKey` are their texts.
        """
        ...

    def has(self, path: str) -> bool:
        """Whether the VM (still) has a file that was copied there."""
        ...

    def state(self) -> dict[str, str]:
        """`name`, `power` (Running or Off), `address`, and the versions `iotedge`, `moby` and `kernel` where known."""
        ...


class ThrownError(Exception):
    """A cmdlet's terminating error."""


class EflowCmdlets:
    """The cmdlets over one lab VM: the handler of a `ControlServer`. `now` is the host's local clock."""

    def __init__(self, vm: LabVmPort, now: Callable[[], datetime] = datetime.now) -> None:
        self._vm = vm
        self._now = now
        self._in_vm: set[PurePosixPath] = set()
        self._provisioned = False

    def __call__(self, name: str, args: dict[str, object]) -> list[Record]:
        """Play the cmdlet `name`; its records in order, a `throw` last when it ended with an error."""
        play = {
            "Get-EflowVm": self._get_vm,
            "Get-EflowVmAddr": self._get_address,
            "Get-EflowVmName": self._get_name,
            "Verify-EflowVm": self._verify,
            "Invoke-EflowVmCommand": self._invoke,
            "Provision-EflowVm": self._provision,
        }[name]
        said: list[Record] = []
        try:
            play(args, said)
        except ThrownError as error:
            said.append({"stream": "throw", "text": str(error)})
        return said

    def _get_vm(self, _args: Mapping[str, object], said: list[Record]) -> None:
        state = self._vm.state()
        vm = {
            "VmConfiguration": {"name": state["name"]},
            "VmPowerState": state["power"],
            "EdgeRuntimeVersion": {
                "IotEdgeVersion": state.get("iotedge", ""),
                "MobyEngineVersion": state.get("moby", ""),
            },
            "SystemStatistics": {"KernelVersion": state.get("kernel", "")},
        }
        said.append({"stream": "object", "text": json.dumps(vm)})

    def _get_address(self, _args: Mapping[str, object], said: list[Record]) -> None:
        state = self._running()
        self._stamped(said, f"Querying IP and MAC addresses from virtual machine ({state['name']})")
        _host(said, "", f" - Virtual machine MAC: {_MAC}")
        _host(said, f" - Virtual machine IP : {state['address']} retrieved directly from virtual machine")
        said += [_output(_MAC), _output(state["address"])]

    def _get_name(self, _args: Mapping[str, object], said: list[Record]) -> None:
        said.append(_output(self._vm.state()["name"]))

    def _verify(self, _args: Mapping[str, object], said: list[Record]) -> None:
        said.append({"stream": "object", "text": "true"})

    def _invoke(self, args: Mapping[str, object], said: list[Record]) -> None:
        """On an exit status other than 0 it throws and drops the output, unless -ignoreError (iotedge-eflow#307)."""
        self._running()
        result = self._vm.shell(str(args.get("command", "")))
        if result.status is None or (result.status and not args.get("ignoreError")):
            raise ThrownError(f"ssh  failed to execute [{result.stderr.decode('utf-8', 'replace').strip()}]")
        said += [_output(line) for line in result.stdout.decode("utf-8", "replace").splitlines()]

    def _provision(self, args: Mapping[str, object], said: list[Record]) -> None:
        """A failure is printed and returned as text, not thrown (iotedge-eflow#301)."""
        given = {name: str(value) for name, value in args.items() if name != "headless" and value != ""}
        self._stamped(said, "Provisioning virtual machine...")
        try:
            if self._provisioned and not args.get("headless"):
                raise ThrownError(_NO_PROMPT)  # it asks whether to provision anew
            settings = self._settings(given, said)
            if failure := self._vm.provision(settings):
                raise ThrownError(failure)
        except ThrownError as error:
            self._stamped(said, "Exception caught!!!")
            _host(said, "", f" - {error} at line {_line_of(str(error))}")
            said.append(_output(str(error)))
            return
        self._provisioned = True
        _host(said, "", " Provisioning successful. iotedge service running.")
        said.append(_output("OK"))

    def _settings(self, given: dict[str, str], said: list[Record]) -> dict[str, str]:
        """The checks and the copies that come before anything changes in the VM."""
        self._running()
        kind = given.get("provisioningType", "")
        _refuse_combination(kind, given)
        cert, key = _local_file(given, "identityCertPath"), _local_file(given, "identityPrivKeyPath")
        if cert is None or key is None:
            places = f"{given['identityCertPath']} and {given['identityPrivKeyPath']}"
            raise ThrownError(
                f"Certificate and private key file for {kind} provisioning not found (expected at {places})"
            )
        if not self._provisioned:
            self._stamped(said, "Provisioning iotedge for the first time.")
        self._stamped(said, f"Setting provisioning information for provisioning type: {kind}")
        return given | {
            "identityCertPath": self._copy(given["identityCertPath"], "certs"),
            "identityPrivKeyPath": self._copy(given["identityPrivKeyPath"], "private"),
            "identityCert": cert,
            "identityPrivKey": key,
        }

    def _copy(self, source: str, folder: str) -> str:
        """Files keep their names; an old one belongs to the service since the last time (iotedge-eflow#103)."""
        place = _HOME / folder / PureWindowsPath(source).name
        if place in self._in_vm and self._vm.has(str(place)):
            raise ThrownError(f"scp  failed to execute [scp: {place}: Permission denied]")
        self._in_vm.add(place)
        return str(place)

    def _running(self) -> dict[str, str]:
        state = self._vm.state()
        if state["power"] != "Running":
            raise ThrownError(_OFF)
        return state

    def _stamped(self, said: list[Record], text: str) -> None:
        _host(said, f"[{self._now():%m/%d/%Y %H:%M:%S}] {text}")


def _refuse_combination(kind: str, given: Mapping[str, str]) -> None:
    """The documented refusals; the last one is documented for ManualX509 and its parameters."""
    if kind != "DpsX509":
        raise ThrownError("Failed to provision")  # the lab's VM has no other way
    if given.keys() & {"devConnString", "symmKey", "iotHubHostname", "deviceId"}:
        raise ThrownError(
            "Device connection string, scope ID, registration ID, and symmetric key may not be specified "
            "for DpsX509 provisioning"
        )
    if not {"scopeId", "identityCertPath", "identityPrivKeyPath"} <= given.keys():
        raise ThrownError("Scope ID and/or identity cert/pk parameters for DpsX509 provisioning not specified")


def _local_file(given: Mapping[str, str], name: str) -> str | None:
    try:
        return Path(given[name]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _line_of(message: str) -> int:
    return next((line for start, line in _LINES.items() if message.startswith(start)), _ANY_LINE)


def _host(said: list[Record], *texts: str) -> None:
    said += [{"stream": "host", "text": text} for text in texts]


def _output(text: str) -> Record:
    return {"stream": "output", "text": text}


def main(arguments: list[str], stdin: bytes) -> str:
    """The answer for AzureEFLOW.psm1: `{"records": [{"stream", "text" in base64}]}`, ASCII alone.

    `stdin` is base64 of the parameters' JSON; .NET Framework may put a byte order mark before it.
    """
    args = json.loads(base64.b64decode(stdin.removeprefix(b"\xef\xbb\xbf").strip()))
    records = call(arguments[0], args)
    coded = [{"stream": r["stream"], "text": base64.b64encode(r["text"].encode()).decode("ascii")} for r in records]
    return json.dumps({"records": coded})


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:], sys.stdin.buffer.read()))
    except EflowprovError as error:
        sys.exit(f"error: {error}")
