"""`eflowprov verify` from the command line: saved outputs, a live VM over SSH, and what does not answer."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eflowprov.cli.main import run_command
from eflowprov.lab.mini_shell import run_shell
from eflowprov.lab.ssh_server import KeyPair, LabSshServer, make_key_pair
from eflowprov.reports.json import report_schema
from eflowprov.transports.ssh import SshTarget
from eflowprov.workflows.readiness import patience
from eflowprov.workflows.readiness.outputs import save
from eflowprov.workflows.readiness.verify import VerifyOptions, collect
from eflowprov.workflows.readiness.waiting import Backoff
from eflowprov.workflows.vm import channels
from tests.machine import FakeVm


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return make_key_pair()


@pytest.fixture
def key(tmp_path: Path, pair: KeyPair) -> Path:
    path = tmp_path / "id_ed25519"
    path.write_text(pair.private.reveal(), encoding="ascii", newline="\n")
    return path


@pytest.fixture
def no_powershell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFLOWPROV_POWERSHELL", str(tmp_path / "no-such-powershell"))


def saved(folder: Path, scenario: str) -> Path:
    save(folder / "saved", collect(FakeVm(scenario).start(), VerifyOptions()))
    return folder / "saved"


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and err.startswith("error: "), err
    return err.removeprefix("error: ").strip()


# ---------------------------------------------------------------------------------------------- saved outputs


@pytest.mark.parametrize(
    ("scenario", "expect", "verdict", "status"),
    [
        ("healthy", [], "ready", 0),
        ("new-device", [], "ready-awaiting-deployment", 0),
        ("new-device", ["--expect", "new"], "ready-awaiting-deployment", 0),
        ("new-device", ["--expect", "deployed"], "not-ready", 1),
        ("edgehub-missing", [], "not-ready", 1),
    ],
)
def test_saved_outputs_are_judged_without_a_vm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scenario: str, expect: list[str], verdict: str, status: int
) -> None:
    folder = saved(tmp_path, scenario)
    assert run_command(["verify", "--from", str(folder), "--format", "json", *expect]) == status
    out, err = capsys.readouterr()
    report = json.loads(out)
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert (report["verdict"], err) == (verdict, "")
    assert report["target"] == {"host": None, "vm": str(folder), "channel": "saved"}


def test_a_missing_output_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path, "healthy")
    (folder / "iotedge-list.txt").unlink()
    assert run_command(["verify", "--from", str(folder)]) == 3
    assert "UNKNOWN" in capsys.readouterr().out


def test_the_console_report_is_for_people_and_goes_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["verify", "--from", str(saved(tmp_path, "new-device"))]) == 0
    out, err = capsys.readouterr()
    assert "417" in out and "edge-hub-storage-mounted-from-host" in out and err == ""
    assert "\x1b" not in out  # no terminal, no colours


def test_a_report_into_a_file_leaves_standard_output_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = saved(tmp_path, "edgehub-missing"), tmp_path / "report.json"
    assert run_command(["verify", "--from", str(folder), "--format", "json", "--output", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err == f"not-ready: the report is in {file}\n"
    assert json.loads(file.read_text("utf-8"))["verdict"] == "not-ready"
    assert run_command(["-q", "verify", "--from", str(folder), "--output", str(file)]) == 1
    assert capsys.readouterr() == ("", "") and "NOT READY" in file.read_text("utf-8")


def test_a_report_that_cannot_be_written_is_status_3_whatever_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = str(tmp_path / "file" / "reports")
    forms = ["--format", "json", "--format", "html"]
    assert run_command(["verify", "--from", str(saved(tmp_path, "healthy")), *forms, "--output", place]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("READY: ") and err.startswith(f"error: {place}: ") and len(err.splitlines()) == 1


# ------------------------------------------------------------------------------------------------ a live VM


@contextmanager
def served(vm: FakeVm, pair: KeyPair) -> Iterator[LabSshServer]:
    def handler(text: str) -> Any:
        return run_shell(text, vm._programs)

    with LabSshServer(handler, client_key_public=pair.public) as server:
        yield server


def command(server: LabSshServer, key: Path, *more: str) -> list[str]:
    pins = key.with_name("known_hosts")
    pins.write_text(server.host_key_line + "\n", encoding="ascii", newline="\n")
    where = ["--ssh", f"127.0.0.1:{server.port}", "--ssh-key", str(key), "--known-hosts", str(pins)]
    return ["verify", *where, "--format", "json", *more]


def test_a_vm_is_judged_over_one_connection_and_its_outputs_are_kept(
    tmp_path: Path, key: Path, pair: KeyPair, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(FakeVm().start(), pair) as server:
        assert run_command(command(server, key, "--save", str(tmp_path / "kept"))) == 0
        assert server.connections == 1
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["target"] == {"host": "local", "vm": f"127.0.0.1:{server.port}", "channel": "ssh"}
    assert err == "into the VM by ssh: SSH is open\n"
    assert run_command(["verify", "--from", str(tmp_path / "kept"), "--format", "json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["findings"] == report["findings"] and again["identity"] == report["identity"]


@pytest.mark.parametrize("first", [True, False])
def test_an_unknown_host_key_is_refused_unless_it_is_pinned_on_purpose(
    key: Path,
    pair: KeyPair,
    first: bool,
    capsys: pytest.CaptureFixture[str],
    no_powershell: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "eflowprov.workflows.vm.connections.WINDOW_S", 0.0
    )  # three connections, and nothing blocks them
    with served(FakeVm().start(), pair) as server:
        argv = command(server, key, "--channel", "ssh")
        key.with_name("known_hosts").unlink()
        if first:
            assert run_command(argv) == 3
            assert "--accept-new-host-key" in one_line(capsys)
        assert run_command([*argv, "--accept-new-host-key"]) == 0
        assert run_command(argv) == 0


# ----------------------------------------------------------------------------------------- what does not answer


def test_a_closed_port_is_one_line_and_status_3_within_seconds(
    key: Path, capsys: pytest.CaptureFixture[str], no_powershell: None
) -> None:
    started = time.monotonic()
    assert run_command(["verify", "--ssh", "127.0.0.1:1", "--ssh-key", str(key)]) == 3
    assert time.monotonic() - started < 5
    line = one_line(capsys)
    assert line.startswith("SSH 127.0.0.1:1: the connection was refused; and through the cmdlets: ")


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\n" * 50, b""])
def test_a_port_of_something_else_is_one_line_without_a_traceback(
    key: Path, capsys: pytest.CaptureFixture[str], no_powershell: None, says: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(says)

        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        assert run_command(["verify", "--channel", "ssh", "--ssh", f"127.0.0.1:{port}", "--ssh-key", str(key)]) == 3
    assert f"127.0.0.1:{port}" in one_line(capsys)


def test_a_key_that_the_vm_does_not_take_is_one_line(
    tmp_path: Path, key: Path, pair: KeyPair, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(FakeVm().start(), pair) as server:
        server.refuses_keys = True
        assert run_command(command(server, key, "--channel", "ssh")) == 3
    assert "PRIVATE" not in one_line(capsys)


@pytest.mark.parametrize(
    "argv",
    [
        ["--ssh", "127.0.0.1"],
        ["--channel", "ssh"],
        ["--ssh", "127.0.0.1", "--ssh-key", "GONE"],
        ["--ssh", "127.0.0.1", "--ssh-key", "FOLDER"],
        ["--ssh", "user@host", "--ssh-key", "KEY"],
        ["--since", "soon"],
        ["--host", "winrm://host"],
        ["--host", "winrm://host", "--ssh", "127.0.0.1:1", "--ssh-key", "KEY"],
        ["--from", "GONE"],
        ["--from", "KEY"],
    ],
)
def test_flags_that_cannot_be_used_are_status_2_and_one_line(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str], argv: list[str], no_powershell: None
) -> None:
    places = {"GONE": str(tmp_path / "gone"), "FOLDER": str(tmp_path), "KEY": str(key)}
    assert run_command(["verify", *(places.get(word, word) for word in argv)]) == 2
    one_line(capsys)


def test_without_ssh_and_without_powershell_it_is_status_3(
    capsys: pytest.CaptureFixture[str], no_powershell: None
) -> None:
    assert run_command(["verify"]) == 3
    assert os.environ["EFLOWPROV_POWERSHELL"] in one_line(capsys)


# -------------------------------------------------------------------------------- --wait, before the VM answers at all


def test_waiting_begins_with_a_vm_that_is_not_up_yet(
    key: Path, pair: KeyPair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses connections until the wait has begun: the first pause starts it."""
    with served(FakeVm().start(), pair) as server:
        arguments = command(server, key, "--wait", "60s", "--channel", "ssh")
        door = [socket.create_server(("127.0.0.1", 0))]
        closed = f"127.0.0.1:{door[0].getsockname()[1]}"
        door.pop().close()
        tried: list[str] = []
        real = channels._ssh_target

        def target(request: channels.ChannelRequest) -> SshTarget:
            tried.append(closed if len(tried) < 2 else request.ssh)
            return real(replace(request, ssh=tried[-1]))

        monkeypatch.setattr(channels, "_ssh_target", target)
        monkeypatch.setattr(patience, "SPACED", Backoff(0.01, 1.0, 0.01))
        assert run_command(["--verbose", *arguments]) == 0
        assert len(tried) == 3 and server.connections == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "ready"
    assert "waiting for the VM: the connection was refused" in err


def test_waiting_does_not_begin_with_a_key_that_the_vm_refuses(
    tmp_path: Path, key: Path, pair: KeyPair, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(FakeVm(), pair) as server:
        arguments = command(server, key, "--wait", "60s", "--channel", "ssh")
        key.write_text(make_key_pair().private.reveal(), encoding="ascii", newline="\n")
        begun = time.monotonic()
        assert run_command(arguments) == 3
    assert time.monotonic() - begun < 15 and "refused the key" in one_line(capsys)
