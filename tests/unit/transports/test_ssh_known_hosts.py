"""Pins in OpenSSH's file format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eflowprov.errors import HostKeyError, StorageError
from eflowprov.transports import known_hosts
from eflowprov.transports.known_hosts import HostKey, host_name, is_pinned, pin, pinned_keys

KIND = "ssh-ed25519"


def key(seed: int, kind: str = KIND) -> HostKey:
    return HostKey(kind, len(kind).to_bytes(4, "big") + kind.encode() + b"\0\0\0\x20" + bytes([seed]) * 32)


MINE, OTHER = key(1), key(2)


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def write(pins: Path, *lines: str) -> Path:
    pins.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return pins


def hashed(name: str) -> str:
    digest = hmac.new(b"s" * 20, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(b's' * 20).decode()}|{base64.b64encode(digest).decode()}"


def test_the_port_is_part_of_the_name_unless_it_is_22() -> None:
    assert host_name("Line4-EFLOW.mshome.net", 22) == "line4-eflow.mshome.net"
    assert host_name("172.27.120.111", 2222) == "[172.27.120.111]:2222"


def test_a_fingerprint_reads_as_ssh_keygen_prints_it() -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"  # github.com's, published
    known = HostKey(KIND, base64.b64decode(line.split()[1]))
    assert known.fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_no_file_knows_nobody(pins: Path) -> None:
    assert is_pinned(pins, "vm", MINE) is False


@pytest.mark.parametrize(
    "names", ["vm", "VM", "other,vm", "v?", "*", "vm,!other", hashed("vm")], ids=lambda names: names[:8]
)
def test_a_line_that_names_the_host_pins_it(pins: Path, names: str) -> None:
    assert is_pinned(write(pins, MINE.line(names)), "vm", MINE) is True


@pytest.mark.parametrize("names", ["vmx", "!vm,*", "[vm]:22", "v", "[v]m", hashed("vmx"), "|1|?|?", "|1|", "#vm"])
def test_a_line_about_others_pins_nothing(pins: Path, names: str) -> None:
    assert is_pinned(write(pins, MINE.line(names)), "vm", MINE) is False


def test_brackets_of_a_name_with_a_port_are_no_wildcards(pins: Path) -> None:
    write(pins, OTHER.line("2"), MINE.line("[vm]:2222"))
    assert is_pinned(pins, "[vm]:2222", MINE) is True


def test_another_key_for_the_host_is_an_error_that_tells_both(pins: Path) -> None:
    with pytest.raises(HostKeyError, match="has changed") as refusal:
        is_pinned(write(pins, OTHER.line("vm")), "vm", MINE)
    assert MINE.fingerprint in str(refusal.value)
    assert OTHER.fingerprint in str(refusal.value)


def test_a_key_of_another_kind_than_the_pinned_one_is_a_change_too(pins: Path) -> None:
    with pytest.raises(HostKeyError, match="has changed"):
        is_pinned(write(pins, key(1, "ssh-rsa").line("vm")), "vm", MINE)


def test_one_of_several_pinned_keys_is_enough(pins: Path) -> None:
    assert is_pinned(write(pins, OTHER.line("vm"), MINE.line("vm") + " comment"), "vm", MINE) is True


def test_a_revoked_key_is_refused_even_when_it_is_pinned(pins: Path) -> None:
    with pytest.raises(HostKeyError, match="revoked"):
        is_pinned(write(pins, MINE.line("vm"), "@revoked " + MINE.line("*")), "vm", MINE)


def test_garbage_about_others_is_passed_over(pins: Path) -> None:
    write(pins, "", "# comment", "garbage", "other ssh-ed25519 !!!", "\x00ff".replace("\x00", "é"), MINE.line("vm"))
    assert is_pinned(pins, "vm", MINE) is True


@pytest.mark.parametrize(
    "line",
    [
        "vm",
        "vm ssh-ed25519",
        "vm ssh-ed25519 AAAA",
        "vm ssh-ed25519 not*base64",
        "vm,other garbage garbage",
        MINE.line("vm").replace("ssh-ed25519", "ssh-rsa"),
        "@cert-authority " + MINE.line("vm"),
        "@unknown " + MINE.line("vm"),
    ],
)
def test_garbage_that_names_the_host_is_an_error_with_its_line(pins: Path, line: str) -> None:
    with pytest.raises(HostKeyError, match="line 2: the line names vm"):
        is_pinned(write(pins, MINE.line("vm"), line), "vm", MINE)


def test_a_file_that_powershell_wrote_is_an_error_not_an_unknown_host(pins: Path) -> None:
    pins.write_bytes(MINE.line("vm").encode("utf-16"))
    with pytest.raises(HostKeyError, match="UTF-16"):
        pinned_keys(pins, "vm")


def test_a_mark_at_the_start_and_windows_line_ends_do_no_harm(pins: Path) -> None:
    pins.write_bytes(b"\xef\xbb\xbf" + MINE.line("vm").encode() + b"\r\n")
    assert is_pinned(pins, "vm", MINE) is True


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostKeyError, match="cannot be read"):
        pinned_keys(tmp_path, "vm")


def test_a_pin_is_a_line_of_its_own_after_what_was_there(pins: Path) -> None:
    pins.write_bytes(b"# kept\nother ssh-ed25519 AAAA")
    pin(pins, "vm", MINE)
    assert pins.read_bytes() == b"# kept\nother ssh-ed25519 AAAA\n" + MINE.line("vm").encode() + b"\n"
    assert is_pinned(pins, "vm", MINE) is True


def test_a_pin_makes_the_folder_and_is_not_doubled(tmp_path: Path) -> None:
    pins = tmp_path / "a" / "b" / "known_hosts"
    pin(pins, "vm", MINE)
    pin(pins, "vm", MINE)
    assert pins.read_bytes() == MINE.line("vm").encode() + b"\n"


def test_a_pin_never_stands_beside_another_key(pins: Path) -> None:
    pin(pins, "vm", OTHER)
    with pytest.raises(HostKeyError, match="has changed"):
        pin(pins, "vm", MINE)
    assert pins.read_bytes() == OTHER.line("vm").encode() + b"\n"


def test_a_pin_that_cannot_be_kept_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be kept"):
        pin(tmp_path / "file" / "known_hosts", "vm", MINE)


def test_two_runs_at_once_keep_all_their_pins_and_pin_one_host_once(pins: Path) -> None:
    gate = threading.Barrier(8)

    def one(number: int) -> None:
        gate.wait(10)
        pin(pins, f"vm{number // 2}", key(number // 2))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    expected = {key(number).line(f"vm{number}") for number in range(4)}
    lines = pins.read_text(encoding="utf-8").splitlines()
    assert (len(lines), set(lines)) == (4, expected)


def test_a_run_that_waited_for_another_sees_what_that_one_pinned(pins: Path) -> None:
    pins.touch()
    with ThreadPoolExecutor(1) as pool, pins.open("r+b", buffering=0) as file:
        with known_hosts._locked(file.fileno()):
            waiting = pool.submit(pin, pins, "vm", MINE)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            file.seek(0)
            file.write(OTHER.line("vm").encode() + b"\n")
        with pytest.raises(HostKeyError, match="has changed"):
            waiting.result(5)


def test_a_file_that_stays_locked_is_an_error_in_time(pins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_hosts, "_LOCK_WAIT_S", 0.1)
    pins.touch()
    with (
        pins.open("r+b") as file,
        known_hosts._locked(file.fileno()),
        pytest.raises(StorageError, match="the file stays locked"),
    ):
        pin(pins, "vm", MINE)


@pytest.mark.linux
def test_only_the_owner_may_change_a_new_file(pins: Path) -> None:
    pin(pins, "vm", MINE)
    assert pins.stat().st_mode & 0o777 == 0o600
