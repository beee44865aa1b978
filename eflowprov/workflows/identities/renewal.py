"""`certs renew`: the next identity for devices whose certificates are due, from the same authority; old ones kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.certs.renewal import renew
from eflowprov.errors import EflowprovError, InputError
from eflowprov.model import CertificateFacts, Secret
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.identities.authority_files import OpenedAuthority, open_authority
from eflowprov.workflows.identities.identity_files import IdentityFiles, aside, is_folder, is_there, write_identity
from eflowprov.workflows.identities.identity_list import Listed, list_identities, whole_identity
from eflowprov.workflows.identities.passphrases import Ask
from eflowprov.workflows.identities.summary import refresh_summary

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RenewalPlan:
    """What a call of `renew_identities` asks for. No `ids` means every identity in `folder`.

    `within` replaces the 66 % of its life after which an identity is due; `days` the length of the old one's life.
    """

    folder: Path
    ca: Path
    ids: tuple[str, ...] = ()
    within: timedelta | None = None
    days: int | None = None
    keep_key: bool = False


@dataclass(frozen=True, slots=True)
class Renewed:
    """What happened to one identity: it was renewed, or is not due, or could not be renewed (`error`).

    `old` is where the one before went; `test_only` is True when the authority's key stands on disk without a
    passphrase.
    """

    name: str
    files: IdentityFiles
    due_at: datetime | None = None
    certificate: CertificateFacts | None = None
    old: Path | None = None
    test_only: bool = False
    error: EflowprovError | None = None

    @property
    def is_renewed(self) -> bool:
        return self.old is not None


def renew_identities(
    plan: RenewalPlan,
    *,
    passphrase_file: Path | None = None,
    ask: Ask | None = None,
    now: datetime | None = None,
    watch: Watch = lambda _what, _done, _of: None,
) -> Iterator[Renewed]:
    """Renew each identity that is due; yields one entry for each when it is on disk, in the order of their ends.

    `watch` is told what is being done, how many are done, of how many.

    One that cannot be renewed hides no other. Raises InputError when called for a folder without identities, an ID that
    is not in it, or an authority that cannot be opened; the authority is opened only when something is due.
    """
    now = now or datetime.now(UTC)
    listed = _chosen(plan, now)
    opened = None
    if any(one.is_due for one in listed):
        opened = open_authority(plan.ca, passphrase_file=passphrase_file, ask=_asker(plan.ca, ask))
    return _renew_all(listed, plan, opened, now, watch)


def discard_old(
    folder: Path, ids: Sequence[str] = (), *, now: datetime | None = None
) -> tuple[tuple[Path, ...], tuple[EflowprovError, ...]]:
    """Remove the old identities that renewals kept, of all devices in `folder` or of those in `ids`, keys and all.

    Only where the identity that took the place is whole and has not ended. Gives what was removed, and why others were
    not. Raises InputError like `renew_identities`.
    """
    now = now or datetime.now(UTC)
    removed: list[Path] = []
    errors: list[EflowprovError] = []
    for one in _chosen(RenewalPlan(folder, folder, tuple(ids)), now):
        for old in one.kept:
            try:
                _discard(old, one, now)
            except EflowprovError as error:
                errors.append(error)
            else:
                removed.append(old)
    return tuple(removed), tuple(errors)


def _chosen(plan: RenewalPlan, now: datetime) -> tuple[Listed, ...]:
    """The identities in the folder that are meant; authorities and pending requests are not."""
    listed = list_identities(plan.folder, within=plan.within, now=now)
    present = [one for one in listed if one.kind in ("identity", "unusable") and is_folder(one.path)]
    wanted = {one.lower() for one in plan.ids}
    names = {one.name.lower() for one in present}
    if unknown := [one for one in plan.ids if one.lower() not in names]:
        raise InputError(str(plan.folder), f"it holds no identity {', '.join(unknown)}", "See: eflowprov certs list")
    if not present and any(one.kind == "identity" for one in listed):
        why = "its identities have the demo scripts' names"
        raise InputError(str(plan.folder), why, "Use: eflowprov certs device ID --renew --layout certgen")
    if not present:
        raise InputError(str(plan.folder), "it holds no identity", "Give the --out folder of 'certs device'")
    return tuple(one for one in present if not wanted or one.name.lower() in wanted)


def _renew_all(
    listed: Sequence[Listed], plan: RenewalPlan, opened: OpenedAuthority | None, now: datetime, watch: Watch
) -> Iterator[Renewed]:
    due = sum(one.is_due for one in listed)
    done = 0
    has_renewed = False
    try:
        for one in listed:
            result = _renewed(one, plan, opened, now)
            has_renewed |= result.is_renewed
            if one.is_due:
                done += 1
                watch("renewing", done, due)
            yield result
    finally:
        if has_renewed:
            refresh_summary(plan.folder)


def _renewed(one: Listed, plan: RenewalPlan, opened: OpenedAuthority | None, now: datetime) -> Renewed:
    files = IdentityFiles.named(one.path.name, plan.folder)
    result = Renewed(one.name, files, one.due_at, one.certificate, error=one.error)
    if not one.is_due or opened is None:
        return result
    try:
        identity = renew(
            opened.authority,
            str(files.folder),
            read_limited(files.chain, MAX_BYTES),
            read_limited(files.key, MAX_BYTES) if is_there(files.key) else None,
            now,
            days=plan.days,
            keep_key=plan.keep_key,
        )
        old = aside(files.folder, now)
        group = {"file": opened.issuing.name, "sha256": opened.facts.sha256}
        write_identity(identity, files, group, old=old)
    except EflowprovError as error:
        return replace(result, error=error)
    return replace(result, certificate=identity.facts, old=old, test_only=not opened.encrypted)


def _discard(old: Path, one: Listed, now: datetime) -> None:
    """Remove one folder that was moved aside: the key first, so that a killed run leaves nothing worth taking."""
    _refuse_without_successor(old, IdentityFiles.named(one.path.name, old.parent), now)
    files = IdentityFiles.named(one.path.name, old.parent, old)
    try:
        if foreign := {path.name for path in old.iterdir()} - {path.name for path in files.possible}:
            raise InputError(str(old), f"it holds {min(foreign)} as well", "Look at it, and remove the folder by hand")
        for path in (files.key, *files.possible):
            path.unlink(missing_ok=True)
        old.rmdir()
    except OSError as error:
        raise InputError(str(old), f"it cannot be removed ({error.strerror})", "Remove it by hand") from error


def _refuse_without_successor(old: Path, files: IdentityFiles, now: datetime) -> None:
    """The last identity of a device is not thrown away. A new key that is no longer here is on its device."""
    ends = whole_identity(files).not_after
    key = read_limited(files.key, MAX_BYTES) if is_there(files.key) else None
    bundle = read_bundle(str(files.chain), read_limited(files.chain, MAX_BYTES), key=key)
    if now >= ends or (key is not None and not bundle.key_matches):
        why = "the identity that took its place has ended, or its key is not its own"
        raise InputError(str(old), why, "Put that right first; the old one is kept")


def _asker(ca: Path, ask: Ask | None) -> Callable[[], Secret] | None:
    return None if ask is None else lambda: ask(str(ca))
