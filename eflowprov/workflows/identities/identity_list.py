"""`certs list`: what stands in a folder, until when, and what is due."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eflowprov.certs.names import is_registration_id
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.certs.renewal import due_at
from eflowprov.errors import InputError
from eflowprov.model import CertificateFacts
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.identities.authority_files import ISSUING, ROOT
from eflowprov.workflows.identities.identity_files import IdentityFiles, is_folder, is_there, name_of_aside, names_in
from eflowprov.workflows.identities.layouts import Layout, places_in

_AUTHORITIES = (
    ISSUING,
    ROOT,
    "certs/azure-iot-test-only.intermediate.cert.pem",  # the demo scripts' names
    "certs/azure-iot-test-only.root.ca.cert.pem",
)
_SPAN = re.compile(r"(?P<number>[0-9]{1,5})(?P<unit>[hdw])")
_AS_ID = str.maketrans({"@": ":", "~": None})  # what `file_name_for` does, undone
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One identity or authority of a folder.

    `kind` is `identity`, `authority`, `request` (its certificate is not there yet) or `unusable`, and then `error` says
    why. `days_left` are whole days, negative after the end; `kept` are older identities of the same device;
    `has_key` is False when an identity's key has gone to the device alone.
    """

    kind: str
    name: str
    path: Path
    certificate: CertificateFacts | None = None
    due_at: datetime | None = None
    days_left: int | None = None
    is_due: bool = False
    kept: tuple[Path, ...] = ()
    has_key: bool = True
    error: InputError | None = None


def span(text: str) -> timedelta:
    """Read `30d`, `12h` or `6w`; raises InputError, which names `--within`."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise InputError("--within", f"{text!r} is no time", "Give for example 30d, 12h or 6w")
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


def list_identities(
    folder: Path, *, within: timedelta | None = None, now: datetime | None = None
) -> tuple[Listed, ...]:
    """Give the identities and authorities in `folder`, those that end first before the others, then what has no end.

    Due is what has lived 66 % of its life, or ends `within` that time. One that cannot be used hides no other. Raises
    InputError when the folder cannot be read or holds none at all.
    """
    now = now or datetime.now(UTC)
    found = [_dated(one, within, now) for one in (*_authorities(folder), *_identities(folder), *_of_certgen(folder))]
    if not found:
        raise InputError(
            str(folder), "it holds no identity and no authority", "Give the --out folder of 'certs device'"
        )
    return tuple(sorted(found, key=_rank))


def whole_identity(files: IdentityFiles) -> CertificateFacts:
    """The leaf of an identity that has all its lasting files, the same leaf in two; raises InputError otherwise."""
    missing = [path.name for path in files.lasting if not is_there(path)]
    if missing:
        raise InputError(str(files.folder), f"the identity lacks {', '.join(missing)}", "Issue it anew")
    leaf = read_bundle(str(files.leaf), read_limited(files.leaf, MAX_BYTES)).certificates[0]
    chain = read_bundle(str(files.chain), read_limited(files.chain, MAX_BYTES)).certificates
    if leaf != chain[0]:
        raise InputError(str(files.folder), "its leaf is not its chain's", "Issue it anew")
    return leaf


def _identities(folder: Path) -> Iterator[Listed]:
    folders = _folders_in(folder)
    kept: dict[str, list[Path]] = {}
    for place in folders:
        if name := name_of_aside(place):
            kept.setdefault(name, []).append(place)
    for place in folders:
        if name_of_aside(place) is not None:
            continue
        files, old = IdentityFiles.named(place.name, folder), tuple(sorted(kept.get(place.name, ())))
        try:
            names = names_in(place).values()
        except InputError as error:  # it may be an identity's; others, like `lost+found`, cannot be
            if is_registration_id(place.name.translate(_AS_ID)):
                yield Listed("unusable", place.name, place, kept=old, error=error)
            continue
        if any(path.name in names for path in files.possible):
            yield _identity(files, old)


def _identity(files: IdentityFiles, kept: tuple[Path, ...]) -> Listed:
    name = files.folder.name
    if is_there(files.request) and not is_there(files.leaf) and not is_there(files.chain):
        return Listed("request", name, files.folder, kept=kept)
    try:
        leaf = whole_identity(files)
    except InputError as error:
        return Listed("unusable", name, files.folder, kept=kept, error=error)
    name = ", ".join(leaf.common_names) or name
    return Listed("identity", name, files.folder, leaf, kept=kept, has_key=is_there(files.key))


def _authorities(folder: Path) -> Iterator[Listed]:
    for name in _AUTHORITIES:
        if is_there(folder / name):
            yield _one_file("authority", folder / name)


def _of_certgen(folder: Path) -> Iterator[Listed]:
    for place in places_in(folder, Layout.CERTGEN):
        yield _one_file("identity", folder / place.leaf)


def _one_file(kind: str, path: Path) -> Listed:
    try:
        first = read_bundle(str(path), read_limited(path, MAX_BYTES)).certificates[0]
    except InputError as error:
        return Listed("unusable", path.name, path, error=error)
    return Listed(kind, ", ".join(first.common_names) or first.subject, path, first)


def _dated(one: Listed, within: timedelta | None, now: datetime) -> Listed:
    if one.certificate is None:
        return one
    due = due_at(one.certificate, within)
    left = (one.certificate.not_after - now) // timedelta(days=1)
    return replace(one, due_at=due, days_left=left, is_due=now >= due)


def _rank(one: Listed) -> tuple[bool, datetime, str]:
    end = one.certificate.not_after if one.certificate else datetime.max.replace(tzinfo=UTC)
    return one.certificate is None, end, one.name


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if is_folder(place))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(str(folder), f"it cannot be read as a folder ({why})", "Give the --out folder") from error
