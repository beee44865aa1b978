"""Every capture is read, or refused, as its expected file says; and no part of one is ever taken for the whole."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import Outcome, Verdict
from eflowprov.parsers.text import decode
from eflowprov.reports.console import to_console
from eflowprov.reports.json import to_json
from tests import capture_cases
from tests.capture_cases import EXPECTED, ROOT, TOOLS, Capture, captures, differences, wrong_in

ALL = captures()
SETS = [capture for capture in ALL if capture.tool == "verify"]
SINGLE = [capture for capture in ALL if capture.tool != "verify"]
DEVIATIONS = [*range(1, 33), "27a"]  # the kinds of forms that the field shows, as tests/captures/README.md numbers them
READY = {Verdict.READY, Verdict.READY_AWAITING_DEPLOYMENT}


@pytest.mark.parametrize("capture", SETS, ids=str)
def test_saved_outputs_get_their_verdict_and_findings(capture: Capture) -> None:
    report = capture.report()
    assert wrong_in(report, capture.expected) == []
    for text in capture.expected.get("never", []):
        assert text not in to_json(report) and text not in to_console(report, width=200, color=False, unicode=True)


@pytest.mark.parametrize("capture", SINGLE, ids=str)
def test_an_output_is_read_or_refused_with_its_first_words(capture: Capture) -> None:
    refused = capture.expected.get("refused")
    if refused is None:
        assert differences(capture, TOOLS[capture.tool].read(capture.input)) == []
        return
    with pytest.raises(ParseError) as caught:
        TOOLS[capture.tool].read(capture.input)
    assert [words for words in refused if words not in caught.value.why] == []


@pytest.mark.parametrize("number", DEVIATIONS, ids=str)
def test_each_form_that_the_field_shows_has_a_capture(number: int | str) -> None:
    assert any(number in capture.expected.get("deviations", []) for capture in ALL)


def test_a_number_that_stands_for_no_form_is_found() -> None:
    assert {number for capture in ALL for number in capture.expected.get("deviations", [])} <= set(DEVIATIONS)


# -------------------------------------------------------------------------------------- the folders themselves


@pytest.mark.parametrize(
    "text",
    [
        None,
        "situation = ",
        'situation = "s"\nsource = "a"\ndeviations = []\nverdct = "ready"\n',
        'situation = "s"\nsource = "a"\ndeviations = []\nverdict = 1\n',
        'source = "a"\nversion = "1.5"\ndeviations = []\nverdict = "ready"\n',
        'situation = "s"\nsource = "a"\ndeviations = []\n',
    ],
)
def test_a_folder_without_a_whole_expected_file_is_refused(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "verify" / "case"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / EXPECTED).write_text(text, encoding="utf-8")
    monkeypatch.setattr(capture_cases, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="verify/case"):
        captures()


def test_a_wrong_expectation_is_told() -> None:
    capture = next(capture for capture in SETS if capture.folder.name == "healthy-1.5-json")
    report = capture.report()
    wrong = {"verdict": "not-ready", "fail": ["a/b"], "findings": {"c/d": "pass"}, "words": {"e/f": ["g"]}, "hub": "h"}
    told = " ".join(wrong_in(report, {**wrong, "never": ["edgeHub"]}))
    assert all(
        part in told for part in ("verdict: ready", "fail: []", "c/d is missing", "e/f", "hub: ", "'edgeHub' in")
    )


def test_the_captures_name_nobody() -> None:
    for path in ROOT.rglob("*"):
        text = path.read_bytes().replace(b"\x00", b"").decode("utf-8", "replace") if path.is_file() else ""
        assert "BEGIN " not in text and "/home/" not in text.replace("/home/vsts/", "").replace(
            "/home/iotedge-user", ""
        )


# -------------------------------------------------------------------------------------- parts of a capture


HEALTHY = {capture.folder.name: capture for capture in SETS if Verdict(capture.expected["verdict"]) in READY}
JSON_CHECKS = [capture for capture in SETS if (capture.folder / "iotedge-check.json").is_file()]
TEXT_CHECKS = [capture for capture in HEALTHY.values() if (capture.folder / "iotedge-check.txt").is_file()]


def _verdict(capture: Capture, **changed: bytes | None) -> Verdict:
    report = capture.report(**changed)
    to_console(report, width=80, color=False, unicode=False)
    return report.verdict


@pytest.mark.parametrize("capture", HEALTHY.values(), ids=str)
def test_a_required_output_that_is_missing_or_empty_is_never_ready(capture: Capture) -> None:
    for name in ("list", "check", "logs"):
        assert _verdict(capture, **{name: b""}) is Verdict.UNKNOWN
        assert _verdict(capture, **{name: None}) is Verdict.UNKNOWN


@pytest.mark.parametrize("capture", JSON_CHECKS, ids=str)
def test_a_check_in_json_that_is_cut_anywhere_is_an_error(capture: Capture) -> None:
    data = capture.outputs()["check"]
    for end in range(0, len(data.rstrip(b"\x00\r\n")), 50):
        with pytest.raises(ParseError):
            TOOLS["check"].read(data[:end])
    assert _verdict(capture, check=data[: len(data) // 2]) is Verdict.UNKNOWN


@pytest.mark.parametrize("capture", TEXT_CHECKS, ids=str)
def test_a_check_in_text_that_is_cut_before_its_last_line_is_whole_is_never_whole(capture: Capture) -> None:
    text = decode(capture.outputs()["check"])
    ends = [text.rfind(suffix) for suffix in (" - OK", " - Warning", " - Error")]
    last = max(ends) if max(ends) > 0 else text.rfind("One or more checks raised")
    for end in sorted(random.Random(7).sample(range(last), 60)):
        try:
            found = TOOLS["check"].read(text[:end].encode())
        except ParseError:
            continue
        assert not found["complete"]


@pytest.mark.parametrize("capture", SETS, ids=str)
def test_a_set_cut_at_any_place_still_gets_a_verdict(capture: Capture) -> None:
    dice = random.Random(str(capture))
    for name, whole in capture.outputs().items():
        verdict = _verdict(capture, **{name: whole[: dice.randrange(len(whole) + 1)]})
        assert verdict in Verdict


@pytest.mark.parametrize("tool", TOOLS)
def test_an_output_cut_at_any_place_is_read_or_refused(tool: str) -> None:
    dice = random.Random(tool)
    for capture in [capture for capture in SINGLE if capture.tool == tool]:
        for _ in range(20):
            try:
                TOOLS[tool].read(capture.input[: dice.randrange(len(capture.input) + 1)])
            except ParseError as error:
                assert error.why


def test_a_list_cut_inside_a_row_is_never_ready() -> None:
    capture = HEALTHY["healthy-1.6-json"]
    whole = capture.outputs()["list"]
    last = whole.index(b"\nedgeHub") + 1
    for end in range(last + 1, whole.index(b"mcr.", last)):
        assert _verdict(capture, list=whole[:end]) is Verdict.UNKNOWN


def test_a_log_whose_last_json_line_is_cut_says_so() -> None:
    capture = HEALTHY["healthy-1.5-json"]
    report = capture.report(logs=capture.outputs()["logs"][:-30])
    assert [finding.id for finding in report.findings if finding.outcome is Outcome.ERROR] == ["logs/journal"]
    assert json.loads(to_json(report))["verdict"] == "unknown"
