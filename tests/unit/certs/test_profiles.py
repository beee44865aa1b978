"""Validity and extensions of authorities and devices."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from eflowprov.certs.authority import load_authority, make_authority, may_sign
from eflowprov.certs.issuing import issue
from eflowprov.certs.keys import EncryptedKeyError
from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile, subject
from eflowprov.certs.reading import read_bundle
from eflowprov.errors import InputError
from eflowprov.model import Secret
from tests.pki import DEVICE, NOW, authority, identity, new_authority, odd_certificate, plain_key


def _leaf(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


@pytest.mark.linux
@pytest.mark.parametrize("intermediate", [True, False], ids=["issuing", "root-alone"])
@pytest.mark.parametrize("key_type", list(KeyType))
def test_openssl_accepts_every_chain_strictly(
    openssl: str, tmp_path: Path, key_type: KeyType, intermediate: bool
) -> None:
    now = datetime.now(UTC)
    made = make_authority(AuthorityProfile(key_type, intermediate=intermediate), now)
    opened = load_authority(made.chain, made.issuing_key or made.root_key, "pki")
    issued = issue(opened, DEVICE, LeafProfile(key_type), now)
    for name, data in (("root", made.root_certificate), ("chain", issued.chain_pem), ("leaf", issued.leaf_pem)):
        (tmp_path / name).write_bytes(data)
    command = [openssl, "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "root", "-untrusted", "chain"]
    result = subprocess.run([*command, "leaf"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.stdout == "leaf: OK\n", result.stderr


def test_a_leaf_has_the_extensions_of_a_tls_client_and_no_ca() -> None:
    leaf = _leaf(identity().leaf_pem)
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert (constraints.critical, constraints.value.ca) == (True, False)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_encipherment) == (True, True, False)
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert leaf.subject.rfc4514_string() == f"CN={DEVICE}"


def test_an_rsa_leaf_may_encipher_keys_too() -> None:
    leaf = _leaf(issue(authority(), DEVICE, LeafProfile(KeyType.RSA_2048), NOW).leaf_pem)
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment


@pytest.mark.parametrize(("registration_id", "names"), [(DEVICE, ("DNS:line4-press2",)), ("a.b", ()), ("a:b", ())])
def test_only_a_host_label_becomes_an_alternative_name(registration_id: str, names: tuple[str, ...]) -> None:
    assert identity(registration_id).facts.san == names


def test_authorities_limit_the_path_below_them() -> None:
    issuing, root = read_bundle("pki", new_authority().chain).certificates
    assert (root.path_length, issuing.path_length) == (1, 0)
    assert issuing.authority_key_id == root.subject_key_id
    alone = make_authority(AuthorityProfile(KeyType.EC_P256, intermediate=False), NOW)
    assert read_bundle("pki", alone.chain).certificates[0].path_length == 0
    assert alone.issuing_certificate == alone.issuing_key == b""


def test_a_leaf_begins_an_hour_ago_but_not_before_its_issuer() -> None:
    late = issue(authority(), DEVICE, LeafProfile(), NOW + timedelta(days=2)).facts
    assert late.not_before == NOW + timedelta(days=2, hours=-1)
    early = issue(authority(), DEVICE, LeafProfile(), NOW - timedelta(minutes=30)).facts
    assert early.not_before == NOW - timedelta(hours=1), "the issuer's own beginning"


def test_a_leaf_ends_after_its_days_but_not_after_its_issuer() -> None:
    assert identity().facts.not_after == NOW + timedelta(days=365)
    issuer_ends = read_bundle("pki", new_authority().chain).certificates[0].not_after
    assert issue(authority(), DEVICE, LeafProfile(days=36_500), NOW).facts.not_after == issuer_ends


@pytest.mark.parametrize("away", [timedelta(days=-1), timedelta(days=4000)])
def test_an_authority_that_is_not_valid_now_issues_nothing(away: timedelta) -> None:
    with pytest.raises(InputError, match="it is valid from"):
        issue(authority(), DEVICE, LeafProfile(), NOW + away)


@pytest.mark.parametrize("days", [0, -1, 36_501, 10**12])
def test_days_beyond_sense_are_refused(days: int) -> None:
    with pytest.raises(InputError, match="not between 1 and"):
        issue(authority(), DEVICE, LeafProfile(days=days), NOW)


@pytest.mark.parametrize("organization", ["x" * 65, "two\nlines"])
def test_an_organization_that_no_subject_holds_is_refused(organization: str) -> None:
    with pytest.raises(InputError, match="organization"):
        subject(DEVICE, organization)


def test_the_organization_stands_before_the_common_name() -> None:
    assert subject(DEVICE, "Example Works").rfc4514_string() == f"CN={DEVICE},O=Example Works"


def test_an_id_against_the_rule_is_refused_before_a_key_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eflowprov.certs.issuing.generate_key", lambda _: pytest.fail("a key was made"))
    with pytest.raises(InputError, match="Bad ID!"):
        issue(authority(), "Bad ID!", LeafProfile(), NOW)


def test_the_chain_is_leaf_then_issuing_without_the_root() -> None:
    issued = identity()
    assert issued.chain_pem == issued.leaf_pem + new_authority().issuing_certificate


def test_a_root_that_signs_itself_stands_in_the_chain() -> None:
    made = make_authority(AuthorityProfile(KeyType.EC_P256, intermediate=False), NOW)
    issued = issue(load_authority(made.chain, made.root_key, "pki"), DEVICE, LeafProfile(), NOW)
    assert issued.chain_pem == issued.leaf_pem + made.root_certificate


@pytest.mark.parametrize("data", [identity().leaf_pem, identity().chain_pem, identity().key_pem, new_authority().chain])
def test_every_pem_has_lf_line_ends_and_one_final_newline(data: bytes) -> None:
    assert b"\r" not in data
    assert data.endswith(b"-----\n")
    assert data.startswith(b"-----BEGIN ")


def test_two_authorities_never_share_a_name() -> None:
    assert authority(0).certificate.subject != authority(1).certificate.subject


def test_private_keys_do_not_show_when_an_identity_or_authority_is_printed() -> None:
    secret = identity().key_pem.splitlines()[1].decode()
    printed = repr(identity()) + repr(new_authority())
    assert secret not in printed
    assert "PRIVATE KEY" not in printed


def test_an_authority_with_a_passphrase_opens_with_it_alone() -> None:
    made = make_authority(AuthorityProfile(KeyType.EC_P256), NOW, Secret("correct horse battery"))
    assert b"ENCRYPTED" in made.root_key
    assert b"ENCRYPTED" in made.issuing_key
    load_authority(made.chain, made.issuing_key, "pki", Secret("correct horse battery"))
    for wrong in (None, Secret("wrong horse battery")):
        with pytest.raises(EncryptedKeyError):
            load_authority(made.chain, made.issuing_key, "pki", wrong)


def test_files_that_are_no_authority_cannot_sign() -> None:
    made, other = new_authority(), new_authority(1)
    with pytest.raises(InputError, match="no CA certificate"):
        load_authority(identity().chain_pem, identity().key_pem, "pki")
    with pytest.raises(InputError, match="not that of the first"):
        load_authority(made.chain, made.root_key, "pki")
    with pytest.raises(InputError, match="did not sign each other"):
        load_authority(made.issuing_certificate + other.root_certificate, made.issuing_key, "pki")
    with pytest.raises(InputError, match="neither RSA nor EC"):
        load_authority(made.chain, plain_key(ed25519.Ed25519PrivateKey.generate()), "pki")


def test_a_certificate_without_extensions_may_not_sign() -> None:
    from tests.pki import curve_key

    assert not may_sign(_leaf(odd_certificate(curve_key())))


def test_the_issuers_own_key_identifier_is_taken_over() -> None:
    from tests.pki import curve_key

    key = curve_key()
    own = x509.SubjectKeyIdentifier(b"made in another way")
    pem = odd_certificate(key, extensions=((x509.BasicConstraints(ca=True, path_length=0), True), (own, False)))
    issued = issue(load_authority(pem, plain_key(key), "pki"), "other", LeafProfile(), NOW)
    assert issued.facts.authority_key_id == b"made in another way".hex().upper()
