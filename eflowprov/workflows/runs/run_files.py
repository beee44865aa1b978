"""The certificate and the key that a run works with: issued, kept, or named; also when the host has the key no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eflowprov.certs.reading import read_bundle
from eflowprov.errors import InputError
from eflowprov.workflows.config import IdentityConfig
from eflowprov.workflows.disk.files import read_limited
from eflowprov.workflows.identities.identity_files import IdentityFiles, is_there
from eflowprov.workflows.identities.issue import issue_identities
from eflowprov.workflows.runs.journal import Journal

KEY_GONE = "host-key"
"""The journal's entry, by the leaf's fingerprint: the VM proved to hold the key, and the host's copy was deleted."""

_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class RunFiles:
    """`key` is None when the host deleted it after the VM proved to hold it."""

    cert: Path
    key: Path | None

    def needed_key(self) -> Path:
        """The key, for a step that cannot do without. InputError when it is not here any more."""
        if self.key is None:
            why = "its private key is in the VM alone (--remove-key), and DPS is to be asked from this host"
            raise InputError(str(self.cert), why, "Leave register out of [dps], or issue a new identity")
        return self.key


def refuse_without_key(identity: IdentityConfig, journal: Journal) -> None:
    """InputError when the steps that need the key are to be done again, and the VM alone has it; asked before the
    journal forgets what it knows."""
    files = expected_files(identity, journal)
    if files.key is None:
        why = "its private key is in the VM alone (--remove-key): register and provision cannot be done again with it"
        raise InputError(str(files.cert), why, "Begin with --from-step wait, or issue a new identity")


def identity_files(identity: IdentityConfig, journal: Journal) -> RunFiles:
    """Issue the identity or keep the one that is there; or take the files that the configuration names."""
    files = expected_files(identity, journal)
    if files.key is None:
        return files
    if identity.ca is None or identity.out is None:
        return files
    (issued,) = issue_identities(
        [identity.registration_id], ca=identity.ca, out=identity.out, passphrase_file=identity.passphrase_file
    )
    return RunFiles(issued.chain, issued.key)


def expected_files(identity: IdentityConfig, journal: Journal) -> RunFiles:
    """Where the files are, or will be; without the key when it was deleted after the VM proved to hold it."""
    if identity.cert is not None and identity.key is not None:
        cert, key = identity.cert, identity.key
    else:
        assert identity.out is not None  # noqa: S101 - the configuration's own rule
        places = IdentityFiles.of(identity.registration_id, identity.out)
        cert, key = places.chain, places.key
    return RunFiles(cert, None if not is_there(key) and _removed(cert, journal) else key)


def _removed(cert: Path, journal: Journal) -> bool:
    if not is_there(cert):
        return False
    leaf = read_bundle(str(cert), read_limited(cert, _LIMIT)).certificates[0]
    return journal.done(KEY_GONE, leaf.sha256) is not None
