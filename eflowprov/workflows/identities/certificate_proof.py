"""`certs proof`: the certificate that shows DPS or IoT Central that an authority's key is at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.authority import Authority, load_authority
from eflowprov.certs.importing import name_of
from eflowprov.certs.keys import is_encrypted
from eflowprov.certs.proof import check_code, sign_proof
from eflowprov.certs.reading import MAX_BYTES
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import make_folder, read_limited, write_new
from eflowprov.workflows.identities.authority_files import CHAIN, ISSUING, ISSUING_KEY, ROOT, ROOT_KEY
from eflowprov.workflows.identities.identity_files import is_there
from eflowprov.workflows.identities.passphrases import Ask, unlocker

_NAMED = 8  # characters of the code in the file's name: enough to tell two apart


@dataclass(frozen=True, slots=True)
class ProofReceipt:
    """A proof on disk: `verified` is the certificate that it proves, the one that was uploaded."""

    path: Path
    code: str
    by: str
    verified: Path
    signer: str


def prove_possession(
    code: str,
    *,
    ca: Path,
    out: Path,
    by: str | None = None,
    passphrase_file: Path | None = None,
    ask: Ask | None = None,
    now: datetime | None = None,
) -> ProofReceipt:
    """Write the proof for `code`, signed by the `root` or the `issuing` authority in `ca`: the one to be verified.

    Without `by` it is the issuing one, where there is one: that is what an enrollment group names. Raises InputError
    for a code that cannot be one, an authority or passphrase that is missing, and when the file is there already.
    """
    code = check_code(code)
    role = by or ("issuing" if is_there(ca / ISSUING) else "root")
    authority = _open(ca, role, passphrase_file, ask)
    proof = sign_proof(authority, code, now or datetime.now(UTC))
    path = out / f"proof-{role}-{re.sub(r'[^A-Za-z0-9]', '_', code)[:_NAMED]}.cert.pem"
    make_folder(out)
    write_new(path, proof)
    verified = ca / (ISSUING if role == "issuing" else ROOT)
    return ProofReceipt(path, code, role, verified, name_of(authority.certificate.subject))


def _open(ca: Path, role: str, passphrase_file: Path | None, ask: Ask | None) -> Authority:
    if not is_there(ca / CHAIN):
        raise InputError(
            str(ca), f"it holds no authority ({CHAIN} is missing)", "Make one with: eflowprov certs ca --out DIR"
        )
    if role == "issuing" and not is_there(ca / ISSUING):
        raise InputError(str(ca), "its root has no issuing authority below it", "Take --by root")
    chain, key = (ca / CHAIN, ca / ISSUING_KEY) if role == "issuing" else (ca / ROOT, ca / ROOT_KEY)
    key_pem = read_limited(key, MAX_BYTES)
    passphrase = unlocker(passphrase_file, ask)(str(key)) if is_encrypted(key_pem) else None
    return load_authority(read_limited(chain, MAX_BYTES), key_pem, str(key), passphrase)
