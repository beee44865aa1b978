"""The VM's probe in real shells: what it prints, and that it prints nothing secret."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from eflowprov.bridge.vm_probe import CONFIG, CONFIG_1_1, PROBE, probe_command
from eflowprov.model import VmProbe
from eflowprov.parsers.vm_probe import parse_vm_probe

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
SECRET = "c2VjcmV0c2VjcmV0"  # a made-up value
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
CONFIGURED = """
[provisioning]
source = "dps"
# registration_id = "not-this-one"
global_endpoint = "https://global.azure-devices-provisioning.net"
id_scope = "0ne1"   # of the plant

[provisioning.attestation]
method = "x509"
registration_id = "line4-press2"
symmetric_key = { value = "%s" }
identity_cert = "file://%s"
identity_pk = "file://%s"
"""
# A sudo that asks nobody: readable, not readable, and an answer of its own.
SUDO = {
    "readable": "#!/bin/sh\nexit 0\n",
    "unreadable": "#!/bin/sh\nexit 1\n",
    "unknown": "#!/bin/sh\necho no >&2\nexit 1\n",
}

pytestmark = pytest.mark.linux


def _run(folder: Path, config: str | None, shell: str = "sh", sudo: str = "readable") -> str:
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    program = bin_ / "sudo"
    program.write_text(SUDO[sudo], encoding="ascii")
    program.chmod(0o755)
    if config is not None:
        (folder / "config.toml").write_text(config, encoding="utf-8")
    words = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        [*words, "-c", PROBE, "sh", str(folder / "config.toml"), "aziotks", str(folder / "config.yaml"), "iotedge"],
        env={"PATH": f"{bin_}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode()


def _machine(folder: Path, name: str = "x") -> tuple[str, Path, Path]:
    cert, key = folder / f"{name}.cert.pem", folder / f"{name}.key.pem"
    cert.write_text(f"hello\n{CERTIFICATE}{KEY}{CERTIFICATE}", encoding="ascii")
    key.write_text(KEY, encoding="ascii")
    return CONFIGURED % (SECRET, cert, key), cert, key


@pytest.mark.parametrize("name", ["x", "a name with blanks", "it's $(id) `id` \\n"])
def test_every_shell_tells_clock_identity_and_key(tmp_path: Path, shell: str, name: str) -> None:
    config, cert, key = _machine(tmp_path, name)
    probe = parse_vm_probe(_run(tmp_path, config, shell))
    wanted = VmProbe(probe.clock, True, "line4-press2", "0ne1", str(cert), CERTIFICATE * 2, str(key), "readable")
    assert probe == wanted
    assert probe.clock > 1_700_000_000


def test_no_key_and_no_symmetric_key_is_printed(tmp_path: Path) -> None:
    config, _, _ = _machine(tmp_path)
    assert SECRET not in _run(tmp_path, config)


@pytest.mark.parametrize("state", ["readable", "unreadable", "unknown"])
def test_the_key_services_user_is_asked_whether_it_may_read(tmp_path: Path, state: str) -> None:
    config, _, _ = _machine(tmp_path)
    assert parse_vm_probe(_run(tmp_path, config, sudo=state)).key == state


def test_a_key_that_is_not_there_is_missing_and_one_with_an_encoded_name_unknown(tmp_path: Path) -> None:
    config, _, key = _machine(tmp_path)
    key.unlink()
    assert parse_vm_probe(_run(tmp_path, config)).key == "missing"
    assert parse_vm_probe(_run(tmp_path, config.replace(key.name, "my%20key.pem"))).key == "unknown"


def test_an_identity_that_is_no_file_and_a_vm_without_a_configuration_are_told(tmp_path: Path) -> None:
    tpm = '[provisioning]\nsource = "dps"\nidentity_pk = "pkcs11:token=x?pin-value=1234"\n'
    answer = _run(tmp_path, tpm)
    assert parse_vm_probe(answer) == VmProbe(parse_vm_probe(answer).clock, True)
    assert "1234" not in answer
    (tmp_path / "config.toml").unlink()
    assert not parse_vm_probe(_run(tmp_path, None)).provisioned


def test_the_command_names_the_runtimes_own_configuration() -> None:
    assert probe_command()[:2] == ("sh", "-c") and {CONFIG, CONFIG_1_1} < set(probe_command())


# ------------------------------------------------------------------------------------------------------ runtime 1.1

YAML = """
# provisioning:
#   scope_id: "not-this-one"
provisioning:
  source: "dps"
  global_endpoint: "https://global.azure-devices-provisioning.net"
  scope_id: %(q)s0ne1%(q)s   # of the plant
  attestation:
    method: "x509"
#   registration_id: "not-this-one"
    registration_id: %(q)sline4-press2%(q)s
    symmetric_key: "%(secret)s"
    identity_cert: %(q)sfile://%(cert)s%(q)s
    identity_pk: %(q)sfile://%(key)s%(q)s
agent:
  name: "edgeAgent"
"""
PRISTINE = """
provisioning:
  source: "manual"
  device_connection_string: "<ADD DEVICE CONNECTION STRING HERE>"
"""


@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_1_1_runtimes_configuration_is_asked_where_there_is_no_other(
    tmp_path: Path, shell: str, quote: str, end: str
) -> None:
    _, cert, key = _machine(tmp_path)
    text = YAML % {"q": quote, "secret": SECRET, "cert": cert, "key": key}
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8", newline=end)
    answer = _run(tmp_path, None, shell)
    probe = parse_vm_probe(answer)
    wanted = VmProbe(probe.clock, True, "line4-press2", "0ne1", str(cert), CERTIFICATE * 2, str(key), "readable")
    assert probe == wanted and SECRET not in answer


def test_a_1_1_runtime_as_it_comes_is_not_provisioned_and_a_later_ones_configuration_goes_first(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(PRISTINE, encoding="utf-8")
    assert not parse_vm_probe(_run(tmp_path, None)).provisioned
    config, cert, _ = _machine(tmp_path)
    assert parse_vm_probe(_run(tmp_path, config)).certificate_path == str(cert)
