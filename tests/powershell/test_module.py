"""The PowerShell module in a real PowerShell, against a program that plays eflowprov."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.powershell.module_support import Module, finding, report

pytestmark = pytest.mark.powershell

FAILED = finding("provisioning/dps-assigned", "fail", "DPS refused: 401002", "Upload the issuing CA.")
MISSING = finding("module/edgeAgent", "error", "iotedge list did not answer")
PROVISION: dict[str, Any] = {"ScopeId": "0ne00112233", "Certificate": "c.pem", "Key": "k.pem"}
HOSTILE = [
    "plain",
    "two words",
    " leading and trailing ",
    'quote"inside',
    '"',
    '""',
    "single'quote",
    "trail\\",
    "two trail\\\\",
    "C:\\Program Files\\x y\\",
    'back\\\\"slash',
    'back\\\\\\"',
    "trail\\\n",
    "a b\\\n",
    "line\nbreak\r\nand\ttab",
    "$(Get-Date)",
    "$env:PATH",
    "`n`0",
    "%PATH%",
    "a;b|c&d>e<f^g",
    "'; exit 9; '",
    "--yes",
    "-v",
    "--debug",
    "@{a=1}",
    "a,b",
    '{"json":"x y"}',
    "caf\u00e9 \u20ac \U0001f600 \u2019\u201d\u00a0.",
    "x" * 10_000,
]


@pytest.fixture
def module(powershell: str, tmp_path: Path) -> Module:
    return Module(powershell, tmp_path)


# ------------------------------------------------------------------------------------------------- arguments


def test_every_argument_reaches_the_program_as_it_is(module: Module) -> None:
    values = ["", *HOSTILE, ""]
    result = module.script("module_arguments", list=values)
    assert (result["status"], result["error"]) == (0, "")
    assert module.argv == values


def test_an_argument_with_a_nul_starts_nothing(module: Module) -> None:
    result = module.script("module_arguments", list=["a", "b\0c"])
    assert result["error"] == "EflowProv.Usage"
    assert module.calls == []


def test_registration_ids_stand_behind_the_end_of_the_flags(module: Module) -> None:
    module.answers = [{"stdout": '{"identities": []}'}]
    parameters: dict[str, Any] = {"Authority": "pki", "OutputDirectory": "out", "KeyType": "EC-P256", "Days": 90}
    result = module.call("New-EflowProvIdentity", RegistrationId=HOSTILE, **parameters)
    assert result["terminating"] is None
    end = module.argv.index("--")
    assert module.argv[end + 1 :] == HOSTILE
    front = ["certs", "device", "--days=90", "--key-type=ec-p256"]
    places = [f"--ca={module.folder / 'pki'}", f"--out={module.folder / 'out'}"]
    assert module.argv[:end] == [*front, *places, "--format=json"]


def test_a_value_that_looks_like_a_flag_stays_a_value(module: Module) -> None:
    result = module.call(
        "Get-EflowProvReadiness", Ssh="--yes", SshUser="-v", Since='"1h" \\', Expect="Deployed", Timeout=30
    )
    assert result["terminating"] is None
    values = ["--ssh=--yes", "--ssh-user=-v", '--since="1h" \\', "--timeout=30", "--expect=deployed"]
    assert module.argv == ["verify", *values, "--format=json"]


def test_paths_are_meant_from_where_powershell_stands(module: Module) -> None:
    place = module.folder / "a place"
    place.mkdir()
    result = module.call("Get-EflowProvReadiness", at=place, SshKey="id_ed25519", From="saved")
    assert result["terminating"] is None
    expected = [f"--ssh-key={place / 'id_ed25519'}", f"--from={place / 'saved'}"]
    assert module.argv == ["verify", *expected, "--format=json"]
    assert Path(module.calls[0]["cwd"]).samefile(place)


def test_the_program_speaks_utf8_and_has_nothing_on_standard_input(module: Module) -> None:
    module.answers = [{"status": 2, "stderr": "error: Z\u00fcrich: \u20ac is no name. Take another.\n"}]
    result = module.call("Get-EflowProvReadiness")
    assert result["terminating"]["message"] == "Z\u00fcrich: \u20ac is no name. Take another."
    assert module.calls[0]["utf8"] == 1
    assert module.calls[0]["stdin"].strip("\ufeff") == ""


# ------------------------------------------------------------------------------------------------- readiness


def test_a_ready_device_is_an_object_and_no_error(module: Module) -> None:
    module.answers = [{"stdout": report("ready", finding("service/aziot-edged", "pass", "Running"))}]
    result = module.call("Get-EflowProvReadiness")
    assert result["terminating"] is None
    assert result["errors"] == []
    assert result["types"] == ["EflowProv.Readiness"]
    (readiness,) = result["output"]
    assert readiness["Verdict"] == "ready"
    assert readiness["Hub"] == "plant.azure-devices.net"
    assert (readiness["RegistrationId"], readiness["DeviceId"]) == ("line4-press2", "line4-press2")
    assert (readiness["ExitStatus"], readiness["Summary"]["pass"]) == (0, 12)
    (found,) = readiness["Findings"]
    texts = {"Title": "SERVICE/AZIOT-EDGED", "Outcome": "pass", "Detail": "Running", "Remedy": ""}
    assert found == {"Id": "service/aziot-edged", **texts}


def test_times_are_utc_in_every_powershell(module: Module) -> None:
    result = module.call("Get-EflowProvReadiness")
    assert result["times"] == ["ExpiresAt 2027-11-22T05:10:11.0000000Z", "StartedAt 2026-11-22T05:10:11.0000000Z"]


def test_awaiting_a_deployment_is_no_error(module: Module) -> None:
    module.answers = [{"stdout": report("ready-awaiting-deployment")}]
    result = module.call("Get-EflowProvReadiness")
    assert (result["errors"], result["terminating"]) == ([], None)
    assert result["output"][0]["Verdict"] == "ready-awaiting-deployment"


def test_a_device_that_is_not_ready_is_the_object_and_an_error_that_does_not_end(module: Module) -> None:
    module.answers = [{"status": 1, "stdout": report("not-ready", FAILED, fail=1)}]
    result = module.call("Get-EflowProvReadiness")
    assert result["terminating"] is None
    assert [item["Verdict"] for item in result["output"]] == ["not-ready"]
    assert result["errors"] == ["EflowProv.NotReady,Get-EflowProvReadiness"]
    assert result["statuses"] == [1]
    assert result["targets"] == ["not-ready"]


def test_not_ready_ends_a_script_that_asks_for_it(module: Module) -> None:
    module.answers = [{"status": 1, "stdout": report("not-ready", FAILED, fail=1)}]
    terminating = module.call("Get-EflowProvReadiness", ErrorAction="Stop")["terminating"]
    assert terminating["id"] == "EflowProv.NotReady,Get-EflowProvReadiness"
    assert (terminating["status"], terminating["target"]) == (1, "not-ready")
    assert "provisioning/dps-assigned" in terminating["message"]


@pytest.mark.parametrize(
    ("status", "error_id", "category"),
    [
        (2, "EflowProv.Usage", "InvalidArgument"),
        (3, "EflowProv.Unknown", "ConnectionError"),
        (130, "EflowProv.Interrupted", "OperationStopped"),
        (77, "EflowProv.Unknown", "ConnectionError"),
    ],
)
def test_every_other_status_is_a_terminating_error_with_the_tools_line(
    module: Module, status: int, error_id: str, category: str
) -> None:
    module.answers = [{"status": status, "stderr": "asking the VM\nerror: vm: no answer. Start it.\nbye\n"}]
    result = module.call("Get-EflowProvReadiness")
    message = "vm: no answer. Start it."
    expected = {"id": f"{error_id},Get-EflowProvReadiness", "category": category, "message": message}
    assert result["terminating"] == {**expected, "status": status, "target": ""}
    assert result["output"] == []


def test_an_unknown_verdict_carries_its_report(module: Module) -> None:
    module.answers = [{"status": 3, "stdout": report("unknown", MISSING, error=1)}]
    terminating = module.call("Get-EflowProvReadiness")["terminating"]
    assert terminating["id"] == "EflowProv.Unknown,Get-EflowProvReadiness"
    assert (terminating["status"], terminating["target"]) == (3, "unknown")
    assert "module/edgeAgent" in terminating["message"]


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize(
    "stdout",
    [
        pytest.param("", id="nothing"),
        pytest.param(" \n", id="blank"),
        pytest.param(report("ready")[:400], id="torn"),
        pytest.param('{"verdict": "ready"}', id="another document"),
        pytest.param(report("fine"), id="another verdict"),
        pytest.param(report("unknown"), id="a verdict that belies the status"),
        pytest.param("[]", id="empty list"),
    ],
)
def test_without_a_report_nothing_is_known(module: Module, status: int, stdout: str) -> None:
    module.answers = [{"status": status, "stdout": stdout}]
    result = module.call("Get-EflowProvReadiness")
    assert result["terminating"]["id"] == "EflowProv.Unknown,Get-EflowProvReadiness"
    assert result["terminating"]["status"] == 3
    assert result["output"] == []


def test_much_on_both_streams_does_not_block(module: Module) -> None:
    lines = "".join(f"step {number}: {'e' * 90}\n" for number in range(1_000))
    module.answers = [{"stderr": lines + "e" * 100_000, "stdout": "o" * 300_000}]
    result = module.script("module_arguments", list=[])
    assert result["status"] == 0
    assert result["output"] == 300_000
    assert result["messages"] == len(lines) - 1_000 + 100_000


def test_progress_is_passed_on(module: Module) -> None:
    module.answers = [{"stderr": "asking \x1b[31mthe VM\n\n", "stdout": report("ready")}]
    result = module.call("Get-EflowProvReadiness", Verbose=True)
    assert result["errors"] == []
    assert "asking" in module.stdout
    assert "\x1b[31mthe VM" not in module.stdout


def test_the_default_view_is_a_table(module: Module) -> None:
    module.answers = [{"status": 1, "stdout": report("not-ready", FAILED, fail=7)}]
    result = module.call("Get-EflowProvReadiness")
    header, rule, row = result["table"].strip().splitlines()
    assert header.split() == ["Verdict", "DeviceId", "Hub", "Pass", "Warn", "Fail", "Error"]
    assert set(rule) <= {"-", " "}
    assert row.split() == ["not-ready", "line4-press2", "plant.azure-devices.net", "12", "3", "7", "0"]
    findings = result["findings"].strip().splitlines()
    assert findings[0].split() == ["Outcome", "Id", "Detail"]
    assert findings[2].split() == ["fail", "provisioning/dps-assigned", "DPS", "refused:", "401002"]


# ------------------------------------------------------------------------------------------------ identities


def issued(registration_id: str, folder: Path, *, kept: bool = False) -> str:
    """What `certs device --format json` says of one identity."""
    identity = {
        "registration_id": registration_id,
        "kept": kept,
        "individual_enrollment": str(folder / "leaf.pem"),
        "enrollment_group": str(folder.parent / "issuing.ca.cert.pem"),
        "device": {"certificate": str(folder / "chain.pem"), "key": str(folder / "key.pem")},
        "certificate": {
            "serial": "0A",
            "sha1": "1B",
            "sha256": "2C",
            "not_before": "2026-11-22T04:10:11Z",
            "not_after": "2027-11-22T05:10:11Z",
        },
    }
    return json.dumps({"identities": [identity]})


def test_identities_come_as_objects(module: Module) -> None:
    module.answers = [{"stdout": issued("a", module.folder, kept=True)}]
    result = module.call("New-EflowProvIdentity", RegistrationId="a", Authority="pki", OutputDirectory="out")
    assert result["types"] == ["EflowProv.Identity"]
    (identity,) = result["output"]
    assert (identity["RegistrationId"], identity["Folder"]) == ("a", str(module.folder))
    files = [str(module.folder / name) for name in ("leaf.pem", "chain.pem", "key.pem")]
    assert [identity["Leaf"], identity["Chain"], identity["Key"]] == files
    assert (identity["Serial"], identity["Sha1"], identity["Sha256"], identity["Kept"]) == ("0A", "1B", "2C", True)
    assert result["times"] == ["NotBefore 2026-11-22T04:10:11.0000000Z", "NotAfter 2027-11-22T05:10:11.0000000Z"]


def test_an_identity_that_is_refused_is_a_usage_error(module: Module) -> None:
    module.answers = [{"status": 2, "stderr": "error: Bad ID!: not a registration ID. Choose another.\n"}]
    result = module.call("New-EflowProvIdentity", RegistrationId="Bad ID!", Authority="pki", OutputDirectory="out")
    assert result["terminating"]["id"] == "EflowProv.Usage,New-EflowProvIdentity"
    assert result["terminating"]["status"] == 2


def test_an_answer_without_identities_is_unknown(module: Module) -> None:
    module.answers = [{"stdout": "done\n"}]
    result = module.call("New-EflowProvIdentity", RegistrationId="a", Authority="pki", OutputDirectory="out")
    assert result["terminating"]["id"] == "EflowProv.Unknown,New-EflowProvIdentity"


def test_what_if_issues_nothing(module: Module) -> None:
    parameters: dict[str, Any] = {"Authority": "pki", "OutputDirectory": "out", "WhatIf": True}
    result = module.call("New-EflowProvIdentity", RegistrationId=["a", "b"], **parameters)
    assert (result["terminating"], result["output"]) == (None, [])
    assert module.calls == []


def test_identities_are_piped_into_provisioning(module: Module) -> None:
    place = module.folder
    module.answers = [{"stdout": issued("a", place)}, {"stdout": report("ready")}]
    result = module.script("module_pipeline", ids=["a", "b"], ca="pki", out="out")
    assert result["verdicts"] == ["ready"]
    issue, provision = (call["argv"][1:] for call in module.calls)
    assert issue[-3:] == ["--", "a", "b"]
    values = [
        "--scope-id=0ne00112233",
        "--registration-id=a",
        f"--cert={place / 'chain.pem'}",
        f"--key={place / 'key.pem'}",
    ]
    assert provision == ["provision", *values, "--yes", "--format=json"]


# ---------------------------------------------------------------------------------------------- provisioning


def test_what_if_makes_a_dry_run_and_shows_the_call(module: Module) -> None:
    module.answers = [{"stdout": "Provision-EflowVm -provisioningType DpsX509 -scopeId ***\n"}]
    result = module.call("Invoke-EflowProvisioning", **PROVISION, WhatIf=True)
    assert (result["terminating"], result["errors"], result["output"]) == (None, [], [])
    assert "Provision-EflowVm -provisioningType DpsX509" in module.stdout
    assert "--dry-run" in module.argv
    assert "--yes" not in module.argv


def test_what_if_tells_what_stands_in_the_way(module: Module) -> None:
    module.answers = [{"status": 1, "stdout": report("not-ready", FAILED, fail=1)}]
    result = module.call("Invoke-EflowProvisioning", **PROVISION, WhatIf=True)
    assert result["errors"] == ["EflowProv.NotReady,Invoke-EflowProvisioning"]
    assert result["output"][0]["Findings"][0]["Remedy"] == "Upload the issuing CA."


def test_a_confirmed_call_says_yes(module: Module) -> None:
    extra: dict[str, Any] = {"Force": True, "Timeout": 600, "Endpoint": "dps.example", "RegistrationId": "line4"}
    result = module.call("Invoke-EflowProvisioning", **PROVISION, **extra, Confirm=False)
    assert (result["terminating"], result["errors"]) == (None, [])
    assert result["output"][0]["Verdict"] == "ready"
    values = ["--scope-id=0ne00112233", "--registration-id=line4", "--endpoint=dps.example", "--timeout=600"]
    files = [f"--cert={module.folder / 'c.pem'}", f"--key={module.folder / 'k.pem'}"]
    assert module.argv == ["provision", *values, *files, "--force", "--yes", "--format=json"]


def test_without_an_answer_nothing_is_provisioned(module: Module) -> None:
    result = module.call("Invoke-EflowProvisioning", **PROVISION)
    assert result["terminating"] is not None
    assert module.calls == []


# ----------------------------------------------------------------------------------------------- the program


def test_a_program_that_is_not_there_is_said_to_be_missing(module: Module) -> None:
    having = {"EFLOWPROV_PROGRAM": str(module.folder / "nowhere" / "eflowprov")}
    terminating = module.call("Get-EflowProvReadiness", having=having)["terminating"]
    assert terminating["id"] == "EflowProv.NotInstalled,Get-EflowProvReadiness"
    assert "nowhere" in terminating["message"]


def test_nothing_installed_and_nothing_on_path_says_how_to_install(module: Module) -> None:
    empty = str(module.folder)
    having = {"EFLOWPROV_PROGRAM": "", "PATH": empty, "ProgramFiles": empty}
    terminating = module.call("Get-EflowProvReadiness", having=having)["terminating"]
    assert terminating["id"] == "EflowProv.NotInstalled,Get-EflowProvReadiness"
    assert "Install-EflowProv" in terminating["message"]


def test_a_batch_file_is_refused(module: Module) -> None:
    having = {"EFLOWPROV_PROGRAM": str(module.folder / "eflowprov.CMD")}
    terminating = module.call("Get-EflowProvReadiness", having=having)["terminating"]
    assert terminating["id"] == "EflowProv.Usage,Get-EflowProvReadiness"


# ------------------------------------------------------------------------------------------------ the module


def test_the_module_says_what_it_is(module: Module) -> None:
    about = module.script("module_about")
    names = ["Get-EflowProvReadiness", "Install-EflowProv", "Invoke-EflowProvisioning", "New-EflowProvIdentity"]
    assert sorted(about["exported"]) == names
    assert sorted(command["name"] for command in about["commands"]) == names
    assert sorted(about["completion"]) == ["deployed", "new"]
    for command in about["commands"]:
        assert command["synopsis"].strip().endswith(".")
        assert len(command["description"]) > 80
        assert command["name"] in "".join(command["examples"])
        assert command["undescribed"] == []
