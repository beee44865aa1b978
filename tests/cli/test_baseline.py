"""`verify --baseline` and `--fail-on-new`: what changed since an earlier report, and what of it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eflowprov.cli import options
from eflowprov.cli.main import run_command
from eflowprov.errors import InputError
from eflowprov.reports.formats import ReportFormat
from eflowprov.reports.json import report_schema
from eflowprov.workflows.config import load_config
from eflowprov.workflows.readiness.baseline import load_baseline
from eflowprov.workflows.readiness.outputs import save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect
from tests.machine import FakeVm

Verify = Callable[..., int]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    for scenario in ("healthy", "new-device", "edgehub-missing"):
        save(folder / scenario, collect(FakeVm(scenario).start(), VerifyOptions()))
    return folder


@pytest.fixture
def verify(outputs: Path) -> Verify:
    return lambda scenario, *flags: run_command(["verify", "--from", str(outputs / scenario), *map(str, flags)])


@pytest.fixture
def healthy(verify: Verify, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "healthy.json"
    assert verify("healthy", "--format", "json", "--output", path) == 0
    capsys.readouterr()
    return path


@pytest.fixture
def no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("the machine was asked")

    monkeypatch.setattr(options, "eflow_host", touched)


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(report_schema()).validate(document)
    return document


def trouble(document: dict[str, Any]) -> list[str]:
    return [change["id"] for change in document["baseline"]["changes"] if change["new_trouble"]]


# ---------------------------------------------------------------------------------------------- what is compared


def test_a_report_against_itself_has_no_changes(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("healthy", "--format", "json", "--baseline", healthy, "--fail-on-new") == 0
    document = shown(capsys)
    assert document["baseline"]["changes"] == [] and document["baseline"]["verdict"] == "ready"
    assert document["findings"][-1] | {"detail": ""} == {
        "id": "baseline/new-trouble",
        "title": "nothing is worse than in the baseline",
        "outcome": "pass",
        "detail": "",
        "remedy": "",
        "evidence": "",
        "source": "baseline",
    }


def test_without_fail_on_new_verdict_status_and_findings_are_those_without_a_baseline(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for scenario, status in (("healthy", 0), ("new-device", 0), ("edgehub-missing", 1)):
        assert verify(scenario, "--format", "json") == status
        plain = shown(capsys)
        assert verify(scenario, "--format", "json", "--baseline", healthy) == status
        compared = shown(capsys)
        assert (compared["verdict"], compared["findings"]) == (plain["verdict"], plain["findings"])
        assert "baseline" not in plain


def test_new_trouble_fails_a_device_that_would_be_ready(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(healthy.read_text("utf-8"))
    for finding in document["findings"]:
        if finding["outcome"] == "warn":
            finding["outcome"] = "pass"  # the warning that every EFLOW device has was not there then
    healthy.write_text(json.dumps(document), encoding="utf-8")
    assert verify("healthy", "--format", "json", "--baseline", healthy) == 0
    assert trouble(shown(capsys)) == ["iotedge-check/container-engine-dns"]
    assert verify("healthy", "--format", "json", "--baseline", healthy, "--fail-on-new") == 1
    failed = shown(capsys)
    assert failed["verdict"] == "not-ready" and failed["summary"]["fail"] == 1
    assert "iotedge-check/container-engine-dns" in failed["findings"][-1]["detail"]


def test_what_broke_is_told_by_finding_and_by_module(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("edgehub-missing", "--format", "json", "--baseline", healthy, "--fail-on-new") == 1
    document = shown(capsys)
    told = {(each["about"], each["id"]): each for each in document["baseline"]["changes"]}
    assert told["finding", "module/edgeHub"]["change"] == "worse" and told["finding", "module/edgeHub"]["new_trouble"]
    assert told["module", "edgeHub"]["change"] == "gone"
    assert "module/edgeHub" in document["findings"][-1]["detail"]


def test_trouble_that_the_baseline_has_too_is_no_new_one(
    verify: Verify, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    assert verify("edgehub-missing", "--format", "json", "--output", broken) == 1
    assert verify("edgehub-missing", "--format", "json", "--baseline", broken, "--fail-on-new") == 1  # as without it
    capsys.readouterr()
    assert verify("healthy", "--format", "json", "--baseline", broken, "--fail-on-new") == 0
    document = shown(capsys)
    assert trouble(document) == [] and {each["change"] for each in document["baseline"]["changes"]} >= {"better", "new"}


@pytest.mark.parametrize("form", ReportFormat)
def test_every_form_says_that_new_trouble_makes_it_not_ready(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str], form: ReportFormat
) -> None:
    assert verify("edgehub-missing", "--format", form, "--baseline", healthy, "--fail-on-new") == 1
    text = capsys.readouterr().out
    assert "baseline/new-trouble" in text and "module/edgeHub" in text


def test_evidence_that_is_missing_stays_status_3(
    verify: Verify, outputs: Path, healthy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (outputs / "edgehub-missing").iterdir():
        if file.name != "iotedge-check.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert verify(tmp_path, "--format", "json", "--baseline", healthy, "--fail-on-new") == 3
    document = shown(capsys)
    assert document["verdict"] == "unknown" and "module/edgeHub" in trouble(document)
    assert document["findings"][-1]["outcome"] == "fail"


def test_a_baseline_of_another_device_is_a_warning_and_no_verdict(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(healthy.read_text("utf-8"))
    document["identity"] |= {"device_id": "line9-press9", "registration_id": None}
    healthy.write_text(json.dumps(document), encoding="utf-8")
    assert verify("healthy", "--format", "json", "--baseline", healthy, "--fail-on-new") == 0
    found = {finding["id"]: finding for finding in shown(capsys)["findings"]}
    assert found["baseline/device"]["outcome"] == "warn" and "line9-press9" in found["baseline/device"]["detail"]


def test_an_update_of_the_runtime_is_told_by_its_versions(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = healthy.read_text("utf-8").replace('"aziot-edged": "1.5.21"', '"aziot-edged": "1.4.43"')
    healthy.write_text(text.replace("azureiotedge-hub:1.5", "azureiotedge-hub:1.4"), encoding="utf-8")
    assert verify("healthy", "--baseline", healthy) == 0
    told = capsys.readouterr().out
    assert "aziot-edged version  was 1.4.43, now 1.5.21" in told
    assert "azureiotedge-hub:1.4, now mcr" in " ".join(told.split())


def test_the_baseline_may_be_the_file_that_the_report_goes_to(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads(healthy.read_text("utf-8"))
    assert verify("edgehub-missing", "--format", "json", "--output", healthy, "--baseline", healthy) == 1
    after = json.loads(healthy.read_text("utf-8"))
    assert after["baseline"]["started_at"] == before["started_at"] and trouble(after)
    assert verify("edgehub-missing", "--format", "json", "--baseline", healthy) == 1
    capsys.readouterr()


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le") + "\r\n".encode("utf-16-le"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8"),
    ],
    ids=["PowerShell's >", "UTF-16 BE", "UTF-16 without a mark", "UTF-8 with a mark"],
)
def test_a_report_that_went_through_powershell_is_read(
    verify: Verify, healthy: Path, capsys: pytest.CaptureFixture[str], encode: Callable[[str], bytes]
) -> None:
    healthy.write_bytes(encode(healthy.read_text("utf-8")))
    assert verify("healthy", "--format", "json", "--baseline", healthy) == 0
    assert shown(capsys)["baseline"]["changes"] == []


def _twice(text: str) -> str:
    document = json.loads(text)
    document["findings"].append(document["findings"][0])
    return json.dumps(document)


BAD: dict[str, tuple[Callable[[str], bytes], str]] = {
    "empty": (lambda _: b"", "it is empty"),
    "UTF-16 mark alone": (lambda _: b"\xff\xfe", "it is empty"),
    "no JSON": (lambda _: b"READY: provisioned", "it is not whole JSON"),
    "cut off": (lambda text: text[:-200].encode(), "it is not whole JSON"),
    "cut off in UTF-16": (lambda text: text.encode("utf-16")[:-1], "it is not text"),
    "binary": (lambda _: bytes(range(128, 256)), "it is not text"),
    "another kind": (lambda _: b'{"findings": []}', "it is no readiness report of eflowprov"),
    "a certificate check": (lambda _: b'[{"id": "certificate/x"}]', "it is no readiness report of eflowprov"),
    "deep": (lambda _: b'{"a":' * 100_000, "it is no readiness report of eflowprov (nested too deeply)"),
    "newer": (lambda text: text.replace('"1.0"', '"2.0"', 1).encode(), 'its schema version is "2.0"'),
    "an id twice": (lambda text: _twice(text).encode(), "stands in it more than once"),
    "huge": (lambda text: text.encode() + b" " * 2**24, "it is larger than 16777216 bytes"),
}


@pytest.mark.usefixtures("no_machine")
@pytest.mark.parametrize(("spoil", "why"), BAD.values(), ids=BAD)
def test_a_baseline_that_cannot_be_used_is_one_line_and_status_2_before_anything_is_touched(
    healthy: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[str], bytes], why: str
) -> None:
    healthy.write_bytes(spoil(healthy.read_text("utf-8")))
    assert run_command(["verify", "--baseline", str(healthy), "--output", str(healthy.parent / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"error: {healthy}: ") and why in err and err.count("\n") == 1
    assert not (healthy.parent / "out").exists()


@pytest.mark.usefixtures("no_machine")
def test_a_baseline_that_is_missing_or_a_folder_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, why in ((tmp_path / "none.json", "there is no such file"), (tmp_path, "it is a folder")):
        assert run_command(["verify", "--baseline", str(path)]) == 2
        assert why in capsys.readouterr().err


@pytest.mark.usefixtures("no_machine")
def test_fail_on_new_without_a_baseline_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["verify", "--fail-on-new"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: --fail-on-new: ") and err.count("\n") == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_bytes_are_read_or_refused(healthy: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = healthy.read_bytes()
    whole = data.draw(st.sampled_from([whole, b"\xff\xfe" + whole.decode().encode("utf-16-le")]))
    at = data.draw(st.integers(0, len(whole)))
    mutated = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.sampled_from([0, 1, 4, 999])) :]
    path = tmp_path / "mutated.json"
    path.write_bytes(mutated)
    try:
        load_baseline(path)
    except InputError as error:
        assert "\n" not in str(error)


# ------------------------------------------------------------------------------------------------------------ run


def test_a_run_takes_its_baseline_from_the_configuration(tmp_path: Path) -> None:
    head = '[identity]\nregistration_id = "a"\nca = "pki"\nout = "out"\n[dps]\nscope_id = "0ne1"\n[verify]\n'
    path = tmp_path / "a.toml"
    path.write_text(f'{head}baseline = "before.json"\nfail_on_new = true\n', encoding="utf-8")
    assert load_config(path).verify.baseline == tmp_path.resolve() / "before.json"
    path.write_text(f"{head}fail_on_new = true\n", encoding="utf-8")
    with pytest.raises(InputError, match="fail_on_new needs a baseline"):
        load_config(path)
