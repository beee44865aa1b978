"""The simulated IoT Edge runtime: what its services do after a provisioning, told in their journal.

Its registration with DPS is a real one, over TLS with the certificate that the cmdlet copied into the VM. (The real
identityd speaks HTTPS to DPS; this one uses the same MQTT client as `dps register`.) The messages are identityd's,
edged's and edge-agent's own, version 1.5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from eflowprov.errors import EflowprovError
from eflowprov.lab.journal import LabJournal
from eflowprov.lab.scenarios import Scenario
from eflowprov.model import Assigned, Module, Registration
from eflowprov.transports.dps import RegistrationRequest, register

_IDENTITYD, _EDGED, _KEYD, _CERTD, _TPMD = "aziot-identityd", "aziot-edged", "aziot-keyd", "aziot-certd", "aziot-tpmd"
_REGISTRY = "mcr.microsoft.com/azureiotedge-"

AGENT = Module("edgeAgent", "running", "Up 2 minutes", f"{_REGISTRY}agent:1.5")
HUB = Module("edgeHub", "running", "Up a minute", f"{_REGISTRY}hub:1.5")
SENSOR = Module("SimulatedTemperatureSensor", "running", "Up a minute", f"{_REGISTRY}simulated-temperature-sensor:1.5")


class LabRuntime:
    """The runtime of one VM. Nothing runs until `provision`; `modules`, `agent_log` and `services` then tell its
    state."""

    def __init__(
        self, scenario: Scenario, journal: LabJournal, enroll: Callable[[RegistrationRequest], Registration] = register
    ) -> None:
        self._scenario = scenario
        self._journal = journal
        self._enroll = enroll
        self._thread: threading.Thread | None = None
        self.modules: tuple[Module, ...] = ()
        self.agent_log: tuple[str, ...] = ()
        self.services = dict.fromkeys((_EDGED, _IDENTITYD, _KEYD, _CERTD, _TPMD), "Ready")

    @property
    def is_up(self) -> bool:
        """Whether edged answers: `iotedge list` and the like need it."""
        return self.services[_EDGED] == "Running"

    def provision(self, request: RegistrationRequest) -> None:
        """Start the services with a new configuration; they go on by themselves, as in a VM."""
        self.wait()
        self.services |= {_EDGED: "Running", _IDENTITYD: "Running", _KEYD: "Running", _CERTD: "Running"}
        self._thread = threading.Thread(target=self._identityd, args=(request,), name="lab-identityd", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """`iotedge system stop`: nothing runs any more; the next provisioning starts it again."""
        self.wait()
        self.services = dict.fromkeys(self.services, "Ready")
        self.modules, self.agent_log = (), ()

    def wait(self) -> None:
        """Until identityd has come to an end with its registration (its own deadline bounds it)."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _identityd(self, request: RegistrationRequest) -> None:
        write = self._journal.write
        write(_IDENTITYD, "Starting service...", "Version - 1.5.6", "Provisioning starting. Reason: Startup")
        write(
            _EDGED, "Starting Azure IoT Edge Daemon", "Version - 1.5.21", "Obtaining Edge device provisioning data..."
        )
        write(_IDENTITYD, "Sending DPS registration request.")
        if self._scenario.stops_after_ok:
            self._go_down("Failed to get a response from the key service", "No such file or directory (os error 2)")
            return
        try:
            answer = self._enroll(request)
        except EflowprovError as error:
            self._refused(error.why)
            return
        if isinstance(answer, Assigned):
            self._assigned(answer)
        else:
            self._refused(answer.message)

    def _assigned(self, answer: Assigned) -> None:
        self._journal.write(
            _IDENTITYD,
            "Checking DPS registration status.",
            f"Assigned to IoT hub: {answer.hub}",
            "DPS registration complete.",
            "Successfully provisioned with DPS.",
            "Provisioning complete.",
            "Identity reconciliation started. Reason: Startup",
            "Identity reconciliation complete.",
            "Starting server...",
        )
        self._journal.write(
            _EDGED,
            f"Device is {answer.device_id} on {answer.hub}",
            "Starting management API...",
            "Starting watchdog with 60 second period...",
            "Created Edge runtime module edgeAgent",
            "Started Edge runtime module edgeAgent",
        )
        self.modules, told = _deployed(self._scenario.deployment)
        self.agent_log = tuple(_agent_line(line) for line in told)

    def _refused(self, message: str) -> None:
        """identityd prints DPS's message and never its code, exits, and is started again."""
        self._journal.write(
            _IDENTITYD,
            "Failed to provision with IoT Hub, and no valid device backup was found: DPS client error",
            "service encountered an error",
            "caused by: DPS client error",
            f"caused by: {message}",
            level="ERR!",
        )
        self._journal.write(_EDGED, "Failed to obtain device identity: connection error", level="WARN")
        self.services[_IDENTITYD] = "Down - activating"

    def _go_down(self, *causes: str) -> None:
        self._journal.write(
            _IDENTITYD, "service encountered an error", *(f"caused by: {cause}" for cause in causes), level="ERR!"
        )
        self._journal.write(
            _EDGED, "Identity Service was unreachable. Waiting for Identity Service startup.", level="WARN"
        )
        self.services |= {_IDENTITYD: "Down - failed", _EDGED: "Down - activating"}


_CONNECTS = (
    "INF Starting module management agent.",
    "INF Edge agent attempting to connect to IoT Hub via Amqp_Tcp_Only...",
    "INF Edge agent connected to IoT Hub via Amqp_Tcp_Only.",
)
_HAS_NONE = (
    "WRN Empty edge agent config was received. Attempting to read config from backup (/app/backup.json) instead",
    "INF Deployment config in edge agent's desired properties is empty.",
)
_HAS_ONE = (
    "INF Obtained Edge agent twin from IoTHub with desired properties version 3 and reported properties version 7.",
    "INF Plan execution started for deployment 3",
)
_DONE = ('INF Executing command: "Create module edgeHub"', "INF Plan execution ended for deployment 3")
_FAILED = (
    "ERR Executing command for operation [create] failed.",
    "ERR Step failed in deployment 3, continuing execution. Failure when running command Create module edgeHub.",
    "ERR Edge agent plan execution failed.",
)


def _deployed(deployment: str) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """The modules and the agent's words (level first) for a deployment state of the scenario."""
    if deployment == "none":
        return (AGENT,), _CONNECTS + _HAS_NONE
    if deployment == "edgehub-fails":
        return (SENSOR, AGENT), _CONNECTS + _HAS_ONE + _FAILED
    return (SENSOR, AGENT, HUB), _CONNECTS + _HAS_ONE + _DONE


def _agent_line(told: str) -> str:
    """A line of the agent's log out of `LEVEL message`."""
    level, _, message = told.partition(" ")
    number = {"INF": 6, "WRN": 4, "ERR": 3}[level]
    now = datetime.now(UTC)
    return f"<{number}> {now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d} +00:00 [{level}] - {message}"
