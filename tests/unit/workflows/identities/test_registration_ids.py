"""Lists of registration IDs, and the files that they come in."""

from __future__ import annotations

import io
import random
from contextlib import suppress
from pathlib import Path

import pytest

from eflowprov.errors import InputError
from eflowprov.workflows.identities import ids_file
from eflowprov.workflows.identities.ids_file import STDIN, read_ids_file
from eflowprov.workflows.identities.registration_ids import (
    FaultyListError,
    ListedId,
    check_listed,
    check_registration_ids,
)


def _read(tmp_path: Path, data: bytes | str, name: str = "ids.csv") -> list[str]:
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return [one.text for one in read_ids_file(tmp_path / name, io.BytesIO())]


def test_every_fault_of_a_list_is_named_at_once() -> None:
    with pytest.raises(FaultyListError) as refused:
        check_registration_ids(["ok", "Bad ID!", "ok", "OK", "x."])
    text = str(refused.value)
    assert text.startswith("registration IDs: 4 stand in the way (2 invalid, 1 given twice, 1 alike but for case): ")
    for said in ("character 4 is a space", "given twice", "DPS ignores case and takes it for 'ok'", "it ends in '.'"):
        assert said in text


def test_a_fault_names_its_line_and_that_of_the_first() -> None:
    listed = [ListedId("a", "ids.txt, line 1"), ListedId("A", "ids.txt, line 7"), ListedId("é", "ids.txt, line 9")]
    with pytest.raises(FaultyListError) as refused:
        check_listed(listed)
    twin, foreign = refused.value.faults
    assert (twin.where, twin.why) == (
        "ids.txt, line 7, registration ID 'A'",
        "DPS ignores case and takes it for 'a' (first in ids.txt, line 1)",
    )
    assert foreign.where == "ids.txt, line 9, registration ID 'é'"


def test_one_fault_is_told_as_itself() -> None:
    with pytest.raises(InputError) as refused:
        check_registration_ids(["a", "b b"])
    assert str(refused.value).startswith("registration ID 'b b': character 2 is a space")


def test_thousands_of_faults_still_make_one_short_line_and_are_all_kept() -> None:
    with pytest.raises(FaultyListError) as refused:
        check_registration_ids([f"bad {number}" for number in range(5000)])
    assert "and 4990 more" in str(refused.value)
    assert len(str(refused.value)) < 2000
    assert len(refused.value.faults) == 5000


def test_no_id_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="none is given"):
        check_registration_ids([])


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\n",
        "a\r\nb\r\n",
        "a\rb",
        "\ufeffa\nb",
        "\n  a \n\n\tb\n \n",
        "# the first\na\n# the second\nb\n",
        '"a"\n"b"\n',
        "registration_id\na\nb\n",
        '#TYPE System.Management.Automation.PSCustomObject\r\n"RegistrationId"\r\n"a"\r\n"b"\r\n',
        "name,deviceId,site\nx,a,1\ny,b,2\n",
        "name;Device ID;site\nx;a;1\ny;b;2\n",
        "name\tREGISTRATION-ID\nx\ta\ny\tb\n",
        'note,id\n"two\nlines, here",a\n,b\n',
        "id,registration_id,device_id\n1,a,x\n2,b,y\n",
        "id, name\n a , x\n b , y\n,,\n",
        "cn,\na,\nb,\n",
    ],
)
def test_lists_are_read_in_every_form_that_people_keep_them_in(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, text) == ["a", "b"]
    for encoding in ("utf-8-sig", "utf-16"):
        assert _read(tmp_path, text.removeprefix("\ufeff").encode(encoding)) == ["a", "b"]
    big_endian = b"\xfe\xff" + text.removeprefix("\ufeff").encode("utf-16-be")
    assert _read(tmp_path, big_endian) == ["a", "b"]


def test_other_columns_may_be_in_excels_encoding(tmp_path: Path) -> None:
    assert _read(tmp_path, "Standort;Device ID\nKöln;a\nMünchen;b\n".encode("cp1252")) == ["a", "b"]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('note,id\n\n"two\nlines",a\n# x\nz,b\n', encoding="utf-8")
    places = [one.place for one in read_ids_file(tmp_path / "f", io.BytesIO())]
    assert places == [f"{tmp_path / 'f'}, line 3", f"{tmp_path / 'f'}, line 6"]


def test_standard_input_is_read_for_a_dash() -> None:
    (one,) = read_ids_file(STDIN, io.BytesIO(b"a\n"))
    assert (one.text, one.place) == ("a", "standard input, line 1")


def test_nothing_in_a_row_is_passed_over_in_silence(tmp_path: Path) -> None:
    assert _read(tmp_path, "a\nb,c\n") == ["a", "b,c"], "an ID that the rule refuses"
    assert _read(tmp_path, "id,site\na,1\nb\n,2\nc,3,4\n") == ["a", "b", "", "c,3,4"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no registration ID"),
        (b"\n\n# only words\n", "holds no registration ID"),
        (b"registration_id\n", "holds no registration ID"),
        (b"\xef\xbb\xbf", "holds no registration ID"),
        (b"name,site\nx,1\n", r"none of its columns is known \('name', 'site'\)"),
        (b"id,ID\nx,1\n", "two columns are called like 'id'"),
        (b'id\n"never closed\n', "line 2: it is no CSV"),
        (b"\x7fELF\x02\x01\x01\x00", "no text file"),
        (b"a\nb\x00\n", r"no text file \(line 2\)"),
        ("a\nb\n".encode("utf-16-le"), "no text file"),
        (b"PK\x03\x04 a workbook of Excel", "no text file"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        _read(tmp_path, data)
    assert refused.value.exit_status == 2
    assert str(tmp_path / "ids.csv") in str(refused.value)


def test_a_file_of_a_hundred_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(InputError, match="larger than 16777216 bytes"):
        read_ids_file(tmp_path / "big", io.BytesIO())


def test_standard_input_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids_file, "MAX_BYTES", 100)
    stream = io.BytesIO(b"a\n" * 1000)
    with pytest.raises(InputError, match="standard input: it is larger than 100 bytes"):
        read_ids_file(STDIN, stream)
    assert stream.tell() == 101


def test_any_bytes_at_all_are_a_list_or_an_input_error(tmp_path: Path) -> None:
    """Bytes that are likely to matter, in every order; a cell of 200 kB is beyond the csv module's limit."""
    parts = [b'"', b",", b";", b"\n", b"\r", b"\xff\xfe", b"\x00", b"id", b"\xe9", b" ", b"#", b"x" * 200_000]
    chance = random.Random(4)
    for _ in range(300):
        data = b"".join(chance.choices(parts, k=chance.randint(0, 12)))
        with suppress(InputError):
            assert _read(tmp_path, data)
