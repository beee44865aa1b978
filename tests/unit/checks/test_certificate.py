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
from eflowprov.checks.certificate import IDS, judge_certificate, judge_unused_key
from eflowprov.checks.certificate_file import judge_other_kind
from eflowprov.checks.certificate_identity import _REGISTRATION_ID
from eflowprov.model import BundleFacts, EnrollmentTrial, EnrollmentTrials, FileAccess, Finding, KeyFacts, Outcome
from tests.pki import DEVICE, NOW, bundle, facts, identity, issuing_facts, new_authority, root_facts

FAIL, WARN, PASS, SKIP = Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP
RULES = {
    "file-kind", "byte-order-mark", "line-ends", "dash-lines", "text-around", "trailing", "key-inside",
    "leaf-first", "ca-as-identity", "common-name", "common-name-form", "serial-number", "alternative-names",
    "key-match", "key-encrypted", "key-file", "key-count",
    "chain", "chain-order", "chain-signed", "chain-foreign", "authorities",
    "expired", "not-yet-valid", "expiring", "issuer-dates",
    "client-auth", "key-usage", "key-algorithm", "signature-hash", "readable",
}  # fmt: skip
PRIVATE = FileAccess("device.key.pem", (), "mode 0600")
OPEN = FileAccess("device.key.pem", ("its group", "everyone"), "mode 0644")
ASSIGNED = EnrollmentTrial("group", "CN=Issuing", "AA")
REFUSED = EnrollmentTrial("group", "CN=Root", "BB", 401, 401002, "CA certificate not found.")


def _trials(*trials: EnrollmentTrial, named: bool = True) -> EnrollmentTrials:
    return EnrollmentTrials(DEVICE, trials, named)


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
    *[
        (rule, SKIP, bundle(ISSUING, ROOT), {})
        for rule in ("common-name-form", "client-auth", "key-usage", "chain", "leaf-first")
    ],
    ("common-name", SKIP, bundle(facts(common_names=())), {}),
    ("common-name", FAIL, bundle(OTHER_NAME), {}),
    ("common-name", PASS, bundle(OTHER_NAME), {"registration_id": None}),
    ("common-name", WARN, bundle(facts(common_names=("Line4-Press2",))), {}),
    ("common-name", PASS, bundle(facts(common_names=("Line4-Press2",))), {"registration_id": "Line4-Press2"}),
    ("common-name-form", FAIL, bundle(facts(common_names=())), {}),
    ("common-name-form", FAIL, bundle(facts(common_names=("Bad ID!",))), {}),
    ("common-name-form", FAIL, bundle(facts(common_names=("x" * 65,))), {}),
    ("common-name-form", FAIL, bundle(facts(common_names=("press\n",))), {}),
    ("common-name-form", WARN, bundle(facts(common_names=("Line4-Press2",))), {}),
    ("common-name-form", WARN, bundle(facts(common_names=(DEVICE, "other"))), {}),
    ("serial-number", WARN, bundle(facts(serial="00")), {}),
    ("serial-number", WARN, bundle(facts(serial="-1267")), {}),
    ("serial-number", WARN, bundle(facts(serial="01" * 21)), {}),
    ("serial-number", PASS, bundle(facts(serial="7F" * 20)), {}),
    ("serial-number", WARN, bundle(LEAF, issuing_facts(serial="00")), {}),
    ("alternative-names", PASS, bundle(facts(san=())), {}),
    ("alternative-names", PASS, bundle(facts(san=("DNS:a.example", "IP:10.0.0.1", "OtherName:00"))), {}),
    *[
        ("alternative-names", WARN, bundle(facts(san=names)), {})
        for names in (("DNS:*.a",), ("DNS:p_x",), ("DNS:",), ("email:",), ("DNS:a", "DNS:a"), ("DNS:" + "a" * 64,))
    ],
    ("key-match", FAIL, bundle(key_matches=False), {}),
    ("key-match", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    ("key-match", SKIP, bundle(key_matches=None, key_encrypted=True), {}),
    ("key-encrypted", FAIL, bundle(key_encrypted=True), {}),
    ("key-encrypted", PASS, bundle(key_encrypted=True), {"profile": "esf"}),
    ("key-encrypted", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    *[
        ("key-file", FAIL, bundle(key_quirks=(quirk,)), {})
        for quirk in ("der", "utf-16", "bom", "cr", "dash-line", "blank-line")
    ],
    ("key-file", PASS, bundle(key_quirks=("crlf", "text-before", "trailing")), {}),
    *[
        ("key-file", FAIL, bundle(key_quirks=(quirk,)), {"profile": "esf"})
        for quirk in ("text-before", "text-after", "trailing")
    ],
    ("key-file", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    ("key-count", WARN, bundle(key_quirks=("several-keys",)), {}),
    ("key-count", SKIP, bundle(key_matches=None, key_encrypted=None), {}),
    ("key-access", WARN, bundle(), {"access": OPEN}),
    ("key-access", PASS, bundle(), {"access": PRIVATE}),
    ("chain-order", SKIP, bundle(ISSUING, LEAF), {}),
    ("chain-order", FAIL, bundle(ROOT, LEAF, ISSUING), {}),
    ("chain-order", FAIL, bundle(LEAF, ROOT, ISSUING), {}),
    ("chain-order", FAIL, bundle(LEAF, issuing_facts(subject="CN=Foreign"), ISSUING), {}),
    ("chain-order", SKIP, bundle(LEAF), {}),
    ("chain-signed", FAIL, bundle(LEAF, ISSUING, signed_by_next=(False,)), {}),
    ("chain-signed", FAIL, bundle(LEAF, ISSUING, ROOT, signed_by_next=(True, False)), {}),
    ("chain-signed", SKIP, bundle(ISSUING, LEAF), {}),
    ("chain-signed", SKIP, bundle(LEAF), {}),
    ("chain-foreign", WARN, bundle(LEAF, ISSUING, issuing_facts(subject="CN=Foreign")), {}),
    ("chain-foreign", WARN, bundle(LEAF, ISSUING, ROOT, ROOT), {}),
    ("chain-foreign", SKIP, bundle(LEAF, ROOT), {}),
    ("authorities", FAIL, bundle(LEAF, issuing_facts(is_ca=False)), {}),
    ("authorities", FAIL, bundle(LEAF, issuing_facts(key_usage=("cRLSign",))), {}),
    ("authorities", FAIL, bundle(LEAF, ISSUING, root_facts(path_length=0)), {}),
    ("authorities", PASS, bundle(LEAF, issuing_facts(key_usage=None, path_length=None)), {}),
    ("authorities", SKIP, bundle(LEAF), {}),
    ("chain", FAIL, bundle(LEAF, ROOT), {}),
    ("chain", WARN, bundle(LEAF), {}),
    ("chain", WARN, bundle(LEAF), {"enrollment": "group"}),
    ("chain", PASS, bundle(LEAF), {"enrollment": "individual"}),
    ("chain", PASS, bundle(LEAF), {"enrollment": "group", "trials": _trials(ASSIGNED)}),
    ("chain", WARN, bundle(LEAF), {"enrollment": "group", "trials": _trials(REFUSED)}),
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
    ("issuer-dates", PASS, bundle(LEAF, issuing_facts(not_after=LEAF.not_after - timedelta(seconds=5))), {}),
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
    *[("file-kind", FAIL, bundle(kind=kind), {}) for kind in ("der", "pfx", "pkcs7")],
    ("byte-order-mark", FAIL, bundle(quirks=("bom",)), {}),
    ("byte-order-mark", FAIL, bundle(quirks=("utf-16",)), {}),
    ("line-ends", WARN, bundle(quirks=("crlf",)), {}),
    ("line-ends", FAIL, bundle(quirks=("cr",)), {}),
    ("dash-lines", FAIL, bundle(quirks=("dash-line",)), {}),
    ("dash-lines", FAIL, bundle(quirks=("blank-line",)), {}),
    *[("text-around", WARN, bundle(quirks=(quirk,)), {}) for quirk in ("text-before", "text-between", "text-after")],
    ("text-around", FAIL, bundle(quirks=("text-after",)), {"profile": "esf"}),
    ("text-around", WARN, bundle(quirks=("text-before",)), {"profile": "esf"}),
    ("trailing", WARN, bundle(quirks=("trailing",)), {}),
    ("trailing", FAIL, bundle(quirks=("trailing",)), {"profile": "esf"}),
    ("key-inside", WARN, bundle(quirks=("key-inside",)), {}),
    ("readable", FAIL, bundle(facts(unreadable=("extensions: odd",))), {}),
    ("readable", FAIL, bundle(LEAF, issuing_facts(unreadable=("subject: odd",))), {}),
    ("dps-answer", PASS, bundle(), {"trials": _trials(ASSIGNED)}),
    ("dps-answer", PASS, bundle(), {"trials": _trials(REFUSED, ASSIGNED)}),
    ("dps-answer", FAIL, bundle(), {"trials": _trials(REFUSED)}),
    ("dps-answer", SKIP, bundle(), {"trials": _trials(named=False)}),
    ("dps-answer", SKIP, bundle(ISSUING, ROOT), {"trials": _trials(ASSIGNED)}),
    ("dps-answer", PASS, bundle(SIGNED_ITSELF), {"trials": _trials(ASSIGNED), "enrollment": "individual"}),
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
    judged = _judge(bundle(LEAF, ISSUING, issuing_facts(sha256="renewed")))
    assert judged["chain-order"].outcome is PASS
    assert "1 of the certificates" in judged["chain-foreign"].detail


def test_two_cas_that_name_each_other_end_the_search() -> None:
    loop = issuing_facts(subject="CN=Root", issuer="CN=Issuing")
    assert _outcome("chain", bundle(LEAF, ISSUING, loop)) is PASS


def test_key_identifiers_tell_two_issuers_of_one_name_apart() -> None:
    leaf = facts(authority_key_id="B")
    first, second = issuing_facts(subject_key_id="A", sha256="a"), issuing_facts(subject_key_id="B", sha256="b")
    assert "not in the order" in _judge(bundle(leaf, first, second))["chain-order"].detail


@given(st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9\-._:]{0,66}", fullmatch=True))
def test_the_rule_for_ids_is_the_one_that_issuing_keeps(text: str) -> None:
    assert bool(_REGISTRATION_ID.fullmatch(text)) == is_registration_id(text)


def test_every_finding_has_a_lasting_id_that_is_listed() -> None:
    judged: set[str] = set()
    for profile in ("eflow", "eflow-1.1", "esf"):
        judged |= _judge(bundle(), profile=profile, access=OPEN, trials=_trials(ASSIGNED)).keys()
    assert set(IDS) == judged | {"key-unused"}
    assert all(re.fullmatch(r"[a-z0-9-]+", id_) for id_ in IDS)
    assert len(set(IDS)) == len(IDS)


def test_what_nobody_looked_at_has_no_finding() -> None:
    assert not {"key-access", "dps-answer"} & _judge(bundle()).keys()


def test_a_refusal_is_told_in_dps_own_words_with_the_way_out() -> None:
    told = _judge(bundle(LEAF), trials=_trials(REFUSED))["dps-answer"]
    assert "401 'CA certificate not found.' (401002)" in told.detail
    assert "ends at CN=line4-press2, issued by CN=Issuing" in told.detail
    assert "full chain" in told.remedy
    assert told.evidence == "an enrollment group of CN=Root, thumbprint BB: 401 CA certificate not found. (401002)"


def test_the_enrollments_that_would_match_are_named() -> None:
    individual = EnrollmentTrial("individual", "CN=line4-press2", "CC")
    told = _judge(bundle(), trials=_trials(individual, REFUSED, ASSIGNED))["dps-answer"].detail
    assert "an individual enrollment of CN=line4-press2, or an enrollment group of CN=Issuing." in told
    assert "alone, not its chain" in told
    assert "must be verified" in told
    assert "CN=Root" not in told


@pytest.mark.parametrize(("shown", "command"), [("mode 0644", "chmod 600"), ("D:P(A;;FA;;;WD)", "icacls")])
def test_the_way_to_a_private_key_file_is_the_systems_own(shown: str, command: str) -> None:
    found = _judge(bundle(), access=FileAccess("k", ("Everyone",), shown))["key-access"]
    assert command in found.remedy
    assert found.evidence == f"k: {shown}"
    assert "Everyone can read" in found.detail


def test_a_key_without_a_certificate_is_judged_alone() -> None:
    key = BundleFacts(
        "k.pem", (), key_type="EC P-256", key_encrypted=False, key_quirks=("der",), keys=(KeyFacts("", True),)
    )
    found = {one.id: one for one in judge_unused_key(key, profile="eflow", access=OPEN, now=NOW)}
    assert {id_: one.outcome for id_, one in found.items()} == {
        "certificate/key-unused": WARN,
        "certificate/key-file": FAIL,
        "certificate/key-count": PASS,
        "certificate/key-access": WARN,
    }
    assert {one.source for one in found.values()} == {"k.pem"}


def test_a_file_of_another_kind_is_a_finding_that_says_which() -> None:
    found = judge_other_kind("r.pem", "it is a certificate request", "Give the certificate")
    assert (found.id, found.outcome, found.source) == ("certificate/file-kind", FAIL, "r.pem")
    assert "a certificate request" in found.detail
    assert found.remedy == "Give the certificate."
