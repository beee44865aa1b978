"""The line between the stand-in cmdlets and the lab: authenticated, JSON, gone when the lab is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from eflowprov.errors import TransportError
from eflowprov.lab import control
from eflowprov.lab.control import ControlServer, Record


def handle(name: str, args: dict[str, object]) -> list[Record]:
    if name == "Fail":
        raise RuntimeError("broken")
    return [{"stream": "output", "text": f"{name} {json.dumps(args)}"}]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Path]:
    server = ControlServer(handle)
    server.start(tmp_path / "lab.json")
    yield tmp_path / "lab.json"
    server.stop()


def test_a_call_gives_the_handlers_records(address: Path) -> None:
    records = control.call("Get-A", {"a": "\u20ac '\"\n"}, address)
    assert records == [{"stream": "output", "text": "Get-A " + json.dumps({"a": "\u20ac '\"\n"})}]


def test_the_address_comes_from_the_environment(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFLOWPROV_LAB", str(address))
    assert control.call("Get-A", {})[0]["text"] == "Get-A {}"


def test_what_fails_in_the_lab_is_told_and_the_lab_lives_on(address: Path) -> None:
    with pytest.raises(TransportError, match="RuntimeError: broken"):
        control.call("Fail", {}, address)
    assert control.call("Get-A", {}, address)


def test_another_key_is_refused(address: Path, tmp_path: Path) -> None:
    told = json.loads(address.read_text(encoding="ascii"))
    with pytest.raises(AuthenticationError):
        Client((told["host"], told["port"]), authkey=b"guessed")
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(told | {"key": "00"}), encoding="ascii")
    with pytest.raises(TransportError, match="no lab answers"):
        control.call("Get-A", {}, forged)
    assert control.call("Get-A", {}, address)


@pytest.mark.linux
def test_the_address_file_is_its_owners_alone(address: Path) -> None:
    assert address.stat().st_mode & 0o777 == 0o600


def test_an_address_file_that_is_there_is_not_overwritten(address: Path) -> None:
    server = ControlServer(handle)
    with pytest.raises(FileExistsError):
        server.start(address)
    server.stop()


def test_after_stop_nothing_answers(tmp_path: Path) -> None:
    server = ControlServer(handle)
    server.start(tmp_path / "lab.json")
    server.stop()
    with pytest.raises(TransportError, match=r"no lab answers.*eflowprov lab start"):
        control.call("Get-A", {}, tmp_path / "lab.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"host": "127.0.0.1", "port": 1, "key": "zz"}'])
def test_a_file_that_tells_nothing_is_a_transport_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.json").write_text(text, encoding="ascii")
    with pytest.raises(TransportError):
        control.call("Get-A", {}, tmp_path / "lab.json")


def test_without_a_lab_the_error_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(os.environ, "EFLOWPROV_LAB", raising=False)
    with pytest.raises(TransportError, match="eflowprov lab start"):
        control.call("Get-A", {})
