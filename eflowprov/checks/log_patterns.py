"""The known messages of the runtime's journal: what each means, how grave it is, and the way out.

Sources: the journals in the issues of Azure/iotedge and Azure/iotedge-eflow that stand beside the entries. The level
that a line was logged at is no measure: identityd and certd write real failures at [INFO] (iotedge#6247).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Gravity(StrEnum):
    """How a message counts while nothing after it shows that the runtime got over it."""

    BLOCKING = "blocking"  # the runtime cannot work until it is put right
    NOTABLE = "notable"  # worth a look; proves nothing by itself
    HARMLESS = "harmless"  # looks like a failure and is none


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """One known message; its finding is `logs/ID`. `settled` is the word that the same thing worked later, if any."""

    id: str
    title: str
    gravity: Gravity
    pattern: re.Pattern[str]
    cause: str
    remedy: str
    settled: re.Pattern[str] | None = None


# iotedged's line about a request that it did not sign for edgeAgent (iotedge#4027).
SIGN_REFUSED = r"edgeAgent/genid/\S+/sign\S* HTTP/\S+\" [45]\d\d"
_LOGS = 'Invoke-EflowVmCommand -command "sudo iotedge system logs"'
_RESTART = 'Invoke-EflowVmCommand -command "sudo iotedge system restart"'


def _message(
    id_: str, gravity: Gravity, title: str, pattern: str, cause: str, remedy: str, *, settled: str = ""
) -> KnownMessage:
    after = re.compile(settled, re.IGNORECASE) if settled else None
    return KnownMessage(id_, title, gravity, re.compile(pattern, re.IGNORECASE), cause, remedy, after)


KNOWN_MESSAGES = (
    _message(
        "trust-bundle-missing",  # iotedge#6247, iotedge-eflow#188
        Gravity.HARMLESS,
        "no trust bundle is configured",
        # certd's refusal names only the parameter; the request with the name stands in the entry before it.
        r"trust-bundle|^parameter \"id\" has an invalid value\nnot found",
        "The services ask for a trust bundle, and there is none: that is normal on a device without downstream "
        "devices. Of any other certificate that is missing the service that needs it complains itself.",
        "",
    ),
    _message(
        "dps-refused",
        Gravity.BLOCKING,
        "the registration with DPS failed",
        r"DPS client error|DPS registration failed|custom allocation failed",
        "DPS refused the device, or could not be reached; provisioning/dps-assigned says why.",
        "Do what provisioning/dps-assigned says; where that is skip, first what it stands behind. The whole story: "
        f"{_LOGS}.",
    ),
    _message(
        "hub-refused",
        Gravity.BLOCKING,
        "IoT Hub refused the device or could not be reached",
        r"Hub client error|IotHubUnauthorizedAccess|Could not get (?:identity|module) \$?edgeAgent"
        r"|Could not reconcile Identities|HTTP request failed: \[401",
        "IoT Hub does not take the device's identity, or the VM cannot reach the hub.",
        "Look in IoT Hub whether the device exists and is enabled, then register anew: "
        'Invoke-EflowVmCommand -command "sudo iotedge system reprovision".',
    ),
    _message(
        "offline-backup",
        Gravity.BLOCKING,
        "the runtime works offline, from a backup",
        r"Network not available for Identity reconciliation",
        "The VM had no network when the identity service started.",
        f"Restore the network, then restart the runtime: {_RESTART}.",
    ),
    _message(
        "disk-full",  # iotedge#5588, #1598
        Gravity.BLOCKING,
        "the disk is full",
        r"no space left on device|not enough space on the disk",
        "The VM's disk is full: no image can be pulled and nothing can be written.",
        'Free space: Invoke-EflowVmCommand -command "sudo docker system prune -f", or make the disk larger with '
        "Set-EflowVm.",
    ),
    _message(
        "image-pull-failed",  # iotedge#5588, #6831, #6863
        Gravity.BLOCKING,
        "an image could not be pulled",
        r"could not pull image|failed to pull (?:edge runtime )?(?:module|image)|pull image \""
        r"|registry operation error",
        "The container engine could not fetch an image: no way to the registry, wrong credentials, or a wrong name.",
        'Try it in the VM: Invoke-EflowVmCommand -command "sudo docker pull IMAGE". Check DNS, proxy and the '
        "registry's credentials.",
        settled=r"^Successfully pulled image",
    ),
    _message(
        "container-failed",  # iotedge#5812, #3005
        Gravity.BLOCKING,
        "a container could not be created or started",
        r"OCI runtime create failed|failed to create (?:shim|task|endpoint)|could not (?:create|start) (?:module"
        r"|network)"
        r"|failed to (?:create|start) (?:edge runtime )?module|failed programming external connectivity"
        r"|iptables failed|could not initialize module runtime",
        "The container engine could not run a container: its kernel, network or storage is not as it needs it.",
        'Restart the engine: Invoke-EflowVmCommand -command "sudo systemctl restart docker". If it stays, deploy '
        "the VM anew.",
    ),
    _message(
        "agent-sign-failed",  # iotedge#4027
        Gravity.BLOCKING,
        "edgeAgent's request to sign was refused",
        rf"{SIGN_REFUSED}|Error calling SignAsync",
        "The runtime does not know the edgeAgent that is running, so that it cannot prove its identity to IoT Hub.",
        "Let the runtime create it anew: "
        f'Invoke-EflowVmCommand -command "sudo docker rm -f edgeAgent". Then restart the runtime: {_RESTART}.',
    ),
    _message(
        "certificate-not-yet-valid",  # iotedge#4062
        Gravity.BLOCKING,
        "a certificate is not yet valid",
        r"not yet valid",
        "The VM's clock is behind, or the certificate was issued on a machine whose clock is ahead.",
        'Compare the clocks: Invoke-EflowVmCommand -command "date -u". Then Stop-EflowVm; Start-EflowVm.',
    ),
    _message(
        "certificate-expired",
        Gravity.BLOCKING,
        "a certificate has expired",
        r"certificate (?:file )?has expired|certificate expired",
        "The identity certificate, a CA or the runtime's own certificate has expired.",
        "Issue a new identity and provision again: eflowprov certs device ID --ca DIR --out DIR --renew.",
    ),
    _message(
        "certificate-unusable",  # iotedge#2531, #3260
        Gravity.BLOCKING,
        "a certificate or key cannot be used",
        r"key values mismatch|could not (?:load|read|parse|get) (?:the )?(?:device )?(?:identity )?cert"
        r"|Unsupported 'not after'|HSM (?:failure|certificate|Init)|An hsm error",
        "The identity certificate and its key do not belong together, or cannot be read.",
        "Check them: eflowprov certs check CHAIN KEY. Then provision again.",
    ),
    _message(
        "key-not-readable",  # iotedge#4853, #6005
        Gravity.BLOCKING,
        "a service may not read its key",
        r"AZIOT_KEYS_RC_ERR|could not (?:load|read) (?:private )?key|Permission denied \(os error 13\)",
        "The service's user has no right to the file or socket.",
        'Look at the owners: Invoke-EflowVmCommand -command "sudo ls -l /home/iotedge-user/certs '
        '/home/iotedge-user/private". '
        "The key belongs to aziotks (mode 0600), the certificate to aziotcs (0644).",
    ),
    _message(
        "key-service-failed",  # iotedge#6005, #6960
        Gravity.NOTABLE,
        "the key or certificates service could not do what it was asked",
        r"could not (?:generate|create) key\b|could not create certificate"
        r"|Failed to get a response from the (?:key|certificates?) service",
        "keyd or certd answered with an error or not at all; the last cause in the chain says why.",
        'Look at both: Invoke-EflowVmCommand -command "sudo iotedge system status". Then restart the runtime: '
        f"{_RESTART}.",
    ),
    _message(
        "tpm-failed",  # iotedge#5834, #6658
        Gravity.NOTABLE,
        "the TPM or its service does not work",
        r"could not initialize TPM|tcti:IO failure|Failed to instantiate TCTI|Failure initializ\w+ TPM"
        r"|get_tpm_keys\S* .*\b[45]\d\d",
        "The TPM does not answer. With X.509 it is not needed.",
        'With a TPM: Invoke-EflowVmCommand -command "sudo systemctl status aziot-tpmd".',
    ),
    _message(
        "tls-failed",
        Gravity.BLOCKING,
        "TLS failed",
        r"certificate verify failed|self.signed certificate|unable to get (?:local )?issuer certificate|TLS handshake",
        "Something on the way opens the connection (proxy inspection), or the VM's clock is wrong.",
        "Exempt *.azure-devices.net and global.azure-devices-provisioning.net from TLS inspection, and compare the "
        'clocks: Invoke-EflowVmCommand -command "date -u".',
    ),
    _message(
        "dns-failed",  # iotedge#4580, #1413
        Gravity.BLOCKING,
        "a name could not be resolved",
        r"failed to lookup address|name resolution|no such host|name or service not known|server misbehaving",
        "The VM has no DNS server, or one that does not answer.",
        "Set a DNS server: Set-EflowVmDNSServers. Then try it: "
        'Invoke-EflowVmCommand -command "resolvectl query global.azure-devices-provisioning.net".',
    ),
    _message(
        "proxy-failed",  # iotedge-eflow#281
        Gravity.BLOCKING,
        "the proxy did not let a request through",
        r"proxyconnect|proxy authentication|407 Proxy|503 Service Unavailable|proxy\b.*\b(?:refused|failed|error)",
        "A proxy is set, and it refuses or cannot be reached.",
        "Check the proxy's address in identityd, edged, the container engine and edgeAgent, and what it lets pass. "
        'Whether the four agree: Invoke-EflowVmCommand -command "sudo iotedge check --verbose".',
    ),
    _message(
        "network-unreachable",  # iotedge#58, #4815
        Gravity.BLOCKING,
        "the network cannot be reached",
        r"network is unreachable|no route to host|connection timed out|os error 1(?:01|10|13)\b|Client\.Timeout"
        r"|i/o timeout"
        r"|request canceled while waiting",
        "The VM has no way out, or a firewall drops what it sends.",
        "Look at the VM's address and gateway: Get-EflowVmEndpoint. Let ports 443, 5671 and 8883 out to "
        "*.azure-devices.net.",
    ),
    _message(
        "timed-out",
        Gravity.NOTABLE,
        "something did not answer in time",
        r"deadline (?:has elapsed|exceeded)|(?:operation|request) timed out|\bTimedOut\b",
        "A service, the container engine or a host on the network answered too late: a slow disk, a bad line, or a "
        "firewall that drops packets.",
        "Verify again in five minutes. If it stays, look at the VM's load and disk, and at its way to the network: "
        "Get-EflowVmEndpoint.",
    ),
    _message(
        "service-failed",  # iotedge#5056, #7411, #11046
        Gravity.BLOCKING,
        "a service of the runtime stopped with an error",
        r"main process exited, code=(?:exited, status=[1-9]|killed|dumped)|entered failed state|Failed with result"
        r"|service encountered an error|The daemon could not start up successfully|panicked at",
        "A service of the runtime stopped with an error; systemd starts it again.",
        f"Read its last lines: {_LOGS}.",
    ),
    _message(
        "configuration-unusable",  # meta-iotedge#104, iotedge#1735
        Gravity.BLOCKING,
        "a configuration file cannot be used",
        r"could not load settings|failed to load settings|could not read config|config(?:uration)? (?:file )?(?:is"
        r"|was) (?:not|invalid|malformed)",
        "A file of the runtime's configuration is missing or malformed.",
        'Write it anew: Invoke-EflowVmCommand -command "sudo iotedge config apply", or provision again.',
    ),
    _message(
        "device-information-missing",  # iotedge#4609
        Gravity.BLOCKING,
        "the runtime did not get the device's identity",
        r"Could not retrieve device information|Failed to obtain device identity|device identity not found"
        r"|Failed to reprovision|reprovisioning operation failed",
        "The identity service has no identity to give: provisioning did not succeed.",
        "Do what provisioning/dps-assigned says; where that is skip, first what it stands behind. The whole story: "
        f"{_LOGS}.",
    ),
    _message(
        "watchdog-error",
        Gravity.BLOCKING,
        "the watchdog could not start edgeAgent",
        r"Error in watchdog",
        "The runtime tries to start edgeAgent every minute and fails.",
        f"Read the lines after it: {_LOGS}.",
    ),
    _message(
        "identity-service-unreachable",
        Gravity.NOTABLE,
        "the identity service was not up yet",
        r"Identity Service was unreachable",
        "edged started before identityd did; it waits and tries again.",
        f"If it stays, restart the runtime: {_RESTART}.",
    ),
    _message(
        "out-of-memory",
        Gravity.NOTABLE,
        "the VM ran out of memory",
        r"out of memory|oom-kill|Cannot allocate memory",
        "The VM has too little memory for its modules.",
        "Give it more: Stop-EflowVm; Set-EflowVm -memoryInMB MB; Start-EflowVm.",
    ),
)

# The runtime's own words that it works again.
RECOVERED = re.compile(
    r"^Edge runtime is running|^Identity reconciliation complete|^(?:Created|Started) Edge runtime module edgeAgent"
    r"|^Successfully started module edgeAgent|^Successful DPS provisioning|^Successfully provisioned with DPS",
    re.IGNORECASE,
)
LOOKED_FOR = (
    RECOVERED,
    *(known.pattern for known in KNOWN_MESSAGES),
    *(known.settled for known in KNOWN_MESSAGES if known.settled),
)
