"""A site's own severities: what a rule may change, and what it never does."""

from __future__ import annotations

import pytest

from eflowprov.checks.policy import PROOFS, Policy, Rule
from eflowprov.checks.runtime import judge_runtime
from eflowprov.model import Finding, Identity, ModuleList, Outcome, Report, RuntimeFacts, Target, Verdict
from tests.unit.checks.facts import MISSING, NOW, check, checks, facts, log, refused

ROTATE = check("container-engine-logrotate", "warning", "no log rotation")
STORAGE = check("edge-agent-storage-mounted-from-host", "error", "not persisted")


def _policy(*rules: tuple[str, str]) -> Policy:
    return Policy(tuple(Rule(pattern, severity, "as agreed") for pattern, severity in rules))


def _verdict(given: RuntimeFacts, policy: Policy) -> Verdict:
    judged = judge_runtime(given, now=NOW, policy=policy)
    return Report("0.1", NOW, 1.0, Target(), Identity(), judged.findings).verdict


def _found(given: RuntimeFacts, id_: str, policy: Policy) -> Finding:
    findings = judge_runtime(given, now=NOW, policy=policy).findings
    return next(finding for finding in findings if finding.id == id_)


@pytest.mark.parametrize(
    ("severity", "wanted"),
    [("fail", Outcome.FAIL), ("warn", Outcome.WARN), ("pass", Outcome.PASS), ("ignore", Outcome.SKIP)],
)
@pytest.mark.parametrize("outcome", ["warning", "error"])
def test_a_rule_gives_a_judged_finding_its_severity_and_its_reason(
    outcome: str, severity: str, wanted: Outcome
) -> None:
    given = facts(checks=checks(check("container-engine-logrotate", outcome, "no log rotation")))
    finding = _found(given, "iotedge-check/container-engine-logrotate", _policy(("iotedge-check/*logrotate", severity)))
    assert finding.outcome is wanted
    before = Outcome.WARN if outcome == "warning" else Outcome.FAIL
    assert ("Policy: " in finding.detail and "as agreed" in finding.detail) is (wanted is not before)


def test_the_last_rule_that_fits_counts() -> None:
    rules = (("iotedge-check/*", "fail"), ("iotedge-check/container-engine-logrotate", "pass"))
    given = facts(checks=checks(ROTATE))
    assert _found(given, "iotedge-check/container-engine-logrotate", _policy(*rules)).outcome is Outcome.PASS
    assert _found(given, "iotedge-check/container-engine-logrotate", _policy(*reversed(rules))).outcome is Outcome.FAIL


def test_a_failure_that_the_site_accepts_makes_the_device_ready() -> None:
    given = facts(checks=checks(STORAGE))
    assert _verdict(given, Policy()) is Verdict.NOT_READY
    assert _verdict(given, _policy(("iotedge-check/edge-agent-*", "warn"))) is Verdict.READY


def test_a_warning_that_the_site_does_not_accept_makes_it_not_ready() -> None:
    assert _verdict(facts(checks=checks(ROTATE)), _policy(("iotedge-check/*", "fail"))) is Verdict.NOT_READY


@pytest.mark.parametrize("severity", ["pass", "warn", "ignore"])
def test_no_glob_makes_a_missing_proof_milder(severity: str) -> None:
    given = facts(logs=log(*refused("CA certificate not found.")), agent=MISSING)
    assert _verdict(given, _policy(("provisioning/*", severity))) is Verdict.NOT_READY


def test_a_proof_can_be_made_graver() -> None:
    backup = facts(logs=log("Provisioned with backup for line4-press2.", "Identity reconciliation complete."))
    assert _verdict(backup, _policy(("provisioning/dps-assigned", "fail"))) is Verdict.NOT_READY


def test_an_error_is_ignored_on_purpose_alone_and_never_passes() -> None:
    finding = Finding("service/x", "t", Outcome.ERROR, "no answer")
    assert _policy(("service/x", "ignore")).applied(finding).outcome is Outcome.SKIP
    for severity in ("pass", "warn", "fail"):
        assert _policy(("service/x", severity)).applied(finding) == finding
    for proof in PROOFS:
        error = Finding(proof, "t", Outcome.ERROR)
        assert _policy(("*", "ignore")).applied(error) == error


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.SKIP, Outcome.EXPECTED])
def test_what_was_not_judged_wrong_is_left_as_it_is(outcome: Outcome) -> None:
    finding = Finding("a/b", "t", outcome)
    for severity in ("fail", "warn", "pass", "ignore"):
        assert _policy(("*", severity)).applied(finding) == finding


def test_what_stood_open_behind_an_accepted_failure_is_an_error_again() -> None:
    """Else an accepted failure would hide that nothing is known of the deployment."""
    given = facts(checks=checks(STORAGE), modules=ModuleList(), agent=MISSING)
    assert _found(given, "deployment/present", Policy()).outcome is Outcome.SKIP
    accepted = _policy(("iotedge-check/*", "pass"))
    assert _found(given, "deployment/present", accepted).outcome is Outcome.ERROR


def test_a_failure_that_only_the_policy_sees_explains_nothing_else() -> None:
    given = facts(checks=checks(ROTATE), modules=ModuleList(), agent=MISSING)
    strict = _policy(("iotedge-check/container-engine-logrotate", "fail"))
    assert _found(given, "deployment/present", strict).outcome is Outcome.ERROR


def test_applying_a_policy_twice_is_applying_it_once() -> None:
    policy = _policy(("a/*", "pass"), ("b/*", "fail"))
    for finding in (Finding("a/x", "t", Outcome.FAIL, "d"), Finding("b/x", "t", Outcome.WARN, "d")):
        once = policy.applied(finding)
        assert policy.applied(once) == once
