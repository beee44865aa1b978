"""DPS's rules, and what they foretell about a file."""

from __future__ import annotations

import warnings
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from eflowprov.certs.dps_rules import Denial, Enrollment, decide
from eflowprov.certs.dps_trials import try_enrollments
from eflowprov.certs.facts import common_names
from eflowprov.model import EnrollmentTrials
from tests.pki import DEVICE, NOW, curve_key, identity, new_authority, odd_certificate

LEAF, ISSUING = x509.load_pem_x509_certificates(identity().chain_pem)
ROOT = x509.load_pem_x509_certificate(new_authority().root_certificate)
FOREIGN = x509.load_pem_x509_certificate(new_authority(1).root_certificate)
NOT_FOUND = (401, 401002, "CA certificate not found.")
UNAUTHORIZED = (401, 401002, "Unauthorized")
INVALID = (401, 401002, "Invalid certificate.")
ISSUING_KEY = curve_key()


def _try(
    *certificates: x509.Certificate,
    registration_id: str = DEVICE,
    kind: str | None = None,
    enrolled: tuple[x509.Certificate, ...] = (),
    days: int = 0,
    place: int = 0,
) -> EnrollmentTrials:
    return try_enrollments(
        certificates or (LEAF, ISSUING),
        place=place,
        registration_id=registration_id,
        kind=kind,
        enrolled=enrolled,
        now=NOW + timedelta(days=days),
    )


def _answers(found: EnrollmentTrials) -> list[tuple[int, int, str]]:
    return [(one.http_status, one.error_code, one.message) for one in found.trials]


def test_without_a_word_the_certificate_itself_and_each_authority_above_it_are_tried() -> None:
    found = _try(LEAF, ISSUING, ROOT)
    assert [one.kind for one in found.trials] == ["individual", "group", "group"]
    assert [one.enrolled for one in found.trials] == [one.subject.rfc4514_string() for one in (LEAF, ISSUING, ROOT)]
    assert _answers(found) == [(0, 0, "")] * 3
    assert not found.named
    assert found.trials[0].sha1 == LEAF.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303


def test_a_chain_without_its_issuing_ca_does_not_reach_the_enrolled_root() -> None:
    assert _answers(_try(LEAF, kind="group", enrolled=(ROOT,))) == [NOT_FOUND]
    assert _answers(_try(LEAF, ISSUING, kind="group", enrolled=(ROOT,))) == [(0, 0, "")]
    assert _answers(_try(LEAF, kind="group", enrolled=(ISSUING,))) == [(0, 0, "")]


def test_an_enrolled_certificate_alone_means_a_group() -> None:
    found = _try(enrolled=(FOREIGN, ROOT))
    assert [one.kind for one in found.trials] == ["group", "group"]
    assert sorted(_answers(found)) == [(0, 0, ""), NOT_FOUND]
    assert found.named


def test_groups_are_looked_for_from_the_nearest_authority_upwards() -> None:
    names = [one.subject.rfc4514_string() for one in (ISSUING, ROOT, FOREIGN)]
    for sent in ((LEAF, ISSUING), (LEAF, ISSUING, ROOT)):
        found = _try(*sent, kind="group", enrolled=(FOREIGN, ROOT, ISSUING))
        assert [one.enrolled for one in found.trials] == names


def test_an_individual_enrollment_wants_this_very_certificate() -> None:
    renewed = x509.load_pem_x509_certificate(identity(number=1).leaf_pem)
    assert _answers(_try(kind="individual")) == [(0, 0, "")]
    assert _answers(_try(kind="individual", enrolled=(LEAF,))) == [(0, 0, "")]
    assert _answers(_try(kind="individual", enrolled=(renewed,))) == [UNAUTHORIZED]


def test_a_group_without_an_authority_in_the_file_cannot_be_tried() -> None:
    assert _try(LEAF, kind="group").trials == ()


def test_the_leaf_enrolled_as_a_group_is_told_apart() -> None:
    assert _answers(_try(kind="group", enrolled=(LEAF,))) == [
        (401, 401002, "Signing certificate info did not match chain elements.")
    ]


def test_another_name_is_unauthorized_and_case_does_not_matter() -> None:
    assert set(_answers(_try(registration_id="other"))) == {UNAUTHORIZED}
    assert set(_answers(_try(registration_id=DEVICE.upper()))) == {(0, 0, "")}


def test_out_of_its_dates_a_certificate_is_invalid_and_so_is_its_issuer() -> None:
    assert set(_answers(_try(days=400))) == {INVALID}
    assert set(_answers(_try(days=-2))) == {INVALID}
    short = x509.load_pem_x509_certificate(odd_certificate(ISSUING_KEY, name="Short"))
    child = x509.load_pem_x509_certificate(_child(short))
    late = NOW + timedelta(days=40)  # odd_certificate lives 30 days, its child 60
    entry = Enrollment(odd_certificate(curve_key()).decode())
    assert decide([entry], [child, short], DEVICE, late) == Denial(*INVALID)


def _child(issuer: x509.Certificate) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)]))
        .issuer_name(issuer.subject)
        .public_key(curve_key().public_key())
        .serial_number(5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=60))
    )
    return builder.sign(ISSUING_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_file_that_begins_with_a_ca_presents_the_ca() -> None:
    found = _try(ISSUING, LEAF, place=1)
    assert all(one.http_status for one in found.trials)


def test_of_an_authority_that_only_has_the_name_nothing_follows() -> None:
    impostor = x509.load_pem_x509_certificate(odd_certificate(curve_key(), name=common_names(ISSUING)[0]))
    assert _answers(_try(LEAF, impostor, kind="group", enrolled=(ROOT,))) == [NOT_FOUND]


def test_a_disabled_entry_refuses_whatever_stands_above_it() -> None:
    pem = [one.public_bytes(Encoding.PEM).decode() for one in (ISSUING, ROOT)]
    entries = [Enrollment(pem[0], enabled=False), Enrollment(pem[1])]
    assert decide(entries, [LEAF, ISSUING], DEVICE, NOW) == Denial(*UNAUTHORIZED)


def test_a_negative_serial_number_is_no_warning_on_the_terminal() -> None:
    body = x509.load_pem_x509_certificate(odd_certificate(curve_key())).public_bytes(Encoding.DER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = x509.load_der_x509_certificate(body.replace(b"\x02\x02\x12\x67", b"\x02\x02\x92\x67"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _try(odd, kind="individual").trials
