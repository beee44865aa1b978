"""Enrollment records: what is wanted against what is there, in every form that DPS keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eflowprov.model import EnrollmentKind
from eflowprov.workflows.enrolling.records import Wanted, changed_body, differences, new_body, slot_text
from tests.dps_pki import make

DEVICE = make("line4-press2")
FACTS = {"sha1Thumbprint": "AA" * 20, "sha256Thumbprint": "BB" * 32}


def wanted(**more: Any) -> Wanted:
    given = {"kind": EnrollmentKind.INDIVIDUAL, "id": "line4-press2", "certificate": DEVICE.pem}
    return Wanted(**{**given, "sha1": "AA" * 20, "sha256": "BB" * 32, **more})


def attested(info: dict[str, str], **slot: Any) -> dict[str, Any]:
    return {"type": "x509", "x509": {"clientCertificates": {"primary": {**slot, "info": info}}}}


def there(**more: Any) -> dict[str, Any]:
    """The record as DPS gives it back: the certificate as its `info` alone."""
    return {
        "registrationId": "line4-press2",
        "attestation": attested(FACTS),
        "capabilities": {"iotEdge": True},
        "etag": '"1"',
        "registrationState": {"status": "assigned"},
        **more,
    }


def changes(body: dict[str, Any], **more: Any) -> list[str]:
    return [str(each) for each in differences(wanted(**more), body)]


@pytest.mark.parametrize(
    "info",
    [
        FACTS,
        {"sha1Thumbprint": "AA" * 20},
        {"sha256Thumbprint": "bb" * 32},
        {"sha256Thumbprint": ":".join(["bb"] * 32), "sha1Thumbprint": "AA" * 20},
    ],
)
def test_a_certificate_is_known_by_either_thumbprint_in_any_spelling(info: dict[str, str]) -> None:
    assert changes(there(attestation=attested(info, certificate=None))) == []


def test_a_certificate_without_info_is_known_by_itself() -> None:
    x509 = {"clientCertificates": {"primary": {"certificate": DEVICE.pem}}}
    body = there(attestation={"type": "x509", "x509": x509})
    assert len(changes(body)) == 1
    assert changes(body, sha1="x", sha256=DEVICE.certificate.fingerprint(_sha256()).hex().upper()) == []


def _sha256() -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (there(capabilities=None), "IoT Edge device: no -> yes"),
        (there(capabilities={"iotEdge": False}), "IoT Edge device: no -> yes"),
        (there(provisioningStatus="disabled"), "provisioning status: disabled -> enabled"),
        (
            there(
                attestation={
                    "type": "x509",
                    "x509": {"clientCertificates": {"primary": {"info": {"sha1Thumbprint": "CC"}}}},
                }
            ),
            f"primary certificate: SHA-1 CC -> SHA-1 {'AA' * 20}",
        ),
    ],
)
def test_each_difference_is_told_by_what_is_and_what_is_wanted(body: dict[str, Any], said: str) -> None:
    assert changes(body) == [said]


def test_an_attestation_of_another_kind_is_two_differences() -> None:
    told = changes(there(attestation={"type": "symmetricKey", "symmetricKey": {"primaryKey": "S3CRET"}}))
    assert told == ["attestation: symmetricKey -> x509", f"primary certificate: none -> SHA-1 {'AA' * 20}"]


def test_a_group_that_names_a_ca_of_the_service_gets_the_certificate_instead() -> None:
    body = there(attestation={"type": "x509", "x509": {"caReferences": {"primary": "plant-root"}}})
    group = wanted(kind=EnrollmentKind.GROUP, id="line4")
    assert str(differences(group, body)[0]).startswith("primary certificate: the service's CA plant-root -> ")
    assert changed_body(group, body)["attestation"]["x509"] == {
        "signingCertificates": {"primary": {"certificate": DEVICE.pem}}
    }


def test_what_was_not_asked_for_is_left_alone() -> None:
    body = there(deviceId="Press-2", iotHubs=["a"], initialTwin={"tags": {"line": 4}}, allocationPolicy="hashed")
    assert changes(body) == []
    kept = changed_body(wanted(slot="secondary"), body)
    assert kept["initialTwin"] == {"tags": {"line": 4}} and (kept["deviceId"], kept["iotHubs"]) == ("Press-2", ["a"])
    slots = kept["attestation"]["x509"]["clientCertificates"]
    assert slots == {"primary": {"info": FACTS}, "secondary": {"certificate": DEVICE.pem}}
    assert not {"etag", "registrationState"} & set(kept)


def test_a_hub_takes_the_place_of_the_older_field_too() -> None:
    body = there(iotHubHostName="old.azure-devices.net")
    assert changes(body, hub="new.azure-devices.net") == ["hub: old.azure-devices.net -> new.azure-devices.net"]
    changed = changed_body(wanted(hub="new.azure-devices.net"), body)
    assert changed["iotHubs"] == ["new.azure-devices.net"] and "iotHubHostName" not in changed


def test_a_new_record_differs_in_nothing_from_what_is_wanted() -> None:
    for each in (wanted(), wanted(edge=False, device_id="a", hub="b.c"), wanted(kind=EnrollmentKind.GROUP)):
        told = differences(each, new_body(each))
        assert [str(one) for one in told if "certificate" not in one.field] == []


_FIELDS = st.sampled_from(["attestation", "capabilities", "iotHubs", "deviceId", "provisioningStatus"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "attestation",
                    "type",
                    "x509",
                    "clientCertificates",
                    "primary",
                    "info",
                    "certificate",
                    "sha1Thumbprint",
                    "capabilities",
                    "iotEdge",
                    "iotHubs",
                    "provisioningStatus",
                    "caReferences",
                    "deviceId",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["attestation", "capabilities", "iotHubs", "deviceId", "provisioningStatus"]), _JSON
    )
)
def test_no_record_however_odd_is_a_traceback(body: dict[str, Any]) -> None:
    assert isinstance(differences(wanted(device_id="a", hub="b.c"), body), tuple)
    assert changed_body(wanted(), body)["capabilities"]["iotEdge"] is True
    assert isinstance(slot_text(body, "primary"), str)
