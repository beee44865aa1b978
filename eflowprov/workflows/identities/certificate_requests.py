"""`certs request`: a key that stays here, and the request that goes to a corporate authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eflowprov.certs.profiles import LeafProfile, subject
from eflowprov.certs.requests import Request, make_request
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import make_folder, write_folder_whole
from eflowprov.workflows.identities.identity_files import IdentityFiles, names_in
from eflowprov.workflows.identities.registration_ids import check_registration_ids

_SHOWN = 5  # names in one line


@dataclass(frozen=True, slots=True)
class RequestReceipt:
    """A request on disk: `request` goes to the authority, `key` stays."""

    registration_id: str
    request: Path
    key: Path


def request_certificates(
    registration_ids: Sequence[str], *, out: Path, profile: LeafProfile | None = None
) -> tuple[RequestReceipt, ...]:
    """Make a key and a request for each registration ID, as `ID/ID.key.pem` and `ID/ID.csr.pem` in `out`.

    What can be wrong is looked for before anything is written. Raises InputError for IDs against DPS's rule, given
    twice or twice but for case, and when `out` has something for one of them already: a key is never replaced.
    """
    profile = profile or LeafProfile()
    ids = check_registration_ids(registration_ids)
    subject(ids[0], profile.organization)
    places = {one: IdentityFiles.of(one, out) for one in ids}
    _refuse_present(places, out)
    make_folder(out)
    return tuple(_write(make_request(one, profile), places[one]) for one in ids)


def _refuse_present(places: dict[str, IdentityFiles], out: Path) -> None:
    """DPS ignores case, so that a folder of the same letters is the same device's."""
    there = names_in(out)
    present = [there[one.folder.name.lower()] for one in places.values() if one.folder.name.lower() in there]
    if present:
        named = ", ".join(present[:_SHOWN]) + (f" and {len(present) - _SHOWN} more" if len(present) > _SHOWN else "")
        raise InputError(str(out), f"it holds {named} already", "Choose another --out; keys are never replaced")


def _write(made: Request, files: IdentityFiles) -> RequestReceipt:
    write_folder_whole(files.folder, {files.request.name: made.request_pem}, {files.key.name: made.key_pem})
    return RequestReceipt(made.registration_id, files.request, files.key)
