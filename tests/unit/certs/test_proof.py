"""The certificate that proves possession of an authority's key."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.certs.authority import load_authority
from eflowprov.certs.proof import PROOF_DAYS, check_code, sign_proof
from eflowprov.errors import InputError
from tests.pki import NOW, authority, new_authority

CODE = "106A5BC5BC2D1B1B0B2A5D4D5F9E0D37F1C68CF5A1F0B7E2"


def proof(code: str = CODE) -> x509.Certificate:
    return x509.load_pem_x509_certificate(sign_proof(authority(), code, NOW))


def test_its_whole_subject_is_the_code_and_the_authority_signed_it() -> None:
    made = proof()
    assert made.subject.rfc4514_string() == f"CN={CODE}"
    made.verify_directly_issued_by(authority().certificate)
    assert (made.not_valid_after_utc - NOW).days == PROOF_DAYS


def test_it_is_no_ca_and_names_nothing_but_the_code() -> None:
    extensions = proof().extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_root_signs_its_own_proof() -> None:
    made = new_authority()
    root = load_authority(made.root_certificate, made.root_key, "pki")
    signed = x509.load_pem_x509_certificate(sign_proof(root, CODE, NOW))
    signed.verify_directly_issued_by(root.certificate)


def test_white_space_around_the_code_goes_and_nothing_else() -> None:
    assert check_code(f" \t{CODE}\r\n") == CODE
    assert check_code("aBc+/=") == "aBc+/="


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ("AB CD", "character 3 can stand in no code"),
        ("AB\u00a0CD", "character 3 can stand in no code"),
        ("A" * 65, "longer than 64"),
        ("ABC\0", "character 4"),
    ],
)
def test_what_was_copied_wrongly_is_refused(code: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        check_code(code)


@given(st.text(max_size=70))
def test_any_text_is_a_code_or_an_input_error(text: str) -> None:
    try:
        code = check_code(text)
    except InputError:
        return
    assert code == text.strip()
    assert 1 <= len(code) <= 64
