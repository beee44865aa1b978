"""Devices of the field, told in own words, each with the verdict that a careful engineer gave it.

The address is the public thread in which the situation is described. What a thread does not show is filled in as that
situation would have it.
"""

from __future__ import annotations

import pytest

from eflowprov.model import CheckReport, Log, LogEntry, LogLevel, ModuleList, RuntimeFacts, Verdict
from tests.unit.checks.facts import (
    ASSIGNED,
    ATTEMPT,
    BY_HAND,
    DEPLOYED,
    EDGE_HUB,
    EMPTY,
    HEALTHY,
    MISSING,
    NEW,
    RECONCILED,
    START,
    TRYING,
    UNREADABLE,
    agent_log,
    check,
    checks,
    facts,
    log,
    modules,
    refused,
    services,
    verdict,
)

READY, AWAITING = Verdict.READY, Verdict.READY_AWAITING_DEPLOYMENT
NOT_READY, UNKNOWN = Verdict.NOT_READY, Verdict.UNKNOWN

NO_AGENT = Log(failure=("A module runtime error occurred", "Could not find module edgeAgent"))
DOWN = ModuleList(
    failure=("A module runtime error occurred", "Could not list modules", "Connection refused (os error 111)")
)
UNTOLD_HUB = (
    "Could not retrieve iothub_hostname from provisioning file.\nPlease specify the backing IoT Hub name.\n"
    "Since no hostname is provided, all hub connectivity tests will be skipped."
)
HUB_UNKNOWN = tuple(check(f"host-connect-iothub-{way}", "warning", UNTOLD_HUB) for way in ("amqp", "https", "mqtt"))
NTP = check("host-local-time", "warning", "Could not query NTP server")
VERSION = check("aziot-edge-version", "warning", "Installed 1.4.0 but 1.4.9 is the latest stable version available.")
DNS = check("container-engine-dns", "warning", "Container engine is not configured with DNS server setting")
STORAGE = check("edge-agent-storage-mounted-from-host", "warning", "edgeAgent is not configured to persist its folder")
NO_IMAGE = "Unable to find image 'registry.example/azureiotedge-diagnostics:1.0.9' locally"
NO_ROUTE = "Could not connect to plant7.azure-devices.net:5671\nConnection timed out (os error 110)"
PULL_TIMEOUT = f"{NO_IMAGE}\ndocker: Get https://registry.example/v2/: request canceled while waiting for connection"
BUNDLE = check(
    "certs-read",
    "error",
    'could not load cert with ID "aziot-edged-trust-bundle"\n\nCaused by:\n  parameter "id" is invalid\n  not found',
)
# What a device without DNS, or without a way out, has besides.
OFFLINE = facts(
    modules=ModuleList(),
    checks=checks(check("host-connect-iothub-amqp", "error", NO_ROUTE)),
    logs=log(*TRYING),
    agent=NO_AGENT,
)
# A runtime that is just starting: nothing failed, nothing is proved.
STARTING = facts(modules=ModuleList(), logs=log(*TRYING), services=MISSING, agent=MISSING)
# All that a thread shows is fine, and no log proves the hub.
SEEN_FINE = facts(logs=log("aziot-edged> Edge runtime is running"), agent=MISSING)

LINES = {
    "5700-other-program": "camera-client> DPS client error: 401 Unauthorized",
    "459-other-program": "adu-agent> DPS client error 401002",
}


def _crash(*before: str | tuple[str, ...], unit: str = "aziot-identityd") -> Log:
    again = (*before, f"systemd> {unit}.service: Main process exited, code=exited, status=1/FAILURE")
    return log(*again, *again)


CASES: dict[str, tuple[RuntimeFacts, Verdict]] = {
    # ---- a: check
    "iotedge#6669": (
        facts(NEW, logs=log(*BY_HAND, "Identity reconciliation complete."), agent=agent_log(*EMPTY)),
        AWAITING,
    ),
    "iotedge#6735": (
        facts(
            NEW,
            checks=checks(EDGE_HUB, check("hostname", "error", "the configured hostname differs from this machine's")),
        ),
        NOT_READY,
    ),
    "iotedge-eflow#221": (
        facts(OFFLINE, checks=checks(NTP, check("host-connect-iothub-amqp", "error", NO_ROUTE))),
        NOT_READY,
    ),
    "MicrosoftDocs/azure-docs#36941": (facts(NEW, checks=checks(VERSION, DNS, STORAGE, EDGE_HUB)), AWAITING),
    "iotedge#7036": (facts(checks=checks(VERSION, NTP, *HUB_UNKNOWN)), READY),
    "MicrosoftDocs/azure-docs#92555": (facts(NEW, agent=MISSING), AWAITING),
    "iotedge#7251": (facts(checks=checks(VERSION, DNS, STORAGE)), READY),
    "meta-iotedge#90": (
        facts(
            SEEN_FINE,
            checks=CheckReport((*HUB_UNKNOWN,), "text", complete=False),
            services=services(tpmd="Down failed"),
        ),
        UNKNOWN,
    ),
    "iotedge#5161": (
        facts(
            modules=ModuleList(),
            checks=checks(VERSION, DNS),
            logs=log(
                "iotedged> Starting module edgeAgent...",
                ("iotedged> Could not start module edgeAgent", "exec format error"),
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#5588": (
        facts(
            modules=ModuleList(),
            checks=checks(
                check(
                    "connect-management-uri",
                    "error",
                    f"{NO_IMAGE}\n1.1.4: Pulling from azureiotedge-diagnostics\nedc1907184e6: Pulling fs layer\n"
                    "docker: failed to register layer: no space left on device",
                )
            ),
            logs=log(
                ("iotedged> Could not pull image registry.example/azureiotedge-agent:1.1", "no space left on device")
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#1598": (
        facts(
            checks=checks(
                check(
                    "connection-string",
                    "error",
                    "Device is not using manual provisioning, so --iothub-hostname is needed",
                ),
                check(
                    "connect-management-uri",
                    "error",
                    f"{NO_IMAGE}\nabc: Retrying in 5 seconds\nabc: not enough space on the disk",
                ),
            )
        ),
        NOT_READY,
    ),
    "iotedge#3829": (
        facts(
            checks=checks(
                check("connect-management-uri", "error", f"{NO_IMAGE}\n1.0.10.1: Pulling from diagnostics\nab: Waiting")
            )
        ),
        UNKNOWN,
    ),
    "iotedge#3037": (
        facts(
            checks=checks(
                check("connect-management-uri", "error", f"{NO_IMAGE}\nmanifest for it not found: manifest unknown")
            )
        ),
        UNKNOWN,
    ),
    "iotedge#4815": (
        facts(
            checks=checks(
                check("connect-management-uri", "error", PULL_TIMEOUT),
                check(
                    "iotedged-version", "warning", "could not send HTTP request", "Connection timed out (os error 110)"
                ),
                check("host-connect-iothub-amqp", "error", NO_ROUTE),
            )
        ),
        NOT_READY,
    ),
    "iotedge#6936": (
        facts(checks=checks(check("container-local-time", "error", "Could not query local time", PULL_TIMEOUT))),
        NOT_READY,
    ),
    "iotedge#6877": (
        facts(
            OFFLINE, checks=checks(NTP, check("host-connect-dps-endpoint", "error", "TLS: certificate verify failed"))
        ),
        NOT_READY,
    ),
    "iotedge#6930": (
        facts(
            checks=checks(
                check("hostname", "error", "identityd's hostname is press_2 but the machine's is press-2"),
                check("host-connect-iothub-amqp", "error", "error:1416F086:SSL routines::certificate verify failed"),
            )
        ),
        NOT_READY,
    ),
    "iotedge#6675": (
        facts(
            OFFLINE,
            checks=checks(BUNDLE, *HUB_UNKNOWN),
            logs=log(*refused('{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized"}')),
        ),
        NOT_READY,
    ),
    "iotedge#6658": (
        facts(
            OFFLINE,
            checks=checks(BUNDLE),
            logs=log(*refused("could not initialize TPM")),
            services=services(tpmd="Down activating"),
        ),
        NOT_READY,
    ),
    "iotedge#6851": (facts(SEEN_FINE, checks=checks(*HUB_UNKNOWN)), UNKNOWN),
    "iotedge#2033": (
        facts(
            checks=checks(
                check("host-connect-iothub-amqp", "error", "Could not resolve https://plant7.azure-devices.net:5671")
            )
        ),
        UNKNOWN,
    ),
    "iotedge#2500": (
        facts(
            checks=checks(
                check(
                    "connection-string",
                    "error",
                    "Device is not using manual provisioning, so --iothub-hostname is needed",
                )
            )
        ),
        READY,
    ),
    "iotedge#1413": (
        facts(
            modules=ModuleList(),
            checks=checks(DNS),
            logs=log(
                "iotedged> Starting provisioning edge device via X509 provisioning...",
                (
                    "iotedged> Could not start",
                    "failed to lookup address information: Temporary failure in name resolution",
                ),
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#4580": (
        facts(
            OFFLINE,
            checks=checks(
                check(
                    "host-connect-dps-endpoint",
                    "error",
                    "failed to lookup address information: Name or service not known",
                ),
                check(
                    "host-connect-iothub-amqp",
                    "error",
                    "failed to lookup address information: Name or service not known",
                ),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#1735": (
        facts(
            modules=DOWN,
            checks=CheckReport(
                (check("config-yaml-well-formed", "fatal", "could not parse config.yaml"),), "text", complete=False
            ),
            logs=log("iotedged> Starting Azure IoT Edge Security Daemon"),
            services=MISSING,
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#3776": (facts(checks=UNREADABLE), UNKNOWN),
    "iotedge#1470": (facts(checks=UNREADABLE, services=MISSING), UNKNOWN),
    "iotedge#5555": (
        facts(
            modules=modules("edgeAgent"),
            checks=checks(EDGE_HUB, VERSION),
            agent=agent_log(
                *DEPLOYED[:3],
                'Executing command for operation ["update Edge Agent"] failed.',
                'Executing command: "Create module edgeHub"',
                'Executing command for operation ["create"] failed.',
            ),
        ),
        NOT_READY,
    ),
    "iotedge#6235": (
        facts(
            NEW,
            checks=checks(
                EDGE_HUB, check("container-default-connect-upstream-amqp", "error", "Could not connect to it:5671")
            ),
        ),
        NOT_READY,
    ),
    "iotedge#7389": (
        facts(checks=checks(check("container-local-time", "error", "Detected time drift between host and container"))),
        READY,
    ),
    "iotedge#6901": (
        facts(SEEN_FINE, checks=CheckReport((check("keyd-running"),), "text", skipped_unlisted=9)),
        UNKNOWN,
    ),
    "iotedge#2129": (facts(checks=checks(check("container-local-time", "error"))), NOT_READY),
    "iotedge#2880": (
        facts(checks=checks(STORAGE, check("edge-hub-storage-mounted-from-host", "warning", "not persisted"))),
        READY,
    ),
    "iotedge#5141": (facts(NEW, logs=log(*BY_HAND, "Identity reconciliation complete.")), AWAITING),
    "iotedge#4609": (
        facts(
            modules=DOWN,
            checks=checks(check("connect-management-uri", "error", "Permission denied (os error 13)")),
            logs=log(
                ("aziot-edged> The daemon could not start up successfully", "Could not retrieve device information")
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#4011": (
        facts(
            checks=checks(
                check(
                    "connect-management-uri",
                    "error",
                    "One or more errors occurred. (Permission denied /var/run/iotedge/mgmt.sock)",
                )
            )
        ),
        UNKNOWN,
    ),
    # ---- b: check -o json
    "iotedge#3295": (HEALTHY, READY),
    # ---- c: list
    "meta-iotedge#12": (facts(modules=DOWN, logs=_crash(unit="iotedge"), agent=NO_AGENT), NOT_READY),
    "iotedge#58": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                "iotedged> Starting provisioning edge device via manual mode using a device connection string...",
                (
                    "iotedged> A module runtime error occurred.",
                    "Could not get identity $edgeAgent",
                    "Connection timed out (os error 110)",
                ),
            ),
        ),
        NOT_READY,
    ),
    "MicrosoftDocs/azure-docs#21915": (STARTING, UNKNOWN),
    "MicrosoftDocs/azure-docs#29478": (
        facts(modules=modules("edgeAgent", "edgeHub", javaModule="failed (1)")),
        NOT_READY,
    ),
    "iotedge-eflow#134": (
        facts(modules=DOWN, logs=log("aziot-edged> Starting Azure IoT Edge Daemon"), agent=NO_AGENT),
        NOT_READY,
    ),
    "iotedge#841": (facts(modules=modules("edgeAgent", "edgeHub", sensor="failed (139)")), NOT_READY),
    "iotedge#69": (facts(modules=UNREADABLE), UNKNOWN),
    # ---- d: logs
    "iotedge#6247": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                *TRYING[:2],
                ("DPS client error", "malformed DPS response"),
                ("aziot-certd> not found: aziot-edged-trust-bundle",),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#7411": (
        facts(OFFLINE, checks=checks(), logs=log(*refused("Unauthorized"), *refused("Unauthorized"), *TRYING)),
        NOT_READY,
    ),
    "iotedge#5834": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                *TRYING[:2],
                "Failed to provision with IoT Hub, and no valid device backup was found: internal error",
                ("service encountered an error", "internal error", "could not get TPM keys"),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#5419": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=_crash(
                *BY_HAND,
                "Failed to provision with IoT Hub, and no valid device backup was found: internal error",
                ("service encountered an error", "internal error"),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#7304": (
        facts(
            SEEN_FINE,
            logs=log(
                "Sending DPS registration request.",
                ("DPS client error", "Unauthorized"),
                "aziot-edged> Failed to reprovision: invalid HTTP status code",
                "device identity not found",
                "aziot-edged> Failed to obtain device identity: device identity not found",
            ),
        ),
        NOT_READY,
    ),
    "iot-hub-device-update#459": (facts(SEEN_FINE, logs=log(LINES["459-other-program"])), UNKNOWN),
    "iotedge-eflow#281": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                "Detected HTTPS proxy server http://192.0.2.9:8080/",
                *BY_HAND,
                (
                    "Failed to provision with IoT Hub, and no valid device backup was found: Hub client error",
                    "timed out",
                ),
            ),
        ),
        NOT_READY,
    ),
    "iotedge-eflow#188": (
        facts(
            SEEN_FINE,
            logs=log(("aziot-certd> parameter id has an invalid value: aziot-edged-trust-bundle", "not found")),
        ),
        UNKNOWN,
    ),
    "iotedge-eflow#301": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                (
                    "Failed to provision with IoT Hub, and no valid device backup was found: Hub client error",
                    "internal error",
                )
            ),
        ),
        NOT_READY,
    ),
    "iotedge#4796": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                "iotedged> Starting DPS registration with scope_id, registration_id",
                ("iotedged> DPS registration failed", 'Some("Custom allocation failed with status code: 404")'),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#6831": (
        facts(
            modules=ModuleList(),
            logs=log(
                *RECONCILED[:-2],
                "aziot-edged> Pulling image via tag corp.example/azureiotedge-agent:1.4...",
                'aziot-edged> Error in watchdog: Failed to pull Edge runtime module: pull image "corp"',
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#5812": (
        facts(
            modules=ModuleList(),
            logs=log(
                *RECONCILED[:-2], ("aziot-edged> Error in watchdog", "OCI runtime create failed: container_linux.go")
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#7014": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log(
                *BY_HAND,
                (
                    "Could not reconcile Identities with current device data. Reprovisioning.",
                    "Hub client error",
                    "Unauthorized",
                ),
            ),
        ),
        NOT_READY,
    ),
    "iotedge#3005": (
        facts(
            modules=ModuleList(),
            logs=log(
                "iotedged> Manually provisioning device",
                "iotedged> Finished provisioning edge device.",
                ("iotedged> Could not initialize module runtime", "iptables failed: no chain by that name"),
            ),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "MicrosoftDocs/azure-docs#11046": (
        facts(modules=DOWN, logs=_crash("iotedged> Provisioning edge device...", unit="iotedge"), agent=NO_AGENT),
        NOT_READY,
    ),
    "iotedge#2531": (
        facts(
            modules=DOWN,
            logs=log(("iotedged> The daemon could not start up successfully", "HSM failure")),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#7045": (
        facts(
            STARTING,
            logs=log(*RECONCILED[:-2], "aziot-edged> Pulling image via tag registry.example/azureiotedge-agent:1.4..."),
        ),
        UNKNOWN,
    ),
    "iotedge#4390": (HEALTHY, READY),
    "iotedge#2584": (
        facts(
            STARTING,
            logs=log(
                "> Updating identity for module $edgeAgent",
                "> Pulling image registry.example/azureiotedge-agent:1.0...",
            ),
        ),
        UNKNOWN,
    ),
    "iotedge#2822": (
        facts(STARTING, logs=log("> Manually provisioning device", "> Finished provisioning edge device.")),
        UNKNOWN,
    ),
    "MicrosoftDocs/azure-docs#12241": (facts(STARTING, logs=log("> Starting Azure IoT Edge Security Daemon")), UNKNOWN),
    "iotedge#226": (facts(STARTING, logs=log("> Removing all modules...", "> Provisioning edge device...")), UNKNOWN),
    "iotedge#1330": (facts(STARTING, logs=log("> Starting provisioning edge device via manual mode")), UNKNOWN),
    "iotedge#5700": (facts(logs=log(*RECONCILED, LINES["5700-other-program"])), READY),
    "iotedge#7258": (
        facts(
            modules=DOWN,
            logs=log("aziot-edged> The daemon could not start up successfully: could not load settings"),
            agent=NO_AGENT,
        ),
        NOT_READY,
    ),
    "iotedge#1815": (facts(modules=modules("edgeAgent", edgeHub="failed (132)")), NOT_READY),
    "iotedge#4027": (
        facts(
            logs=log(
                *ASSIGNED,
                'iotedged> [work] "POST /modules/%24edgeAgent/genid/637/sign?v=2018 HTTP/1.1" 404 Not Found 30',
            ),
            agent=agent_log(ATTEMPT, "Error calling SignAsync: Module not found, StatusCode: 404"),
        ),
        NOT_READY,
    ),
    "iotedge#5056": (facts(OFFLINE, checks=checks(), logs=_crash("Starting service...", "Version - 1.2.0")), NOT_READY),
    "iotedge#4062": (
        facts(
            OFFLINE,
            checks=checks(),
            logs=log("iotedged> Verification status: 0, Error: 9, Msg: 'certificate is not yet valid'"),
        ),
        NOT_READY,
    ),
    "meta-iotedge#26": (
        facts(
            NEW,
            agent=agent_log(
                ATTEMPT,
                (
                    "Error refreshing edge agent configuration",
                    "ConfigEmptyException: This device has an empty configuration",
                ),
            ),
        ),
        AWAITING,
    ),
    # ---- e, f
    "iotedge#4933": (facts(STARTING, services=UNREADABLE), UNKNOWN),
    "iotedge-eflow#98": (facts(OFFLINE, checks=checks(), logs=log(*refused("Unauthorized"))), NOT_READY),
    "iotedge-eflow#135": (facts(OFFLINE, checks=checks(), logs=log(*refused("CA certificate not found."))), NOT_READY),
    "iotedge#6365": (facts(OFFLINE, checks=checks(), logs=log(*refused("Unauthorized"))), NOT_READY),
    "iotedge-eflow#219": (facts(checks=checks(DNS)), READY),
}


@pytest.mark.parametrize("address", CASES)
def test_a_device_of_the_field_gets_its_verdict(address: str) -> None:
    given, wanted = CASES[address]
    assert verdict(given) is wanted


def test_a_line_without_a_service_is_the_runtimes_own() -> None:
    entry = LogEntry(START, "", LogLevel.INFO, "Successful DPS provisioning.")
    assert verdict(facts(logs=Log((entry,), 1))) is READY
