"""Certificates as the demo scripts of Azure IoT Edge make them are taken: a warning at most, where DPS takes them.

Made with the openssl command line by the extensions of `tools/CACertificates/openssl_root_ca.cnf` (repository
Azure/iotedge): root and intermediate `v3_ca`, the device `usr_cert`, 30 days each.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eflowprov.cli.main import run_command

DEVICE = "line4-press2"
_CONFIG = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
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
[az_cli]
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature, cRLSign, keyCertSign
"""
_RSA = ["-newkey", "rsa:2048"]
_SECP256K1 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]


class Demo:
    """The three certificates of the scripts in one folder, and the chain as the scripts put it together."""

    def __init__(self, folder: Path, program: str, key: list[str]) -> None:
        self._folder, self._program, self._key = folder, program, key
        folder.mkdir()
        (folder / "demo.cnf").write_text(_CONFIG, encoding="ascii", newline="\n")
        self.own("root", "Azure_IoT_Hub_CA_Cert_Test_Only", "v3_ca")
        self._signed("intermediate", "Azure_IoT_Hub_Intermediate_Cert_Test_Only", "root", "v3_ca", serial=1000)
        self._signed("device", DEVICE, "intermediate", "usr_cert", serial=1001)
        parts = [(folder / f"{name}.pem").read_bytes() for name in ("device", "intermediate", "root")]
        self.chain = folder / "full-chain.cert.pem"
        self.chain.write_bytes(b"".join(parts))
        self.key = folder / "device.key.pem"
        self.key.chmod(0o444)  # as certGen.sh leaves it

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def own(self, name: str, subject: str, extensions: str) -> None:
        files = ["-keyout", self.path(f"{name}.key.pem"), "-out", self.path(f"{name}.pem")]
        self._run("req", "-x509", *self._key, *files, "-extensions", extensions, *self._common(subject), "-days", "30")

    def _signed(self, name: str, subject: str, issuer: str, extensions: str, *, serial: int) -> None:
        request = self.path(f"{name}.csr")
        self._run(
            "req", "-new", *self._key, "-keyout", self.path(f"{name}.key.pem"), "-out", request, *self._common(subject)
        )
        authority = ["-CA", self.path(f"{issuer}.pem"), "-CAkey", self.path(f"{issuer}.key.pem")]
        extended = ["-extfile", self.path("demo.cnf"), "-extensions", extensions]
        out = ["-set_serial", str(serial), "-days", "30", "-sha256", "-out", self.path(f"{name}.pem")]
        self._run("x509", "-req", "-in", request, *authority, *extended, *out)

    def _common(self, subject: str) -> list[str]:
        return ["-nodes", "-sha256", "-config", self.path("demo.cnf"), "-subj", f"/CN={subject}"]

    def _run(self, *words: str) -> None:
        subprocess.run([self._program, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, openssl: str) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo") / "rsa", openssl, _RSA)


def _judge(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, str]]:
    """The exit status, and every outcome of the first file that is not a pass."""
    status = run_command(["certs", "check", *words, "--format", "json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    found = document["files"][0]["findings"]
    return status, {f["id"].removeprefix("certificate/"): f["outcome"] for f in found if f["outcome"] != "pass"}


def test_certgens_full_chain_with_its_root_is_taken(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    status, odd = _judge(capsys, str(demo.chain), str(demo.key), "--registration-id", DEVICE)
    assert status == 0
    assert odd.keys() <= {"expiring", "key-access"}
    assert odd["expiring"] == "warn", "30 days of life are all that the scripts give"


@pytest.mark.parametrize("enrolled", ["root.pem", "intermediate.pem"])
def test_dps_would_take_it_with_either_ca_enrolled(
    demo: Demo, capsys: pytest.CaptureFixture[str], enrolled: str
) -> None:
    asked = ["--enrollment", "group", "--enrolled-ca", demo.path(enrolled)]
    status, odd = _judge(capsys, str(demo.chain), str(demo.key), *asked)
    assert status == 0
    assert "dps-answer" not in odd


def test_the_windows_script_leaves_crlf(demo: Demo, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(demo.chain.read_bytes().replace(b"\n", b"\r\n"))
    status, odd = _judge(capsys, str(tmp_path / "chain.pem"), str(demo.key), "--registration-id", DEVICE)
    assert status == 0
    assert odd["line-ends"] == "warn"


def test_the_windows_scripts_ecc_makes_keys_that_tls_does_not_take(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, openssl: str
) -> None:
    made = Demo(tmp_path / "ecc", openssl, _SECP256K1)
    status, odd = _judge(capsys, str(made.chain), str(made.key))
    assert status == 1
    assert {rule for rule, outcome in odd.items() if outcome == "fail"} == {"key-algorithm"}


def test_the_intermediate_given_as_identity_is_refused(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    status, odd = _judge(capsys, demo.path("intermediate.pem"), demo.path("intermediate.key.pem"))
    assert status == 1
    assert odd["ca-as-identity"] == "fail"


def test_a_self_signed_certificate_marked_as_a_ca_serves_an_individual_enrollment(
    demo: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.own("hub-auth", "press2", "az_cli")  # as `az iot edge devices create` makes it
    files = [demo.path("hub-auth.pem"), demo.path("hub-auth.key.pem")]
    status, odd = _judge(capsys, *files, "--registration-id", "press2", "--enrollment", "individual")
    assert status == 0
    assert odd["ca-as-identity"] == "warn"
    assert "dps-answer" not in odd
    assert _judge(capsys, *files, "--registration-id", "press2", "--enrollment", "group")[0] == 1
