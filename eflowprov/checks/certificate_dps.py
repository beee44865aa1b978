"""The rule about DPS's answer: which enrollment would let the device in, or with which words DPS would refuse it."""

from __future__ import annotations

from collections.abc import Sequence

from eflowprov.checks.catalogue import explain_refusal
from eflowprov.checks.certificate_case import Case, Judged, Rule, ca_given, failed, passed, skipped
from eflowprov.model import EnrollmentTrial, EnrollmentTrials

_VERIFIED = "The CA must be verified in DPS."
_SEVERAL = 2
_LEAF_ALONE = "Enroll this certificate alone, not its chain (iotedge#2738)."


def _dps_answer(case: Case) -> Judged:
    trials = case.trials
    if case.is_ca_given:
        return ca_given()
    if trials is None or not trials.trials:
        return skipped(
            "No enrollment was tried: no certificate in the file signed the device's. See certificate/chain."
        )
    good = admitting(trials)
    tried = "\n".join(_said(one) for one in trials.trials)
    if good:
        let_in = f"DPS would let '{trials.registration_id}' in with {_which(good)}."
        return passed(f"{let_in}{_nearest(trials, good)}{_advice(good)}", tried)
    first = trials.trials[0]
    meaning = explain_refusal(first.http_status, first.error_code, first.message)
    return failed(
        f"DPS would refuse '{trials.registration_id}' with {first.http_status} '{first.message}' "
        f"({first.error_code}); tried: {_which(trials.trials)}. {_why(case, trials, first)}{meaning.cause}",
        meaning.remedy,
        tried,
    )


def admitting(trials: EnrollmentTrials) -> list[EnrollmentTrial]:
    """The enrollments that would let the device in."""
    return [one for one in trials.trials if not one.http_status]


def _nearest(trials: EnrollmentTrials, good: Sequence[EnrollmentTrial]) -> str:
    """Which of several groups that are known to be there it is: DPS ends its look-up at the first one."""
    groups = [one for one in good if one.kind == "group"]
    if not trials.named or len(groups) < _SEVERAL:
        return ""
    return f" With all of them there it is the nearest: {groups[0].enrolled}."


def _why(case: Case, trials: EnrollmentTrials, first: EnrollmentTrial) -> str:
    """What the trial itself knows, before what the message means in general."""
    if first.message.startswith("CA certificate") and trials.named:
        reached = case.path[-1]
        return f"The chain in the file ends at {reached.subject}, issued by {reached.issuer}. "
    return ""


def _which(trials: Sequence[EnrollmentTrial]) -> str:
    return ", or ".join(f"{_article(one)} of {one.enrolled}" for one in trials)


def _article(one: EnrollmentTrial) -> str:
    return "an individual enrollment" if one.kind == "individual" else "an enrollment group"


def _advice(trials: list[EnrollmentTrial]) -> str:
    kinds = {one.kind for one in trials}
    said = [text for kind, text in (("individual", _LEAF_ALONE), ("group", _VERIFIED)) if kind in kinds]
    return "".join(f" {text}" for text in said)


def _said(one: EnrollmentTrial) -> str:
    answer = f"{one.http_status} {one.message} ({one.error_code})" if one.http_status else "assigned"
    return f"{_article(one)} of {one.enrolled}, thumbprint {one.sha1}: {answer}"


ANSWER = Rule("dps-answer", "DPS would let the device in", _dps_answer)
