"""Certificates for tests of DPS, made in memory with cryptography alone, and a request that names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from eflowprov.lab.dps import LabDps
from eflowprov.transports.dps import RegistrationRequest

SCOPE = "0ne00000001"
DEVICE = "line4-press2"


@dataclass(frozen=True)
class Party:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        form = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)


def make(name: str, issuer: Party | None = None, *, ca: bool = False, ends: timedelta = timedelta(days=1)) -> Party:
    """A certificate for `name`, nameless for ""; self-signed without an issuer. A CA may sign, and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return Party(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@dataclass(frozen=True)
class Pki:
    """A root, an issuing authority under it, and a device under that."""

    root: Party
    issuing: Party
    device: Party


def make_pki(name: str = DEVICE) -> Pki:
    root = make("Plant root", ca=True)
    issuing = make("Plant issuing", root, ca=True)
    return Pki(root, issuing, make(name, issuing))


def write_pair(folder: Path, *chain: Party, passphrase: bytes | None = None) -> tuple[Path, Path]:
    """The chain (leaf first) and the leaf's key as two files."""
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "chain.pem", folder / "key.pem"
    cert.write_text("".join(party.pem for party in chain), encoding="ascii", newline="\n")
    key.write_bytes(chain[0].key_pem(passphrase))
    return cert, key


def request_to(lab: LabDps, files: tuple[Path, Path], **changes: Any) -> RegistrationRequest:
    """A registration of DEVICE at the lab, within 10 s."""
    settings: dict[str, Any] = {
        "scope_id": SCOPE,
        "registration_id": DEVICE,
        "cert_file": files[0],
        "key_file": files[1],
        "endpoint": "localhost",
        "port": lab.port,
        "server_ca": lab.server_ca_pem,
        "timeout_s": 10.0,
    }
    return RegistrationRequest(**{**settings, **changes})
