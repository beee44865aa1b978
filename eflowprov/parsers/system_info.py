"""Memory and disks out of check's `additional_info.system_info` (iotedge's additional_info.rs, 1.0.9 to 1.6).

Sizes are texts such as `1.95 GiB`, free space is `36.1%`. What is missing or in another form is left out: nothing rests
on it but vm/disk and vm/memory.
"""

from __future__ import annotations

import re

from eflowprov.model import Disk, SystemInfo

_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([KMGTP]?)(i?)B\s*", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def system_info(value: object) -> SystemInfo | None:
    """The facts in the JSON value; None when it holds none."""
    if not isinstance(value, dict):
        return None
    listed = value.get("disks")
    disks = tuple(disk for item in (listed if isinstance(listed, list) else ()) if (disk := _disk(item)))
    info = SystemInfo(_bytes(value.get("used_ram")), _bytes(value.get("total_ram")), disks)
    return info if info != SystemInfo() else None


def _disk(item: object) -> Disk | None:
    if not isinstance(item, dict):
        return None
    size, percent = _bytes(item.get("total_space")), _PERCENT.fullmatch(str(item.get("percent_free")))
    if not size or not percent:  # "NaN%" for a file system without a size
        return None
    return Disk(str(item.get("name", "")), size, float(percent[1]))


def _bytes(text: object) -> float | None:
    found = _SIZE.fullmatch(str(text))
    if not found:
        return None
    return float(found[1]) * float((1024 if found[3] else 1000) ** _POWERS[found[2].upper()])
