"""The rules about what a certificate is for, how strong it is, and whether all of it can be read."""

from __future__ import annotations

from eflowprov.checks.certificate_case import ANEW, Case, Judged, Rule, ca_given, failed, passed, shown, warned, whose

_GOOD_CURVES = {"EC P-256", "EC P-384"}
_MIN_RSA = 2048  # bits
_GOOD_HASHES = {"SHA256", "SHA384", "SHA512"}


def _client_auth(case: Case) -> Judged:
    if case.is_ca_given:
        return ca_given()
    usages = case.leaf.extended_key_usage
    if usages is None:
        return warned(
            "The certificate has no extended key usage. That allows every use, and DPS takes it; renewal over EST "
            "wants clientAuth written.",
            ANEW,
        )
    if {"clientAuth", "anyExtendedKeyUsage"} & set(usages):
        return passed(f"It may be used as a TLS client: {', '.join(usages)}.")
    return failed(
        f"The extended key usage is {', '.join(usages) or 'empty'} and lacks clientAuth. The device is a TLS client, "
        "and servers refuse a certificate that is not for that: the connection to DPS or IoT Hub fails.",
        "Issue a certificate with extended key usage clientAuth: eflowprov certs device ID does.",
    )


def _key_usage(case: Case) -> Judged:
    if case.is_ca_given:
        return ca_given()
    usages = case.leaf.key_usage
    if usages is None:
        return warned(
            "The certificate has no key usage. That allows every use, and DPS takes it; a device needs "
            "digitalSignature alone.",
            ANEW,
        )
    if "digitalSignature" in usages:
        return passed(f"Key usage: {', '.join(usages)}.")
    return failed(
        f"The key usage is {', '.join(usages) or 'empty'} and lacks digitalSignature. A TLS client proves its key "
        "with a signature, so that the connection to DPS or IoT Hub fails.",
        "Issue a certificate with key usage digitalSignature: eflowprov certs device ID does.",
    )


def _key_algorithm(case: Case) -> Judged:
    bad = [one for one in case.path if not _is_good_key(one.key_type)]
    if bad:
        return failed(
            f"{whose(case, bad[0])} has the key type {bad[0].key_type}. DPS, IoT Hub and the runtime take RSA from "
            "2048 bits and EC P-256 or P-384; with others the TLS connection fails before DPS answers.",
            "Issue with --key-type ec-p256 or rsa-2048. The ca-certs.ps1 script's 'ecc' makes secp256k1: use 'rsa' "
            "there.",
            shown(bad[0]),
        )
    if case.leaf.key_type == "EC P-384":
        return passed("EC P-384. The runtime's own check recommends P-256 and warns of it.")
    return passed(f"{case.leaf.key_type}.")


def _is_good_key(key_type: str) -> bool:
    kind, _, size = key_type.partition(" ")
    return key_type in _GOOD_CURVES or (kind == "RSA" and size.isdigit() and int(size) >= _MIN_RSA)


def _signature_hash(case: Case) -> Judged:
    # A root's signature on itself proves nothing, so its hash does not matter; a leaf's own is looked at all the same.
    signed = [one for one in case.path if one is case.leaf or not one.is_self_issued]
    bad = [one for one in signed if one.signature_hash not in _GOOD_HASHES]
    if not bad:
        return passed(f"Signed with {case.leaf.signature_hash}.")
    return failed(
        f"{whose(case, bad[0])} is signed with {bad[0].signature_hash or 'an algorithm without a hash'}. DPS and "
        "current TLS libraries take SHA-256, SHA-384 or SHA-512 alone; with others the TLS connection fails.",
        f"Have the authority sign with SHA-256. {ANEW}",
        shown(bad[0]),
    )


def _readable(case: Case) -> Judged:
    bad = [one for one in case.path if one.unreadable]
    if not bad:
        return passed("Every part of the chain's certificates can be decoded.")
    return failed(
        f"{whose(case, bad[0])} has parts that cannot be decoded: {'; '.join(bad[0].unreadable)}. Strict readers "
        "refuse such a certificate, so that the TLS connection to DPS may fail; what stands there is not judged.",
        f"Have the authority issue it anew, without them. {ANEW}",
        shown(bad[0]),
    )


RULES = (
    Rule("client-auth", "the certificate is for TLS clients", _client_auth),
    Rule("key-usage", "the key may sign", _key_usage),
    Rule("key-algorithm", "the key types are supported", _key_algorithm),
    Rule("signature-hash", "the signatures are strong", _signature_hash),
    Rule("readable", "every part can be decoded", _readable),
)
