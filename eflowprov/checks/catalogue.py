"""The messages that DPS and the EFLOW cmdlets are known to give, each with its usual cause and the way out.

One code has many causes: 401002 alone comes with at least four messages, and identityd prints the message without
the code. So a refusal is looked up by its message first, then by its code, then by its HTTP status. Sources: the
DPS troubleshooting guide, the EFLOW common-errors page, and the issues named beside the entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a message is usually seen, and what to do now; both are plain sentences with a full stop."""

    cause: str
    remedy: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    pattern: re.Pattern[str]
    explanation: Explanation


def _known(id_: str, pattern: str, cause: str, remedy: str) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), Explanation(cause, remedy, id_))


_UNAUTHORIZED = Explanation(
    "No enrollment in this DPS takes this device: there is none for its registration ID or certificate, it is "
    "disabled, or the registration ID differs (DPS ignores case, IoT Hub does not).",
    "Compare the certificate's CN with the enrollment's registration ID and the thumbprint with the enrolled "
    "certificate: eflowprov certs show FILE. Then check that the enrollment is enabled and that the ID scope is right.",
    "unauthorized",
)
_ALLOCATION = Explanation(
    "The enrollment uses custom allocation, and the function that should choose the hub failed.",
    "Open the enrollment in the Azure portal, and mend its allocation function or choose another allocation policy.",
    "custom-allocation",
)
_NOT_FOUND = Explanation(
    "DPS knows neither this ID scope nor an enrollment of this name.",
    "Compare the ID scope with the one on the DPS's Overview page, and look whether the enrollment exists: "
    "az iot dps enrollment list --dps-name NAME.",
    "not-found",
)
_CONFLICT = Explanation(
    "Another change to the same registration or enrollment was under way.",
    "Wait a minute, then register again: eflowprov dps register.",
    "conflict",
)
_STALE = Explanation(
    "What was sent is based on an older state of the enrollment (its ETag changed).",
    "Read the enrollment again, then repeat the change.",
    "precondition",
)
_THROTTLED = Explanation(
    "DPS takes no more registrations for now: too many devices register at once.",
    "Wait for the time that DPS names in Retry-After, at least a minute, then register again.",
    "throttled",
)
_SERVICE = Explanation(
    "DPS itself had a fault; the device did nothing wrong.",
    "Wait five minutes, then register again; if it stays, look at the Azure status page and give Microsoft the "
    "tracking ID.",
    "service-fault",
)
_BAD_REQUEST = Explanation(
    "DPS could not use what the device sent: a registration ID that breaks its rules, or a malformed request.",
    "Check the registration ID: letters, digits, '-', '.', '_' and ':', at most 64 with X.509, the last a letter, "
    "digit or '-'.",
    "bad-request",
)

# The order matters: the narrower message stands before the wider one.
_REFUSALS = (
    _known(
        "ca-not-found",
        r"CA certificate not found",
        "The certificate chain that the device sent does not reach a CA that this DPS knows and has verified. Most "
        "often "
        "the intermediates are missing from the file, or the CA was uploaded but not verified.",
        "Give the device the full chain (leaf first, then the intermediates): ID.chain.pem. Then look in the DPS under "
        "Certificates whether the CA is there with status Verified.",
    ),
    _known(
        "chain-mismatch",
        r"Signing certificate info did not match chain elements",
        "The certificate of the enrollment group is not part of the chain that the device sent, or the device used the "
        "group's own CA certificate as its identity.",
        "Check that the identity is a leaf and that its chain has the group's CA: eflowprov certs check CHAIN "
        "--enrollment group. Then provision again with ID.chain.pem and ID.key.pem.",
    ),
    _known(
        "invalid-certificate",
        r"Invalid certificate",
        "DPS does not accept this certificate: it is expired or not yet valid, its root is not verified, it is not the "
        "enrolled one, or a CA certificate was given as the identity.",
        "Check it: eflowprov certs check CHAIN --registration-id ID. Then provision again with a valid leaf and its "
        "key.",
    ),
    _Known(re.compile(r"custom allocation failed", re.IGNORECASE), _ALLOCATION),
    _known(
        "hub-link",
        r"ErrorCode:\s*IotHubUnauthorizedAccess",
        "DPS took the device, but IoT Hub does not let DPS in: the link between the two holds an old key, or the "
        "endpoint "
        "is of another cloud.",
        "In the DPS, remove the linked IoT Hub and add it again, and check the global endpoint (the US government and "
        "China clouds have their own). Then provision again.",
    ),
    _known(
        "expired",
        r"certificate has expired|certificate expired|expired certificate",
        "The device's certificate, or one of its issuers, has expired.",
        "Issue a new one and provision again: eflowprov certs device ID --ca DIR --out DIR --renew.",
    ),
    _known(
        "not-yet-valid",
        r"not yet valid|not.before.{0,20}future",
        "The certificate is not valid yet: the clock of the VM or of the issuing machine is wrong.",
        'Compare the clocks: Invoke-EflowVmCommand -command "date -u". Restart the VM after the host was asleep: '
        "Stop-EflowVm; Start-EflowVm.",
    ),
    _known(
        "key-mismatch",
        r"key values mismatch",
        "The private key does not belong to the certificate.",
        "Give the key that was made with this certificate: eflowprov certs check CHAIN KEY.",
    ),
    _known(
        "dns",
        r"failed to lookup address|name resolution|no such host|could not resolve|name or service not known"
        r"|server misbehaving",
        "The VM cannot resolve the name of the DPS endpoint: it has no DNS server, or one that does not answer.",
        'Try it in the VM: Invoke-EflowVmCommand -command "resolvectl query global.azure-devices-provisioning.net". '
        "Set a DNS server: Set-EflowVmDNSServers.",
    ),
    _known(
        "proxy",
        r"proxy|\b407\b|\b503\b",
        "A proxy stands between the VM and Azure and did not let the request through.",
        "Set the proxy's address in all its places (identityd, edged, the container engine, edgeAgent), and let the "
        "proxy pass global.azure-devices-provisioning.net and *.azure-devices.net.",
    ),
    _known(
        "tls",
        r"certificate verify failed|self.signed certificate|unable to get (?:local )?issuer|handshake|unknown CA",
        "TLS failed before DPS could answer: something on the way opens the connection (proxy inspection), or the VM's "
        "clock is wrong.",
        "Exempt global.azure-devices-provisioning.net and *.azure-devices.net from TLS inspection, and compare the "
        "VM's "
        "clock with the host's.",
    ),
    _known(
        "network",
        r"timed? ?out|network is unreachable|no route to host|connection (?:refused|reset)|os error 1(?:01|04|10|11"
        r"|13)\b"
        r"|error trying to connect",
        "The VM does not reach Azure over the network.",
        "Let the VM out on ports 443, 5671 and 8883 to global.azure-devices-provisioning.net and *.azure-devices.net, "
        'and try it: Invoke-EflowVmCommand -command "curl -sSI https://global.azure-devices-provisioning.net".',
    ),
    _known(
        "tpm",
        r"\bTPM\b|tctildr|tpmd",
        "The identity service asks the TPM, and the TPM or its service does not answer.",
        "With X.509, provision again with -provisioningType DpsX509. With a TPM, look at its service: "
        'Invoke-EflowVmCommand -command "sudo systemctl status aziot-tpmd".',
    ),
    _known(
        "malformed-answer",
        r"malformed|EOF while parsing|expected value at line|missing field|invalid type",
        "The answer was not what DPS sends: a proxy or a captive portal answered in its place, or the runtime is "
        "too old.",
        "Update EFLOW, check the global endpoint's address, and try it from the VM: "
        'Invoke-EflowVmCommand -command "curl -sSI https://global.azure-devices-provisioning.net".',
    ),
    _known(
        "key-not-readable",
        r"Permission denied|AZIOT_KEYS_RC_ERR",
        "The identity service may not read the private key or the certificate.",
        'Look at the files: Invoke-EflowVmCommand -command "sudo ls -l /home/iotedge-user/certs '
        '/home/iotedge-user/private". '
        "The key belongs to aziotks, the certificate to aziotcs.",
    ),
    _known(
        "not-found",
        r"not found|no such (?:enrollment|registration)",
        _NOT_FOUND.cause,
        _NOT_FOUND.remedy,
    ),
    _Known(re.compile(r"unauthori[sz]ed|not authori[sz]ed|forbidden|\b401\b", re.IGNORECASE), _UNAUTHORIZED),
)

_BY_CODE = {400207: _ALLOCATION, 404201: _NOT_FOUND, 404202: _NOT_FOUND, 429001: _THROTTLED}
_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _UNAUTHORIZED,
    403: _UNAUTHORIZED,
    404: _NOT_FOUND,
    409: _CONFLICT,
    412: _STALE,
    429: _THROTTLED,
}
# MQTT 3.1.1, 3.2.2.3: what the server says in CONNACK.
_BY_CONNACK = {2: _BAD_REQUEST, 3: _SERVICE, 4: _UNAUTHORIZED, 5: _UNAUTHORIZED}
_UNKNOWN = Explanation(
    "DPS refused, and this refusal is not in the catalogue.",
    "Read DPS's own message, and look the code up in the DPS troubleshooting guide; the tracking ID is for "
    "Microsoft's support.",
    "unknown",
)


def explain_refusal(http_status: int, error_code: int, message: str) -> Explanation:
    """Decode a refusal of DPS: by its message, else its error code, else its HTTP status.

    `http_status` 0 means that MQTT's CONNACK refused, its return code being `error_code`; what is not told is 0 or "".
    """
    for known in _REFUSALS:
        if known.pattern.search(message):
            return known.explanation
    if not http_status and error_code in _BY_CONNACK:
        return _BY_CONNACK[error_code]
    if error_code in _BY_CODE:
        return _BY_CODE[error_code]
    status = http_status or error_code // 1000  # DPS's codes begin with the HTTP status: 401002
    return _SERVICE if 500 <= status < 600 else _BY_STATUS.get(status, _UNKNOWN)


def explain_causes(messages: Iterable[str]) -> Explanation:
    """Decode a chain of `caused by:` lines: the innermost known message wins, since it is the nearest to the cause."""
    for message in reversed(list(messages)):
        for known in _REFUSALS:
            if known.pattern.search(message):
                return known.explanation
    return _UNKNOWN


_CMDLET_MESSAGES = (
    _known(
        "not-running-after-provisioning",  # iotedge-eflow#135
        r"iotedge service not running after provisioning",
        "The identity that was given cannot be used, so that the runtime stops at once. Most often a CA certificate "
        "or a "
        "foreign key was given in place of the device's own.",
        "Check both files: eflowprov certs check CHAIN KEY --registration-id ID. Then read why: eflowprov verify.",
    ),
    _known(
        "failed-to-provision",  # iotedge-eflow#289, #301, #316
        r"^\s*(?:-\s*)?Failed to provision(?: config\.toml)?\b",
        "The runtime in the VM did not come up with the new identity; the cmdlet does not say why, the VM's logs do.",
        'Read the reason: eflowprov verify, or Invoke-EflowVmCommand -command "sudo iotedge system logs".',
    ),
    _known(
        "scp-permission-denied",  # iotedge-eflow#103
        r"\bscp\b.*Permission denied",
        "Files of an earlier provisioning have the same names in the VM and belong to the services.",
        "Provision again with eflowprov provision: it gives the files a fresh name for each certificate.",
    ),
    _known(
        "output-lost",  # iotedge-eflow#307, #53
        r"ssh\s+failed to execute \[",
        "A command in the VM ended with an error, and the cmdlet dropped what it printed. With DpsX509, "
        "-registrationId is "
        "a known cause.",
        "Leave -registrationId out (eflowprov provision does), then read the VM's logs: eflowprov verify.",
    ),
    _known(
        "wssdagent-certificate",  # iotedge-eflow#225, #282, #295, #305
        r"certificate has expired or is not yet valid|authentication handshake failed",
        "The certificate of EFLOW's own service wssdagent has expired, one year after installation; no cmdlet "
        "reaches the VM.",
        "Renew it with Microsoft's script updateWssdCert.ps1 (repository Azure/iotedge-eflow), then try again.",
    ),
    _known(
        "vm-off",  # iotedge-eflow#254
        r"EFLOW VM is OFF",
        "The VM is switched off.",
        "Start it: Start-EflowVm.",
    ),
    _known(
        "vm-missing",  # iotedge-eflow#122, #126
        r"Virtual machine does not exist|VirtualMachineInternal.*NotFound|NotFound.*VirtualMachineInternal"
        r"|Virtual machine name could not be retrieved|Failed to retrieve virtual machine name",
        "There is no EFLOW VM on this machine, or its service does not know it any more.",
        "Deploy it: Deploy-Eflow. It can be deployed once for each installation of the product.",
    ),
    _known(
        "no-address",  # iotedge-eflow#10, #41, #75
        r"Failed to acquire IP address",
        "The VM got no address from its virtual switch.",
        "Restart it: Stop-EflowVm; Start-EflowVm. Then look at Get-EflowVmEndpoint and Get-EflowVmAddr.",
    ),
    _known(
        "aborted",  # iotedge-eflow#104
        r"previously provisioned \(headless mode\)|Provisioning aborted by user",
        "The VM was provisioned before, and the cmdlet asked whether to do it again.",
        "Answer the question, or provision with eflowprov provision --yes.",
    ),
    _known(
        "files-not-found",
        r"Certificate and private key file for \S+ provisioning not found",
        "The certificate or the key is not where the cmdlet was told to look.",
        "Give both as absolute paths to files on this host.",
    ),
    _known(
        "wrong-parameters",
        r"parameters for \S+ provisioning not specified|may not be specified for \S+ provisioning",
        "The cmdlet was given parameters that do not fit its provisioning type.",
        "For DpsX509 give -scopeId, -identityCertPath and -identityPrivKeyPath, and nothing of the other types.",
    ),
    _known(
        "needs-elevation",  # iotedge-eflow#261
        r"SeSecurityPrivilege|requires elevation|must be run as (?:an )?administrator|Access is denied",
        "The session has no administrator's rights.",
        "Start PowerShell with 'Run as administrator' and try again.",
    ),
)


def explain_cmdlet(message: str) -> Explanation | None:
    """Decode a message of an EFLOW cmdlet, with or without its line number; None when it is not known."""
    return next((known.explanation for known in _CMDLET_MESSAGES if known.pattern.search(message)), None)
