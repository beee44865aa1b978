"""The cmdlets, typed: requests as data, records by stream, errors that say what to do."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping

import pytest

from eflowprov.bridge.eflow import EflowHost, cmdlet_records
from eflowprov.bridge.session import Answer, Failure
from eflowprov.errors import BridgeError, CmdletError
from eflowprov.model import CmdletRecord


class FakeSession:
    """Gives one prepared answer and keeps what was asked."""

    def __init__(self, data: dict[str, object] | None = None, failure: Failure | None = None) -> None:
        self._answer = Answer(data or {}, failure, ("noise",), 0.5)
        self.asked: list[tuple[str, Mapping[str, object]]] = []

    def call(
        self, script_name: str, params: Mapping[str, object], timeout_s: float, cancel: threading.Event | None = None
    ) -> Answer:
        self.asked.append((script_name, params))
        return self._answer


def host(data: dict[str, object] | None = None, failure: Failure | None = None) -> EflowHost:
    return EflowHost(FakeSession(data, failure))  # type: ignore[arg-type]


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def test_a_call_sends_values_as_data_and_switches_without_any() -> None:
    session = FakeSession({"records": [], "failure": None})
    EflowHost(session, "C:\\m.psm1").call(  # type: ignore[arg-type]
        "Invoke-EflowVmCommand", {"command": "'; rm"}, ["Verbose"], optional_switches=["ignoreError"]
    )
    assert session.asked == [
        (
            "invoke-cmdlet",
            {
                "module": text("C:\\m.psm1"),
                "name": "Invoke-EflowVmCommand",
                "arguments": [
                    {"name": "command", "text": text("'; rm")},
                    {"name": "Verbose"},
                    {"name": "ignoreError", "optional": True},
                ],
            },
        )
    ]


@pytest.mark.parametrize("name", ["Remove-Item", "Provision-EflowVm; calc", "provision-eflowvm", ""])
def test_no_other_name_is_ever_called(name: str) -> None:
    with pytest.raises(ValueError, match="none of the EFLOW cmdlets"):
        host({"records": [], "failure": None}).call(name)


def test_records_keep_their_stream_and_order_and_half_lines_are_joined() -> None:
    coded = ["hone", "ntw", "o1", "ho", "wcare", 'j{"a":1}', "efail", "dd", "vv", "ii", "o", "nend"]
    assert cmdlet_records(coded) == (
        CmdletRecord("host", "one"),
        CmdletRecord("output", "1"),
        CmdletRecord("host", "two"),
        CmdletRecord("warning", "care"),
        CmdletRecord("output", '{"a":1}', is_json=True),
        CmdletRecord("error", "fail"),
        CmdletRecord("debug", "d"),
        CmdletRecord("verbose", "v"),
        CmdletRecord("information", "i"),
        CmdletRecord("output", ""),
        CmdletRecord("host", "end"),
    )


@pytest.mark.parametrize("records", [["xunknown"], [""], "oOK", [1], None])
def test_records_in_another_form_are_an_error_and_never_an_empty_answer(records: object) -> None:
    with pytest.raises(BridgeError, match="not in the known form"):
        host({"records": records, "failure": None}).call("Get-EflowVm")


def test_a_cmdlet_that_threw_is_an_answer_with_what_it_said_before() -> None:
    failure = {"message": "ssh  failed to execute []", "id": "X", "category": "OperationStopped", "elevated": None}
    answer = host({"records": ["hbefore"], "failure": failure}).call("Get-EflowVm")
    assert (answer.records, answer.error) == ((CmdletRecord("host", "before"),), "ssh  failed to execute []")
    assert (answer.error_id, answer.duration_s) == ("X", 0.5)


@pytest.mark.parametrize(("elevated", "said"), [(False, True), (True, False), (None, False)])
def test_a_failure_without_elevation_says_so(elevated: bool | None, said: bool) -> None:
    failure = {"message": "no", "id": "", "category": "", "elevated": elevated}
    error = host({"records": [], "failure": failure}).call("Get-EflowVm").error
    assert error.startswith("no") and ("not elevated" in error) is said


def test_a_failure_without_a_message_is_still_an_error() -> None:
    assert host({"records": [], "failure": {}}).call("Get-EflowVm").error == "an error without a message"


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            Failure(
                "", "Modules_ModuleNotFound,Microsoft.PowerShell.Commands.ImportModuleCommand", "ResourceUnavailable"
            ),
            "Provision-EflowVm: the module AzureEFLOW is not installed on this host. Install EFLOW",
        ),
        (
            Failure(
                "nicht signiert",
                "UnauthorizedAccess,Microsoft.PowerShell.Commands.ImportModuleCommand",
                "SecurityError",
            ),
            "the execution policy forbids the module AzureEFLOW: nicht signiert. Under AllSigned, put the signer",
        ),
        (Failure("", "ScriptRequiresElevation", "PermissionDenied"), "PowerShell is not elevated. Open the terminal"),
        (
            Failure("", "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand", "ObjectNotFound"),
            "the module AzureEFLOW has no such cmdlet. Install a supported release",
        ),
        (Failure("something else", "X", "Y"), "something else. Run the command again with --debug"),
    ],
)
def test_what_keeps_the_cmdlet_from_running_is_one_clear_line(failure: Failure, said: str) -> None:
    with pytest.raises(CmdletError) as error:
        host(failure=failure).provision({}, [], 1)
    assert said in str(error.value)
    assert (error.value.error_id, error.value.log) == (failure.error_id, ("noise",))


def test_parameter_names_come_from_the_host() -> None:
    assert host({"parameters": ["scopeId", "headless"]}).provision_parameters() == ("scopeId", "headless")
    with pytest.raises(BridgeError):
        host({}).provision_parameters()
