"""The rules about a device certificate's chain: whole, in order, each part signed by the next, and nothing foreign."""

from __future__ import annotations

from itertools import pairwise

from eflowprov.checks.certificate_case import Case, Judged, Rule, ca_given, failed, listed, passed, skipped, warned
from eflowprov.checks.certificate_dps import admitting
from eflowprov.model import CertificateFacts

_RIGHT_ORDER = (
    "Put the device's certificate first, then the one that signed it, and so on up: ID.chain.pem has them so."
)
_CUT = "The device's chain ends at its own certificate: see certificate/chain."


def _chain(case: Case) -> Judged:
    """Reaching an authority that DPS can know."""
    if case.is_ca_given:
        return ca_given()
    last, places = case.path[-1], case.places
    if len(places) == 1:
        return _signed_itself(case) if last.is_self_issued else _leaf_alone(case)
    if last.is_self_issued:
        return passed(f"{len(places)} certificates, from the device's up to the root {last.subject}.", listed(case))
    return passed(
        f"{len(places)} certificates, up to {last.subject}. DPS must have it, or {last.issuer} above it, as a verified "
        "certificate.",
        listed(case),
    )


def _signed_itself(case: Case) -> Judged:
    if case.enrollment == "individual":
        return passed(
            "The certificate signed itself: an individual enrollment finds it by its thumbprint.", listed(case)
        )
    judged = failed if case.enrollment == "group" else warned
    return judged(
        "The certificate signed itself. Only an individual enrollment can take it; with a group DPS answers "
        "'CA certificate not found.' (401002).",
        "For a group enrollment issue one from an authority: eflowprov certs device ID.",
        listed(case),
    )


def _leaf_alone(case: Case) -> Judged:
    issuer = case.leaf.issuer
    if len(case.bundle.certificates) > 1:
        return failed(
            f"No certificate in the file signed the device's: {issuer} is missing, and the others are foreign or stand "
            "further up. DPS answers 'CA certificate not found.' (401002).",
            f"Add the certificate of {issuer}, and those above it, behind the device's.",
            listed(case),
        )
    if case.enrollment == "individual":
        return passed("The device's certificate alone: an individual enrollment needs no more.", listed(case))
    if case.trials and case.trials.named and admitting(case.trials):
        return passed("The device's certificate alone: the enrolled CA signed it.", listed(case))
    return warned(
        "The file holds the device's certificate alone. That is enough for an individual enrollment, and for a group "
        f"whose enrolled CA is {issuer} itself; with any other group DPS answers 'CA certificate not found.' (401002).",
        f"For a group enrollment give the full chain: add the certificate of {issuer}, and those above it.",
        listed(case),
    )


def _chain_order(case: Case) -> Judged:
    """TLS 1.2 wants each certificate to be signed by the next (RFC 5246, 7.4.2)."""
    places = case.places
    if len(places) == 1:
        return skipped(_CUT)
    if case.place and places[1:] == sorted(places[1:]):
        return skipped("Only the device's certificate stands at a wrong place: see certificate/leaf-first.")
    if places == list(range(len(places))):
        return passed("Leaf, issuing, root: each is followed by the one that signed it.")
    return failed(
        "The certificates are not in the order leaf, issuing, root. TLS wants each to be signed by the next, and "
        "DPS may answer 'CA certificate not found.' (401002).",
        _RIGHT_ORDER,
        listed(case),
    )


def _chain_signed(case: Case) -> Judged:
    certificates, places = case.bundle.certificates, case.places
    neighbours = [place for place, above in pairwise(places) if above == place + 1]
    if not neighbours:
        return skipped(_CUT if len(places) == 1 else "The certificates are not in order: see certificate/chain-order.")
    for place in neighbours:
        if not case.bundle.signed_by_next[place]:
            return failed(
                f"{certificates[place + 1].subject} has the name of the issuer of {certificates[place].subject}, but "
                "did not sign it: it is another authority of the same name. DPS answers 'CA certificate not found.' or "
                "'Invalid certificate.' (401002).",
                "Give the chain of the authority that issued this certificate.",
                listed(case),
            )
    return passed("Every signature is the next certificate's.")


def _chain_foreign(case: Case) -> Judged:
    extra = len(case.bundle.certificates) - len(case.places)
    if len(case.places) == 1 and not case.leaf.is_self_issued:
        return skipped(_CUT)
    if not extra:
        return passed("Every certificate in the file belongs to the device's chain.")
    return warned(
        f"{extra} of the certificates in the file {'is' if extra == 1 else 'are'} not in the device's chain, or "
        "there twice. DPS passes over them; they are sent along at every connection for nothing.",
        "Leave them out.",
        listed(case),
    )


def _authorities(case: Case) -> Judged:
    """Every certificate above the device's may sign (RFC 5280, 6.1.4, steps k to n)."""
    if len(case.path) == 1:
        return skipped("The issuer's certificate is not in the file.")
    for below, one in enumerate(case.path[1:]):
        if fault := _fault(one, below):
            return failed(
                f"{one.subject} signed, and {fault}. Whoever checks the chain refuses it; DPS then answers "
                "'Invalid certificate.' (401002).",
                "Make the authority anew with basic constraints CA:TRUE and key usage keyCertSign: eflowprov certs ca.",
                listed(case),
            )
    return passed("Every certificate above the device's may sign.")


def _fault(authority: CertificateFacts, below: int) -> str:
    """Why it may not sign; `below` counts the authorities under it."""
    if not authority.is_ca:
        return "is not marked as a CA"
    if authority.key_usage is not None and "keyCertSign" not in authority.key_usage:
        return "its key usage lacks keyCertSign"
    if authority.path_length is not None and authority.path_length < below:
        return f"allows {authority.path_length} authorities below it, where there are {below}"
    return ""


RULES = (
    Rule("chain", "the chain reaches an authority", _chain),
    Rule("chain-order", "the chain is in order", _chain_order),
    Rule("chain-signed", "each certificate is signed by the next", _chain_signed),
    Rule("chain-foreign", "no foreign certificate is in the file", _chain_foreign),
    Rule("authorities", "the authorities may sign", _authorities),
)
