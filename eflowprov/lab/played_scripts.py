"""What eflowprov's own scripts answer, played in Python over the running lab, for the played PowerShell."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from eflowprov.errors import EflowprovError
from eflowprov.lab import control
from eflowprov.lab.cmdlets import PARAMETERS, PROVISIONING_TYPES

MODULE_NAME = "AzureEFLOW"

Params = Mapping[str, object]


class ScriptError(Exception):
    """A terminating error, with the fields that PowerShell gives it."""

    def __init__(self, message: str, error_id: str, category: str) -> None:
        super().__init__(message)
        self.fields = {"message": message, "id": error_id, "category": category}


def decoded(coded: object) -> str:
    """A text as the request holds it. ValueError when it is not base64 of UTF-8."""
    return base64.b64decode(str(coded), validate=True).decode("utf-8")


def _import_module(params: Params) -> None:
    module = decoded(params["module"])
    if module != MODULE_NAME:
        raise ScriptError(
            f"The specified module '{module}' was not loaded because no valid module file was found in any directory.",
            "Modules_ModuleNotFound,Microsoft.PowerShell.Commands.ImportModuleCommand",
            "ResourceUnavailable",
        )


def _own_parameters(params: Params) -> tuple[str, ...]:
    name = str(params["name"])
    if name not in PARAMETERS:
        raise ScriptError(
            f"The term '{name}' is not recognized as a name of a cmdlet, function, script file, or executable program.",
            "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand",
            "ObjectNotFound",
        )
    return PARAMETERS[name]


def _describe(params: Params) -> dict[str, object]:
    _import_module(params)
    return {"parameters": [*_own_parameters(params), "Verbose", "ErrorAction"], "version": "0.0"}


def _invoke(params: Params) -> dict[str, object]:
    _import_module(params)
    known = {name.lower(): name for name in _own_parameters(params)}
    arguments = params["arguments"]
    assert isinstance(arguments, list)  # noqa: S101 - the bridge's own request
    name, records = str(params["name"]), []
    try:
        for record in control.call(name, _bound(name, known, arguments)):
            if record["stream"] == "throw":
                raise ScriptError(record["text"], record["text"], "OperationStopped")
            records.append(_LETTERS[record["stream"]] + record["text"])
    except ScriptError as error:
        return {"records": records, "failure": error.fields | {"elevated": None}}
    except EflowprovError as error:
        told = {"message": str(error), "id": str(error), "category": "OperationStopped", "elevated": None}
        return {"records": records, "failure": told}
    return {"records": records, "failure": None}


_LETTERS = {"output": "o", "object": "j", "host": "h", "warning": "w", "error": "e"}


def _bound(name: str, known: Mapping[str, str], arguments: list[dict[str, object]]) -> dict[str, object]:
    """Parameter binding, as far as the bridge's requests need it."""
    bound: dict[str, object] = {}
    for argument in arguments:
        parameter = known.get(str(argument["name"]).lower())
        if parameter is None and argument.get("optional"):
            continue
        if parameter is None:
            why = f"A parameter cannot be found that matches parameter name '{argument['name']}'."
            raise ScriptError(why, f"NamedParameterNotFound,{name}", "InvalidArgument")
        bound[parameter] = decoded(argument["text"]) if "text" in argument else True
    if bound.get("provisioningType", "DpsX509") not in PROVISIONING_TYPES:
        why = f"Cannot validate argument on parameter 'provisioningType': {bound['provisioningType']}"
        raise ScriptError(why, f"ParameterArgumentValidationError,{name}", "InvalidData")
    return bound


def _host_facts(params: Params) -> dict[str, object]:
    """A host as EFLOW wants it, but for what nobody may believe of a stand-in: its name says so."""
    facts: dict[str, object] = {
        "computer": "EFLOWPROV-LAB",
        "powershell_version": "5.1.0.0",
        "powershell_edition": "Desktop",
        "is_64_bit": True,
        "language_mode": "FullLanguage",
        "is_elevated": True,
        "os_name": "eflowprov lab (no Windows)",
        "os_build": "19044",
        "hypervisor_present": True,
        "free_memory_kib": str(8 * 2**20),
        "free_disk_bytes": str(64 * 2**30),
        "execution_policies": {"LocalMachine": "AllSigned"},
        "products": ["Azure IoT Edge LTS (stand-in)"],
        "utc_now": datetime.now(UTC).isoformat(),
        "problems": [],
    }
    try:
        _import_module(params)
        facts |= {"module_version": "1.5.0.0", "module_signature": "Valid", "vm_exists": "True"}
        facts["vm_power_state"] = json.loads(_last("Get-EflowVm"))["VmPowerState"]
        facts["vm_address"] = _last("Get-EflowVmAddr")
    except (ScriptError, EflowprovError) as error:
        facts["problems"] = [f"Get-EflowVm: {error}"]
    return facts


def _last(cmdlet: str) -> str:
    """The last text that a cmdlet put out."""
    record = control.call(cmdlet, {})[-1]
    if record["stream"] == "throw":
        raise ScriptError(record["text"], record["text"], "OperationStopped")
    return record["text"]


SCRIPTS: Mapping[str, Callable[[Params], dict[str, object]]] = {
    "host-facts": _host_facts,
    "describe-cmdlet": _describe,
    "invoke-cmdlet": _invoke,
}
"""Each script by its name: its parameters in, its answer out."""
