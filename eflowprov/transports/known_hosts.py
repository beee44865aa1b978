"""Pinned SSH host keys, in OpenSSH's own file format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

A line that names the host is read or is an error; a line about others may be as broken as it likes. Keys are added by
appending, as ssh does, under a lock that the system takes back from a run that dies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eflowprov.errors import HostKeyError, StorageError

_LOCK_WAIT_S = 10.0  # another run holds the lock for one read and one write
_LOCK_AT = 0x7FFF_FFFE  # far behind the text: Windows keeps others from reading locked bytes


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key: `kind` as SSH names it (`ssh-ed25519`), `blob` in SSH's wire form."""

    kind: str
    blob: bytes
    revoked: bool = False

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii").rstrip("=")

    def line(self, name: str) -> str:
        """The line that pins this key to `name`."""
        return f"{name} {self.kind} {base64.b64encode(self.blob).decode('ascii')}"


def host_name(host: str, port: int) -> str:
    """The name under which a host stands in the file: `host`, or `[host]:port` when the port is not 22."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def pinned_keys(path: Path, name: str) -> tuple[HostKey, ...]:
    """The keys that `path` holds for `name`; none when there is no such file.

    Raises `HostKeyError` when the file cannot be read, or when a line names the host and holds no readable key.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise HostKeyError(
            str(path), f"cannot be read ({error.strerror})", "Name a readable --known-hosts file"
        ) from None
    return _keys_in(content, path, name)


def is_pinned(path: Path, name: str, key: HostKey) -> bool:
    """Whether `name` is known by this very key; False when nothing at all is known of it.

    Raises `HostKeyError` when the host is known by another key, or this key is revoked.
    """
    return _judge(pinned_keys(path, name), path, name, key)


def pin(path: Path, name: str, key: HostKey) -> None:
    """Append the key under `name`, unless another run has done so in the meantime.

    Raises `HostKeyError` when that other run saw another key, `StorageError` when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file, _locked(file.fileno()):
            file.seek(0)
            content = file.read()
            if not _judge(_keys_in(content, path, name), path, name, key):
                start = "\n" if content and not content.endswith(b"\n") else ""
                file.write(f"{start}{key.line(name)}\n".encode())  # one write: a whole line or none
                os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            str(path), f"the host key cannot be kept ({error.strerror})", "Name a writable --known-hosts file"
        ) from None


def _judge(keys: tuple[HostKey, ...], path: Path, name: str, key: HostKey) -> bool:
    same = [known for known in keys if known.blob == key.blob]
    if any(known.revoked for known in same):
        raise HostKeyError(name, f"its host key {key.fingerprint} is marked as revoked in {path}", "Do not connect")
    if same:
        return True
    others = [known for known in keys if not known.revoked]
    if others:
        raise HostKeyError(
            name,
            f"the host key has changed: {path} holds {' and '.join(known.fingerprint for known in others)}, "
            f"the VM shows {key.fingerprint} ({key.kind})",
            f"If the VM was deployed anew, remove the lines of {name} from that file; otherwise something stands in "
            "between, do not connect",
        )
    return False


def _keys_in(content: bytes, path: Path, name: str) -> tuple[HostKey, ...]:
    if b"\0" in content:
        raise HostKeyError(
            str(path),
            "the file is UTF-16 or binary, as PowerShell's > writes it, so no line of it counts",
            "Save it as ASCII or UTF-8 text",
        )
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    found = (_key_for(name, line, f"{path} line {number}") for number, line in enumerate(lines, start=1))
    return tuple(key for key in found if key)


def _key_for(name: str, line: str, where: str) -> HostKey | None:
    """The key of one line, None when the line is about others."""
    fields = line.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if not fields or fields[0].startswith("#") or not _names(fields[0], name):
        return None
    blob = _blob(fields[1], fields[2]) if len(fields) >= 3 else None
    if blob is None or marker not in ("", "@revoked"):
        raise HostKeyError(
            where,
            f"the line names {name} and holds no host key that can be used" + (f" ({marker})" if marker else ""),
            "Repair or remove that line",
        )
    return HostKey(fields[1], blob, revoked=bool(marker))


def _blob(kind: str, text: str) -> bytes | None:
    """The key's wire form, None unless it is whole base64 and says the same kind itself (RFC 4253, 6.6)."""
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    head = len(kind).to_bytes(4, "big") + kind.encode()
    return blob if blob.startswith(head) and len(blob) > len(head) else None


def _names(field: str, name: str) -> bool:
    """Whether a line's first field means this host: a hash, or patterns of which none says `!`."""
    if field.startswith("|1|"):
        return _hash_names(field, name)
    patterns = field.lower().split(",")
    if any(_matches(pattern[1:], name) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_matches(pattern, name) for pattern in patterns if not pattern.startswith("!"))


def _matches(pattern: str, name: str) -> bool:
    """OpenSSH's wildcards: `*` and `?` alone; brackets are themselves."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), name) is not None


def _hash_names(field: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the file's lock; the system frees it when the process ends, however it ends."""
    end = time.monotonic() + _LOCK_WAIT_S
    while not _try_lock(descriptor):
        if time.monotonic() > end:
            raise OSError(0, "the file stays locked", None)
        time.sleep(0.02)
    try:
        yield
    finally:
        _unlock(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:  # a lock that another holds is EACCES on Windows, and no errno at all under Wine
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
