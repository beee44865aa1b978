"""The device's configuration, TOML and 1.1's YAML: what it is provisioned with, and nothing secret."""

from __future__ import annotations

import pytest

from eflowprov.errors import ParseError
from eflowprov.parsers.device_config import DeviceConfig, parse_config_toml, parse_config_yaml

YAML = """\
# Provisioning mode and settings
provisioning:
  source: "dps"
  global_endpoint: "https://global.azure-devices-provisioning.net"
  scope_id: "0ne00112233"
  attestation:
    method: "x509"
#   registration_id: "<OPTIONAL REGISTRATION ID>"
    identity_cert: "file:///home/iotedge-user/certs/press.cert.pem"   # the chain
    identity_pk: 'file:///home/iotedge-user/private/press.key.pem'
  dynamic_reprovisioning: false
agent:
  name: "edgeAgent"
  source: "another"
"""
PRISTINE = """\
provisioning:
  source: "manual"
  device_connection_string: "<ADD DEVICE CONNECTION STRING HERE>"
  dynamic_reprovisioning: false
"""


def test_a_configuration_of_1_1_names_scope_and_files() -> None:
    assert parse_config_yaml(YAML) == DeviceConfig(
        "dps",
        "0ne00112233",
        "",
        "/home/iotedge-user/certs/press.cert.pem",
        "/home/iotedge-user/private/press.key.pem",
    )


@pytest.mark.parametrize(
    "text",
    [
        PRISTINE,
        PRISTINE.replace('"<ADD DEVICE CONNECTION STRING HERE>"', '""'),
        "agent:\n  source: dps\n",
        "",
        "provisioning:\n",
        YAML.replace("0ne00112233", "<SCOPE_ID>"),
        YAML.replace("provisioning:\n", "#provisioning:\n"),
    ],
)
def test_the_configuration_that_the_vm_came_with_is_not_provisioned(text: str) -> None:
    assert parse_config_yaml(text) == DeviceConfig()


def test_a_device_of_1_1_with_a_connection_string_is_provisioned_and_its_key_is_not_kept() -> None:
    text = PRISTINE.replace("<ADD DEVICE CONNECTION STRING HERE>", "HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0")
    config = parse_config_yaml(text)
    assert config == DeviceConfig("manual") and "c2VjcmV0" not in repr(config)


TOML = (
    '[provisioning]\nsource = "dps"\nid_scope = "0ne1"\n[provisioning.attestation]\nmethod = "x509"\n'
    'registration_id = "press"\nidentity_cert = "file:///a%20b/c.pem"\nidentity_pk = "file:///k.pem"\n'
)


def test_the_toml_names_scope_registration_and_files_with_their_escapes_undone() -> None:
    assert parse_config_toml(TOML) == DeviceConfig("dps", "0ne1", "press", "/a b/c.pem", "/k.pem")
    assert parse_config_toml(TOML.replace("\n", "\r\n")) == parse_config_toml(TOML)


@pytest.mark.parametrize(
    "identity",
    [
        'identity_cert = "pkcs11:token=x"\nidentity_pk = "pkcs11:token=x"\n',
        'identity_cert = { method = "est" }\nidentity_pk = 7\n',
        "registration_id = { a = 1 }\n",
    ],
)
def test_an_identity_that_is_no_file_names_none(identity: str) -> None:
    text = '[provisioning]\nsource = "dps"\nid_scope = "0ne1"\n[provisioning.attestation]\n' + identity
    assert parse_config_toml(text) == DeviceConfig("dps", "0ne1")


@pytest.mark.parametrize("text", ["", "[provisioning]\n", 'provisioning = "x"\n', "[other]\na = 1\n"])
def test_a_toml_without_a_source_is_not_provisioned(text: str) -> None:
    assert parse_config_toml(text) == DeviceConfig()


def test_what_is_no_toml_is_refused_without_quoting_it() -> None:
    with pytest.raises(ParseError) as caught:
        parse_config_toml("SharedAccessKey=c2VjcmV0;")
    assert "c2VjcmV0" not in str(caught.value)
