"""Looking at certificate files: which of them belong together, what is in them, what is wrong with them.

One file that cannot be read never hides what the next one tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.names import check_registration_id
from eflowprov.certs.reading import MAX_BYTES, is_key_file, read_bundle, read_key
from eflowprov.checks.certificate import judge_certificate
from eflowprov.errors import InputError
from eflowprov.model import BundleFacts, Finding, Outcome, Secret
from eflowprov.workflows.files import read_limited, read_passphrase


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file that was looked at: its facts (a key's has no certificates) and findings, or why it cannot be used."""

    path: Path
    bundle: BundleFacts | None = None
    findings: tuple[Finding, ...] = ()
    error: InputError | None = None

    @property
    def has_failed(self) -> bool:
        return any(finding.outcome is Outcome.FAIL for finding in self.findings)


def check_files(
    paths: Sequence[Path],
    *,
    registration_id: str | None = None,
    profile: str = "eflow",
    enrollment: str | None = None,
    expiring_days: int = 30,
    passphrase_file: Path | None = None,
    now: datetime | None = None,
) -> tuple[SeenFile, ...]:
    """Judge every certificate file among `paths`; private key files among them are matched with the certificates.

    Gives one entry for each path, in their order; a key file that can be used has no findings of its own. Raises
    InputError for a registration ID against the rule, and when every file is a key.
    """
    if registration_id is not None:
        check_registration_id(registration_id)
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    contents = [_Content.of(path) for path in paths]
    keys = [one for one in contents if one.is_key and _seen(one, passphrase).error is None]
    if all(one.is_key for one in contents):
        raise InputError(", ".join(map(str, paths)), "no certificate is among the files", "Give the certificate too")
    now = now or datetime.now(UTC)

    def judged(content: _Content) -> SeenFile:
        seen = _with_key(content, keys, passphrase)
        if seen.bundle is None or not seen.bundle.certificates:
            return seen
        findings = judge_certificate(
            seen.bundle,
            registration_id=registration_id,
            profile=profile,
            now=now,
            enrollment=enrollment,
            expiring_days=expiring_days,
        )
        return SeenFile(seen.path, seen.bundle, findings)

    return tuple(judged(content) for content in contents)


def show_files(paths: Sequence[Path], *, passphrase_file: Path | None = None) -> tuple[SeenFile, ...]:
    """Read what is in every file; one entry for each path, in their order, without findings."""
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    return tuple(_seen(_Content.of(path), passphrase) for path in paths)


@dataclass(frozen=True, slots=True)
class _Content:
    """A file's bytes, or why it has none."""

    path: Path
    data: bytes = b""
    is_key: bool = False
    error: InputError | None = None

    @classmethod
    def of(cls, path: Path) -> _Content:
        try:
            data = read_limited(path, MAX_BYTES)
        except InputError as error:
            return cls(path, error=error)
        return cls(path, data, is_key_file(data))


def _seen(content: _Content, passphrase: Secret | None, key: bytes | None = None) -> SeenFile:
    if content.error:
        return SeenFile(content.path, error=content.error)
    source = str(content.path)
    try:
        if content.is_key:
            return SeenFile(content.path, read_key(source, content.data, passphrase=passphrase))
        return SeenFile(content.path, read_bundle(source, content.data, key=key, passphrase=passphrase))
    except InputError as error:
        return SeenFile(content.path, error=error)


def _with_key(content: _Content, keys: Sequence[_Content], passphrase: Secret | None) -> SeenFile:
    """The file read with its key: one from its own folder before others, one that matches before others."""
    beside = [key for key in keys if key.path.parent == content.path.parent] or keys
    if content.is_key or not beside:
        return _seen(content, passphrase)
    tried = [_seen(content, passphrase, key.data) for key in beside]
    return next((seen for seen in tried if seen.bundle and seen.bundle.key_matches), tried[0])
