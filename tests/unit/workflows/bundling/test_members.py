"""A bundle's member: bounded, its newest lines whole, and no secret at the place where it was cut."""

from __future__ import annotations

import base64
import json
import textwrap
from io import BytesIO
from pathlib import Path

import pytest

from eflowprov.workflows.bundling.members import Member, is_binary, newest, newest_of, whole

LIMIT = 4096
BODY = textwrap.wrap(base64.b64encode(bytes(range(256)) * 6).decode("ascii"), 64)


def lines(count: int) -> str:
    return "".join(f"{number:06} something was said\n" for number in range(count))


def every_way(data: bytes, folder: Path) -> list[Member]:
    """The newest lines from memory, from a file and from a stream."""
    path = folder / "log"
    path.write_bytes(data)
    streamed = newest_of("log", BytesIO(data), limit=LIMIT, spend=lambda _: None)
    return [newest("log", data, limit=LIMIT), newest("log", path, limit=LIMIT), streamed]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("count", [2000, 20_000])
def test_of_a_large_log_the_newest_whole_lines_are_kept_and_it_is_said(
    tmp_path: Path, encoding: str, count: int
) -> None:
    data = lines(count).encode(encoding)
    for member in every_way(data, tmp_path):
        kept = member.data.decode("utf-8")
        assert lines(count).endswith(kept) and kept[:6].isdigit()
        assert LIMIT // 4 < len(member.data) <= LIMIT
        assert member.cut - (len(data) - LIMIT) in (0, 1)  # whole units of UTF-16
        assert "newest" in member.note


def test_a_log_within_the_limit_is_kept_byte_for_byte(tmp_path: Path) -> None:
    data = b"one\r\ntwo \xff\xfe\x80 three"
    assert {(member.data, member.cut, member.note) for member in every_way(data, tmp_path)} == {(data, 0, "")}


@pytest.mark.parametrize("kept", range(0, len(BODY) * 65, 400))
def test_a_key_that_begins_before_the_cut_is_known_for_one(tmp_path: Path, kept: int) -> None:
    key = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----"])
    data = (lines(300) + key + "\n" + "x" * (LIMIT - kept - 60) + "\n").encode()
    for member in every_way(data, tmp_path):
        assert not [line for line in BODY if line.encode() in member.data]


def test_a_key_in_narrow_lines_behind_a_prefix_is_known_behind_the_cut(tmp_path: Path) -> None:
    """Too short to be told from words by themselves: it is the first line, before the cut, that tells."""
    narrow = textwrap.wrap("".join(BODY), 20)
    key = ["-----BEGIN PRIVATE KEY-----", *narrow, "-----END PRIVATE KEY-----"]
    data = (lines(100) + "".join(f"Nov 22 05:12:10 VM svc[1]: {line}\n" for line in key)).encode()
    for member in every_way(data + b"after it\n", tmp_path):
        assert not [line for line in narrow[:-1] if line.encode() in member.data]
        assert member.data.endswith(b"after it\n")


def test_a_key_over_the_records_of_a_journal_is_known_behind_the_cut(tmp_path: Path) -> None:
    told = ["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----", "after it"]
    records = [json.dumps({"MESSAGE": message, "_PID": "7"}) for message in [*lines(100).splitlines(), *told]]
    data = ("\n".join(records) + "\n").encode()
    for member in every_way(data, tmp_path):
        assert not [line for line in BODY if line.encode() in member.data]
        kept = [json.loads(line) for line in member.data.splitlines()]
        assert kept[-1] == {"MESSAGE": "after it", "_PID": "7"} and {record["_PID"] for record in kept} == {"7"}


def test_of_what_is_no_log_the_beginning_is_kept() -> None:
    member = whole("list", lines(1000).encode(), limit=LIMIT)
    assert member.data.startswith(b"000000 ") and member.data.endswith(b" said\n") and len(member.data) <= LIMIT
    assert member.cut == len(lines(1000)) - LIMIT and "first" in member.note


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(60), True),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x93\xa1", True),
        (b"plain text \xe9 in Latin-1, more of it behind", False),
        ("breit".encode("utf-16"), False),
        (b"", False),
    ],
)
def test_what_is_no_text_is_known_by_its_head(head: bytes, binary: bool) -> None:
    assert is_binary(head) is binary
