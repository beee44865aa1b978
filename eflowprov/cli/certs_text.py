"""What `certs` says: receipts and certificates' facts, for people and as JSON documents."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eflowprov.bridge.literals import single_quoted
from eflowprov.model import CertificateFacts

if TYPE_CHECKING:
    from pathlib import Path

    from eflowprov.workflows.identities.authority_files import AuthorityReceipt
    from eflowprov.workflows.identities.issued import IdentityReceipt

UNPROTECTED = (
    "note: the authority's private keys are stored without a passphrase. Whoever can read them can make devices that "
    "your DPS takes. Use it for tests, or make one with --passphrase-file."
)
TEST_ONLY = (
    "note: this authority's key is stored without a passphrase, so these certificates are for tests, not for "
    "production."
)
EXPOSED = (
    "note: this disk keeps no access rights (FAT or exFAT, or a share), so that whoever can reach it can read the "
    "private keys. Move them to another disk."
)
# Alive inside double quotes too: PowerShell takes the typographic ones for those that end its text.
_LIVE, _LIVE_IN_POWERSHELL = re.compile(r"[\"$`\\!]"), re.compile('["\u201c\u201d\u201e$`]')
_PLAIN, _PLAIN_IN_POWERSHELL = re.compile(r"[\w./][\w./:+@%=~-]*"), re.compile(r"[\w./\\][\w./\\:+@%=~-]*")
_IN_FULL, _IN_LINES = 5, 50  # receipts of more devices than these are one line each, and one line for all


def authority_receipt(receipt: AuthorityReceipt) -> str:
    """For whom, which file goes where, until when, what next."""
    lines = [f"authority made in {receipt.folder}"]
    for one in receipt.certificates:
        lines.append(f"  {one.subject}: {one.key_type}, valid until {_day(one.not_after)}")
    lines += [
        f"  enrollment group  {receipt.issuing}  (upload it to DPS and verify it)",
        f"  keep secret       {receipt.folder / 'private'}  ({_protection(receipt)})",
        f"next: eflowprov certs device ID --ca {argument(receipt.folder)} --out out",
    ]
    return "\n".join(lines)


def identity_receipts(
    receipts: Sequence[IdentityReceipt], summary: Sequence[Path] = (), *, all_of_them: bool = False
) -> str:
    """The same for devices: in full for a few, a line each for some, the count for many (unless `all_of_them`)."""
    if len(receipts) > _IN_FULL:
        in_lines = all_of_them or len(receipts) <= _IN_LINES
        lines = [f"{_heading(one)}  {one.folder}" for one in receipts] if in_lines else [_count(receipts)]
        lines.append(f"enrollment group, once for all: {receipts[0].issuing}")
    else:
        lines = [line for one in receipts for line in (_heading(one), *_uses(one))]
    lines += [f"all identities in {receipts[0].out}: {', '.join(map(str, summary))}"] if summary else []
    example = next((one for one in receipts if one.has_key), None)
    if example is None:
        return "\n".join(lines)
    files = f"{argument(example.chain)} {argument(example.key)}"
    named = f"--cert {argument(example.chain)} --key {argument(example.key)}"
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
        "device": {"certificate": str(receipt.chain), "key": str(receipt.key) if receipt.has_key else None},
        "certificate": certificate_document(receipt.certificate),
    }


def identities_json(receipts: Sequence[IdentityReceipt], summary: Sequence[Path]) -> Iterator[str]:
    """The document of all receipts, and where the summary of the folder is, in pieces of whole lines.

    Ten thousand of them as one document would take more memory than all the rest of the program.
    """
    places = {path.suffix.removeprefix("."): str(path) for path in summary}
    yield '{\n  "identities": [\n'
    for number, one in enumerate(receipts, 1):
        text = textwrap.indent(json.dumps(identity_document(one), indent=2), "    ")
        yield f"{text},\n" if number < len(receipts) else f"{text}\n"
    yield f'  ],\n  "summary": {json.dumps(places)}\n}}\n'


def certificate_document(certificate: CertificateFacts) -> dict[str, Any]:
    """A certificate's facts; times in RFC 3339, UTC."""
    facts = dataclasses.asdict(certificate)
    return {name: stamp(value) if isinstance(value, datetime) else value for name, value in facts.items()}


def _heading(one: IdentityReceipt) -> str:
    state = "kept, nothing was issued (--renew issues anew)" if one.kept else "issued"
    until = f"valid until {_day(one.certificate.not_after)}"
    if one.shortened:
        until += ", when its authority ends"
    return f"{one.registration_id}: {state}, {until}"


def _count(receipts: Sequence[IdentityReceipt]) -> str:
    kept = sum(one.kept for one in receipts)
    first_end = min(one.certificate.not_after for one in receipts)
    said = [f"{len(receipts) - kept} issued", *([f"{kept} kept"] if kept else [])]
    if keyless := sum(not one.has_key for one in receipts):
        said.append(f"{keyless} of them without a private key here")
    if shortened := sum(one.shortened for one in receipts):
        said.append(f"{shortened} shortened to their authority's end")
    return f"{len(receipts)} devices: {', '.join(said)}; valid until {_day(first_end)} or longer"


def _uses(one: IdentityReceipt) -> list[str]:
    lines = [
        f"  individual enrollment  {one.leaf}",
        f"  enrollment group       {one.issuing}  (once for all devices)",
        f"  device                 {one.chain}",
        f"                         {one.key}  ({'keep it secret' if one.has_key else 'no longer here'})",
    ]
    return [*lines, f"  the old files          {one.replaced}"] if one.replaced else lines


def _protection(receipt: AuthorityReceipt) -> str:
    return "encrypted with your passphrase" if receipt.encrypted else "not encrypted"


def argument(value: object, *, windows: bool = os.name == "nt") -> str:
    """A path as it can be pasted into PowerShell or a shell: in double quotes as a rule, which all of them know.

    What double quotes do not keep from being taken for something else needs those of the system's own shell.
    """
    text = str(value)
    if (_PLAIN_IN_POWERSHELL if windows else _PLAIN).fullmatch(text):
        return text
    if not (_LIVE_IN_POWERSHELL if windows else _LIVE).search(text):
        return f'"{text}"'
    return single_quoted(text) if windows else shlex.quote(text)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
