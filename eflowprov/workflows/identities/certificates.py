"""Looking at certificate files: which of them belong together, what is in them, what is wrong with them.

One file that cannot be read never hides what the next one tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.contents import read_contents
from eflowprov.certs.dps_trials import try_enrollments
from eflowprov.certs.kinds import NoCertificateError
from eflowprov.certs.names import check_registration_id, is_registration_id
from eflowprov.certs.reading import (
    MAX_BYTES,
    Bundle,
    bundle_facts,
    identity_place,
    is_key_file,
    open_bundle,
    read_key,
    with_key,
)
from eflowprov.checks.certificate import judge_certificate, judge_unused_key
from eflowprov.checks.certificate_file import judge_other_kind
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, EnrollmentTrials, FileAccess, Finding, Outcome, Secret
from eflowprov.workflows.disk.file_access import read_access
from eflowprov.workflows.disk.files import read_limited, read_passphrase


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file that was looked at: its facts and findings, or why it cannot be used.

    A key file's facts have no certificates; `partner` is the certificate file that a key belongs to, or the key file
    that a certificate was judged with.
    """

    path: Path
    bundle: BundleFacts | None = None
    findings: tuple[Finding, ...] = ()
    error: InputError | None = None
    partner: Path | None = None

    @property
    def has_failed(self) -> bool:
        return any(finding.outcome is Outcome.FAIL for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator said: what the files are to be judged by. `enrolled` are files of enrolled certificates."""

    registration_id: str | None = None
    profile: str = "eflow"
    enrollment: str | None = None
    enrolled: tuple[Path, ...] = ()
    expiring_days: int = 30
    passphrase_file: Path | None = None


def check_files(paths: Sequence[Path], asked: Asked, *, now: datetime | None = None) -> tuple[SeenFile, ...]:
    """Judge every certificate file among `paths`; private key files among them are matched with the certificates.

    Gives one entry for each path, in their order; a key file that belongs to a certificate has no findings of its own.
    Raises InputError for a registration ID against the rule, for an enrolled certificate that cannot be used, and when
    every file is a key.
    """
    if asked.registration_id is not None:
        check_registration_id(asked.registration_id)
    passphrase = read_passphrase(asked.passphrase_file) if asked.passphrase_file else None
    enrolled = tuple(_enrolled(path) for path in asked.enrolled)
    files = [_open(path, passphrase) for path in paths]
    if files and all(one.is_key for one in files):
        raise InputError(", ".join(map(str, paths)), "no certificate is among the files", "Give the certificate too")
    pairs = _pairs(files)
    judge = _Judge(asked, enrolled, now or datetime.now(UTC), pairs)
    return tuple(judge(file) for file in files)


def show_files(paths: Sequence[Path], *, passphrase_file: Path | None = None) -> tuple[SeenFile, ...]:
    """Read what is in every file; one entry for each path, in their order, without findings."""
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None

    def seen(path: Path) -> SeenFile:
        try:
            return SeenFile(path, read_contents(str(path), read_limited(path, MAX_BYTES), passphrase=passphrase))
        except InputError as error:
            return SeenFile(path, error=error)

    return tuple(map(seen, paths))


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A file, opened: a key's facts, or a certificate file with its facts, or why there is neither."""

    path: Path
    facts: BundleFacts | None = None
    bundle: Bundle | None = None
    error: InputError | None = None

    @property
    def is_key(self) -> bool:
        return self.facts is not None and self.bundle is None

    @property
    def public_key(self) -> str:
        """Of the key, or of the device's certificate; "" when it is not known."""
        if self.facts is None:
            return ""
        if self.is_key:
            return self.facts.keys[0].public_key_sha256
        return self.facts.certificates[identity_place(self.facts.certificates)].public_key_sha256


def _open(path: Path, passphrase: Secret | None) -> _File:
    source = str(path)
    try:
        data = read_limited(path, MAX_BYTES)
        if is_key_file(data):
            return _File(path, read_key(source, data, passphrase=passphrase))
        bundle = open_bundle(source, data, passphrase=passphrase)
        return _File(path, bundle_facts(source, bundle), bundle)
    except InputError as error:
        return _File(path, error=error)


def _enrolled(path: Path) -> Bundle:
    """The file that was, or will be, uploaded for an enrollment; it has one certificate."""
    bundle = open_bundle(str(path), read_limited(path, MAX_BYTES))
    if len(bundle.certificates) == 1:
        return bundle
    raise InputError(
        str(path),
        f"it holds {len(bundle.certificates)} certificates, and an enrollment takes one",
        "Give the certificate that was uploaded, alone",
    )


def _pairs(files: Sequence[_File]) -> dict[_File, _File]:
    """The key file of each certificate file that has one.

    A key is a certificate's by its public key. What is left over is judged as the key of a certificate that has none,
    in its own folder first: it is the wrong one, or encrypted so that nobody can tell.
    """
    keys = [one for one in files if one.is_key]
    by_public_key = {key.public_key: key for key in reversed(keys) if key.public_key}
    certificates = [one for one in files if one.bundle]
    pairs = {one: by_public_key[one.public_key] for one in certificates if one.public_key in by_public_key}
    left = [key for key in keys if key not in pairs.values()]
    for one in certificates:
        if one in pairs or (one.facts and one.facts.key_encrypted is not None):
            continue
        beside = [key for key in left if key.path.parent == one.path.parent]
        if beside or left:
            pairs[one] = (beside or left)[0]
    return pairs


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges one opened file after the other."""

    asked: Asked
    enrolled: tuple[Bundle, ...]
    now: datetime
    pairs: dict[_File, _File]

    def __call__(self, file: _File) -> SeenFile:
        if isinstance(file.error, NoCertificateError):
            error = file.error
            return SeenFile(file.path, findings=(judge_other_kind(error.where, error.why, error.next_step),))
        if file.facts is None:
            return SeenFile(file.path, error=file.error)
        return self._key(file, file.facts) if file.bundle is None else self._certificate(file, file.facts, file.bundle)

    def _key(self, file: _File, facts: BundleFacts) -> SeenFile:
        owner = next((one for one, key in self.pairs.items() if key is file), None)
        if owner:
            return SeenFile(file.path, facts, partner=owner.path)
        findings = judge_unused_key(facts, profile=self.asked.profile, access=read_access(file.path), now=self.now)
        return SeenFile(file.path, facts, findings)

    def _certificate(self, file: _File, facts: BundleFacts, bundle: Bundle) -> SeenFile:
        key = self.pairs.get(file)
        if key and key.facts:
            facts = with_key(facts, key.facts.keys[0], key.facts.quirks)
        findings = judge_certificate(
            facts,
            registration_id=self.asked.registration_id,
            profile=self.asked.profile,
            now=self.now,
            enrollment=self.asked.enrollment or ("group" if self.enrolled else None),
            expiring_days=self.asked.expiring_days,
            access=_access(facts, key.path if key else file.path),
            trials=self._trials(facts, bundle),
        )
        return SeenFile(file.path, facts, findings, partner=key.path if key else None)

    def _trials(self, facts: BundleFacts, bundle: Bundle) -> EnrollmentTrials | None:
        """What DPS would answer; None when the device has no name that it could register under."""
        name = self.asked.registration_id or next(iter(facts.certificates[0].common_names), "")
        if not is_registration_id(name):
            return None
        return try_enrollments(
            bundle.certificates,
            place=identity_place(facts.certificates),
            registration_id=name,
            kind=self.asked.enrollment,
            enrolled=[one.certificates[0] for one in self.enrolled],
            now=self.now,
        )


def _access(facts: BundleFacts, path: Path) -> FileAccess | None:
    return read_access(path) if facts.key_encrypted is not None else None
