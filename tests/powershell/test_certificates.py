"""What `certs export` writes, read by .NET's X509Certificate2: the way into Windows' certificate stores."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1

from eflowprov.cli.main import run_command
from tests.answers import PASSWORD, answer
from tests.pki import DEVICE

pytestmark = pytest.mark.powershell

_SCRIPT = Path(__file__).parent / "scripts" / "certificate_pfx.ps1"


@pytest.mark.parametrize("flags", [[], ["--legacy"]], ids=["modern", "legacy"])
def test_dotnet_loads_the_chain_and_signs_with_the_key(tmp_path: Path, powershell: str, flags: list[str]) -> None:
    made, password = answer(), tmp_path / "password"
    password.write_text(PASSWORD.reveal(), encoding="ascii")
    (tmp_path / "answer.p7b").write_bytes(made.p7b())
    (tmp_path / "device.key").write_bytes(made.device.key_bytes())
    files = [str(tmp_path / name) for name in ("answer.p7b", "device.key")]
    words = ["certs", "export", *files, "--to", "pfx", "--out", str(tmp_path), "--password-file", str(password)]
    assert run_command([*words, *flags]) == 0

    told = load(powershell, tmp_path, tmp_path / f"{DEVICE}.pfx")

    assert told["subject"] == f"CN={DEVICE}"
    assert told["thumbprint"] == thumbprint(made.device.certificate)
    assert told["verified"] is True
    assert sorted(told["subjects"]) == sorted(one.subject.rfc4514_string() for one in made.chain)


def load(powershell: str, folder: Path, pfx: Path) -> dict[str, Any]:
    """Run the script over the file; the password goes in a file as well, not in the arguments."""
    request, result = folder / "request.json", folder / "result.json"
    request.write_text(json.dumps({"pfx": str(pfx), "password": PASSWORD.reveal()}), encoding="ascii")
    names = {"EFLOWPROV_TEST_REQUEST": str(request), "EFLOWPROV_TEST_RESULT": str(result)}
    done = subprocess.run(
        [powershell, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(_SCRIPT)],
        env={**os.environ, **names, "PSExecutionPolicyPreference": "Bypass"},
        capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(result.read_text(encoding="utf-8-sig"))
    return document


def thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA1()).hex().upper()  # noqa: S303  # Windows names certificates so
