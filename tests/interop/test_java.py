"""Java's keytool, a reader of PFX files of its own, finds the key and the whole chain in ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eflowprov.cli.main import run_command
from tests.answers import PASSWORD, answer
from tests.pki import DEVICE


@pytest.mark.parametrize("flags", [[], ["--legacy"]], ids=["modern", "legacy"])
def test_keytool_lists_the_device_with_its_key_and_chain(tmp_path: Path, keytool: str, flags: list[str]) -> None:
    made, password = answer(), tmp_path / "password"
    password.write_text(PASSWORD.reveal(), encoding="ascii")
    (tmp_path / "answer.p7b").write_bytes(made.p7b())
    (tmp_path / "device.key").write_bytes(made.device.key_bytes())
    files = [str(tmp_path / name) for name in ("answer.p7b", "device.key")]
    words = ["certs", "export", *files, "--to", "pfx", "--out", str(tmp_path), "--password-file", str(password)]
    assert run_command([*words, *flags]) == 0

    command = [keytool, "-J-Duser.language=en", "-list", "-v", "-storetype", "PKCS12", "-storepass:file", str(password)]
    done = subprocess.run(
        [*command, "-keystore", str(tmp_path / f"{DEVICE}.pfx")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Alias name: {DEVICE}" in done.stdout
    assert "Entry type: PrivateKeyEntry" in done.stdout
    assert "Certificate chain length: 4" in done.stdout
    owners = [line.removeprefix("Owner: ") for line in done.stdout.splitlines() if line.startswith("Owner: ")]
    assert owners == [f"CN={DEVICE}", "CN=Plant Issuing CA", "CN=Plant Policy CA", "CN=Plant Root CA"]
