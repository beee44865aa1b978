"""Files of registration IDs: one on each line, or a column of a CSV; as editors, Excel and PowerShell write them."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.identities.registration_ids import ListedId

MAX_BYTES = 16 * 2**20  # a quarter of a million IDs of the longest kind
STDIN = Path("-")
# The column of the IDs: the first of these that the header has, whatever its case, spaces, `_` and `-`.
_COLUMNS = ("registrationid", "deviceid", "id", "commonname", "cn")
_DELIMITERS = ",;\t"  # none of them can stand in an ID
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read_ids_file(path: Path, stdin: BinaryIO) -> list[ListedId]:
    """Read the IDs with their lines; `-` reads `stdin`. Spaces around an ID, blank lines and `#` lines do not count.

    UTF-8 or, with its mark, UTF-16. Raises InputError for what cannot be read, is no text, is too large, holds no ID,
    or is a CSV without a header that names the column. The IDs themselves are not judged here.
    """
    source = "standard input" if path == STDIN else str(path)
    data = _read_stream(stdin) if path == STDIN else read_limited(path, MAX_BYTES)
    found = list(_entries(_text(data, source), source))
    if not found:
        raise InputError(source, "it holds no registration ID", "Give one on each line, or a CSV with a header")
    return found


def _read_stream(stream: BinaryIO) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError("standard input", f"it is larger than {MAX_BYTES} bytes", "Check that it is the right list")
    return data


def _text(data: bytes, source: str) -> str:
    mark, encoding = next((one for one in _MARKS if data.startswith(one[0])), (b"", "utf-8"))
    # What is no UTF-8 may stand in other columns (Excel's CSV is Windows-1252); in an ID the rule refuses it.
    text = data[len(mark) :].decode(encoding, "replace")
    if found := _BINARY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InputError(source, f"it is no text file (line {line})", "Give a text or CSV file in UTF-8")
    return text


def _entries(text: str, source: str) -> Iterator[ListedId]:
    rows = _rows(text, source)
    first = next(rows, None)
    if first is None:
        return
    header = first[1]
    column = _column(header, source)
    if column is None:  # no header: a plain list
        yield ListedId(header[0], f"{source}, line {first[0]}")
    for line, row in rows:
        yield ListedId(_cell(row, column or 0, len(header)), f"{source}, line {line}")


def _cell(row: list[str], column: int, width: int) -> str:
    """The ID of a row; all of a row that has more than the header, so that nothing in it is passed over in silence."""
    if any(row[width:]):
        return ",".join(row)
    return row[column] if column < len(row) else ""


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that say something, with their line numbers; Export-Csv of Windows PowerShell begins with `#TYPE`."""
    lines = re.split(r"\r\n|\n|\r", text)
    head = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{source}, line {line}", f"it is no CSV ({error})", "Check the quotation marks") from None


def _column(header: list[str], source: str) -> int | None:
    """The place of the IDs' column; None when there is one column and its first line is an ID already."""
    plain = [re.sub(r"[\s_\-]", "", name).lower() for name in header]
    for wanted in _COLUMNS:
        if plain.count(wanted) > 1:
            raise InputError(
                source, f"two columns are called like '{header[plain.index(wanted)]}'", "Leave one of them"
            )
        if wanted in plain:
            return plain.index(wanted)
    if len(header) == 1:
        return None
    named = ", ".join(f"'{name[:40]}'" for name in header[:6])
    raise InputError(
        source,
        f"none of its columns is known ({named})",
        "Call the column of the IDs 'registration_id' in a header line",
    )
