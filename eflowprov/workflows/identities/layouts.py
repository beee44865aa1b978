"""Where an identity's files stand below `--out`: in a folder of its own, or under the names of the demo scripts.

The demo scripts are certGen.sh and ca-certs.ps1 (Azure/iotedge, tools/CACertificates). What existing runbooks take from
them: `certs/iot-edge-device-identity-ID.cert.pem`, its `-full-chain` with the root at its end, the key in `private/`,
and the authorities' certificates as `certs/azure-iot-test-only.*`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from eflowprov.certs.names import file_name_for
from eflowprov.certs.reading import MAX_BYTES
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import make_folder, read_limited, write_new
from eflowprov.workflows.disk.storage import below
from eflowprov.workflows.identities.authority_files import CHAIN, ISSUING, ROOT, OpenedAuthority
from eflowprov.workflows.identities.identity_files import name_of_aside, names_in

_IDENTITY = "iot-edge-device-identity-"
_AUTHORITY = "certs/azure-iot-test-only."


class Layout(StrEnum):
    EFLOWPROV = "eflowprov"
    CERTGEN = "certgen"


@dataclass(frozen=True, slots=True)
class Place:
    """An identity's files, relative to `--out`, with `/`. `document` is "" where the layout has none.

    `parts` are what gets its name in one step each: the folder, or the files, the key last, before which there is no
    identity.
    """

    leaf: str
    chain: str
    key: str
    document: str
    parts: tuple[str, ...]

    def is_taken(self, out: Path) -> bool:
        """Whether something of an identity stands there; an empty folder does not count."""
        return any(_is_there(below(out, part)) for part in self.parts)

    def clashes(self, names: dict[str, dict[str, str]]) -> str:
        """A part that stands there in other letter case, "" when there is none; `names` as `names_below` gives it."""
        for part in self.parts:
            folder, _, name = part.rpartition("/")
            present = names[folder].get(name.lower(), name)
            if present != name:
                return f"{folder}/{present}".lstrip("/")
        return ""


def place_of(registration_id: str, layout: Layout) -> Place:
    """The place of a legal registration ID's identity."""
    return _place(file_name_for(registration_id), layout)


def place_aside(registration_id: str, layout: Layout, now: datetime) -> Place:
    """Where an identity goes that is issued anew; no registration ID has such a place (`file_name_for`)."""
    return _place(f"{file_name_for(registration_id)}~{now:%Y%m%dT%H%M%SZ}", layout)


def places_in(out: Path, layout: Layout) -> list[Place]:
    """The places of all identities below `out`, whole or not; those that were moved aside are left out."""
    if layout is Layout.EFLOWPROV:
        # `isfile` is False for a folder that is closed to us (`lost+found`, `System Volume Information`).
        found = [name for name in names_in(out).values() if os.path.isfile(out / name / f"{name}.leaf.pem")]  # noqa: PTH113
    else:
        found = [
            name.removeprefix(_IDENTITY).removesuffix(".cert.pem")
            for name in names_in(out / "certs").values()
            if name.startswith(_IDENTITY) and name.endswith(".cert.pem") and not name.endswith("-full-chain.cert.pem")
        ]
    return [_place(name, layout) for name in sorted(found) if name_of_aside(Path(name)) is None]


def names_below(out: Path, layout: Layout) -> dict[str, dict[str, str]]:
    """What stands in each folder that the layout uses, by lower-case names; see `names_in`."""
    folders = ("",) if layout is Layout.EFLOWPROV else ("certs", "private")
    return {folder: names_in(out / folder) for folder in folders}


def copy_authority(opened: OpenedAuthority, out: Path) -> None:
    """Put the authority's certificates where the demo scripts have them; its keys stay where they are.

    Raises InputError when another authority's stand there; then nothing was written.
    """
    folder = opened.issuing.parent
    copies = {"root.ca.cert.pem": ROOT}
    if opened.issuing.name == ISSUING:
        copies |= {"intermediate.cert.pem": ISSUING, "intermediate-full-chain.cert.pem": CHAIN}
    wanted = {out / f"{_AUTHORITY}{name}": read_limited(folder / source, MAX_BYTES) for name, source in copies.items()}
    missing = [target for target, data in wanted.items() if not _holds(target, data)]
    make_folder(out / "certs")
    make_folder(out / "private")
    for target in missing:
        try:
            write_new(target, wanted[target])
        except InputError:  # another run was quicker
            _holds(target, wanted[target])


def _holds(target: Path, data: bytes) -> bool:
    """Whether the file is there with just that in it; raises InputError when something else is."""
    if not target.exists():
        return False
    if read_limited(target, MAX_BYTES) != data:
        raise InputError(str(target), "it is another authority's certificate", "Choose another --out")
    return True


def _place(name: str, layout: Layout) -> Place:
    if layout is Layout.CERTGEN:
        leaf, chain, key = (
            f"certs/{_IDENTITY}{name}.cert.pem",
            f"certs/{_IDENTITY}{name}-full-chain.cert.pem",
            f"private/{_IDENTITY}{name}.key.pem",
        )
        return Place(leaf, chain, key, "", (leaf, chain, key))
    # As IdentityFiles has them; a thousand Path objects take longer than the signatures.
    leaf, chain, key, document = (f"{name}/{name}.{ending}" for ending in ("leaf.pem", "chain.pem", "key.pem", "json"))
    return Place(leaf, chain, key, document, (name,))


def _is_there(path: str) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode) or bool(os.listdir(path))  # noqa: PTH208  # as above
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
