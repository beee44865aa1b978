"""What a request asks a corporate authority for."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from eflowprov.certs.profiles import KeyType, LeafProfile
from eflowprov.certs.requests import Request, make_request
from eflowprov.errors import InputError
from tests.pki import DEVICE


def parsed(made: Request) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(made.request_pem)


def test_the_request_is_signed_with_its_own_key_and_names_the_device() -> None:
    made = make_request(DEVICE, LeafProfile(organization="Example Works"))
    request = parsed(made)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={DEVICE},O=Example Works"
    assert request.public_key() == load_pem_private_key(made.key_pem, None).public_key()


def test_it_asks_for_what_dps_needs_and_leaves_key_identifiers_to_the_issuer() -> None:
    extensions = parsed(make_request(DEVICE, LeafProfile())).extensions
    assert {type(one.value) for one in extensions} == {
        x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName,
    }  # fmt: skip
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [DEVICE]


def test_an_id_that_is_no_host_name_is_not_asked_for_as_one() -> None:
    extensions = parsed(make_request("line4:press_2", LeafProfile())).extensions
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize(("kind", "encipherment"), [(KeyType.EC_P384, False), (KeyType.RSA_2048, True)])
def test_the_kind_of_key_decides_the_key_usage(kind: KeyType, encipherment: bool) -> None:
    usage = parsed(make_request(DEVICE, LeafProfile(kind))).extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_encipherment is encipherment


def test_a_request_prints_no_key_and_an_illegal_id_gets_none() -> None:
    made = make_request(DEVICE, LeafProfile())
    assert "PRIVATE" not in repr(made)
    with pytest.raises(InputError, match="registration ID 'Bad ID'"):
        make_request("Bad ID", LeafProfile())
