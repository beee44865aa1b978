"""An authority's answer made into one device's identity."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.certs.importing import MAX_CERTIFICATES, Assembled, File, assemble
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.profiles import authority_extensions, key_id, sign
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.answers import PASSWORD, Party, answer
from tests.pki import DEVICE, NOW, curve_key, odd_certificate, plain_key

A = answer()
KEY: File = ("device.key.pem", A.device.key_bytes())


def locked(_source: str) -> None:
    """Nobody who knows the passphrase."""
    return


def made(*files: bytes, key: File | None = KEY, passphrase: Secret | None = None) -> Assembled:
    named = [(f"answer{number}", data) for number, data in enumerate(files, 1)]
    return assemble(named, key, unlock=lambda _source: passphrase, now=NOW)


@pytest.mark.parametrize("places", list(itertools.permutations(range(4)))[::5])
def test_the_chain_is_in_order_whatever_the_order_of_the_answer(places: tuple[int, ...]) -> None:
    parties = (A.device, A.issuing, A.policy, A.root)
    got = made(b"".join(parties[place].pem for place in places))
    assert list(got.chain) == A.chain
    assert (got.registration_id, got.missing, got.foreign) == (DEVICE, "", ())


@pytest.mark.parametrize(
    "files",
    [
        [A.p7b()],
        [A.p7b(Encoding.PEM)],
        [A.device.der, A.issuing.der, A.policy.pem, A.root.der],
        [A.pfx(None)],
        [A.device.pem, A.p7b(), A.pfx(None)],
    ],
)
def test_files_of_every_kind_come_together_and_each_certificate_counts_once(files: list[bytes]) -> None:
    assert list(made(*files).chain) == A.chain


def test_the_identity_is_as_our_own_with_the_root_left_out() -> None:
    identity = made(A.p7b()).identity()
    assert identity.leaf_pem == A.device.pem
    assert identity.chain_pem == A.device.pem + A.issuing.pem + A.policy.pem
    assert identity.key_pem == A.device.key_bytes()
    assert identity.facts.common_names == (DEVICE,)
    assert (made(A.p7b()).issuing_pem, made(A.p7b()).root_pem) == (A.issuing.pem, A.root.pem)


def test_a_root_that_signed_the_leaf_itself_stays_in_the_chain() -> None:
    device = Party(DEVICE, A.stranger)
    got = made(A.stranger.pem + device.pem, key=("k", device.key_bytes()))
    assert got.identity().chain_pem == device.pem + A.stranger.pem
    assert (got.issuing_pem, got.root_pem) == (A.stranger.pem, b"")


def test_a_certificate_that_signed_itself_is_its_own_chain() -> None:
    key = curve_key()
    got = made(odd_certificate(key), key=("k", plain_key(key)))
    assert (len(got.chain), got.missing, got.issuing_pem) == (1, "", b"")


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ([A.device.pem], "CN=Plant Issuing CA"),
        ([A.device.pem, A.root.pem], "CN=Plant Issuing CA"),
        ([A.device.pem, A.issuing.pem, A.root.pem], "CN=Plant Policy CA"),
        ([A.device.pem, A.policy.pem, A.issuing.pem], "CN=Plant Root CA"),
    ],
)
def test_what_is_missing_is_said_by_name(files: list[bytes], missing: str) -> None:
    assert made(*files).missing == missing


def test_certificates_of_others_are_left_out_and_told() -> None:
    got = made(A.stranger.pem + A.p7b(Encoding.PEM))
    assert list(got.chain) == A.chain
    assert got.foreign == ("CN=Another Root CA",)


def test_an_impostor_with_the_issuers_name_is_no_issuer() -> None:
    impostor = Party("Plant Issuing CA", depth=0)
    got = made(A.device.pem, impostor.pem)
    assert (len(got.chain), got.missing) == (1, "CN=Plant Issuing CA")


def test_of_two_certificates_of_one_issuer_the_root_and_then_the_living_one_is_taken() -> None:
    def again(party: Party, by: Party, days: int) -> bytes:
        """The same name and key, signed by another or for another time."""
        extensions = authority_extensions(party.key.public_key(), 1, key_id(by.key.public_key()))
        times = NOW - timedelta(days=9), NOW + timedelta(days=days)
        name, signer = party.certificate.subject, by.certificate.subject
        return sign(name, party.key.public_key(), signer, by.key, times, extensions).public_bytes(Encoding.PEM)

    expired, cross = again(A.issuing, A.policy, -1), again(A.root, A.stranger, 500)
    assert list(made(expired, cross, A.p7b()).chain) == A.chain


def test_the_key_says_which_certificate_is_the_devices() -> None:
    neighbour = Party("line4-press3", A.issuing)
    files = neighbour.pem + A.p7b(Encoding.PEM)
    assert made(files).registration_id == DEVICE
    assert made(files, key=("k", neighbour.key_bytes())).registration_id == "line4-press3"


def test_a_key_of_another_device_is_refused_with_the_names_that_were_there() -> None:
    with pytest.raises(InputError, match=f"belongs to none of the 4 certificates .*CN={DEVICE}"):
        made(A.p7b(), key=("k", A.stranger.key_bytes()))


def test_two_certificates_for_one_key_are_not_chosen_between() -> None:
    renewed = odd_certificate(A.device.key, name=DEVICE)
    with pytest.raises(InputError, match="2 of them are for this private key"):
        made(A.p7b(), renewed)


def test_the_key_may_come_from_a_pfx_alone_or_with_everything() -> None:
    assert list(made(A.p7b(), key=("k.pfx", A.pfx()), passphrase=PASSWORD).chain) == A.chain
    assert list(made(A.pfx(), key=None, passphrase=PASSWORD).chain) == A.chain
    assert list(made(A.device.pem, key=("k.pfx", A.pfx()), passphrase=PASSWORD).chain) == A.chain
    with pytest.raises(EncryptedKeyError, match="answer1: the PFX is encrypted"):
        made(A.pfx(), key=None)


def test_the_key_that_is_named_counts_before_one_in_a_pfx() -> None:
    assert list(made(A.pfx(None, key=curve_key()), A.device.pem).chain) == A.chain


def test_different_keys_in_the_files_are_not_chosen_between() -> None:
    with pytest.raises(InputError, match="different private keys"):
        made(A.pfx(None), A.root.pem + A.root.key_bytes(), key=None)
    assert made(A.pfx(None), A.device.pem + A.device.key_bytes(), key=None).registration_id == DEVICE


def test_without_a_key_there_is_no_identity() -> None:
    with pytest.raises(InputError, match="none of the files holds one"):
        made(A.p7b(), key=None)
    with pytest.raises(InputError, match="no certificate is among the files"):
        made(A.device.key_bytes())


def test_a_kind_of_key_that_dps_lacks_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(InputError, match="neither RSA nor EC"):
        made(odd_certificate(key, algorithm=None), key=("k", plain_key(key)))


@pytest.mark.parametrize("name", ["Bad ID", "a" * 60 + "."])
def test_a_name_that_is_no_registration_id_is_refused(name: str) -> None:
    key = curve_key()
    with pytest.raises(InputError, match="registration ID"):
        made(odd_certificate(key, name=name), key=("k", plain_key(key)))


def test_a_subject_with_two_common_names_or_none_is_refused() -> None:
    key = curve_key()
    times = NOW - timedelta(days=1), NOW + timedelta(days=1)
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, DEVICE)
    for name, why in ((x509.Name([attribute, attribute]), "2 common names"), (x509.Name([]), "no common name,")):
        odd = sign(name, key.public_key(), A.issuing.certificate.subject, A.issuing.key, times, [])
        with pytest.raises(InputError, match=why):
            made(odd.public_bytes(Encoding.PEM), key=("k", plain_key(key)))


def test_more_certificates_than_any_chain_has_are_refused() -> None:
    many = [Party(f"d{number}", A.issuing).pem for number in range(MAX_CERTIFICATES + 1)]
    with pytest.raises(InputError, match="hold 101 certificates"):
        made(*many)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([A.p7b(), A.p7b(Encoding.PEM), A.pfx(None), A.device.der]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4),
)
def test_no_damaged_answer_is_more_than_an_input_error(seed: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    try:
        got = made(bytes(data))
    except InputError:
        return
    assert got.identity().leaf_pem
