"""`eflowprov config`: a file to start from, a check of it, and its schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from eflowprov.cli.main import run_command
from eflowprov.workflows.config import template


def test_new_writes_a_file_that_check_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "press2.toml"
    assert run_command(["config", "new", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out == "" and f"written: {file}" in err and "config check" in err
    assert run_command(["config", "check", str(file)]) == 0
    assert capsys.readouterr() == (f"{file}: good for line4-press2 in ID scope 0ne00112233\n", "")


def test_new_without_a_name_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "new"]) == 0
    assert capsys.readouterr() == (template(), "")


def test_new_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "press2.toml"
    file.write_bytes(b"mine")
    assert run_command(["config", "new", str(file)]) == 2
    assert file.read_bytes() == b"mine" and capsys.readouterr().err.startswith(f"error: {file}: it is there already")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[identity", "is not valid TOML"),
        (b"", "identity: Field required; dps: Field required"),
        ("\ufeff[identity]\n".encode("utf-16-le"), "is not valid TOML"),
        (template().replace("[vm]", "[vm]\nshs = 1").encode(), "vm.shs: Extra inputs are not permitted"),
    ],
)
def test_check_says_every_wrong_place_in_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, told: str
) -> None:
    (tmp_path / "run.toml").write_bytes(data)
    assert run_command(["config", "check", str(tmp_path / "run.toml")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and told in err


def test_the_schema_is_json_schema_and_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "schema"]) == 0
    out, err = capsys.readouterr()
    jsonschema.Draft202012Validator.check_schema(json.loads(out))
    assert err == ""
