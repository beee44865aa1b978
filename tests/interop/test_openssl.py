"""OpenSSL reads what we write, and we read what OpenSSL writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from tests.interop.openssl_tools import OpenSsl

DEVICE = "line4-press2"
PASSWORD = "correct horse 1"


@pytest.fixture(scope="module")
def corporate(tmp_path_factory: pytest.TempPathFactory, openssl: str) -> OpenSsl:
    """A root, an issuing authority, and another that signed nobody here."""
    tool = OpenSsl(openssl, tmp_path_factory.mktemp("corporate"))
    tool.root("root", "Corporate Root", "P-384")
    tool.intermediate("issuing", "Corporate Issuing", "root", "P-256")
    return tool


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, openssl: str) -> OpenSsl:
    """What certGen.sh makes: names, extensions, order; its keys have 4096 bits, which take longer."""
    tool = OpenSsl(openssl, tmp_path_factory.mktemp("demo"))
    tool.root("root", "Azure_IoT_Hub_CA_Cert_Test_Only")
    tool.intermediate("intermediate", "Azure_IoT_Hub_Intermediate_Cert_Test_Only", "root")
    tool.request("device", DEVICE)
    tool.sign("device.csr", "device.pem", "intermediate", "usr_cert")
    chain = b"".join(tool.path(f"{name}.pem").read_bytes() for name in ("device", "intermediate", "root"))
    tool.path("full-chain.pem").write_bytes(chain)
    return tool


def run(*words: str | Path) -> int:
    return run_command(["certs", *map(str, words)])


def imported(tool: OpenSsl, out: Path, *certs: Path, key: Path) -> Path:
    flags = [word for cert in certs for word in ("--cert", cert)]
    assert run("import", *flags, "--key", key, "--out", out) == 0
    return out / DEVICE / DEVICE


@pytest.mark.parametrize("kind", ["ec-p256", "ec-p384", "rsa-2048"])
def test_our_own_chains_verify_strictly(tmp_path: Path, openssl: str, kind: str) -> None:
    tool = OpenSsl(openssl, tmp_path)
    assert run("ca", "--out", tmp_path / "pki", "--key-type", kind, "--no-passphrase") == 0
    assert run("device", DEVICE, "--ca", tmp_path / "pki", "--out", tmp_path / "out", "--key-type", kind) == 0
    files = tmp_path / "out" / DEVICE
    root = tmp_path / "pki" / "root.ca.cert.pem"
    tool.verify(root, files / f"{DEVICE}.chain.pem", files / f"{DEVICE}.leaf.pem")
    assert run("renew", tmp_path / "out", "--ca", tmp_path / "pki", "--within", "400d") == 0
    tool.verify(root, files / f"{DEVICE}.chain.pem", files / f"{DEVICE}.leaf.pem")


@pytest.mark.parametrize("by", ["root", "issuing"])
def test_proofs_verify_strictly_against_the_certificate_they_prove(tmp_path: Path, openssl: str, by: str) -> None:
    tool, pki = OpenSsl(openssl, tmp_path), tmp_path / "pki"
    assert run("ca", "--out", pki, "--key-type", "ec-p256", "--no-passphrase") == 0
    assert run("proof", "106A5BC5BC2D1B1B", "--ca", pki, "--out", tmp_path, "--by", by) == 0
    (proof,) = tmp_path.glob("proof-*.pem")
    tool.verify(pki / f"{by}.ca.cert.pem", pki / "issuing-chain.pem", proof, "-partial_chain")
    assert "CN = 106A5BC5BC2D1B1B" in tool("x509", "-in", proof, "-noout", "-subject")


@pytest.mark.parametrize("kind", ["ec-p256", "rsa-2048"])
def test_a_corporate_authority_signs_our_request_and_its_answer_becomes_an_identity(
    corporate: OpenSsl, tmp_path: Path, kind: str
) -> None:
    assert run("request", DEVICE, "--out", tmp_path, "--key-type", kind, "--organization", "Example Works") == 0
    asked = tmp_path / DEVICE / DEVICE
    assert "verify OK" in corporate("req", "-in", f"{asked}.csr.pem", "-noout", "-verify")
    corporate.sign(Path(f"{asked}.csr.pem"), "answer.pem", "issuing", "copied")
    corporate("crl2pkcs7", "-nocrl", "-certfile", "root.pem", "-certfile", "answer.pem", "-certfile", "issuing.pem",
              "-outform", "DER", "-out", "answer.p7b")  # fmt: skip
    stem = imported(corporate, tmp_path, corporate.path("answer.p7b"), key=Path(f"{asked}.key.pem"))
    corporate.verify(Path(f"{stem}.root.pem"), Path(f"{stem}.chain.pem"), Path(f"{stem}.leaf.pem"))
    assert run("check", f"{stem}.chain.pem", f"{stem}.key.pem", "--registration-id", DEVICE) == 0
    text = corporate("x509", "-in", f"{stem}.leaf.pem", "-noout", "-text")
    assert "TLS Web Client Authentication" in text
    assert f"DNS:{DEVICE}" in text


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_answers_in_every_form_that_openssl_writes_are_taken(corporate: OpenSsl, tmp_path: Path, form: str) -> None:
    corporate.request("plain", DEVICE)
    corporate.sign("plain.csr", "plain.pem", "issuing", "usr_cert")
    corporate("x509", "-in", "plain.pem", "-outform", form, "-out", "plain.cer")
    corporate("crl2pkcs7", "-nocrl", "-certfile", "issuing.pem", "-certfile", "root.pem", "-outform", form,
              "-out", "above.p7b")  # fmt: skip
    files = [corporate.path(name) for name in ("above.p7b", "plain.cer")]
    stem = imported(corporate, tmp_path, *files, key=corporate.path("plain.key"))
    corporate.verify(Path(f"{stem}.root.pem"), Path(f"{stem}.chain.pem"), Path(f"{stem}.leaf.pem"))


@pytest.mark.parametrize("how", [["-legacy"], [], ["-nomac"], ["-keypbe", "NONE", "-certpbe", "NONE"]])
def test_a_pfx_by_openssl_brings_key_and_certificates(corporate: OpenSsl, tmp_path: Path, how: list[str]) -> None:
    corporate.request("pfx", DEVICE, "P-256")
    corporate.sign("pfx.csr", "pfx.pem", "issuing", "usr_cert")
    corporate.path("password").write_text(PASSWORD, encoding="ascii")
    above = corporate.path("issuing.pem").read_bytes() + corporate.path("root.pem").read_bytes()
    corporate.path("above.pem").write_bytes(above)
    corporate("pkcs12", "-export", "-in", "pfx.pem", "-inkey", "pfx.key", "-certfile", "above.pem",
              "-out", "all.pfx", "-passout", "file:password", *how)  # fmt: skip
    password = ["--passphrase-file", corporate.path("password")]
    assert run("import", "--cert", corporate.path("all.pfx"), "--out", tmp_path, *password) == 0
    stem = tmp_path / DEVICE / DEVICE
    corporate.verify(Path(f"{stem}.root.pem"), Path(f"{stem}.chain.pem"), Path(f"{stem}.leaf.pem"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], ["sha256", "PBES2", "AES-256-CBC", "hmacWithSHA256"]),
        (["--legacy"], ["sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"]),
    ],
)
def test_openssl_opens_our_pfx_and_finds_the_same_key(
    demo: OpenSsl, tmp_path: Path, flags: list[str], words: list[str]
) -> None:
    demo.path("password").write_text(PASSWORD, encoding="ascii")
    files = [demo.path("full-chain.pem"), demo.path("device.key")]
    password = ["--password-file", demo.path("password")]
    assert run("export", *files, "--to", "pfx", "--out", tmp_path, *password, *flags) == 0
    pfx = tmp_path / f"{DEVICE}.pfx"
    key = demo("pkcs12", "-in", pfx, "-nocerts", "-nodes", "-passin", "file:password")
    certs = demo("pkcs12", "-in", pfx, "-nokeys", "-passin", "file:password")
    assert certs.count("BEGIN CERTIFICATE") == 3
    (tmp_path / "key.pem").write_text(key, encoding="ascii")
    assert demo("pkey", "-in", tmp_path / "key.pem", "-pubout") == demo("pkey", "-in", "device.key", "-pubout")
    told = demo("pkcs12", "-in", pfx, "-noout", "-info", "-passin", "file:password")
    assert [word for word in words if word not in told] == []


def test_the_demo_scripts_identities_are_accepted(demo: OpenSsl, tmp_path: Path) -> None:
    chain, key = demo.path("full-chain.pem"), demo.path("device.key")
    assert run("check", chain, key, "--registration-id", DEVICE) == 0
    # ca-certs.ps1 joins the files with Get-Content and Set-Content, which write CRLF.
    windows = tmp_path / "windows.pem"
    windows.write_bytes(chain.read_bytes().replace(b"\n", b"\r\n"))
    assert run("check", windows, key, "--registration-id", DEVICE) == 0
    stem = imported(demo, tmp_path, windows, key=key)
    assert run("check", f"{stem}.chain.pem", f"{stem}.key.pem") == 0
    demo.verify(demo.path("root.pem"), Path(f"{stem}.chain.pem"), Path(f"{stem}.leaf.pem"))


def test_the_demo_scripts_curve_is_refused(openssl: str, tmp_path: Path) -> None:
    tool = OpenSsl(openssl, tmp_path)  # New-CACertsCertChain ecc takes secp256k1, which TLS stacks do not offer
    tool.root("root", "Azure IoT CA TestOnly Root CA", "secp256k1")
    tool.request("device", DEVICE, "secp256k1")
    tool.sign("device.csr", "device.pem", "root", "usr_cert")
    chain = tool.path("chain.pem")
    chain.write_bytes(tool.path("device.pem").read_bytes() + tool.path("root.pem").read_bytes())
    assert run("check", chain, tool.path("device.key"), "--registration-id", DEVICE) == 1
    assert run("import", "--cert", chain, "--key", tool.path("device.key"), "--out", tmp_path / "out") == 2
