"""`identities.csv` and `identities.json`: one line for each whole identity below `--out`, whoever issued it and when.

Both are made anew from the files themselves while no other run can give names there, so that the last of several runs
that end at once writes what all of them have made.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from eflowprov.certs.facts import utc
from eflowprov.certs.names import file_name_for
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.disk.storage import create, fill, flush_file, flush_folder, replace, told
from eflowprov.workflows.disk.workroom import Workroom
from eflowprov.workflows.identities.identity_files import is_there
from eflowprov.workflows.identities.issued import IdentityReceipt
from eflowprov.workflows.identities.layouts import Layout, Place, places_in

CSV, JSON = "identities.csv", "identities.json"
COLUMNS = (
    "registration_id", "serial", "sha1", "sha256", "not_before", "not_after", "leaf", "chain", "key"
)  # fmt: skip


def refuse_summary_names(registration_ids: Iterable[str]) -> None:
    """Raise InputError for an ID whose folder would have a summary's name; both names are legal IDs."""
    for one in registration_ids:
        if file_name_for(one).lower() in (CSV, JSON):
            raise InputError(f"registration ID '{one}'", "its folder would have the name of the summary", "Rename it")


def write_summary(out: Path, layout: Layout, receipts: Iterable[IdentityReceipt]) -> tuple[Path, Path]:
    """Write both files whole and give their paths; `receipts` are known already and need not be read.

    What is there and is no whole identity has no line. Raises StorageError.
    """
    known = {receipt.place.leaf: receipt.certificate for receipt in receipts}
    with told(out / CSV), Workroom(out) as room, room.alone():
        rows = [row for place in places_in(out, layout) if (row := _row(out, place, known.get(place.leaf)))]
        for name, data in ((CSV, _csv(rows)), (JSON, _json(rows, layout))):
            under_way = room.new_name()
            fill(create(under_way), data)
            flush_file(under_way)
            replace(under_way, out / name)
        flush_folder(out)
    return out / CSV, out / JSON


def refresh_summary(out: Path) -> None:
    """Bring the summary up to date where there is one; its layout is the one with folders. Raises StorageError."""
    if is_there(out / CSV):
        write_summary(out, Layout.EFLOWPROV, ())


def _row(out: Path, place: Place, certificate: CertificateFacts | None) -> dict[str, str] | None:
    """The line of one identity; None when its leaf or chain cannot be read. A key may have gone to its device."""
    try:
        one = certificate or read_bundle(place.leaf, read_limited(out / place.leaf, MAX_BYTES)).certificates[0]
    except InputError:
        return None
    if not (out / place.chain).is_file() or not one.common_names:
        return None
    values = (
        one.common_names[0], one.serial, one.sha1, one.sha256, utc(one.not_before), utc(one.not_after),
        place.leaf, place.chain, place.key if (out / place.key).is_file() else "",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _json(rows: list[dict[str, str]], layout: Layout) -> bytes:
    document = {"schema_version": "1.0", "layout": layout.value, "identities": rows}
    return (json.dumps(document, indent=2) + "\n").encode("ascii")
