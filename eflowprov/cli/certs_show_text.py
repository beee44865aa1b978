"""What `certs show` says: what is in each file, for people and as a JSON document. Private keys are never in it."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from eflowprov.cli.certs_check_text import LINE
from eflowprov.cli.certs_text import certificate_document, stamp
from eflowprov.model import BundleFacts, CertificateFacts, KeyFacts, RequestFacts
from eflowprov.reports.clean import clean_line

if TYPE_CHECKING:
    from eflowprov.workflows.identities.certificates import SeenFile

_KINDS = {"pem": "PEM", "der": "DER", "pkcs7": "PKCS#7", "pfx": "PFX"}
_NAME = 10  # columns: a SHA-256 thumbprint then fits into 80
_WIDEST = 110
_NARROWEST = 40
Rows = Sequence[tuple[str, str]]


def show_document(seen: Sequence[SeenFile]) -> dict[str, Any]:
    """Every file's contents; times in RFC 3339, UTC."""
    return {"schema_version": "1.0", "files": [_file_document(one) for one in seen]}


def show_text(seen: Sequence[SeenFile], width: int = 100) -> str:
    """What is in each file, with the names that DPS and Windows use for it."""
    blocks = [_file(str(one.path), one.bundle, width) for one in seen if one.bundle]
    return "\n\n".join("\n".join(block) for block in blocks)


def _file_document(one: SeenFile) -> dict[str, Any]:
    document: dict[str, Any] = {"file": str(one.path), "error": str(one.error) if one.error else None}
    if one.bundle is None:
        return document
    keys = [dataclasses.asdict(key) for key in one.bundle.keys]
    return {
        **document,
        "kind": one.bundle.kind,
        "certificates": [certificate_document(certificate) for certificate in one.bundle.certificates],
        "signed_by_next": list(one.bundle.signed_by_next),
        "private_key": keys[0] if keys else None,
        "private_keys": keys,
        "requests": [dataclasses.asdict(request) for request in one.bundle.requests],
        "others": list(one.bundle.others),
        "quirks": list(one.bundle.quirks),
        "left_out": one.bundle.left_out,
    }


def _file(path: str, bundle: BundleFacts, width: int) -> Iterator[str]:
    yield f"{clean_line(path, LINE)}: {_KINDS.get(bundle.kind, bundle.kind)}"
    several = len(bundle.certificates) > 1
    for number, certificate in enumerate(bundle.certificates, 1):
        yield f"  certificate {number} of {len(bundle.certificates)}" if several else "  certificate"
        yield from _rows(_certificate(certificate, bundle, number), width)
    for request in bundle.requests:
        yield "  certificate request"
        yield from _rows(_request(request), width)
    for key in bundle.keys:
        yield "  private key"
        yield from _rows(_key(key, bundle), width)
    others = (*(["also in it: " + ", ".join(bundle.others)] if bundle.others else []), *_odd(bundle))
    for line in others:
        yield f"  {clean_line(line, LINE)}"


def _odd(bundle: BundleFacts) -> Iterator[str]:
    if bundle.left_out:
        yield f"and {bundle.left_out} more, which are not shown"
    if bundle.quirks:
        yield f"oddities: {', '.join(bundle.quirks)} (eflowprov certs check says what they lead to)"


def _rows(rows: Rows, width: int) -> Iterator[str]:
    """Name and value in columns; values from outside are one line each, folded under themselves."""
    room = max(min(width, _WIDEST) - _NAME - 6, _NARROWEST)
    for name, value in rows:
        first, *more = textwrap.wrap(clean_line(value, LINE), max(room, 64), break_on_hyphens=False) or [""]
        yield f"    {name:<{_NAME}} {first}"
        yield from (f"    {'':<{_NAME}} {line}" for line in more)


def _certificate(one: CertificateFacts, bundle: BundleFacts, number: int) -> Rows:
    kind = "CA certificate" if one.is_ca else "device or server certificate"
    if one.is_ca and one.path_length is not None:
        kind += f", at most {one.path_length} authorities below it"
    rows = [
        ("subject", one.subject or "(empty)"),
        ("issuer", one.issuer + _signed(one, bundle, number)),
        ("valid", f"{stamp(one.not_before)} to {stamp(one.not_after)}"),
        ("key", f"{one.key_type}, signed with {one.signature_hash or 'no hash of its own'}"),
        ("kind", kind),
        ("usage", _usage(one.key_usage, one.extended_key_usage)),
        ("names", ", ".join(one.san) or "none"),
        ("serial", one.serial),
        ("SHA-1", one.sha1),
        ("SHA-256", one.sha256),
        ("public key", one.public_key_sha256),
    ]
    return [*rows, *(("unreadable", part) for part in one.unreadable)]


def _signed(one: CertificateFacts, bundle: BundleFacts, number: int) -> str:
    if one.is_self_issued:
        return " (itself)"
    if number > len(bundle.signed_by_next):
        return ""
    return " (the next certificate)" if bundle.signed_by_next[number - 1] else " (not the next certificate)"


def _request(one: RequestFacts) -> Rows:
    valid = "its signature is right" if one.signature_valid else "its signature is WRONG"
    return [
        ("subject", one.subject or "(empty)"),
        ("key", f"{one.key_type}, signed with {one.signature_hash or 'no hash of its own'}; {valid}"),
        ("asks for", _usage(one.key_usage, one.extended_key_usage)),
        ("names", ", ".join(one.san) or "none"),
        ("public key", one.public_key_sha256),
    ]


def _key(one: KeyFacts, bundle: BundleFacts) -> Rows:
    kind = one.key_type or "of a type that its passphrase hides"
    rows = [("type", f"{kind}{', encrypted' if one.encrypted else ', not encrypted'}")]
    if not one.public_key_sha256:
        return rows
    owners = [
        str(number)
        for number, certificate in enumerate(bundle.certificates, 1)
        if certificate.public_key_sha256 == one.public_key_sha256
    ]
    if bundle.certificates:
        rows.append(("belongs to", f"certificate {', '.join(owners)}" if owners else "no certificate in this file"))
    return [*rows, ("public key", one.public_key_sha256)]


def _usage(usage: Sequence[str] | None, extended: Sequence[str] | None) -> str:
    return ", ".join((*(usage or ()), *(extended or ()))) or "not said"
