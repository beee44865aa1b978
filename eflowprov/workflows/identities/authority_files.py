"""Authorities on disk: `root.ca.cert.pem`, `issuing.ca.cert.pem`, `issuing-chain.pem`, and their keys in `private/`.

The names are part of the contract. What is there is never overwritten, and an authority appears whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.authority import Authority, load_authority, make_authority
from eflowprov.certs.keys import check_new_passphrase, is_encrypted
from eflowprov.certs.profiles import AuthorityProfile
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts, Secret
from eflowprov.workflows.disk.files import (
    make_folder,
    read_limited,
    read_passphrase,
    refuse_no_folder,
    write_folder_whole,
)
from eflowprov.workflows.disk.storage import flush_below, told
from eflowprov.workflows.disk.workroom import Move, Workroom, sweep
from eflowprov.workflows.identities.identity_files import is_there

ROOT, ISSUING, CHAIN = "root.ca.cert.pem", "issuing.ca.cert.pem", "issuing-chain.pem"
ROOT_KEY, ISSUING_KEY = "private/root.ca.key.pem", "private/issuing.ca.key.pem"

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
class OpenedAuthority:
    """An authority on disk, ready to sign; `facts` are its signing certificate's."""

    authority: Authority
    issuing: Path
    facts: CertificateFacts
    encrypted: bool


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
    refuse_no_folder(folder)
    for place in (folder.parent, folder):
        sweep(place)
    _refuse_present(out, folder)
    made = make_authority(profile or AuthorityProfile(), now or datetime.now(UTC), passphrase)
    public = {CHAIN: made.chain, ISSUING: made.issuing_certificate, ROOT: made.root_certificate}
    private = {ROOT_KEY: made.root_key, ISSUING_KEY: made.issuing_key}
    _store(out, folder, _filled(public), _filled(private))
    facts = read_bundle(str(out), made.chain).certificates
    return AuthorityReceipt(out, out / (ISSUING if made.issuing_certificate else ROOT), facts, passphrase is not None)


def open_authority(
    folder: Path, *, passphrase_file: Path | None = None, ask: AskPassphrase | None = None
) -> OpenedAuthority:
    """Open the authority in `folder`. Raises InputError when there is none, or its passphrase is missing or wrong."""
    if not is_there(folder / CHAIN):
        raise InputError(
            str(folder), f"it holds no authority ({CHAIN} is missing)", "Make one with: eflowprov certs ca --out DIR"
        )
    has_issuing = is_there(folder / ISSUING)
    key_path = folder / (ISSUING_KEY if has_issuing else ROOT_KEY)
    chain, key = read_limited(folder / CHAIN, MAX_BYTES), read_limited(key_path, MAX_BYTES)
    passphrase = None
    if encrypted := is_encrypted(key):
        passphrase = read_passphrase(passphrase_file) if passphrase_file else ask() if ask else None
    authority = load_authority(chain, key, str(key_path), passphrase)
    facts = read_bundle(str(folder / CHAIN), chain).certificates[0]
    return OpenedAuthority(authority, folder / (ISSUING if has_issuing else ROOT), facts, encrypted)


def _refuse_present(out: Path, folder: Path) -> None:
    for name in (ROOT, ISSUING, CHAIN, "private"):
        if os.path.lexists(folder / name):
            raise InputError(
                str(out),
                f"it holds an authority already ({name})",
                "Choose another folder; authorities are not replaced",
            )


def _store(out: Path, folder: Path, public: dict[str, bytes], private: dict[str, bytes]) -> None:
    """In one step where the folder is new; else beside what is in it, all or nothing."""
    if not os.path.lexists(folder):
        make_folder(folder.parent)
        write_folder_whole(folder, public, private)
        return
    with told(out), Workroom(folder) as room:
        staged = room.new_name()
        room.stage(staged, public, private)
        flush_below(staged, len(public) + len(private))
        with room.alone():
            _refuse_present(out, folder)  # another run's, since we looked
            room.reveal(staged, [Move(name, name) for name in ("private", *public)])


def _filled(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if data}
