"""`explain`: every id, code, message, verdict and status is found; other words find the nearest, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.checks.log_patterns import KNOWN_MESSAGES
from eflowprov.errors import InputError, ParseError
from eflowprov.workflows.explaining.explain import explain
from eflowprov.workflows.explaining.topics import KINDS, topics

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
