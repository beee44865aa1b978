"""The rules about dates: from when to when DPS and the runtime take the chain."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from eflowprov.checks.certificate_case import (
    ANEW,
    EFLOW_1_1,
    Case,
    Judged,
    Rule,
    day,
    failed,
    listed,
    passed,
    skipped,
    warned,
    whose,
)
from eflowprov.model import CertificateFacts

# Scripts that make authority and device one after the other, with the same days, let the device end some seconds later.
_MADE_IN_ONE_GO = timedelta(days=1)
_YEAR_2038 = datetime.fromisoformat("2038-01-01T00:00:00+00:00")


def _expired(case: Case) -> Judged:
    over = [one for one in case.path if case.now >= one.not_after]
    if not over:
        return passed(f"The device's certificate is valid until {day(case.leaf.not_after)}.")
    return failed(
        f"{whose(case, over[0])} expired on {day(over[0].not_after)}. DPS answers 'Invalid certificate.' (401002), "
        "or the TLS connection fails.",
        f"{ANEW} If the authority itself has expired, make a new one and enroll it: eflowprov certs ca.",
        _dates(over[0]),
    )


def _not_yet_valid(case: Case) -> Judged:
    early = [one for one in case.path if case.now < one.not_before]
    if not early:
        return passed("Every certificate of the chain is valid already.")
    return failed(
        f"{whose(case, early[0])} is not valid before {_moment(early[0].not_before)}; here it is "
        f"{_moment(case.now)}. Until then DPS answers 'Invalid certificate.' (401002), or the TLS connection fails.",
        "Set the clock of this machine and of the VM right (a VM's clock lags after its host slept, "
        "iotedge-eflow#236), or wait.",
        _dates(early[0]),
    )


def _expiring(case: Case) -> Judged:
    left = (case.leaf.not_after - case.now).days
    if left < 0:
        return skipped("It has expired: see certificate/expired.")
    if left >= case.expiring_days:
        return passed(f"{_days(left)} left.")
    return warned(
        f"{_days(left)} left. Nothing renews a certificate that was given as a file: on {day(case.leaf.not_after)} "
        "DPS and IoT Hub begin to refuse the device (iotedge#5787).",
        "Issue a new one in time and provision with it: eflowprov certs device ID --renew, then eflowprov provision.",
        _dates(case.leaf),
    )


def _issuer_dates(case: Case) -> Judged:
    """No certificate outlives the one that signed it."""
    path = case.path
    if len(path) == 1:
        return skipped("The issuer's certificate is not in the file.")
    for one, issuer in pairwise(path):
        if one.not_after - issuer.not_after >= _MADE_IN_ONE_GO:
            return warned(
                f"{one.subject} is valid until {day(one.not_after)}, but {issuer.subject}, which signed it, ends "
                f"on {day(issuer.not_after)}. From then on DPS answers 'Invalid certificate.' (401002).",
                "Renew the authority before that day, and issue anew.",
                listed(case),
            )
    return passed("No certificate outlives the one that signed it.")


def _before_2038(case: Case) -> Judged:
    late = [one for one in case.path if one.not_after >= _YEAR_2038]
    if not late:
        return passed("Every certificate of the chain ends before 2038.")
    return failed(
        f"{whose(case, late[0])} ends on {day(late[0].not_after)}. EFLOW 1.1 cannot use certificates that end in "
        "2038 or later, so that the device never gets as far as DPS.",
        "Issue with fewer days (--days), the authority too.",
        _dates(late[0]),
    )


def _dates(one: CertificateFacts) -> str:
    return f"{one.subject}: {_moment(one.not_before)} to {_moment(one.not_after)}"


def _days(number: int) -> str:
    return "1 day is" if number == 1 else f"{number} days are"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


RULES = (
    Rule("expired", "no certificate has expired", _expired),
    Rule("not-yet-valid", "every certificate is valid already", _not_yet_valid),
    Rule("expiring", "the device's certificate lasts", _expiring),
    Rule("issuer-dates", "the issuer lasts as long as the device", _issuer_dates),
    Rule("before-2038", "every certificate ends before 2038", _before_2038, (EFLOW_1_1,)),
)
