"""`iotedge support-bundle`: fetched over a channel, opened within limits, and never a reason to fail."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from eflowprov.errors import TransportError
from eflowprov.model import CommandResult, Problem
from eflowprov.workflows.bundling import support_bundle as module
from eflowprov.workflows.bundling.support_bundle import LIMIT, fetch, opened, support_command, why_not
from tests.machine import Answer, FakeVm


def packed(files: dict[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def fetched(answer: Answer) -> CommandResult | Problem:
    return fetch(FakeVm(answers={"iotedge support-bundle": answer}).start(), since="1h", hub="h", timeout_s=5)


def test_the_lab_answers_as_iotedge_does_and_nothing_is_left_in_the_vm() -> None:
    vm = FakeVm().start()
    result = fetch(vm, since="2h", hub="lab-hub.azure-devices.net", timeout_s=5)
    assert isinstance(result, CommandResult) and why_not(result) == ""
    assert result.stdout.startswith(b"Making support bundle\nPK")
    found = opened(result.stdout)
    assert found.left_out == []
    names = [member.name for member in found.members]
    assert names == sorted(names) and {"support-bundle/check.json", "support-bundle/logs/aziot-identityd.txt"} <= {
        *names
    }
    assert vm.asked[-1] == support_command("2h", "lab-hub.azure-devices.net")[2:] and vm.files == {}


def test_in_the_lab_it_can_go_into_a_file_of_the_vm_too() -> None:
    vm = FakeVm().start()
    result = vm.run(("sudo", "-n", "iotedge", "support-bundle", "-o", "/tmp/b.zip", "-q", "-e"), timeout_s=5)
    assert result.stdout.endswith(b"Created support bundle at /tmp/b.zip\n")
    with ZipFile(BytesIO(vm.files["/tmp/b.zip"])) as archive:
        assert "logs/SimulatedTemperatureSensor_log.txt" not in archive.namelist()
    assert vm.run(("iotedge", "support-bundle", "--never"), timeout_s=5).status == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (TransportError("SSH", "the connection is closed", "Again"), "the connection is closed"),
        ((None, b"Making support bundle\n", b""), "no end in time"),
        ((2, b"", b"error: unrecognized subcommand 'support-bundle'\n\nUsage: iotedge\n"), "does not have the command"),
        ((1, b"Making support bundle\n", b"Error: could not open\n"), "status 1: Error: could not open"),
        ((1, b"", b"password=hunter2 was wrong\n"), "password=***"),
        ((0, b"Making support bundle\n", b""), "no zip but: Making support bundle"),
    ],
)
def test_why_there_is_none_is_said_in_one_line(answer: Answer, why: str) -> None:
    assert why in why_not(fetched(answer)) and "\n" not in why_not(fetched(answer))


def test_one_that_is_too_large_is_said_to_be() -> None:
    assert f"{LIMIT // 2**20} MiB" in why_not(CommandResult((), 0, b"PK\x03\x04", b"", 1.0, dropped=1))


@pytest.mark.parametrize("cut", [0, 1, 30, 100, -1, -22, -60])
def test_a_zip_that_is_broken_is_said_to_be(cut: int) -> None:
    found = opened(packed({"a.txt": b"text\n" * 100})[:cut])
    assert found.members == [] and "cannot be read" in found.left_out[0][1]


def test_a_member_with_a_wrong_sum_is_left_out_and_the_next_is_not() -> None:
    data = bytearray(packed({"a.txt": b"text\n", "b.txt": b"more\n"}, 0))
    data[data.index(b"text\n")] ^= 1
    found = opened(bytes(data))
    assert [member.name for member in found.members] == ["support-bundle/b.txt"]
    assert found.left_out[0][0] == "support-bundle/a.txt"


def test_a_bomb_is_unpacked_no_further_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_READ", 3 * 2**20)
    found = opened(packed({"a.txt": b"a\n" * 2**20, "b.txt": b"b\n" * 2**20, "c.txt": b"c\n"}), limit=4096)
    assert [member.name for member in found.members] == ["support-bundle/a.txt"]
    assert len(found.members[0].data) <= 4096
    assert {why for _, why in found.left_out} == {"the zip unpacks to more than 3 MiB"}


def test_no_more_members_are_taken_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEMBERS", 3)
    found = opened(packed({f"{number:04}.txt": b"x" for number in range(50)}))
    assert len(found.members) == 3 and "more than 3 files" in found.left_out[0][1] and len(found.left_out) < 4


def test_what_is_no_text_encrypted_or_packed_otherwise_is_left_out() -> None:
    assert "no text" in opened(packed({"core": bytes(range(256)) * 20})).left_out[0][1]
    assert "does not use" in opened(packed({"a.txt": b"text"}, ZIP_LZMA)).left_out[0][1]
    locked = bytearray(packed({"a.txt": b"text"}))
    at = locked.index(b"PK\x01\x02") + 8
    locked[at : at + 2] = struct.pack("<H", 1)
    assert "encrypted" in opened(bytes(locked)).left_out[0][1]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/absolute", "absolute"),
        ("C:\\x\\evil.txt", "C_/x/evil.txt"),
        ("logs/nul.txt", "logs/_nul.txt"),
        ("logs/a\x1b[31m?.txt", "logs/a_31m_.txt"),
        ("password=hunter2.txt", "password_"),
        ("..", "file"),
    ],
)
def test_a_name_leads_nowhere_else(told: str, name: str) -> None:
    assert [member.name for member in opened(packed({told: b"x"})).members] == [f"support-bundle/{name}"]


def test_names_that_differ_in_case_alone_are_two_files() -> None:
    names = [member.name for member in opened(packed({"A.txt": b"x", "a.txt": b"y"})).members]
    assert len({name.lower() for name in names}) == 2


def test_the_lab_vm_over_the_cmdlets_gives_the_same(tmp_path: Path) -> None:
    """Through the envelope that carries every answer of Invoke-EflowVmCommand."""
    from eflowprov.bridge.vm_command import unwrap, wrap
    from eflowprov.lab.mini_shell import run_shell

    vm, nonce = FakeVm().start(), "0123456789abcdef"
    command = support_command("1h", "")
    told = run_shell(wrap(command, nonce=nonce, timeout_s=5, cap=LIMIT), vm._programs).stdout.decode("ascii")
    result = unwrap(told.splitlines(), nonce=nonce, argv=command, duration_s=0.1)
    assert why_not(result) == "" and opened(result.stdout).left_out == []
