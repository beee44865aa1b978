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


def _copy(capture: Capture, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in capture.folder.iterdir():  # by hand: Wine lacks what shutil copies with
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _verdict(folder: Path) -> Verdict:
    report = Capture(folder, {}).report()
    to_console(report, width=80, color=False, unicode=False)
    return report.verdict


REQUIRED = ("iotedge-list.txt", "iotedge-check.json", "iotedge-check.txt", "iotedge-system-logs.txt")
PARTS = [
    pytest.param(capture, file, id=f"{capture.folder.name}-{file}")
    for capture in SETS
    for file in REQUIRED
    if (capture.folder / file).is_file() and Verdict(capture.expected["verdict"]) in READY
]


@pytest.mark.parametrize(("capture", "file"), PARTS)
def test_a_required_output_that_is_missing_or_empty_is_never_ready(capture: Capture, file: str, tmp_path: Path) -> None:
    folder = _copy(capture, tmp_path)
    (folder / file).write_bytes(b"")
    assert _verdict(folder) is Verdict.UNKNOWN
    (folder / file).unlink()
    assert _verdict(folder) is Verdict.UNKNOWN


JSON_CHECKS = [pytest.param(c, id=str(c)) for c in SETS if (c.folder / "iotedge-check.json").is_file()]


@pytest.mark.parametrize("capture", JSON_CHECKS)
def test_a_check_in_json_that_is_cut_anywhere_is_an_error(capture: Capture, tmp_path: Path) -> None:
    data = (capture.folder / "iotedge-check.json").read_bytes()
    for end in range(0, len(data.rstrip().rstrip(b"\x00\r\n")), 50):
        with pytest.raises(ParseError):
            TOOLS["check"].read(data[:end])
    folder = _copy(capture, tmp_path)
    (folder / "iotedge-check.json").write_bytes(data[: len(data) // 2])
    assert _verdict(folder) is Verdict.UNKNOWN


TEXT_CHECKS = [
    pytest.param(c, id=str(c))
    for c in SETS
    if (c.folder / "iotedge-check.txt").is_file() and Verdict(c.expected["verdict"]) in READY
]


@pytest.mark.parametrize("capture", TEXT_CHECKS)
def test_a_check_in_text_that_is_cut_before_its_totals_is_never_whole(capture: Capture) -> None:
    text = decode((capture.folder / "iotedge-check.txt").read_bytes())
    totals = max(text.rfind("raised warnings"), text.rfind("One or more checks raised"))
    for end in sorted(random.Random(7).sample(range(totals), 60)):
        try:
            found = TOOLS["check"].read(text[:end].encode())
        except ParseError:
            continue
        assert not found["complete"]


@pytest.mark.parametrize("capture", ALL, ids=str)
def test_a_capture_cut_at_any_place_is_read_or_refused(capture: Capture, tmp_path: Path) -> None:
    """No traceback, and no report without a verdict, whatever part of a file was saved."""
    dice = random.Random(str(capture))
    if capture.tool != "verify":
        for _ in range(20):
            try:
                TOOLS[capture.tool].read(capture.input[: dice.randrange(len(capture.input) + 1)])
            except ParseError as error:
                assert error.why
        return
    folder = _copy(capture, tmp_path)
    for path in sorted(folder.glob("iotedge-*")):
        whole = path.read_bytes()
        path.write_bytes(whole[: dice.randrange(len(whole) + 1)])
        assert _verdict(folder) in Verdict
        path.write_bytes(whole)


def test_a_list_cut_inside_a_row_is_never_ready(tmp_path: Path) -> None:
    capture = next(capture for capture in SETS if capture.folder.name == "healthy-1.6-json")
    folder = _copy(capture, tmp_path)
    path = folder / "iotedge-list.txt"
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(last + 3, last + len(b"edgeHub          running          Up 8 minutes")):
        path.write_bytes(whole[:end])
        assert _verdict(folder) is Verdict.UNKNOWN


def test_a_log_whose_last_json_line_is_cut_says_so(tmp_path: Path) -> None:
    capture = next(capture for capture in SETS if capture.folder.name == "healthy-1.5-json")
    folder = _copy(capture, tmp_path)
    path = folder / "iotedge-system-logs.json"
    path.write_bytes(path.read_bytes()[:-30])
    report = Capture(folder, {}).report()
    assert [finding.id for finding in report.findings if finding.outcome is Outcome.ERROR] == ["logs/journal"]
    assert json.loads(to_json(report))["verdict"] == "unknown"
