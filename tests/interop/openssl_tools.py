"""OpenSSL's command line as a corporate authority, and as the demo scripts use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

# The extensions of the demo scripts' openssl_root_ca.cnf (Azure/iotedge, tools/CACertificates), and of an authority
# that takes what a request asks for.
_EXTENSIONS = """
[v3_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature, cRLSign, keyCertSign

[usr_cert]
basicConstraints = CA:FALSE
nsCertType = client, email
nsComment = "OpenSSL Generated Client Certificate"
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
keyUsage = critical, nonRepudiation, digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth, emailProtection

[copied]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class OpenSsl:
    """Runs the command in one folder; an authority there is `NAME.pem` with `NAME.key`."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.folder = folder
        (folder / "extensions.cnf").write_text(_EXTENSIONS, encoding="ascii")

    def __call__(self, *words: str | Path) -> str:
        """Run it; gives what it said on either stream, and fails with that on a status that is not 0."""
        command = [self._program, *map(str, words)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def path(self, name: str) -> Path:
        return self.folder / name

    def request(self, name: str, common_name: str, kind: str = "rsa:2048") -> None:
        """`NAME.key` and `NAME.csr`."""
        curve = [] if kind.startswith("rsa") else ["-pkeyopt", f"ec_paramgen_curve:{kind}"]
        algorithm = kind if kind.startswith("rsa") else "ec"
        files = ["-keyout", f"{name}.key", "-out", f"{name}.csr"]
        self("req", "-newkey", algorithm, *curve, "-nodes", *files, "-subj", f"/CN={common_name}")

    def root(self, name: str, common_name: str, kind: str = "rsa:2048") -> None:
        self.request(name, common_name, kind)
        self._sign(f"{name}.csr", f"{name}.pem", "v3_ca", "-signkey", f"{name}.key")

    def intermediate(self, name: str, common_name: str, issuer: str, kind: str = "rsa:2048") -> None:
        self.request(name, common_name, kind)
        self.sign(f"{name}.csr", f"{name}.pem", issuer, "v3_ca")

    def sign(self, request: str | Path, out: str, issuer: str, section: str) -> None:
        """Sign a request; with the section `copied` the certificate has what the request asks for."""
        copied = ["-copy_extensions", "copyall"] if section == "copied" else []
        signer = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial"]
        self._sign(request, out, section, *signer, *copied)

    def verify(self, root: Path, chain: Path, leaf: Path, *flags: str) -> None:
        """The chain by OpenSSL's strict reading of RFC 5280."""
        self("verify", "-x509_strict", "-purpose", "sslclient", *flags, "-CAfile", root, "-untrusted", chain, leaf)

    def _sign(self, request: str | Path, out: str, section: str, *how: str) -> None:
        extensions = ["-extfile", "extensions.cnf", "-extensions", section]
        self("x509", "-req", "-in", request, "-out", out, "-days", "30", "-sha256", *extensions, *how)
