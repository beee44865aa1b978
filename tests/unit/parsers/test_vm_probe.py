"""The VM's answer about itself: read whole, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.errors import ParseError
from eflowprov.model import VmProbe
from eflowprov.parsers.vm_probe import parse_vm_probe

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
WHOLE = (
    f"clock 1763788211\nconfig there\nscope 0ne1\nregistration \ncertificate /c.pem\n{PEM}key readable /a b.pem\nend\n"
)


def test_a_whole_answer_is_read() -> None:
    assert parse_vm_probe(WHOLE) == VmProbe(1763788211, True, "", "0ne1", "/c.pem", PEM, "/a b.pem", "readable")


def test_line_ends_and_marks_of_windows_do_not_matter() -> None:
    assert parse_vm_probe("\ufeff" + WHOLE.replace("\n", "\r\n")) == parse_vm_probe(WHOLE)


def test_a_vm_without_a_configuration_is_not_provisioned() -> None:
    assert parse_vm_probe("clock 5\nconfig missing\nend\n") == VmProbe(5)


def test_a_key_state_that_is_not_known_is_none() -> None:
    probe = parse_vm_probe("clock 5\nconfig there\nkey fine /k\nend\n")
    assert (probe.key, probe.key_path) == ("", "")


@pytest.mark.parametrize("text", ["", "clock 5\n", "end\n", "clock x\nend\n", "clock ٣\nend\n", "sh: not found\nend\n"])
def test_an_answer_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="not whole"):
        parse_vm_probe(text)


@given(st.integers(0, len(WHOLE) - 6))
def test_an_answer_that_was_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(ParseError):
        parse_vm_probe(WHOLE[:length])
