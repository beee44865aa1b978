"""How fast identities are issued: against a bare loop of `cryptography` with the same promises, and against openssl.

    python tests/benchmarks/certs_speed.py [identities] [rounds]

Bounds: at most 1.3 times the bare loop, at least 50 times as fast as the openssl command line (key, request, sign,
chain) for each identity. Ratios of medians, measured in turn in one run. The bare loop writes the same four files and
flushes them like `certs device` does: a hundred identities at once, then their names. Nothing is deleted before the
end: ext4 is slow to create files for some time after many were deleted.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eflowprov.certs.profiles import AuthorityProfile, KeyType
from eflowprov.workflows.disk.storage import flush_below, flush_folder
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.issue import issue_identities

MAX_BARE, MIN_OPENSSL = 1.3, 50.0
BY_OPENSSL = 20
BATCH = 100


class Bare:
    """What a person would write with `cryptography` alone."""

    def __init__(self, pki: Path) -> None:
        self.chain = (pki / "issuing.ca.cert.pem").read_bytes()
        self.issuer = x509.load_pem_x509_certificate(self.chain)
        key = serialization.load_pem_private_key((pki / "private" / "issuing.ca.key.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        self.key_id = self.issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value

    def issue(self, ids: list[str], out: Path) -> None:
        out.mkdir()
        for start in range(0, len(ids), BATCH):
            staged = out / f".{start}"
            for one in ids[start : start + BATCH]:
                self._write(one, staged / one)
            flush_below(staged, 4 * BATCH)
            for one in ids[start : start + BATCH]:
                (staged / one).rename(out / one)
            staged.rmdir()
            flush_folder(out)

    def _write(self, one: str, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._leaf(one, key)
        folder.mkdir(parents=True)
        pem = leaf.public_bytes(serialization.Encoding.PEM)
        document = {
            "registration_id": one,
            "serial": f"{leaf.serial_number:X}",
            "sha1": leaf.fingerprint(hashes.SHA1()).hex(),  # noqa: S303
            "sha256": leaf.fingerprint(hashes.SHA256()).hex(),
            "not_after": leaf.not_valid_after_utc.isoformat(),
        }
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files = {"leaf.pem": pem, "chain.pem": pem + self.chain, "key.pem": private}
        for ending, data in {**files, "json": json.dumps(document, indent=2).encode()}.items():
            (folder / f"{one}.{ending}").write_bytes(data)

    def _leaf(self, one: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        now = datetime.now(UTC)
        usage = dict.fromkeys(
            (
                "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
                "crl_sign", "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]))
            .issuer_name(self.issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(self.key_id.digest, None, None), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(one)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def by_openssl(ids: list[str], out: Path, pki: Path) -> None:
    """Key, request, signature and chain, a process each; nothing is flushed."""
    out.mkdir()
    program = shutil.which("openssl") or "openssl"
    issuing, issuing_key = pki / "issuing.ca.cert.pem", pki / "private" / "issuing.ca.key.pem"

    def openssl(*words: str | Path) -> None:
        subprocess.run([program, *map(str, words)], check=True, capture_output=True)

    for one in ids:
        key, request, leaf = (out / f"{one}.{ending}" for ending in ("key.pem", "csr.pem", "leaf.pem"))
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={one}", "-out", request)
        openssl(
            "x509", "-req", "-in", request, "-CA", issuing, "-CAkey", issuing_key, "-days", "365", "-out", leaf
        )  # fmt: skip
        (out / f"{one}.chain.pem").write_bytes(leaf.read_bytes() + issuing.read_bytes())


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ids = [f"device-{number:05}" for number in range(count)]
    times: dict[str, list[float]] = {"ours": [], "bare": [], "openssl": []}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        create_authority(place / "pki", AuthorityProfile(KeyType.EC_P256))
        bare = Bare(place / "pki")
        list(issue_identities(["warm"], ca=place / "pki", out=place / "warm"))
        for number in range(rounds):
            here = place / str(number)
            here.mkdir()
            ours = seconds(lambda here=here: list(issue_identities(ids, ca=place / "pki", out=here / "ours")))
            alone = seconds(lambda here=here: bare.issue(ids, here / "bare"))
            command = seconds(lambda here=here: by_openssl(ids[:BY_OPENSSL], here / "openssl", place / "pki"))
            for name, taken in (("ours", ours / count), ("bare", alone / count), ("openssl", command / BY_OPENSSL)):
                times[name].append(taken * 1000)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    slower, faster = medians["ours"] / medians["bare"], medians["openssl"] / medians["ours"]
    print(", ".join(f"{name} {taken:.2f} ms" for name, taken in medians.items()) + " for an identity")
    print(f"{slower:.2f} times the bare loop (bound {MAX_BARE})")
    print(f"{faster:.0f} times as fast as openssl (bound {MIN_OPENSSL:.0f})")
    return 0 if slower <= MAX_BARE and faster >= MIN_OPENSSL else 1


if __name__ == "__main__":
    sys.exit(main())
