"""Making authorities and identities on disk: what is there is never overwritten, what is made appears whole.

Folders and file names are part of the contract: an authority's `root.ca.cert.pem`, `issuing.ca.cert.pem`,
`issuing-chain.pem` and `private/`; an identity's `ID/ID.leaf.pem`, `.chain.pem`, `.key.pem` and `.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eflowprov.certs.authority import Authority, load_authority, make_authority
from eflowprov.certs.facts import utc
from eflowprov.certs.issuing import Identity, issue
from eflowprov.certs.keys import check_new_passphrase, is_encrypted
from eflowprov.certs.names import check_registration_id, file_name_for
from eflowprov.certs.profiles import AuthorityProfile, LeafProfile, subject, validity
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.errors import EflowprovError, InputError
from eflowprov.model import BundleFacts, CertificateFacts, Secret
from eflowprov.workflows.files import (
    make_folder,
    read_limited,
    read_passphrase,
    write_folder_whole,
    write_new,
)

ROOT, ISSUING, CHAIN = "root.ca.cert.pem", "issuing.ca.cert.pem", "issuing-chain.pem"
ROOT_KEY, ISSUING_KEY = "private/root.ca.key.pem", "private/issuing.ca.key.pem"
_RENEW = "Issue it anew with --renew, which moves the old files aside, or choose another --out"
_SHOWN = 10  # problems named in one line

AskPassphrase = Callable[[], Secret]


@dataclass(frozen=True, slots=True)
class AuthorityReceipt:
    """An authority that was made; `certificates` has the issuing one first and the root last.

    `issuing` is the certificate that signs devices and that a group enrollment names (the root's where there is no
    other); `encrypted` tells whether its keys need a passphrase.
    """

    folder: Path
    issuing: Path
    certificates: tuple[CertificateFacts, ...]
    encrypted: bool


@dataclass(frozen=True, slots=True)
class IdentityReceipt:
    """A device's identity on disk: which file goes where, and until when.

    `kept` is True when it was there already; `shortened` when its authority ends before the days asked for; `replaced`
    is where an older one went; `test_only` is True when the authority's key stands on disk without a passphrase.
    """

    registration_id: str
    folder: Path
    leaf: Path  # individual enrollment
    chain: Path  # the device
    key: Path  # the device
    document: Path
    issuing: Path  # group enrollment
    certificate: CertificateFacts
    kept: bool = False
    shortened: bool = False
    replaced: Path | None = None
    test_only: bool = False


def create_authority(
    out: Path,
    profile: AuthorityProfile | None = None,
    *,
    passphrase: Secret | None = None,
    now: datetime | None = None,
) -> AuthorityReceipt:
    """Make a root and an issuing authority in `out`, their keys encrypted when there is a passphrase.

    Raises InputError when `out` holds an authority (or a part of one) or the passphrase is too short, StorageError when
    it cannot be written; then nothing is left.
    """
    if passphrase is not None:
        check_new_passphrase(passphrase)
    folder = out.resolve()
    for name in (ROOT, ISSUING, CHAIN, "private"):
        if os.path.lexists(folder / name):
            raise InputError(
                str(out),
                f"it holds an authority already ({name})",
                "Choose another folder; authorities are not replaced",
            )
    made = make_authority(profile or AuthorityProfile(), now or datetime.now(UTC), passphrase)
    public = {CHAIN: made.chain, ISSUING: made.issuing_certificate, ROOT: made.root_certificate}
    private = {ROOT_KEY: made.root_key, ISSUING_KEY: made.issuing_key}
    _store_authority(folder, _filled(public), _filled(private))
    facts = read_bundle(str(out), made.chain).certificates
    return AuthorityReceipt(out, out / (ISSUING if made.issuing_certificate else ROOT), facts, passphrase is not None)


def issue_identities(
    registration_ids: Iterable[str],
    *,
    ca: Path,
    out: Path,
    profile: LeafProfile | None = None,
    renew: bool = False,
    passphrase_file: Path | None = None,
    ask: AskPassphrase | None = None,
    now: datetime | None = None,
) -> Iterator[IdentityReceipt]:
    """Issue one identity for each registration ID into `out`; yields a receipt when each is on disk.

    One that is there, complete and valid is kept. All that can be wrong is looked for before anything is written: an ID
    against DPS's rule, given twice or twice but for case; an authority that cannot sign; an identity that is there and
    incomplete, expired or another authority's (`renew` issues it anew). Raises InputError for these when called.
    `ask` gives the authority's passphrase when it has one and `passphrase_file` is None.
    """
    ids = check_registration_ids(registration_ids)
    now, profile = now or datetime.now(UTC), profile or LeafProfile()
    opened = open_authority(ca, passphrase_file=passphrase_file, ask=ask)
    validity(now, profile.days, opened.authority.certificate)
    subject(ids[0], profile.organization)
    kept = _look_around(ids, out, opened, renew=renew, now=now)
    make_folder(out)
    return (kept.get(one) or _issue_one(one, out, opened, profile, now) for one in ids)


def check_registration_ids(registration_ids: Iterable[str]) -> tuple[str, ...]:
    """Give the IDs when each is legal and none stands twice, case aside; raises InputError that names all faults."""
    ids = tuple(registration_ids)
    seen: dict[str, str] = {}
    problems: list[EflowprovError] = []
    for one in ids:
        try:
            first = seen.get(check_registration_id(one).lower())
        except InputError as error:
            problems.append(error)
            continue
        if first is not None:
            why = "it is given twice" if first == one else f"DPS ignores case and takes it for '{first}'"
            problems.append(InputError(f"registration ID '{one}'", why, "Give each device once"))
        seen.setdefault(one.lower(), one)
    if not ids:
        raise InputError("registration IDs", "none is given", "Give at least one")
    _raise_all(problems, "registration IDs")
    return ids


@dataclass(frozen=True, slots=True)
class OpenedAuthority:
    """An authority on disk, ready to sign; `facts` are its signing certificate's."""

    authority: Authority
    issuing: Path
    facts: CertificateFacts
    encrypted: bool


def open_authority(
    folder: Path, *, passphrase_file: Path | None = None, ask: AskPassphrase | None = None
) -> OpenedAuthority:
    """Open the authority in `folder`. Raises InputError when there is none, or its passphrase is missing or wrong."""
    if not (folder / CHAIN).exists():
        raise InputError(
            str(folder), f"it holds no authority ({CHAIN} is missing)", "Make one with: eflowprov certs ca --out DIR"
        )
    has_issuing = (folder / ISSUING).exists()
    key_path = folder / (ISSUING_KEY if has_issuing else ROOT_KEY)
    chain, key = read_limited(folder / CHAIN, MAX_BYTES), read_limited(key_path, MAX_BYTES)
    passphrase = None
    if encrypted := is_encrypted(key):
        passphrase = read_passphrase(passphrase_file) if passphrase_file else ask() if ask else None
    authority = load_authority(chain, key, str(key_path), passphrase)
    facts = read_bundle(str(folder / CHAIN), chain).certificates[0]
    return OpenedAuthority(authority, folder / (ISSUING if has_issuing else ROOT), facts, encrypted)


def _look_around(
    ids: tuple[str, ...], out: Path, opened: OpenedAuthority, *, renew: bool, now: datetime
) -> dict[str, IdentityReceipt]:
    """The identities that are there and stay; raises InputError for all that stands in the way."""
    there = {entry.name.lower(): entry.name for entry in os.scandir(out)} if out.is_dir() else {}
    kept: dict[str, IdentityReceipt] = {}
    problems: list[EflowprovError] = []
    for one in ids:
        name = file_name_for(one)
        present = there.get(name.lower())
        try:
            if present is not None and present != name:
                raise InputError(str(out / present), f"DPS ignores case and takes '{one}' for it", "Use one spelling")
            if present is not None and not renew and any((out / name).iterdir()):
                kept[one] = _kept(one, out, opened, now)
        except (InputError, OSError) as error:
            fault = InputError(str(out / name), str(error), "Move it away")
            problems.append(error if isinstance(error, InputError) else fault)
    _raise_all(problems, str(out))
    return kept


def _kept(registration_id: str, out: Path, opened: OpenedAuthority, now: datetime) -> IdentityReceipt:
    """The receipt of an identity that is there; raises InputError unless it is complete, valid and this authority's."""
    paths = _paths(registration_id, out)
    missing = [path.name for path in paths.values() if not path.exists()]
    if missing:
        raise InputError(str(paths["leaf"].parent), f"the identity there lacks {missing[0]}", _RENEW)
    bundle = read_bundle(
        str(paths["chain"]), read_limited(paths["chain"], MAX_BYTES), key=read_limited(paths["key"], MAX_BYTES)
    )
    leaf = read_bundle(str(paths["leaf"]), read_limited(paths["leaf"], MAX_BYTES)).certificates
    if fault := _fault(registration_id, bundle, leaf, opened, now):
        raise InputError(str(paths["leaf"].parent), f"the identity there {fault}", _RENEW)
    return _receipt(registration_id, out, opened, bundle.certificates[0], kept=True)


def _fault(
    registration_id: str,
    bundle: BundleFacts,
    leaf: tuple[CertificateFacts, ...],
    opened: OpenedAuthority,
    now: datetime,
) -> str:
    first = bundle.certificates[0]
    if first.common_names != (registration_id,):
        return f"is for '{', '.join(first.common_names)}'"
    if leaf != (first,):
        return "has a leaf that is not its chain's"
    if not bundle.key_matches:
        return "has a key that is not its certificate's"
    if opened.facts.sha256 not in {one.sha256 for one in bundle.certificates[1:]} or not bundle.signed_by_next[0]:
        return f"was issued by another authority ({first.issuer})"
    return "" if now < first.not_after else f"expired on {utc(first.not_after)}"


def _issue_one(
    registration_id: str, out: Path, opened: OpenedAuthority, profile: LeafProfile, now: datetime
) -> IdentityReceipt:
    identity = issue(opened.authority, registration_id, profile, now)
    folder = _paths(registration_id, out)["leaf"].parent
    # `~` and a time behind the name: no registration ID has such a folder (file_name_for)
    aside = folder.with_name(f"{folder.name}~{now:%Y%m%dT%H%M%SZ}") if _has_files(folder) else None
    receipt = _receipt(
        registration_id,
        out,
        opened,
        identity.facts,
        shortened=identity.facts.not_after < now.replace(microsecond=0) + timedelta(days=profile.days),
        replaced=aside,
    )
    files = {
        receipt.leaf.name: identity.leaf_pem,
        receipt.chain.name: identity.chain_pem,
        receipt.document.name: _document(identity, receipt, opened),
    }
    write_folder_whole(folder, files, {receipt.key.name: identity.key_pem}, old=aside)
    return receipt


def _document(identity: Identity, receipt: IdentityReceipt, opened: OpenedAuthority) -> bytes:
    """`ID.json`: what the identity is, and which file goes where."""
    facts = identity.facts
    document = {
        "schema_version": "1.0",
        "registration_id": identity.registration_id,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "sha1": facts.sha1,
        "sha256": facts.sha256,
        "not_before": utc(facts.not_before),
        "not_after": utc(facts.not_after),
        "key_type": facts.key_type,
        "individual_enrollment": receipt.leaf.name,
        "enrollment_group": {"file": opened.issuing.name, "sha256": opened.facts.sha256},
        "device": {"certificate": receipt.chain.name, "key": receipt.key.name},
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def _receipt(
    registration_id: str,
    out: Path,
    opened: OpenedAuthority,
    certificate: CertificateFacts,
    *,
    kept: bool = False,
    shortened: bool = False,
    replaced: Path | None = None,
) -> IdentityReceipt:
    paths = _paths(registration_id, out)
    return IdentityReceipt(
        registration_id=registration_id,
        folder=paths["leaf"].parent,
        **paths,
        issuing=opened.issuing,
        certificate=certificate,
        kept=kept,
        shortened=shortened,
        replaced=replaced,
        test_only=not opened.encrypted,
    )


def _paths(registration_id: str, out: Path) -> dict[str, Path]:
    name = file_name_for(registration_id)
    endings = {"leaf": "leaf.pem", "chain": "chain.pem", "key": "key.pem", "document": "json"}
    return {kind: out / name / f"{name}.{ending}" for kind, ending in endings.items()}


def _store_authority(folder: Path, public: dict[str, bytes], private: dict[str, bytes]) -> None:
    """In one step where the folder is new; else the keys in one step, then the certificates, all or none."""
    if not os.path.lexists(folder):
        make_folder(folder.parent)
        write_folder_whole(folder, public, private)
        return
    keys = {name.removeprefix("private/"): data for name, data in private.items()}
    written: list[Path] = []
    try:
        for name, data in public.items():
            write_new(folder / name, data)
            written.append(folder / name)
        write_folder_whole(folder / "private", {}, keys)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _filled(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if data}


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _raise_all(problems: list[EflowprovError], where: str) -> None:
    """Raise one error for all of them: the only one itself, else a line that names them."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        named = "; ".join(f"{problem.where}: {problem.why}" for problem in problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(where, f"{len(problems)} stand in the way: {named}{more}", problems[0].next_step)
