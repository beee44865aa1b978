"""Where one device's identity stands on disk: `ID/ID.leaf.pem`, `.chain.pem`, `.key.pem`, `.json`; how it is replaced.

One whose certificate came from elsewhere has its request and the authorities' certificates beside them: `.csr.pem`,
`.issuing.pem`, `.root.pem`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from eflowprov.certs.facts import utc
from eflowprov.certs.issuing import Identity
from eflowprov.certs.names import file_name_for
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import write_folder_whole

_ASIDE = re.compile(r"(?P<name>.+)~\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The paths of one device's identity, present or not."""

    folder: Path
    leaf: Path  # individual enrollment
    chain: Path  # the device
    key: Path  # the device
    document: Path
    request: Path
    issuing: Path  # group enrollment
    root: Path

    @classmethod
    def of(cls, registration_id: str, out: Path) -> IdentityFiles:
        """The paths for a legal registration ID below `out`."""
        return cls.named(file_name_for(registration_id), out)

    @classmethod
    def named(cls, name: str, out: Path, folder: Path | None = None) -> IdentityFiles:
        """The paths for an identity whose files are called `name`; `folder` when it stands in one of another name."""
        place = folder or out / name
        endings = ("leaf.pem", "chain.pem", "key.pem", "json", "csr.pem", "issuing.pem", "root.pem")
        return cls(place, *(place / f"{name}.{ending}" for ending in endings))

    @property
    def needed(self) -> tuple[Path, ...]:
        """What an identity has when it is issued."""
        return self.leaf, self.chain, self.key, self.document

    @property
    def lasting(self) -> tuple[Path, ...]:
        """What it keeps when its key has gone to the device and been removed here."""
        return self.leaf, self.chain, self.document

    @property
    def possible(self) -> tuple[Path, ...]:
        """Every file that the program puts into the folder."""
        return (*self.needed, self.request, self.issuing, self.root)


def is_there(path: Path) -> bool:
    """Whether something stands there. What the system will not even look at does not: reading it tells why."""
    return os.path.exists(path)  # noqa: PTH110  # Path.exists raises for a name that is too long or a closed folder


def is_folder(path: Path) -> bool:
    """Whether a folder stands there; as `is_there`."""
    return os.path.isdir(path)  # noqa: PTH112  # as above


def names_in(out: Path) -> dict[str, str]:
    """Give what stands in a folder, each name under its lower-case form, since DPS ignores case; nothing if it is new.

    Raises InputError when the folder cannot be read.
    """
    try:
        return {entry.name.lower(): entry.name for entry in out.iterdir()} if is_folder(out) else {}
    except OSError as error:
        raise InputError(str(out), f"it cannot be read ({error.strerror})", "Check its rights") from error


def aside(folder: Path, now: datetime) -> Path:
    """Where an identity goes when another takes its place; no registration ID has such a folder (`file_name_for`)."""
    return folder.with_name(f"{folder.name}~{now:%Y%m%dT%H%M%SZ}")


def name_of_aside(folder: Path) -> str | None:
    """The name of the identity that was moved aside to `folder`; None when it is no such folder."""
    found = _ASIDE.fullmatch(folder.name)
    return found["name"] if found else None


def identity_document(identity: Identity, name: str, group: Mapping[str, str] | None) -> bytes:
    """`ID.json`: what the identity is, and which file goes where; `name` is what its files are called.

    `group` names the certificate for an enrollment group (`file`, `sha256`); None when no file holds it.
    """
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
        "individual_enrollment": f"{name}.leaf.pem",
        "enrollment_group": dict(group) if group else None,
        "device": {"certificate": f"{name}.chain.pem", "key": f"{name}.key.pem"},
    }
    # A line for each field, as `indent` would have it but for what is nested; a fifth of its time, for thousands.
    lines = ",\n".join(f'  "{field}": {json.dumps(value)}' for field, value in document.items())
    return f"{{\n{lines}\n}}\n".encode("ascii")


def write_identity(
    identity: Identity,
    files: IdentityFiles,
    group: Mapping[str, str] | None,
    *,
    more: Mapping[Path, bytes] | None = None,
    old: Path | None = None,
) -> None:
    """Write the whole folder in one step, `more` of its files with it; the one that is there goes to `old`.

    Raises InputError when the folder's or the old one's name is taken, StorageError when it cannot be written.
    """
    public = {
        files.leaf.name: identity.leaf_pem,
        files.chain.name: identity.chain_pem,
        files.document.name: identity_document(identity, files.leaf.name.removesuffix(".leaf.pem"), group),
        **{path.name: data for path, data in (more or {}).items() if data},
    }
    write_folder_whole(files.folder, public, {files.key.name: identity.key_pem}, old=old)
