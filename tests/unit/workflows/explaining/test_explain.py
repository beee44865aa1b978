"""`explain`: every id, code, message, verdict and status is found; other words find the nearest, or are refused."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.errors import InputError, ParseError
from eflowprov.workflows.explaining.explain import explain
from eflowprov.workflows.explaining.topics import KINDS, topics
from tests.conftest import ROOT

CMDLETS = {
    *("Connect-EflowVm", "Copy-EflowVmFile", "Deploy-Eflow", "Get-EflowLogs", "Get-EflowVm", "Get-EflowVmAddr"),
    *("Get-EflowVmEndpoint", "Get-EflowVmName", "Invoke-EflowVmCommand", "Provision-EflowVm", "Set-EflowVm"),
    *("Set-EflowVmDNSServers", "Start-EflowVm", "Stop-EflowVm", "Verify-EflowVm"),
}
# As pasted: time stamps, bullets, line numbers of any build.
TRANSCRIPT = """[10/20/2022 08:17:08] Provisioning virtual machine...
[10/20/2022 08:17:31] Exception caught!!!

 - iotedge service not running after provisioning, please investigate manually at line {}
"""
REFUSAL = '{"errorCode":401002,"trackingId":"x-y-z","message":"CA certificate not found.","timestampUtc":"2026"}'
JOURNAL = """[ERR!] - Failed to provision with IoT Hub, and no valid device backup was found: DPS client error
[ERR!] - caused by: DPS client error
[ERR!] - caused by: Signing certificate info did not match chain elements."""


def first(query: str) -> str:
    return explain(query).matches[0].entry.id


def ids(query: str) -> list[str]:
    return [topic.entry.id for topic in explain(query).matches]


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.entry.id)
def test_every_id_is_explained_in_any_case(topic: object) -> None:
    id_ = topic.entry.id  # type: ignore[attr-defined]
    assert first(id_) == id_ == first(f" {id_.upper()} ")
    assert topic.kind in KINDS  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("message", "id_"), [(message, topic.entry.id) for topic in topics() for message in topic.entry.messages]
)
def test_every_message_of_the_catalogue_is_found_among_the_first(message: str, id_: str) -> None:
    found = explain(message)
    assert id_ in [topic.entry.id for topic in (*found.matches, *found.near)]


def test_every_known_message_of_the_journal_is_a_topic() -> None:
    assert {f"logs/{known.id}" for known in KNOWN_MESSAGES} <= {topic.entry.id for topic in topics()}


@pytest.mark.parametrize("line", ["2238", "2295", "2411", "2416"])
def test_a_pasted_transcript_is_read_whatever_its_line_number(line: str) -> None:
    assert first(TRANSCRIPT.format(line)) == "eflow/not-running-after-provisioning"
    assert first(f" - Failed to provision at line {line}") == "eflow/failed-to-provision"
    assert first(f"ssh  failed to execute [] at line {line}") == "eflow/output-lost"


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        (REFUSAL, "dps/ca-not-found"),
        (REFUSAL.replace('"', '\\"'), "dps/ca-not-found"),
        (JOURNAL, "dps/chain-mismatch"),
        ("register request returned a service error status code 401", "dps/unauthorized"),
        ("Error code: 400207", "dps/custom-allocation"),
    ],
)
def test_a_refusal_is_found_in_the_forms_that_people_paste(text: str, id_: str) -> None:
    assert id_ in ids(text)


def test_one_code_has_many_messages_and_all_of_them_are_shown() -> None:
    wanted = ["dps/ca-not-found", "dps/chain-mismatch", "dps/invalid-certificate", "dps/unauthorized"]
    assert ids("401002") == wanted
    assert explain("error code: 401002").by == "code"
    assert ids("404201") == ["dps/not-found"] and ids("429001") == ["dps/throttled"]
    assert ids("503000") == ["dps/service-fault"]


@pytest.mark.parametrize(
    ("query", "id_"),
    [
        ("0", "exit-status/0"),
        ("exit status 3", "exit-status/3"),
        ("status 130", "exit-status/130"),
        ("not-ready", "verdict/not-ready"),
        ("ready-awaiting-deployment", "verdict/ready-awaiting-deployment"),
        ("skip", "outcome/skip"),
        ("417", "deployment/present"),
        ("429", "dps/throttled"),
        ("module/SimulatedTemperatureSensor", "module/NAME"),
        ("module/edgeHub", "module/edgeHub"),
        ("service/aziot-keyd", "service/NAME"),
        ("container-engine-dns", "iotedge-check/container-engine-dns"),
        ("upstream  AMQP port", "iotedge-check/container-connect-upstream-amqp"),
        ("× container engine is installed and functional - Error", "iotedge-check/container-engine-uri"),
        ("production readiness: logs policy", "iotedge-check/container-engine-logrotate"),
    ],
)
def test_what_a_person_would_type_leads_to_the_right_entry(query: str, id_: str) -> None:
    found = explain(query)
    assert id_ in [
        topic.entry.id for topic in (found.matches if found.by != "words" else (*found.matches, *found.near))
    ]


@pytest.mark.parametrize(
    ("words", "id_"),
    [
        ("the clock of the vm is wrong", "vm/clock"),
        ("clok of vm", "vm/clock"),
        ("disk full", "logs/disk-full"),
        ("key servise may not read private kee", "identity/key-readable"),
        ("wssdagent expired", "host/wssdagent-certificate"),
        ("iotedge-check/hostnam", "iotedge-check/hostname"),
    ],
)
def test_words_with_spelling_mistakes_find_the_entry_or_name_it_among_the_nearest(words: str, id_: str) -> None:
    found = explain(words)
    assert id_ in [topic.entry.id for topic in (*found.matches, *found.near)]


@pytest.mark.parametrize("text", ["zzz qqq", "the and of", "§", "purple unicycle juggling marathon vm"])
def test_what_the_catalogue_does_not_have_is_status_3_and_says_so(text: str) -> None:
    with pytest.raises(ParseError, match="is not in the catalogue") as unknown:
        explain(text)
    assert unknown.value.exit_status == 3


def test_a_mistyped_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(ParseError, match=r"Nearest: .*identityd"):
        explain("idntitydrunning")


@pytest.mark.parametrize("text", ["", "  \n ", "\x00"])
def test_nothing_asked_is_wrong_usage(text: str) -> None:
    with pytest.raises(InputError, match="nothing was asked"):
        explain(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    try:
        assert explain(text).matches
    except (InputError, ParseError) as error:
        assert "\n" not in str(error)


def test_a_secret_in_a_text_is_not_told_again() -> None:
    with pytest.raises(ParseError) as unknown:
        explain("qqq SharedAccessKey=c2VjcmV0c2VjcmV0")
    assert "c2VjcmV0" not in str(unknown.value)


# What stands in issues, tickets and windows, as people copy it, and the entry that has to stand on top.
PASTED = (
    ("Custom allocation failed with status code: 400", "dps/custom-allocation"),
    ("ErrorCode:IotHubUnauthorizedAccess;Unauthorized", "dps/hub-link"),
    ("X509_check_private_key:key values mismatch", "dps/key-mismatch"),
    ("Connection Refused: not authorised.", "dps/unauthorized"),
    ("MQTT CONNACK rc 5", "dps/unauthorized"),
    ("azure.iot.device.exceptions.ClientError: Unexpected failure", "dps/reason-lost"),
    ("ValueError: A client id must be provided", "dps/no-registration-id"),
    ("CredentialError: Credentials invalid, could not connect", "dps/unauthorized"),
    ("error 401002", "dps/ca-not-found"),
    ("code 401000", "dps/unauthorized"),
    ("was bedeutet 401002", "dps/ca-not-found"),
    ("Chyba: CA certificate not found. Co to znamen\u00e1?", "dps/ca-not-found"),
    ("500", "dps/service-fault"),
    ("503", "dps/service-fault"),
    ("HTTP status 404", "dps/not-found"),
    ("417 -- The device's deployment configuration is not set", "deployment/present"),
    ("Failed (137) 2 minutes ago", "module/NAME"),
    ("Failed to provision with IoT Hub: Hub client error", "logs/hub-refused"),
    ("Exception caught!!!", "eflow/no-reason"),
    ("Provision-EflowVm : Failed to provision\nAt line:1 char:1", "eflow/failed-to-provision"),
    ("A parameter cannot be found that matches parameter name 'identityPrivateKey'.", "eflow/wrong-parameters"),
    ("The term 'Provision-EflowVm' is not recognized as the name of a cmdlet", "eflow/module-missing"),
    ("because the hash of the file does not match the hash in the signature", "eflow/module-not-trusted"),
    ("Virtual machine MAC: 00:00:00:00:00:00", "eflow/no-address"),
    ("169.254.11.7", "eflow/no-address"),
    ("Importing GPG key 0x3135CE90: at line 2324", "eflow/note-as-error"),
    ('Retrieving iotedge check output from: "PRESS2-EFLOW"', "eflow/check-output"),
    ("NOT READY", "verdict/not-ready"),
    ("READY, AWAITING DEPLOYMENT", "verdict/ready-awaiting-deployment"),
    ("Was hei\u00dft not-ready?", "verdict/not-ready"),
    ("unknown", "verdict/unknown"),
    ("NOT READY: 7 failed. Next: put right provisioning/dps-assigned.", "provisioning/dps-assigned"),
    ("`provisioning/dps-assigned`.", "provisioning/dps-assigned"),
    ("logs/unknown-0f3a77c1", "logs/unknown"),
    ("iotedge-check/flux-capacitor", "iotedge-check/NAME"),
    ("device disabled in iot hub", "provisioning/hub-connected"),
    ("registration id wrong case", "identity/registration-id"),
)


@pytest.mark.parametrize(("text", "id_"), PASTED, ids=[text[:40] for text, _ in PASTED])
def test_what_people_paste_has_the_right_entry_on_top(text: str, id_: str) -> None:
    assert first(text) == id_


def test_the_innermost_cause_of_a_pasted_journal_stands_before_what_only_followed() -> None:
    lines = "aziot-identityd[812]: [ERR!] - Failed to provision with IoT Hub: DPS client error\n[ERR!] - caused by: {}"
    assert ids(lines.format("Connection timed out (os error 110)"))[:2] == ["dps/network", "logs/dps-refused"]
    assert first(lines.format("Custom allocation failed with status code: 404")) == "dps/custom-allocation"


def test_a_mistyped_check_is_not_taken_for_one_of_a_newer_runtime() -> None:
    assert first("iotedge-check/container-engine-dsn") == "iotedge-check/container-engine-dns"


@pytest.mark.parametrize("text", ["scp " * 50_000, "proxy " * 40_000, "a/" * 100_000, "- " * 100_000, "00:" * 60_000])
def test_a_long_line_takes_no_square_of_its_length(text: str) -> None:
    begin = time.process_time()
    with suppress(ParseError):
        explain(text)
    assert time.process_time() - begin < 20  # 65 s and more without a bound on a line


def test_every_cmdlet_that_is_named_is_one_of_eflow() -> None:
    texts = " ".join(f"{topic.entry.explanation} {topic.entry.remedy}" for topic in topics())
    assert set(re.findall(r"\b[A-Z][a-z]+-Eflow\w*", texts)) <= CMDLETS


@pytest.mark.parametrize(
    "text",
    [
        'nodectl.exe  compute vm show failed to execute [Error: VirtualMachine "A-EFLOW" Not Found] at line 3689',
        "[03/07/2022 10:17:36] Provisioning virtual machine...\n\n - nodectl.exe compute vm show failed to execute "
        "[Error: rpc error: code = NotFound desc = type[VirtualMachineInternal]: Not Found] at line 3689",
    ],
)
def test_a_vm_that_is_not_found_is_no_refusal_of_dps(text: str) -> None:
    assert first(text) == "eflow/vm-missing"
    assert not [id_ for id_ in ids(text) if id_.startswith("dps/")]


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("The virtual machine is not running", "eflow/vm-off"),
        ("Provisioning successful. iotedge service running.", "provision/cmdlet"),
        ("[SSL: TLSV1_ALERT_CERTIFICATE_EXPIRED]", "dps/expired"),
        (
            'BadRequest:{"errorCode":400004,"message":"The certificate is not a valid base64 string value"}',
            "dps/enrolled-file",
        ),
    ],
)
def test_words_that_differ_a_little_from_the_catalogues_are_found(text: str, id_: str) -> None:
    assert first(text) == id_


FAMILIES = {"certificate", "host"}  # the table names their findings together
OWN_LINES = [
    ("error: provision: the VM is provisioned already (source dps). Is it the right one?", "tool/provisioned-already"),
    ("waiting 30 s: the VM blocks an address after more than three connections a minute", "tool/block"),
    ("error: press2.toml.journal.json: is damaged, or no journal of this version. Begin anew.", "tool/journal"),
    ("error: SSH 172.27.120.111: the host key has changed: known_hosts holds SHA256:a, the VM", "tool/host-key"),
    ("error: PowerShell: no answer within 120 s. Try again with a longer --timeout.", "tool/deadline"),
    ("error: report.json: cannot be written (No space left on device). Free space.", "tool/cannot-write"),
    ("error: vm: could not stop it (exit status 1). Put that right and run it again.", "tool/deprovision-stopped"),
]


@pytest.mark.parametrize(("line", "id_"), OWN_LINES)
def test_a_line_of_the_tool_itself_leads_to_what_it_says_and_not_to_what_sounds_like_it(line: str, id_: str) -> None:
    assert first(line) == id_


def test_in_a_page_of_output_the_tools_own_words_stand_behind_the_cause() -> None:
    page = f"waiting 30 s: the VM blocks an address after more than three connections a minute\n{JOURNAL}"
    found = ids(page)
    assert found[0] == "dps/chain-mismatch" and found[-1] == "tool/block"


def test_each_symptom_of_the_runbook_is_explained() -> None:
    table = (ROOT / "docs" / "runbook.md").read_text("utf-8").partition("| it says | do |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    symptoms = [said.strip("… ") for row in rows for said in re.findall(r"`([^`]+)`", row)]
    assert len(symptoms) >= 8
    assert [said for said in symptoms if said.rstrip("/") not in FAMILIES and explain(said).by == "words"] == []
    assert first("the VM is provisioned already") == "tool/provisioned-already"
