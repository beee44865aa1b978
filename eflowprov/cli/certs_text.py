"""What `certs` says: receipts, findings and contents, for people and as JSON documents."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eflowprov.model import CertificateFacts, Outcome

if TYPE_CHECKING:
    from eflowprov.workflows.certificates import SeenFile
    from eflowprov.workflows.issue import AuthorityReceipt, IdentityReceipt

UNPROTECTED = (
    "note: the authority's private keys are stored without a passphrase. Whoever can read them can make devices that "
    "your DPS takes. Use it for tests, or make one with --passphrase-file."
)
TEST_ONLY = (
    "note: this authority's key is stored without a passphrase, so these certificates are for tests, not for "
    "production."
)
_INDENT = 36  # where the details of findings begin
_IN_FULL = 5  # receipts of more devices than these are one line each


def authority_receipt(receipt: AuthorityReceipt) -> str:
    """For whom, which file goes where, until when, what next."""
    lines = [f"authority made in {receipt.folder}"]
    for one in receipt.certificates:
        lines.append(f"  {one.subject}: {one.key_type}, valid until {_day(one.not_after)}")
    lines += [
        f"  enrollment group  {receipt.issuing}  (upload it to DPS and verify it)",
        f"  keep secret       {receipt.folder / 'private'}  ({_protection(receipt)})",
        f"next: eflowprov certs device ID --ca {_argument(receipt.folder)} --out out",
    ]
    return "\n".join(lines)


def identity_receipts(receipts: Sequence[IdentityReceipt]) -> str:
    """The same for devices: in full for a few, a line each for many."""
    if len(receipts) > _IN_FULL:
        lines = [f"{_heading(one)}  {one.folder}" for one in receipts]
        lines.append(f"enrollment group, once for all: {receipts[0].issuing}")
    else:
        lines = [line for one in receipts for line in (_heading(one), *_uses(one))]
    example = receipts[0]
    files = f"{_argument(example.chain)} {_argument(example.key)}"
    named = f"--cert {_argument(example.chain)} --key {_argument(example.key)}"
    lines.append(f"next: eflowprov certs check {files} --registration-id {example.registration_id}")
    lines.append(f"      eflowprov provision --scope-id SCOPE {named}")
    return "\n".join(lines)


def authority_document(receipt: AuthorityReceipt) -> dict[str, Any]:
    return {
        "folder": str(receipt.folder),
        "enrollment_group": str(receipt.issuing),
        "encrypted": receipt.encrypted,
        "certificates": [certificate_document(one) for one in receipt.certificates],
    }


def identity_document(receipt: IdentityReceipt) -> dict[str, Any]:
    return {
        "registration_id": receipt.registration_id,
        "kept": receipt.kept,
        "shortened": receipt.shortened,
        "replaced": str(receipt.replaced) if receipt.replaced else None,
        "test_only": receipt.test_only,
        "individual_enrollment": str(receipt.leaf),
        "enrollment_group": str(receipt.issuing),
        "device": {"certificate": str(receipt.chain), "key": str(receipt.key)},
        "certificate": certificate_document(receipt.certificate),
    }


def check_document(seen: Sequence[SeenFile]) -> dict[str, Any]:
    """Findings by file, with the counts of all."""
    outcomes = [finding.outcome for one in seen for finding in one.findings]
    return {
        "schema_version": "1.0",
        "verdict": _verdict(seen),
        "summary": {outcome.value: outcomes.count(outcome) for outcome in Outcome},
        "files": [
            {
                "file": str(one.path),
                "error": str(one.error) if one.error else None,
                "findings": [dataclasses.asdict(finding) for finding in one.findings],
            }
            for one in seen
        ],
    }


def check_text(seen: Sequence[SeenFile], width: int = 100) -> str:
    """Every finding with its detail and the way out, folded to `width` columns."""
    lines: list[str] = []
    for one in seen:
        if one.bundle and not one.bundle.certificates:
            lines.append(f"{one.path}: a private key, matched with the certificates")
        if not one.findings:
            continue
        lines.append(str(one.path))
        for finding in one.findings:
            lines += _folded(f"  {finding.outcome.value:<5} {finding.id:<27} ", finding.detail, width)
            lines += _folded(" " * _INDENT, finding.remedy, width) if finding.remedy else []
    return "\n".join([*lines, f"verdict: {_verdict(seen)}"])


def show_text(seen: Sequence[SeenFile]) -> str:
    """What is in each file, with the names that DPS and Windows use for it."""
    lines: list[str] = []
    for one in seen:
        if one.bundle is None:
            continue
        lines.append(str(one.path))
        for number, certificate in enumerate(one.bundle.certificates, 1):
            lines += [f"  certificate {number}", *(f"    {name:<12} {value}" for name, value in _rows(certificate))]
        if one.bundle.key_encrypted is not None:
            kind = one.bundle.key_type or "of a type that its passphrase hides"
            lines.append(f"  private key {kind}{', encrypted' if one.bundle.key_encrypted else ''}")
        lines += [f"  oddities    {', '.join(one.bundle.quirks)}"] if one.bundle.quirks else []
    return "\n".join(lines)


def file_document(one: SeenFile) -> dict[str, Any]:
    """The contents of one file as `certs show --format json` gives them."""
    document: dict[str, Any] = {"file": str(one.path), "error": str(one.error) if one.error else None}
    if one.bundle is None:
        return document
    key = {"type": one.bundle.key_type, "encrypted": one.bundle.key_encrypted, "matches": one.bundle.key_matches}
    return {
        **document,
        "certificates": [certificate_document(certificate) for certificate in one.bundle.certificates],
        "signed_by_next": list(one.bundle.signed_by_next),
        "private_key": None if one.bundle.key_encrypted is None else key,
        "quirks": list(one.bundle.quirks),
    }


def certificate_document(certificate: CertificateFacts) -> dict[str, Any]:
    """A certificate's facts; times in RFC 3339, UTC."""
    facts = dataclasses.asdict(certificate)
    return {name: _stamp(value) if isinstance(value, datetime) else value for name, value in facts.items()}


def _folded(head: str, text: str, width: int) -> list[str]:
    """`text` behind `head`, its further lines below its first; words and paths stay whole."""
    room = max(width - _INDENT, 40)
    first, *more = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [head + first, *(" " * _INDENT + line for line in more)]


def _heading(one: IdentityReceipt) -> str:
    state = "kept, nothing was issued (--renew issues anew)" if one.kept else "issued"
    until = f"valid until {_day(one.certificate.not_after)}"
    if one.shortened:
        until += ", when its authority ends"
    return f"{one.registration_id}: {state}, {until}"


def _uses(one: IdentityReceipt) -> list[str]:
    lines = [
        f"  individual enrollment  {one.leaf}",
        f"  enrollment group       {one.issuing}  (once for all devices)",
        f"  device                 {one.chain}",
        f"                         {one.key}  (keep it secret)",
    ]
    return [*lines, f"  the old files          {one.replaced}"] if one.replaced else lines


def _rows(one: CertificateFacts) -> list[tuple[str, str]]:
    usages = ", ".join((*(one.key_usage or ()), *(one.extended_key_usage or ())))
    return [
        ("subject", one.subject),
        ("issuer", f"{one.issuer}{' (itself)' if one.is_self_issued else ''}"),
        ("valid", f"{_stamp(one.not_before)} to {_stamp(one.not_after)}"),
        ("key", f"{one.key_type}, signed with {one.signature_hash or 'no hash of its own'}"),
        ("kind", "CA certificate" if one.is_ca else "device or server certificate"),
        ("usage", usages or "not said"),
        ("names", ", ".join(one.san) or "none"),
        ("serial", one.serial),
        ("SHA-1", one.sha1),
        ("SHA-256", one.sha256),
    ]


def _verdict(seen: Sequence[SeenFile]) -> str:
    if any(one.error for one in seen):
        return "unknown"
    return "not-ready" if any(one.has_failed for one in seen) else "ready"


def _protection(receipt: AuthorityReceipt) -> str:
    return "encrypted with your passphrase" if receipt.encrypted else "not encrypted"


def _argument(value: object) -> str:
    """A path as it can be pasted into PowerShell or a shell."""
    text = str(value)
    return f'"{text}"' if " " in text else text


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
