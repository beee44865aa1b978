"""The rules about a device certificate's chain: whole, in order, and living as long as the device's."""

from __future__ import annotations

from itertools import pairwise

from eflowprov.checks.certificate_case import Case, Judged, failed, passed, skipped, warned

_RIGHT_ORDER = (
    "Put the device's certificate first, then the one that signed it, and so on up: ID.chain.pem has them so."
)


def chain(case: Case) -> Judged:
    """In order, each signed by the next, and reaching an authority that DPS can know."""
    certificates, places = case.bundle.certificates, case.places
    listed = _listed(case)
    if places != list(range(len(places))):
        return failed(
            "The certificates are not in the order leaf, issuing, root. TLS wants each to be signed by the next, and "
            "DPS may answer 'CA certificate not found.' (401002).",
            _RIGHT_ORDER,
            listed,
        )
    for place in places[:-1]:
        if not case.bundle.signed_by_next[place]:
            return failed(
                f"{certificates[place + 1].subject} has the name of the issuer of {certificates[place].subject}, but "
                "did not sign it: it is another authority of the same name. DPS answers 'Invalid certificate' "
                "(401002).",
                "Give the chain of the authority that issued this certificate.",
                listed,
            )
    return _reach(case, listed)


def _reach(case: Case, listed: str) -> Judged:
    last = case.path[-1]
    extra = len(case.bundle.certificates) - len(case.places)
    if len(case.places) == 1:
        return _signed_itself(case, listed) if last.is_self_issued else _leaf_alone(case, extra, listed)
    if extra:
        return warned(
            f"{extra} of the certificates in the file {'is' if extra == 1 else 'are'} not in the device's chain, or "
            "there twice. They are sent along at every connection for nothing.",
            "Leave them out.",
            listed,
        )
    return passed(f"{len(case.places)} certificates, each signed by the next; the last is {last.subject}.", listed)


def _signed_itself(case: Case, listed: str) -> Judged:
    if case.enrollment == "individual":
        return passed("The certificate signed itself: an individual enrollment finds it by its thumbprint.", listed)
    judged = failed if case.enrollment == "group" else warned
    return judged(
        "The certificate signed itself. Only an individual enrollment can take it; no group enrollment will.",
        "For a group enrollment issue one from an authority: eflowprov certs device ID.",
        listed,
    )


def _leaf_alone(case: Case, extra: int, listed: str) -> Judged:
    issuer = case.leaf.issuer
    if extra:
        return failed(
            f"No certificate in the file signed the device's: {issuer} is missing, and the others are foreign. DPS "
            "answers 'CA certificate not found.' (401002).",
            f"Add the certificate of {issuer}, and those above it, behind the device's.",
            listed,
        )
    if case.enrollment == "individual":
        return passed("The device's certificate alone: an individual enrollment needs no more.", listed)
    return warned(
        "The file holds the device's certificate alone. That is enough for an individual enrollment, and for a group "
        f"whose enrolled CA is {issuer} itself; with any other group DPS answers 'CA certificate not found.' (401002).",
        f"For a group enrollment give the full chain: add the certificate of {issuer}, and those above it.",
        listed,
    )


def issuer_dates(case: Case) -> Judged:
    """No certificate outlives the one that signed it."""
    path = case.path
    if len(path) == 1:
        return skipped("The issuer's certificate is not in the file.")
    for one, issuer in pairwise(path):
        if one.not_after > issuer.not_after:
            return warned(
                f"{one.subject} is valid until {one.not_after:%Y-%m-%d}, but {issuer.subject}, which signed it, ends "
                f"on {issuer.not_after:%Y-%m-%d}. From then on DPS refuses the device.",
                "Renew the authority before that day, and issue anew.",
                _listed(case),
            )
    return passed("No certificate outlives the one that signed it.")


def _listed(case: Case) -> str:
    return "\n".join(f"{i}. {one.subject}, issued by {one.issuer}" for i, one in enumerate(case.bundle.certificates, 1))
