"""The EFLOW cmdlets of one host, typed: which there are, what they take, what they answered."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from eflowprov.bridge.envelope import text_param
from eflowprov.bridge.host_facts import facts_from
from eflowprov.bridge.session import Answer, Failure, PowerShellSession, failure_from
from eflowprov.errors import BridgeError, CmdletError
from eflowprov.model import CmdletAnswer, CmdletRecord, HostFacts

CMDLETS = frozenset(
    {
        "Provision-EflowVm",
        "Get-EflowVm",
        "Get-EflowVmAddr",
        "Get-EflowVmName",
        "Verify-EflowVm",
        "Invoke-EflowVmCommand",
    }
)
"""The only names that are ever called."""

_CMDLET_S = 120.0  # the first import of AzureEFLOW on a cold machine takes half a minute
# invoke-cmdlet.ps1's letters; `n` is host text without a line end, joined to what follows it.
_STREAMS = {
    "o": "output",
    "j": "output",
    "h": "host",
    "n": "host",
    "w": "warning",
    "v": "verbose",
    "d": "debug",
    "i": "information",
    "e": "error",
}


class EflowHost:
    """The cmdlets of `module` (its name, or the path of its file) through `session`.

    Every method raises TransportError and its kinds when PowerShell gave no answer, and CmdletError when the module or
    the cmdlet is missing, is not allowed to run, or (where a value is asked for) threw.
    """

    def __init__(self, session: PowerShellSession, module: str = "AzureEFLOW") -> None:
        self._session = session
        self._module = module
        self.last_facts: HostFacts | None = None
        """What `host_facts` told last: a second question would cost another start of PowerShell."""

    def host_facts(self, timeout_s: float = _CMDLET_S) -> HostFacts:
        """The Windows side, read only; what cannot be read is None, with its reason in `problems`."""
        answer = self._session.call("host-facts", {"module": text_param(self._module)}, timeout_s)
        self._refuse_failure(answer, "host facts")
        self.last_facts = facts_from(answer.data)
        return self.last_facts

    def provision_parameters(self, timeout_s: float = _CMDLET_S) -> tuple[str, ...]:
        """The names of Provision-EflowVm's parameters, the common ones of every cmdlet among them."""
        return self._parameters("Provision-EflowVm", timeout_s)

    def provision(self, arguments: Mapping[str, str], switches: Sequence[str], timeout_s: float) -> CmdletAnswer:
        """Call Provision-EflowVm. Its failures are mostly returned texts: see parsers/cmdlet.py."""
        return self.call("Provision-EflowVm", arguments, switches, timeout_s=timeout_s)

    def call(
        self,
        name: str,
        arguments: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
        *,
        optional_switches: Sequence[str] = (),
        timeout_s: float = _CMDLET_S,
        cancel: threading.Event | None = None,
    ) -> CmdletAnswer:
        """Call a cmdlet of `CMDLETS`; `optional_switches` are passed where this release has them.

        Setting `cancel` from another thread ends its PowerShell, and the call with a TransportError.

        A cmdlet that threw is an answer with its `error`. ValueError for another name: values may come from anywhere,
        names only from our own code.
        """
        _check_name(name)
        given: list[dict[str, object]] = [
            {"name": parameter, "text": text_param(value)} for parameter, value in (arguments or {}).items()
        ]
        given += [{"name": switch} for switch in switches]
        given += [{"name": switch, "optional": True} for switch in optional_switches]
        params = {"module": text_param(self._module), "name": name, "arguments": given}
        answer = self._session.call("invoke-cmdlet", params, timeout_s, cancel)
        self._refuse_failure(answer, name)
        return _cmdlet_answer(answer)

    def _parameters(self, name: str, timeout_s: float) -> tuple[str, ...]:
        _check_name(name)
        params = {"module": text_param(self._module), "name": name}
        answer = self._session.call("describe-cmdlet", params, timeout_s)
        self._refuse_failure(answer, name)
        return _texts(answer.data.get("parameters"))

    def _refuse_failure(self, answer: Answer, where: str) -> None:
        """A script that failed never came to the cmdlet: the module or the cmdlet is not there, or not allowed."""
        if answer.failure is None:
            return
        why, next_step = _explain(answer.failure, self._module)
        raise CmdletError(where, why, next_step, error_id=answer.failure.error_id, log=answer.log)


def _explain(failure: Failure, module: str) -> tuple[str, str]:
    if failure.error_id.startswith("Modules_"):
        return (
            f"the module {module} is not installed on this host",
            "Install EFLOW, or run this on the host that has it",
        )
    if failure.error_id.startswith("ScriptRequiresElevation"):
        return "PowerShell is not elevated", "Open the terminal as administrator and run the command again"
    if failure.category == "SecurityError":
        why = f"the execution policy forbids the module {module}: {failure.message}"
        return why, "Under AllSigned, put the signer of the module into TrustedPublisher (certlm.msc), then try again"
    if failure.error_id.startswith("CommandNotFoundException"):
        return f"the module {module} has no such cmdlet", "Install a supported release of EFLOW"
    return failure.message, "Run the command again with --debug and read the log"


def _cmdlet_answer(answer: Answer) -> CmdletAnswer:
    records = cmdlet_records(_texts(answer.data.get("records")))
    failure = answer.data.get("failure")
    if failure is None:
        return CmdletAnswer(records, duration_s=answer.duration_s)
    if not isinstance(failure, dict):
        raise _unknown_form()
    told = failure_from(failure)
    error = told.message or told.error_id or "an error without a message"
    if told.elevated is False:
        error += " (PowerShell is not elevated: open the terminal as administrator)"
    return CmdletAnswer(records, error, told.error_id, answer.duration_s)


def cmdlet_records(coded: Sequence[str]) -> tuple[CmdletRecord, ...]:
    """The records as invoke-cmdlet.ps1 codes them: a letter for the stream, then the text."""
    records: list[CmdletRecord] = []
    begun = ""
    for item in coded:
        letter, text = item[:1], item[1:]
        if letter not in _STREAMS:
            raise _unknown_form()
        if letter == "n":
            begun += text
            continue
        if letter == "h":
            text, begun = begun + text, ""
        records.append(CmdletRecord(_STREAMS[letter], text, is_json=letter == "j"))
    if begun:
        records.append(CmdletRecord("host", begun))
    return tuple(records)


def _check_name(name: str) -> None:
    if name not in CMDLETS:
        raise ValueError(f"{name!r} is none of the EFLOW cmdlets that are ever called")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _unknown_form()
    return tuple(value)


def _unknown_form() -> BridgeError:
    return BridgeError("PowerShell", "the answer is not in the known form", "Install this version of eflowprov anew")
