"""The bridge over a real PowerShell: hostile values, every stream, errors, noise, deadlines."""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eflowprov.bridge.eflow import EflowHost, cmdlet_records
from eflowprov.bridge.envelope import open_envelope, request_line, text_param
from eflowprov.bridge.session import Answer, PowerShellSession, failure_from, read_script
from eflowprov.errors import BridgeError, DeadlineError
from eflowprov.model import CmdletRecord
from eflowprov.transports.powershell import powershell_command, powershell_environment
from eflowprov.transports.process_tree import run_process

pytestmark = pytest.mark.powershell

_S = 90.0  # a cold Windows PowerShell on a busy machine
Invoke = Callable[..., Answer]


@pytest.fixture
def session(powershell: str) -> PowerShellSession:
    """The variable lets Windows load the tests' own unsigned modules, in these processes alone."""
    return PowerShellSession((powershell,), os.environ | {"PSExecutionPolicyPreference": "Bypass"})


@pytest.fixture
def invoke(session: PowerShellSession, tmp_path: Path) -> Invoke:
    """invoke(function text, name, {parameter: value}, switch…): the function in a module, called over the bridge."""

    def call(
        text: str, name: str, values: Mapping[str, str] | None = None, *switches: str, optional: str = ""
    ) -> Answer:
        given: list[dict[str, object]] = [{"name": n, "text": text_param(v)} for n, v in (values or {}).items()]
        given += [{"name": switch} for switch in switches]
        given += [{"name": optional, "optional": True}] if optional else []
        params = {"module": module(tmp_path, text), "name": name, "arguments": given}
        return session.call("invoke-cmdlet", params, _S)

    return call


def module(folder: Path, text: str) -> str:
    """A module with this text, as a request names it."""
    path = folder / "EflowProvTest.psm1"
    path.write_text(text, encoding="ascii", newline="\r\n")
    return text_param(str(path))


def records(answer: Answer) -> tuple[CmdletRecord, ...]:
    coded = answer.data["records"]
    assert isinstance(coded, list)
    return cmdlet_records(coded)


def output(answer: Answer) -> list[str]:
    """What was returned; nothing failed."""
    assert (answer.failure, answer.data["failure"]) == (None, None)
    return [record.text for record in records(answer) if record.stream == "output"]


HOSTILE = (
    "",
    " ",
    'it\'s "quoted" \' " \'\' ""',
    "$(throw 'ran') $env:PATH $null @{a=1} ${x}",
    '`n `"` ``',
    "one\ntwo\r\nthree\n",
    "nul \0 inside",
    "\u2018single\u2019 \u201cdouble\u201d \u201e low \u2013 dash",
    "-Verbose",
    "--% -x",
    "'; exit 7 #",
    "); Remove-Item x; (",
    "2026-11-22T05:10:11Z",
    "/Date(1000)/",
    "1e3",
    "true",
    "C:\\Program Files\\x y\\",
    "\ufeffmark",
    "Gr\u00fc\u00dfe \u20ac \U0001f600 \u2028",
    "\x1b[31mred\x07",
    "x" * 10_240,
)


def test_hostile_values_arrive_as_they_are(invoke: Invoke) -> None:
    names = [f"Value{number}" for number in range(len(HOSTILE))]
    parameters = ", ".join(f"[string]${name}" for name in names)
    each = ", ".join(f"${name}" for name in names)
    text = (
        f"function Show-Text {{\n  [CmdletBinding()]\n  param({parameters})\n"
        f"  foreach ($value in @({each})) {{ [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($value)) }}\n}}\n"
    )
    answer = invoke(text, "Show-Text", dict(zip(names, HOSTILE, strict=True)))
    assert [base64.b64decode(item).decode("utf-8") for item in output(answer)] == list(HOSTILE)


def test_hostile_texts_come_back_as_they_are(invoke: Invoke) -> None:
    text = "function Show-Text {\n  [CmdletBinding()]\n  param([string]$Text)\n  $Text\n  Write-Host $Text\n}\n"
    value = "".join(HOSTILE)
    said = records(invoke(text, "Show-Text", {"Text": value}))
    assert said == (CmdletRecord("output", value), CmdletRecord("host", value))


def test_every_stream_is_typed_and_in_order(invoke: Invoke) -> None:
    text = r"""
function Write-All {
  [CmdletBinding()]
  param()
  $DebugPreference = 'Continue'
  Write-Host 'host'
  Write-Output 'output'
  Write-Warning 'warning'
  Write-Verbose 'verbose' -Verbose
  Write-Debug 'debug'
  Write-Information 'information'
  Write-Error 'error'
  Write-Host 'half ' -NoNewline
  Write-Host 'line' -ForegroundColor Red
  [pscustomobject]@{ a = 1; b = 'x' }
  5
  $null
  ''
}
"""
    answer = invoke(text, "Write-All")
    assert answer.data["failure"] is None
    assert records(answer) == (
        CmdletRecord("host", "host"),
        CmdletRecord("output", "output"),
        CmdletRecord("warning", "warning"),
        CmdletRecord("verbose", "verbose"),
        CmdletRecord("debug", "debug"),
        CmdletRecord("information", "information"),
        CmdletRecord("error", "error"),
        CmdletRecord("host", "half line"),
        CmdletRecord("output", '{"a":1,"b":"x"}', is_json=True),
        CmdletRecord("output", "5", is_json=True),
        CmdletRecord("output", "null", is_json=True),
        CmdletRecord("output", ""),
    )


def test_what_goes_past_the_streams_is_log_without_colours(invoke: Invoke) -> None:
    text = r"""
[Console]::WriteLine('while loading')
function Write-Past {
  [CmdletBinding()]
  param()
  [Console]::WriteLine('console')
  $Host.UI.WriteLine('host ui')
  $Host.UI.WriteWarningLine('care')
  [Console]::Error.WriteLine('console error')
  [Console]::Write('half a line')
  'OK'
}
"""
    answer = invoke(text, "Write-Past")
    assert output(answer) == ["OK"]
    assert {"while loading", "console", "host ui", "console error", "half a line"} <= set(answer.log)
    assert any(line.endswith("care") for line in answer.log)
    assert not any("\x1b" in line for line in answer.log)


def test_a_throw_keeps_what_was_said_before(invoke: Invoke) -> None:
    text = r"""
function Stop-Half {
  [CmdletBinding()]
  param()
  Write-Host 'before'
  'one'
  throw 'ssh  failed to execute [] at line 3101'
  'never'
}
"""
    answer = invoke(text, "Stop-Half")
    assert records(answer) == (CmdletRecord("host", "before"), CmdletRecord("output", "one"))
    failure = failure_from(answer.data["failure"])  # type: ignore[arg-type]
    assert failure.message == failure.error_id == "ssh  failed to execute [] at line 3101"
    assert failure.category == "OperationStopped"


def test_an_error_record_keeps_its_id_and_category(invoke: Invoke) -> None:
    text = r"""
function Stop-Named {
  [CmdletBinding()]
  param()
  $why = New-Object System.InvalidOperationException 'not ready'
  $record = New-Object System.Management.Automation.ErrorRecord $why, 'EflowProv.NotReady', 'InvalidResult', 'vm'
  $PSCmdlet.ThrowTerminatingError($record)
}
"""
    failure = failure_from(invoke(text, "Stop-Named").data["failure"])  # type: ignore[arg-type]
    assert (failure.message, failure.error_id) == ("not ready", "EflowProv.NotReady,Stop-Named")
    assert failure.category == "InvalidResult"


def test_a_soft_error_in_a_cmdlet_does_not_end_it(invoke: Invoke) -> None:
    """The bridge's own `Stop` must not reach into the module, whose authors count on `Continue`."""
    text = "function Test-Soft {\n  [CmdletBinding()]\n  param()\n  Get-Item './no such thing'\n  'after'\n}\n"
    answer = invoke(text, "Test-Soft")
    assert output(answer) == ["after"]
    assert [record.stream for record in records(answer)] == ["error", "output"]


def test_a_native_programs_standard_error_does_not_end_a_cmdlet(invoke: Invoke) -> None:
    text = r"""
function Start-Native {
  [CmdletBinding()]
  param([string]$Program)
  & $Program -c 'import sys; sys.stderr.write(chr(101)); sys.exit(3)' 2>&1 | ForEach-Object { "said $_" }
  "status $LASTEXITCODE"
}
"""
    assert output(invoke(text, "Start-Native", {"Program": sys.executable}))[-1] == "status 3"


def test_switches_are_given_and_optional_ones_only_where_they_exist(invoke: Invoke) -> None:
    text = 'function Use-Switch {\n  [CmdletBinding()]\n  param([switch]$ignoreError)\n  "is $ignoreError"\n}\n'
    assert output(invoke(text, "Use-Switch", None, "ignoreError")) == ["is True"]
    assert output(invoke(text, "Use-Switch", None, optional="IgnoreError")) == ["is True"]
    assert output(invoke(text, "Use-Switch", None, optional="noSuchSwitch")) == ["is False"]


def test_an_unknown_parameter_is_the_binders_error(invoke: Invoke) -> None:
    text = "function Use-None {\n  [CmdletBinding()]\n  param()\n  'ran'\n}\n"
    answer = invoke(text, "Use-None", {"scopeId": "x"})
    failure = failure_from(answer.data["failure"])  # type: ignore[arg-type]
    assert (records(answer), failure.error_id) == ((), "NamedParameterNotFound,Use-None")


def test_many_lines_come_whole(invoke: Invoke) -> None:
    text = "function Show-Many {\n  [CmdletBinding()]\n  param()\n  foreach ($n in 1..5000) { ('x' * 76) + $n }\n}\n"
    assert output(invoke(text, "Show-Many")) == ["x" * 76 + str(number) for number in range(1, 5001)]


def test_a_cmdlet_that_ends_powershell_is_no_answer(invoke: Invoke) -> None:
    text = "function Stop-All {\n  [CmdletBinding()]\n  param()\n  Write-Output 'x'\n  exit 5\n}\n"
    with pytest.raises(BridgeError, match="the answer is missing"):
        invoke(text, "Stop-All")


def test_a_cmdlet_that_does_not_end_is_ended_at_the_deadline(session: PowerShellSession, tmp_path: Path) -> None:
    text = "function Start-Wait {\n  [CmdletBinding()]\n  param()\n  Start-Sleep -Seconds 60\n}\n"
    params = {"module": module(tmp_path, text), "name": "Start-Wait", "arguments": []}
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="no answer within 4 s"):
        session.call("invoke-cmdlet", params, 4)
    assert time.monotonic() - started < 6


def test_a_cmdlet_tells_its_parameters(session: PowerShellSession, tmp_path: Path) -> None:
    text = "function Get-Named {\n  [CmdletBinding()]\n  param([string]$scopeId, [switch]$headless)\n  'x'\n}\n"
    answer = session.call("describe-cmdlet", {"module": module(tmp_path, text), "name": "Get-Named"}, _S)
    assert answer.failure is None
    assert {"scopeId", "headless", "Verbose"} <= set(answer.data["parameters"])  # type: ignore[call-overload]


def test_one_parameter_is_a_list_too(session: PowerShellSession, tmp_path: Path) -> None:
    text = "function Get-One {\n  param([string]$scopeId)\n  'x'\n}\n"
    answer = session.call("describe-cmdlet", {"module": module(tmp_path, text), "name": "Get-One"}, _S)
    assert answer.data["parameters"] == ["scopeId"]


def test_a_cmdlet_that_is_not_there_is_named_by_its_id(session: PowerShellSession, tmp_path: Path) -> None:
    wanted = {"module": module(tmp_path, "function Get-One { 'x' }\n"), "name": "Get-NoSuchThing", "arguments": []}
    for script in ("describe-cmdlet", "invoke-cmdlet"):
        answer = session.call(script, wanted, _S)
        assert answer.failure is not None
        assert answer.failure.error_id.startswith("CommandNotFoundException")


def test_a_module_that_is_not_there_is_named_by_its_id(session: PowerShellSession) -> None:
    params = {"module": text_param("EflowProvNoSuchModule"), "name": "Get-EflowVm", "arguments": []}
    answer = session.call("invoke-cmdlet", params, _S)
    assert answer.failure is not None
    assert answer.failure.error_id.startswith("Modules_ModuleNotFound")


def test_the_host_tells_its_facts_on_any_platform(session: PowerShellSession) -> None:
    facts = EflowHost(session, "EflowProvNoSuchModule").host_facts(_S)
    assert facts.computer and facts.os_name
    assert facts.powershell_version.split(".")[0] in ("5", "7")
    assert facts.powershell_edition in ("Desktop", "Core")
    assert facts.language_mode == "FullLanguage"
    assert facts.utc_now is not None and abs(datetime.now(UTC) - facts.utc_now) < timedelta(minutes=5)
    assert facts.is_64_bit is True
    assert "LocalMachine" in facts.execution_policies
    assert (facts.module_version, facts.vm_exists, facts.vm_address) == ("", None, "")
    assert any("Modules_ModuleNotFound" in problem for problem in facts.problems)
    assert not any("in no known form" in problem for problem in facts.problems)


@pytest.mark.windows
def test_windows_tells_all_that_needs_no_eflow(session: PowerShellSession) -> None:
    facts = EflowHost(session, "EflowProvNoSuchModule").host_facts(_S)
    assert None not in (facts.is_elevated, facts.os_build, facts.free_memory_bytes, facts.free_disk_bytes)
    assert facts.hypervisor_present is not None


def test_a_request_that_is_none_gets_no_answer(powershell: str) -> None:
    command = powershell_command((powershell,), read_script("bootstrap"))
    for stdin in (b"", b"no json\n", b'{"nonce":\n'):
        result = run_process(command, stdin, timeout_s=_S, env=powershell_environment(os.environ), cap=2**20)
        assert not result.timed_out
        with pytest.raises(BridgeError):
            open_envelope(result.stdout, "n1", result.stderr)


def test_a_constrained_powershell_says_so(powershell: str) -> None:
    constrained = "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'\n" + read_script("bootstrap")
    request = request_line(read_script("host-facts"), {"module": text_param("X")}, "n1")
    result = run_process(
        powershell_command((powershell,), constrained),
        request,
        timeout_s=_S,
        env=powershell_environment(os.environ),
        cap=2**20,
    )
    with pytest.raises(BridgeError, match="runs in ConstrainedLanguage mode"):
        open_envelope(result.stdout, "n1", result.stderr)
