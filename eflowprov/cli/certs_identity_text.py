"""What `certs request`, `import`, `proof`, `export`, `renew` and `list` say, for people and as JSON documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eflowprov.bridge.cmdlet_call import provision_call
from eflowprov.certs.facts import utc
from eflowprov.cli.certs_text import argument, certificate_document
from eflowprov.model import Finding

if TYPE_CHECKING:
    from eflowprov.workflows.identities.certificate_export import Exported
    from eflowprov.workflows.identities.certificate_import import ImportReceipt
    from eflowprov.workflows.identities.certificate_proof import ProofReceipt
    from eflowprov.workflows.identities.certificate_requests import RequestReceipt
    from eflowprov.workflows.identities.identity_list import Listed
    from eflowprov.workflows.identities.renewal import Renewed

_STATES = {"identity": "", "authority": "authority", "request": "requested", "unusable": "unusable"}
_IN_FULL = 20  # renewals shown one by one; the JSON document has all
_COLUMNS = ("NAME", "DAYS LEFT", "ENDS", "DUE FROM", "STATE", "KEY", "SERIAL")
_DOCUMENTED = ("provisioningType", "scopeId", "identityCertPath", "identityPrivKeyPath")


# ----------------------------------------------------------------------------------------------------- request


def requests_text(receipts: Sequence[RequestReceipt]) -> str:
    lines: list[str] = []
    for one in receipts:
        lines += [
            f"{one.registration_id}: key made, certificate requested",
            f"  to the authority  {one.request}",
            f"  stays here        {one.key}  (keep it secret)",
        ]
    first = receipts[0]
    lines.append(
        f"next: eflowprov certs import --cert ANSWER --key {argument(first.key)} "
        f"--out {argument(first.key.parent.parent)}"
    )
    return "\n".join(lines)


def requests_document(receipts: Sequence[RequestReceipt]) -> dict[str, Any]:
    return {
        "requests": [
            {"registration_id": one.registration_id, "request": str(one.request), "key": str(one.key)}
            for one in receipts
        ]
    }


# ------------------------------------------------------------------------------------------------------ import


def import_hints(receipt: ImportReceipt) -> Iterator[str]:
    """What was left out, what is not there, and what `certs check` would warn of."""
    if receipt.foreign:
        yield f"note: left out, since they do not belong to its chain: {'; '.join(receipt.foreign)}"
    if receipt.missing:
        yield (
            f"note: missing above {receipt.chain[-1].subject}: {receipt.missing}. An enrollment that names that one or "
            "one above it needs it; give it with another --cert."
        )
    yield from _warnings(receipt.warnings)
    if receipt.other_key:
        yield f"note: the private key still stands in {receipt.other_key} too. Remove it there when all is well."


def import_text(receipt: ImportReceipt) -> str:
    files, leaf = receipt.files, receipt.chain[0]
    chain = " -> ".join(one.subject for one in receipt.chain)
    state = "there already, nothing was written" if receipt.kept else "imported"
    lines = [
        f"{receipt.registration_id}: {state}, valid until {leaf.not_after:%Y-%m-%d}, the key is its own",
        f"  chain                  {chain}",
        f"  individual enrollment  {files.leaf}",
    ]
    if receipt.has_issuing:
        lines.append(f"  enrollment group       {files.issuing}  (once for all devices)")
    if receipt.has_root:
        lines.append(f"  or the root            {files.root}")
    lines += [f"  device                 {files.chain}", f"                         {files.key}  (keep it secret)"]
    if receipt.replaced:
        lines.append(f"  the old files          {receipt.replaced}")
    lines.append(
        f"next: eflowprov certs check {argument(files.chain)} {argument(files.key)} "
        f"--registration-id {receipt.registration_id}"
    )
    return "\n".join(lines)


def import_document(receipt: ImportReceipt) -> dict[str, Any]:
    files = receipt.files
    return {
        "registration_id": receipt.registration_id,
        "kept": receipt.kept,
        "individual_enrollment": str(files.leaf),
        "enrollment_group": str(files.issuing) if receipt.has_issuing else None,
        "root": str(files.root) if receipt.has_root else None,
        "device": {"certificate": str(files.chain), "key": str(files.key)},
        "chain": [certificate_document(one) for one in receipt.chain],
        "missing": receipt.missing or None,
        "left_out": list(receipt.foreign),
        "warnings": [{"id": one.id, "detail": one.detail, "remedy": one.remedy} for one in receipt.warnings],
        "replaced": str(receipt.replaced) if receipt.replaced else None,
    }


# ------------------------------------------------------------------------------------------------------- proof


def proof_text(receipt: ProofReceipt) -> str:
    return "\n".join(
        [
            f"proof of possession for {receipt.signer}",
            f"  code       {receipt.code}",
            f"  signed by  {receipt.by}: {receipt.verified}",
            f"  proof      {receipt.path}",
            "next: upload it to the certificate of that name in DPS or IoT Central (Verify)",
        ]
    )


def proof_document(receipt: ProofReceipt) -> dict[str, Any]:
    return {
        "proof": str(receipt.path),
        "code": receipt.code,
        "signed_by": receipt.by,
        "verified_certificate": str(receipt.verified),
        "signer": receipt.signer,
    }


# ------------------------------------------------------------------------------------------------------ export


def export_hints(exported: Exported) -> Iterator[str]:
    if exported.foreign:
        yield f"note: left out, since they do not belong to its chain: {'; '.join(exported.foreign)}"
    yield from _warnings(exported.findings)


def export_text(exported: Exported) -> str:
    width = max(len(use) for use, _ in exported.files)
    lines = [f"{exported.registration_id}: exported for {exported.form}"]
    lines += [f"  {use:<{width}}  {path}" for use, path in exported.files]
    if exported.form == "esf":
        lines.append("next: paste the whole content of each file into the text box of its name, and nothing else")
    if exported.form == "eflow":
        (_, cert), (_, key) = exported.files
        call = provision_call(_DOCUMENTED, scope_id="SCOPE", cert=cert.absolute(), key=key.absolute())
        lines.append(f"next: {call.text()}")
    return "\n".join(lines)


def export_document(exported: Exported) -> dict[str, Any]:
    return {
        "registration_id": exported.registration_id,
        "form": exported.form,
        "files": [{"use": use, "file": str(path)} for use, path in exported.files],
        "missing": exported.missing or None,
        "left_out": list(exported.foreign),
        "findings": [
            {"id": one.id, "outcome": one.outcome.value, "detail": one.detail, "remedy": one.remedy}
            for one in exported.findings
        ],
    }


# ------------------------------------------------------------------------------------------------ renew and list


def renewals_text(results: Sequence[Renewed], folder: Path) -> str:
    """Each that was renewed, how many were not due, and what is to be done at DPS and on the device."""
    lines: list[str] = []
    renewed = [one for one in results if one.certificate and one.is_renewed]
    for one in renewed[:_IN_FULL]:
        ends = f"{one.certificate.not_after:%Y-%m-%d}" if one.certificate else ""
        lines += [f"{one.name}: renewed, valid until {ends}  {one.files.folder}", f"  the old one is kept  {one.old}"]
    if len(renewed) > _IN_FULL:
        lines.append(f"and {len(renewed) - _IN_FULL} more: {len(renewed)} renewed in all")
    waiting = [one.due_at for one in results if not one.is_renewed and not one.error and one.due_at]
    if waiting:
        lines.append(f"not due: {len(waiting)}, the next from {min(waiting):%Y-%m-%d}")
    if renewed:
        lines += [
            "next: individual enrollments: put ID.leaf.pem into the secondary slot (a group needs nothing)",
            "      bring ID.chain.pem and ID.key.pem to the device: eflowprov provision --yes ...",
            f"      when all have them: eflowprov certs renew {argument(folder)} --discard-old",
        ]
    return "\n".join(lines) or "nothing was renewed"


def renewals_document(results: Sequence[Renewed]) -> dict[str, Any]:
    return {
        "identities": [
            {
                "registration_id": one.name,
                "renewed": one.is_renewed,
                "due_at": utc(one.due_at) if one.due_at else None,
                "folder": str(one.files.folder),
                "old": str(one.old) if one.old else None,
                "test_only": one.test_only,
                "error": str(one.error) if one.error else None,
                "certificate": certificate_document(one.certificate) if one.certificate else None,
            }
            for one in results
        ]
    }


def discard_text(removed: Sequence[Path]) -> str:
    return "\n".join(f"removed: {path}" for path in removed) or "nothing to remove"


def discard_document(removed: Sequence[Path]) -> dict[str, Any]:
    return {"removed": [str(path) for path in removed]}


def list_text(listed: Sequence[Listed], folder: Path, columns: int) -> str:
    """A table, those that end first before the others, and what is due; on a narrow terminal without its last column,
    the serial numbers."""
    rows = [_COLUMNS, *(_row(one) for one in listed)]
    lines = _table(rows)
    if max(map(len, lines)) > columns:
        lines = _table([row[:-1] for row in rows])
    due = [one for one in listed if one.is_due]
    if due:
        lines.append(f"due: {len(due)} of {len(listed)}")
    if any(one.kind == "identity" for one in due):
        lines.append(f"next: eflowprov certs renew {argument(folder)} --ca CA")
    return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def list_document(folder: Path, listed: Sequence[Listed]) -> dict[str, Any]:
    return {
        "schema_version": "1.0",
        "folder": str(folder),
        "due": sum(one.is_due for one in listed),
        "certificates": [
            {
                "kind": one.kind,
                "name": one.name,
                "path": str(one.path),
                "days_left": one.days_left,
                "is_due": one.is_due,
                "due_at": utc(one.due_at) if one.due_at else None,
                "kept": [str(path) for path in one.kept],
                "has_key": one.has_key,
                "error": str(one.error) if one.error else None,
                "certificate": certificate_document(one.certificate) if one.certificate else None,
            }
            for one in listed
        ],
    }


def _row(one: Listed) -> tuple[str, ...]:
    states = [_STATES[one.kind]]
    if one.days_left is not None and one.days_left < 0:
        states.append("ended")
    elif one.is_due:
        states.append("due")
    if one.kept:
        states.append(f"{len(one.kept)} old kept")
    if not one.has_key:
        states.append("key not here")
    facts = one.certificate
    if facts is None or one.due_at is None:
        return one.name, "", "", "", _joined(states), "", ""
    day = f"{facts.not_after:%Y-%m-%d}"
    return one.name, str(one.days_left), day, f"{one.due_at:%Y-%m-%d}", _joined(states), facts.key_type, facts.serial


def _joined(states: Sequence[str]) -> str:
    return ", ".join(state for state in states if state) or "good"


def _warnings(findings: Sequence[Finding]) -> Iterator[str]:
    for one in findings:
        yield f"warning: {one.id}: {one.detail} {one.remedy}".rstrip()
