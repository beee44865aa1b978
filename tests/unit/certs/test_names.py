"""Registration IDs and the file names they get."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.certs.names import check_registration_id, file_name_for, is_host_label
from eflowprov.errors import InputError

_RULE = r"[A-Za-z0-9\-._:]{0,63}[A-Za-z0-9\-]"
legal_ids = st.from_regex(_RULE, fullmatch=True)
_WINDOWS_FORBIDS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


@given(legal_ids)
def test_every_id_of_the_rule_is_taken(text: str) -> None:
    assert check_registration_id(text) == text


@given(st.text(max_size=80))
def test_every_other_text_is_refused(text: str) -> None:
    if re.fullmatch(_RULE, text):
        return
    with pytest.raises(InputError):
        check_registration_id(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Bad ID!", "character 4 is a space"),
        ("press\n", "character 6 is U+000A"),
        ("größe", "character 3 is 'ö' (U+00F6)"),
        ("a" * 65, "it is 65 characters long"),
        ("press.", "it ends in '.'"),
        ("", "it is empty"),
    ],
)
def test_a_refusal_says_which_character_length_or_place_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        check_registration_id(text)
    assert said in str(refused.value)
    assert refused.value.exit_status == 2


def test_a_refusal_of_a_long_text_stays_short() -> None:
    with pytest.raises(InputError) as refused:
        check_registration_id("x" * 100_000)
    assert len(str(refused.value)) < 400


def test_an_ordinary_id_is_its_own_file_name() -> None:
    assert file_name_for("line4-press2.a_b") == "line4-press2.a_b"


@pytest.mark.parametrize(
    ("text", "name"), [("00:15:5d", "00@15@5d"), ("NUL", "NUL~"), ("con.1", "con~.1"), ("console", "console")]
)
def test_names_that_windows_cannot_store_are_marked(text: str, name: str) -> None:
    assert file_name_for(text) == name


special_ids = st.builds(
    lambda device, rest: device + rest,
    st.sampled_from(["CON", "nul", "Com1", "lpt9", "aux", "x"]),
    st.from_regex(r"[.:\-]{0,2}[A-Za-z0-9]{1,2}|", fullmatch=True),
).filter(lambda text: re.fullmatch(_RULE, text) is not None)


@given(legal_ids | special_ids)
def test_every_file_name_can_be_stored_on_windows(text: str) -> None:
    name = file_name_for(text)
    assert not _WINDOWS_FORBIDS.search(name)
    assert not name.endswith((".", " "))
    assert name.partition(".")[0].lower() not in _DEVICES
    assert "+" not in name, "files under way have it in their names"


@given(legal_ids | special_ids, legal_ids | special_ids)
def test_file_names_meet_exactly_when_dps_takes_the_ids_as_one(one: str, other: str) -> None:
    assert (file_name_for(one).lower() == file_name_for(other).lower()) == (one.lower() == other.lower())


def test_the_marks_do_not_meet_in_ids_made_to_provoke_it() -> None:
    ids = ["CON", "CON.x", "CON:.x", "CON::.x", "con-", "CON:x", "NUL.x.y"]
    assert len({file_name_for(one).lower() for one in ids}) == len(ids)


@pytest.mark.parametrize(
    ("text", "is_label"), [("line4-press2", True), ("-a", False), ("a.b", False), ("a" * 64, False)]
)
def test_a_host_label_is_what_dns_takes(text: str, is_label: bool) -> None:
    assert is_host_label(text) is is_label
