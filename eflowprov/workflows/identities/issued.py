"""An identity that is on disk: its receipt, its files' content, and whether one that was there before may stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from eflowprov.certs.facts import utc
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, CertificateFacts
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.identities.authority_files import OpenedAuthority
from eflowprov.workflows.identities.layouts import Place

_RENEW = "Issue it anew with --renew, which moves the old files aside, or choose another --out"


@dataclass(frozen=True, slots=True)
class IdentityReceipt:
    """A device's identity on disk: which file goes where, and until when.

    `kept` is True when it was there already; `shortened` when its authority ends before the days asked for; `replaced`
    is where an older one went (its folder, or its leaf's file); `test_only` is True when the authority's key stands on
    disk without a passphrase; `exposed` when the disk cannot keep the key from other users (FAT, some shares);
    `has_key` is False when the key has gone to the device and been removed here.
    """

    registration_id: str
    out: Path
    place: Place
    issuing: Path  # group enrollment
    certificate: CertificateFacts
    kept: bool = False
    shortened: bool = False
    replaced: Path | None = None
    test_only: bool = False
    exposed: bool = False
    has_key: bool = True

    @property
    def leaf(self) -> Path:
        """The leaf alone: what an individual enrollment takes."""
        return self.out / self.place.leaf

    @property
    def chain(self) -> Path:
        """The leaf and what signed it: for the device."""
        return self.out / self.place.chain

    @property
    def key(self) -> Path:
        """The private key: for the device."""
        return self.out / self.place.key

    @property
    def document(self) -> Path:
        """`ID.json`, in the layout that has one."""
        return self.out / self.place.document

    @property
    def folder(self) -> Path:
        """The folder of the leaf: the identity's own, in the layout where it has one."""
        return self.leaf.parent


def kept_identity(
    registration_id: str, out: Path, place: Place, opened: OpenedAuthority, now: datetime, *, needs_key: bool = True
) -> IdentityReceipt:
    """The receipt of an identity that is there; raises InputError unless it is complete, valid and this authority's.

    Without `needs_key` one is complete whose key has gone to its device and been removed here.
    """
    stands = str((out / place.leaf).parent if place.document else out / place.leaf)
    has_key = needs_key or not _is_missing(out / place.key)
    names = (place.leaf, place.chain, *([place.key] if has_key else []), place.document)
    if missing := [name for name in names if _is_missing(out / name)]:
        raise InputError(stands, f"the identity there lacks {missing[0].rpartition('/')[2]}", _RENEW)
    leaf = read_bundle(str(out / place.leaf), _read(out / place.leaf))
    key = _read(out / place.key) if has_key else None
    chain = read_bundle(str(out / place.chain), _read(out / place.chain), key=key)
    if fault := _fault(registration_id, chain, leaf.certificates, opened, now):
        raise InputError(stands, f"the identity there {fault}", _RENEW)
    return IdentityReceipt(
        registration_id,
        out,
        place,
        opened.issuing,
        chain.certificates[0],
        kept=True,
        test_only=not opened.encrypted,
        has_key=has_key,
    )


def _read(path: Path) -> bytes:
    return read_limited(path, MAX_BYTES)


def _is_missing(path: Path) -> bool:
    """Whether nothing stands there; raises InputError where the system will not tell."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise InputError(str(path), f"it cannot be read ({error.strerror})", "Check the rights of its folder") from None
    return False


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
    if bundle.key_encrypted is not None and not bundle.key_matches:
        return "has a key that is not its certificate's"
    if opened.facts.sha256 not in {one.sha256 for one in bundle.certificates[1:]} or not bundle.signed_by_next[0]:
        return f"was issued by another authority ({first.issuer})"
    return "" if now < first.not_after else f"expired on {utc(first.not_after)}"
