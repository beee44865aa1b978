"""Every certificate rule passes on a good file and fails on the file it is for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eflowprov.certs.names import is_registration_id
from eflowprov.certs.reading import read_bundle
from eflowprov.checks.certificate import _REGISTRATION_ID, judge_certificate
from eflowprov.model import BundleFacts, Finding, Outcome
from tests.pki import DEVICE, NOW, bundle, facts, identity, issuing_facts, new_authority, root_facts

FAIL, WARN, PASS, SKIP = Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP
RULES = {
    "encoding", "leaf-first", "ca-as-identity", "common-name", "key-match", "key-encrypted", "chain", "expired",
    "not-yet-valid", "expiring", "issuer-dates", "client-auth", "key-usage", "key-algorithm", "signature-hash",
}  # fmt: skip


def _judge(one: BundleFacts, **more: Any) -> dict[str, Finding]:
    asked = {"registration_id": DEVICE, "profile": "eflow", "now": NOW, **more}
    return {finding.id.removeprefix("certificate/"): finding for finding in judge_certificate(one, **asked)}


def _outcome(rule: str, one: BundleFacts, **more: Any) -> Outcome:
    return _judge(one, **more)[rule].outcome


@pytest.mark.parametrize(
    "one",
    [
        bundle(),
        bundle(facts(), issuing_facts(), root_facts()),
        read_bundle("f", identity().chain_pem, key=identity().key_pem),
    ],
    ids=["chain", "chain-with-root", "our-own"],
)
def test_a_good_chain_passes_every_rule(one: BundleFacts) -> None:
    judged = _judge(one)
    assert set(judged) == RULES
    assert {finding.outcome for finding in judged.values()} == {PASS}
    assert all(finding.detail and finding.title and finding.source for finding in judged.values())


@pytest.mark.parametrize(("profile", "more"), [("eflow-1.1", {"before-2038"}), ("esf", {"esf-name", "esf-subject"})])
def test_a_profile_adds_its_own_rules(profile: str, more: set[str]) -> None:
    assert set(_judge(bundle(), profile=profile)) == RULES | more


def test_an_unknown_profile_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        _judge(bundle(), profile="nonsense")


LEAF, ISSUING, ROOT = facts(), issuing_facts(), root_facts()
SIGNED_ITSELF = facts(issuer=f"CN={DEVICE}", is_self_issued=True)
OTHER_NAME = facts(subject="CN=x", common_names=("other",))

CASES = [
    ("leaf-first", FAIL, bundle(ISSUING, LEAF), {}),
    ("leaf-first", SKIP, bundle(ISSUING, ROOT), {}),
    ("ca-as-identity", FAIL, bundle(ISSUING, ROOT), {}),
    ("ca-as-identity", PASS, bundle(ISSUING, LEAF), {}),
    ("common-name", FAIL, bundle(facts(common_names=())), {}),
    ("common-name", FAIL, bundle(facts(common_names=("Bad ID!",))), {"registration_id": None}),
    ("common-name", FAIL, bundle(facts(common_names=("x" * 65,))), {"registration_id": None}),
    ("common-name", FAIL, bundle(facts(common_names=("press\n",))), {"registration_id": None}),
    ("common-name", FAIL, bundle(OTHER_NAME), {}),
    ("common-name", PASS, bundle(OTHER_NAME), {"registration_id": None}),
    ("common-name", WARN, bundle(facts(common_names=("Line4-Press2",))), {}),
    ("common-name", WARN, bundle(facts(common_names=("Line4-Press2",))), {"registration_id": "Line4-Press2"}),
    ("common-name", WARN, bundle(facts(common_names=(DEVICE, "other"))), {}),
    ("key-match", FAIL, bundle(key_matches=False), {}),
    ("key-match", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    ("key-match", SKIP, bundle(key_matches=None, key_encrypted=True), {}),
    ("key-encrypted", FAIL, bundle(key_encrypted=True), {}),
    ("key-encrypted", PASS, bundle(key_encrypted=True), {"profile": "esf"}),
    ("key-encrypted", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    ("chain", FAIL, bundle(ISSUING, LEAF), {}),
    ("chain", FAIL, bundle(LEAF, ROOT, ISSUING), {}),
    ("chain", FAIL, bundle(LEAF, ISSUING, signed_by_next=(False,)), {}),
    ("chain", FAIL, bundle(LEAF, ROOT), {}),
    ("chain", WARN, bundle(LEAF, ISSUING, issuing_facts(subject="CN=Foreign")), {}),
    ("chain", WARN, bundle(LEAF, ISSUING, ROOT, ROOT), {}),
    ("chain", WARN, bundle(LEAF), {}),
    ("chain", WARN, bundle(LEAF), {"enrollment": "group"}),
    ("chain", PASS, bundle(LEAF), {"enrollment": "individual"}),
    ("chain", WARN, bundle(SIGNED_ITSELF), {}),
    ("chain", FAIL, bundle(SIGNED_ITSELF), {"enrollment": "group"}),
    ("chain", PASS, bundle(SIGNED_ITSELF), {"enrollment": "individual"}),
    ("expired", FAIL, bundle(facts(not_after=NOW)), {}),
    ("expired", FAIL, bundle(LEAF, issuing_facts(not_after=NOW - timedelta(days=1))), {}),
    ("not-yet-valid", FAIL, bundle(facts(not_before=NOW + timedelta(seconds=1))), {}),
    ("not-yet-valid", FAIL, bundle(LEAF, issuing_facts(not_before=NOW + timedelta(days=1))), {}),
    ("expiring", WARN, bundle(facts(not_after=NOW + timedelta(days=29, hours=23))), {}),
    ("expiring", PASS, bundle(facts(not_after=NOW + timedelta(days=30))), {}),
    ("expiring", WARN, bundle(facts(not_after=NOW + timedelta(days=59))), {"expiring_days": 60}),
    ("expiring", SKIP, bundle(facts(not_after=NOW - timedelta(days=1))), {}),
    ("issuer-dates", WARN, bundle(LEAF, issuing_facts(not_after=LEAF.not_after - timedelta(days=1))), {}),
    ("issuer-dates", SKIP, bundle(LEAF), {}),
    ("before-2038", PASS, bundle(), {"profile": "eflow-1.1"}),
    (
        "before-2038",
        FAIL,
        bundle(facts(not_after=NOW.replace(year=2038, month=1, day=1, hour=0))),
        {"profile": "eflow-1.1"},
    ),
    ("client-auth", FAIL, bundle(facts(extended_key_usage=("serverAuth",))), {}),
    ("client-auth", FAIL, bundle(facts(extended_key_usage=())), {}),
    ("client-auth", PASS, bundle(facts(extended_key_usage=("serverAuth", "clientAuth"))), {}),
    ("client-auth", WARN, bundle(facts(extended_key_usage=None)), {}),
    ("key-usage", FAIL, bundle(facts(key_usage=("keyEncipherment",))), {}),
    ("key-usage", WARN, bundle(facts(key_usage=None)), {}),
    *[
        ("key-algorithm", FAIL, bundle(facts(key_type=kind)), {})
        for kind in ("EC secp256k1", "Ed25519", "DSA 2048", "RSA 1024", "RSA 2047", "EC P-521", "unknown (1.2.3)")
    ],
    *[("key-algorithm", PASS, bundle(facts(key_type=kind)), {}) for kind in ("RSA 2048", "RSA 4096", "EC P-384")],
    ("key-algorithm", FAIL, bundle(LEAF, issuing_facts(key_type="EC secp256k1")), {}),
    ("signature-hash", FAIL, bundle(facts(signature_hash="SHA1")), {}),
    ("signature-hash", FAIL, bundle(facts(signature_hash="")), {}),
    ("signature-hash", FAIL, bundle(LEAF, issuing_facts(signature_hash="SHA1")), {}),
    ("signature-hash", PASS, bundle(LEAF, ISSUING, root_facts(signature_hash="SHA1")), {}),
    ("encoding", FAIL, bundle(quirks=("bom",)), {}),
    ("encoding", FAIL, bundle(quirks=("utf-16",)), {}),
    ("encoding", FAIL, bundle(quirks=("begin-line",)), {}),
    ("encoding", FAIL, bundle(quirks=("der",)), {}),
    ("encoding", FAIL, bundle(quirks=("pfx",)), {}),
    *[
        ("encoding", WARN, bundle(quirks=(quirk,)), {})
        for quirk in ("crlf", "text-before", "text-between", "trailing", "key-inside")
    ],
    ("encoding", FAIL, bundle(quirks=("trailing",)), {"profile": "esf"}),
    ("esf-name", FAIL, bundle(), {"profile": "esf"}),
    ("esf-name", PASS, bundle(facts(common_names=("press2",))), {"profile": "esf", "registration_id": "press2"}),
    ("esf-subject", WARN, bundle(), {"profile": "esf"}),
    ("esf-subject", PASS, bundle(facts(subject="CN=press2,O=Works")), {"profile": "esf"}),
]


@pytest.mark.parametrize(
    ("rule", "outcome", "one", "more"), CASES, ids=[f"{i}-{rule}-{o}" for i, (rule, o, *_) in enumerate(CASES)]
)
def test_a_rule_decides(rule: str, outcome: Outcome, one: BundleFacts, more: dict[str, Any]) -> None:
    finding = _judge(one, **more)[rule]
    assert finding.outcome is outcome, finding
    if outcome in (FAIL, WARN):
        assert finding.remedy.endswith("."), "what is wrong comes with the way out"
        assert len(finding.detail) > 40, "and with what it leads to"


def test_a_ca_given_as_identity_is_said_in_plain_words() -> None:
    made = new_authority()
    found = _judge(read_bundle("f", made.chain, key=made.issuing_key))["ca-as-identity"]
    assert found.detail.startswith("A CA certificate was given as the identity.")
    assert "iotedge-eflow#135" in found.detail
    assert found.remedy.startswith("Give the leaf or full chain of the device")


def test_a_self_signed_ca_of_the_right_name_is_a_warning_for_an_individual_enrollment_alone() -> None:
    own = facts(issuer=f"CN={DEVICE}", is_self_issued=True, is_ca=True)
    assert _outcome("ca-as-identity", bundle(own), enrollment="individual") is WARN
    assert _outcome("ca-as-identity", bundle(own)) is FAIL
    assert _outcome("ca-as-identity", bundle(own), enrollment="individual", registration_id="other") is FAIL


def test_a_foreign_expired_certificate_does_not_condemn_the_device() -> None:
    foreign = issuing_facts(subject="CN=Foreign", not_after=NOW - timedelta(days=1))
    assert _outcome("expired", bundle(LEAF, ISSUING, foreign)) is PASS


def test_of_two_issuers_of_one_name_the_one_right_behind_is_taken() -> None:
    renewed = issuing_facts(sha256="renewed")
    assert _outcome("chain", bundle(LEAF, ISSUING, renewed)) is WARN
    assert "1 of the certificates" in _judge(bundle(LEAF, ISSUING, renewed))["chain"].detail


def test_two_cas_that_name_each_other_end_the_search() -> None:
    loop = issuing_facts(subject="CN=Root", issuer="CN=Issuing")
    assert _outcome("chain", bundle(LEAF, ISSUING, loop)) is PASS


def test_key_identifiers_tell_two_issuers_of_one_name_apart() -> None:
    leaf = facts(authority_key_id="B")
    first, second = issuing_facts(subject_key_id="A", sha256="a"), issuing_facts(subject_key_id="B", sha256="b")
    assert "not in the order" in _judge(bundle(leaf, first, second))["chain"].detail


@given(st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9\-._:]{0,66}", fullmatch=True))
def test_the_rule_for_ids_is_the_one_that_issuing_keeps(text: str) -> None:
    assert bool(_REGISTRATION_ID.fullmatch(text)) == is_registration_id(text)


def test_every_id_is_lasting_in_form() -> None:
    assert all(re.fullmatch(r"certificate/[a-z0-9-]+", finding.id) for finding in judge_certificate(
        bundle(), registration_id=None, profile="esf", now=NOW
    ))  # fmt: skip
