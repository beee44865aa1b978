"""`certs import`: what a corporate authority answered, checked, ordered and laid out as an identity of our own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.importing import Assembled, assemble
from eflowprov.certs.issuing import Identity
from eflowprov.certs.names import check_registration_id
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.checks.certificate import judge_certificate
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, CertificateFacts, Finding, Outcome
from eflowprov.workflows.disk.files import make_folder, read_limited
from eflowprov.workflows.identities.identity_files import (
    IdentityFiles,
    aside,
    is_folder,
    is_there,
    names_in,
    write_identity,
)
from eflowprov.workflows.identities.passphrases import Ask, unlocker
from eflowprov.workflows.identities.summary import refresh_summary

_SHOWN = 3  # findings in one line
_INDIVIDUAL = "individual"


@dataclass(frozen=True, slots=True)
class ImportReceipt:
    """An identity that was imported.

    `chain` are its certificates from the leaf upwards; `missing` is the subject of the one that would come next, ""
    when the root is among them; `foreign` are subjects that do not belong to it. `warnings` are what `certs check`
    would warn of. `kept` is True when just this identity was there already; `replaced` is where an older one went;
    `other_key` is where the key still stands elsewhere.
    """

    registration_id: str
    files: IdentityFiles
    chain: tuple[CertificateFacts, ...]
    missing: str
    foreign: tuple[str, ...]
    warnings: tuple[Finding, ...]
    has_issuing: bool
    has_root: bool
    kept: bool
    replaced: Path | None
    other_key: Path | None


def import_identity(
    cert_files: Sequence[Path],
    key_file: Path | None,
    *,
    out: Path,
    registration_id: str | None = None,
    enrollment: str | None = None,
    renew: bool = False,
    passphrase_file: Path | None = None,
    ask: Ask | None = None,
    now: datetime | None = None,
) -> ImportReceipt:
    """Make an identity out of the authority's answer and the key of the request, in `out/ID`.

    The request's own folder becomes the identity's; an identity that is there is moved aside and kept with `renew` and
    refused without. `enrollment` is `individual`, `group` or None; only an individual one does without the issuing
    certificate. Raises InputError when something cannot be read, does not belong together, is missing or would be
    refused by DPS; then nothing was written.
    """
    now = now or datetime.now(UTC)
    contents = [(str(path), read_limited(path, MAX_BYTES)) for path in cert_files]
    key = (str(key_file), read_limited(key_file, MAX_BYTES)) if key_file else None
    got = assemble(contents, key, unlock=unlocker(passphrase_file, ask), now=now)
    _refuse_another_device(got, registration_id)
    _refuse_incomplete(got, enrollment)
    identity = got.identity()
    bundle = read_bundle(got.registration_id, identity.chain_pem, key=identity.key_pem)
    warnings = _judged(bundle, got.registration_id, enrollment, now)
    files = IdentityFiles.of(got.registration_id, out)
    kept = not renew and _is_there(files, identity)
    replaced = None if kept else _write(got, identity, files, renew, now)
    return ImportReceipt(
        registration_id=got.registration_id,
        files=files,
        chain=_facts(got),
        missing=got.missing,
        foreign=got.foreign,
        warnings=warnings,
        has_issuing=bool(got.issuing_pem),
        has_root=bool(got.root_pem),
        kept=kept,
        replaced=replaced,
        other_key=key_file if key_file and is_there(key_file) and not _is_same(key_file, files.key) else None,
    )


def _write(got: Assembled, identity: Identity, files: IdentityFiles, renew: bool, now: datetime) -> Path | None:
    """Write the folder in one step; gives where an older identity went."""
    request = _own_request(files, identity)
    old = _old(files, replaceable=renew or request is not None, now=now)
    make_folder(files.folder.parent)
    more = {files.issuing: got.issuing_pem, files.root: got.root_pem, files.request: request or b""}
    write_identity(identity, files, _group(got, files), more=more, old=old)
    refresh_summary(files.folder.parent)
    if old is None or request is None:
        return old
    shutil.rmtree(old, ignore_errors=True)  # key and request stand in the new folder
    return None


def _refuse_another_device(got: Assembled, registration_id: str | None) -> None:
    if registration_id is not None and check_registration_id(registration_id).lower() != got.registration_id.lower():
        raise InputError(
            f"certificate CN={got.registration_id}",
            f"it is not for '{registration_id}'",
            "Give the answer to this device's request, or correct --registration-id",
        )


def _refuse_incomplete(got: Assembled, enrollment: str | None) -> None:
    if got.missing and len(got.chain) == 1 and enrollment != _INDIVIDUAL:
        raise InputError(
            f"certificate CN={got.registration_id}",
            f"the certificate that signed it is missing: {got.missing}",
            "Give the file that holds it with another --cert (--enrollment individual would do without)",
        )


def _judged(bundle: BundleFacts, registration_id: str, enrollment: str | None, now: datetime) -> tuple[Finding, ...]:
    """The warnings; raises InputError when a finding fails."""
    findings = judge_certificate(
        bundle, registration_id=registration_id, profile="eflow", now=now, enrollment=enrollment
    )
    failed = [one for one in findings if one.outcome is Outcome.FAIL]
    if failed:
        why = "; ".join(f"{one.id}: {one.detail}" for one in failed[:_SHOWN])
        raise InputError(f"certificate CN={registration_id}", why, failed[0].remedy or "Ask the authority for another")
    return tuple(one for one in findings if one.outcome is Outcome.WARN)


def _own_request(files: IdentityFiles, identity: Identity) -> bytes | None:
    """The request's bytes when the folder holds just that and the identity's own key; None when it does not."""
    if set(names_in(files.folder).values()) != {files.request.name, files.key.name}:
        return None
    if read_limited(files.key, MAX_BYTES) != identity.key_pem:
        return None
    return read_limited(files.request, MAX_BYTES)


def _is_there(files: IdentityFiles, identity: Identity) -> bool:
    """Whether just this identity is there, whole: a script that is run again is no mistake."""
    wanted = {files.leaf: identity.leaf_pem, files.chain: identity.chain_pem, files.key: identity.key_pem}
    return is_there(files.document) and all(
        is_there(path) and read_limited(path, MAX_BYTES) == data for path, data in wanted.items()
    )


def _old(files: IdentityFiles, *, replaceable: bool, now: datetime) -> Path | None:
    """Where what is there goes; None when nothing is. Raises InputError when it may not be replaced."""
    out = files.folder.parent
    present = names_in(out).get(files.folder.name.lower())
    if present is None or (present == files.folder.name and not names_in(files.folder) and is_folder(files.folder)):
        return None
    if present != files.folder.name:
        raise InputError(str(out / present), f"DPS ignores case and takes '{files.folder.name}' for it", "Use one")
    if not replaceable:
        raise InputError(
            str(files.folder), "it is there already", "Move it aside with --renew, or choose another --out"
        )
    return aside(files.folder, now)


def _group(got: Assembled, files: IdentityFiles) -> dict[str, str] | None:
    if len(got.chain) == 1:
        return None
    return {"file": files.issuing.name, "sha256": _facts(got)[1].sha256}


def _facts(got: Assembled) -> tuple[CertificateFacts, ...]:
    whole = got.identity().chain_pem + got.root_pem
    return read_bundle(got.registration_id, whole).certificates


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
