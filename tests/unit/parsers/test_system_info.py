"""Memory and disks out of check's JSON: what is there is read, what is not is left out."""

from __future__ import annotations

import json

import pytest

from eflowprov.model import Disk, SystemInfo
from eflowprov.parsers.iotedge_check import parse_check
from eflowprov.parsers.system_info import system_info

TOLD = {
    "used_ram": "512.00 MiB",
    "total_ram": "2.00 GiB",
    "used_swap": "0.00 B",
    "total_swap": "0.00 B",
    "disks": [{"name": "/dev/sda9", "percent_free": "71.3%", "total_space": "14.00 GiB", "file_type": "SSD"}],
}


def test_sizes_and_shares_are_read() -> None:
    assert system_info(TOLD) == SystemInfo(512 * 2.0**20, 2 * 2.0**30, (Disk("/dev/sda9", 14 * 2.0**30, 71.3),))


def test_check_carries_them_and_an_old_report_without_them_is_read_all_the_same() -> None:
    checks = {"keyd-running": {"result": {"result": "ok"}}}
    with_info = parse_check(json.dumps({"additional_info": {"system_info": TOLD}, "checks": checks}))
    assert with_info.system == system_info(TOLD)
    assert parse_check(json.dumps({"additional_info": {}, "checks": checks})).system is None


@pytest.mark.parametrize("value", [None, [], "x", {}, {"disks": "x"}, {"used_ram": "a lot"}, {"disks": [None, {}]}])
def test_what_is_not_there_is_none(value: object) -> None:
    assert system_info(value) is None


@pytest.mark.parametrize(
    ("space", "free"), [("0.00 B", "NaN%"), ("14.00 GiB", "NaN%"), ("14 floppies", "3.0%"), (None, "3.0%")]
)
def test_a_disk_without_a_size_or_a_share_is_left_out(space: object, free: str) -> None:
    assert system_info({"disks": [{"name": "x", "percent_free": free, "total_space": space}]}) is None


def test_decimal_units_are_not_binary_ones() -> None:
    info = system_info({"used_ram": "1.00 GB", "total_ram": "2 KiB"})
    assert info == SystemInfo(1e9, 2048.0)
