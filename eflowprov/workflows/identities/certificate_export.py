"""`certs export`: one identity for Windows' store, for an ESF gateway's text boxes, for Provision-EflowVm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.bridge.cmdlet_call import DEFAULT_ENDPOINT
from eflowprov.bridge.staged_names import staged_paths
from eflowprov.certs.export import to_pfx, without_line_end
from eflowprov.certs.importing import Assembled, assemble
from eflowprov.certs.issuing import Identity
from eflowprov.certs.names import file_name_for
from eflowprov.certs.reading import MAX_BYTES, read_bundle
from eflowprov.checks.certificate import judge_certificate
from eflowprov.errors import InputError
from eflowprov.model import Finding, Outcome, Secret
from eflowprov.workflows.disk.files import make_folder, read_limited, write_folder_whole, write_new, write_new_private
from eflowprov.workflows.identities.identity_files import IdentityFiles, is_folder, is_there
from eflowprov.workflows.identities.passphrases import Ask, unlocker

# The four text boxes of ESF's cloud connection, in its order, and the files with exactly their values.
ESF_BOXES = (
    ("device certificate", "device-certificate.txt"),
    ("private key", "private-key.txt"),
    ("global endpoint", "global-endpoint.txt"),
    ("ID scope", "id-scope.txt"),
)
_JUDGED = (Outcome.WARN, Outcome.FAIL)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written; each file with what it is for.

    `findings` are what the profile of the receiver warns of or refuses, `missing` the subject of the certificate that
    the chain ends below ("" when it reaches the root), `foreign` those that do not belong to it.
    """

    registration_id: str
    form: str
    files: tuple[tuple[str, Path], ...]
    findings: tuple[Finding, ...]
    missing: str
    foreign: tuple[str, ...]

    @property
    def secret(self) -> Path:
        """The file with the private key in it."""
        return next(path for use, path in self.files if "private key" in use)


def load_identity(
    paths: Sequence[Path],
    *,
    passphrase_file: Path | None = None,
    ask: Ask | None = None,
    now: datetime | None = None,
) -> Assembled:
    """Read one identity from its files of any kind; a folder that `certs device` made stands for its chain and key.

    Raises InputError when they are not exactly one identity with its key.
    """
    contents = [(str(path), read_limited(path, MAX_BYTES)) for place in paths for path in _files_in(place)]
    return assemble(contents, None, unlock=unlocker(passphrase_file, ask), now=now or datetime.now(UTC))


def export_pfx(got: Assembled, out: Path, ask_password: Callable[[], Secret], *, legacy: bool = False) -> Exported:
    """Write `ID.pfx` with the key and the whole chain, encrypted with the password that `ask_password` gives."""
    path = out / f"{file_name_for(got.registration_id)}.pfx"
    exported = _exported(got, "pfx", (("certificate, chain and private key", path),))
    _refuse_present(path)
    data = to_pfx(got.registration_id, got.chain, got.key, ask_password(), legacy=legacy)
    make_folder(out)
    write_new_private(path, data)
    return exported


def export_esf(got: Assembled, out: Path, *, scope_id: str, endpoint: str = DEFAULT_ENDPOINT) -> Exported:
    """Write the folder `ID-esf` with the four values to paste, each without a byte too many.

    ESF's page on X.509 provisioning: white space behind the last dash makes the connection fail.
    """
    if not scope_id.isalnum() or not scope_id.isascii():
        raise InputError("--scope-id", f"{scope_id!r} is no ID scope", "Copy it from the DPS overview (0ne…)")
    if not endpoint or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise InputError("--endpoint", f"{endpoint!r} is no host name", f"Usually it is {DEFAULT_ENDPOINT}")
    identity = got.identity()
    folder = out / f"{file_name_for(got.registration_id)}-esf"
    values = (
        without_line_end(identity.chain_pem),
        without_line_end(identity.key_pem),
        endpoint.encode("ascii"),
        scope_id.encode("ascii"),
    )
    named = {name: value for (_, name), value in zip(ESF_BOXES, values, strict=True)}
    key = {"private-key.txt": named.pop("private-key.txt")}
    exported = _exported(got, "esf", tuple((box, folder / name) for box, name in ESF_BOXES))
    make_folder(out)
    write_folder_whole(folder, named, key)
    return exported


def export_eflow(got: Assembled, out: Path) -> Exported:
    """Write the two files for Provision-EflowVm, whose names bear the certificate's serial number."""
    identity = got.identity()
    cert, key = staged_paths(got.registration_id, identity.facts.serial, out)
    exported = _exported(got, "eflow", (("certificate chain", cert), ("private key", key)))
    for path in (cert, key):
        _refuse_present(path)
    make_folder(out)
    write_new_private(key, identity.key_pem)
    try:
        write_new(cert, identity.chain_pem)
    except BaseException:
        key.unlink(missing_ok=True)
        raise
    return exported


def _files_in(place: Path) -> Sequence[Path]:
    if not is_folder(place):
        return (place,)
    files = IdentityFiles.named(place.resolve().name, place.parent, place)
    if not is_there(files.chain):
        raise InputError(str(place), f"it holds no {files.chain.name}", "Give an identity's own folder, or its files")
    return files.chain, files.key


def _refuse_present(path: Path) -> None:
    """Before anybody types a password for it."""
    if is_there(path):
        raise InputError(str(path), "it is there already", "Move it away or choose another folder")


def _exported(got: Assembled, form: str, files: tuple[tuple[str, Path], ...]) -> Exported:
    return Exported(got.registration_id, form, files, _findings(got.identity(), form), got.missing, got.foreign)


def _findings(identity: Identity, form: str) -> tuple[Finding, ...]:
    """What the receiver's profile has against the identity: an export is no judgement, but it does not keep silent."""
    bundle = read_bundle(identity.registration_id, identity.chain_pem, key=identity.key_pem)
    profile = "esf" if form == "esf" else "eflow"
    judged = judge_certificate(bundle, registration_id=None, profile=profile, now=datetime.now(UTC))
    return tuple(one for one in judged if one.outcome in _JUDGED)
