"""The service side of DPS over HTTPS, asked at the lab's stand-in: records, ETags, refusals, deadlines that hold."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eflowprov.errors import DeadlineError, InputError, TransportError
from eflowprov.lab.dps_enrollments import EnrollmentBook
from eflowprov.lab.dps_service_api import LabDpsService, ServiceBehaviour
from eflowprov.model import Refused, Secret, ServiceAccess, ServiceRecord
from eflowprov.transports.dps_service import ENROLLMENTS, REGISTRATIONS, DpsService, path_of, sas_token
from eflowprov.workflows.enrolling.access import parse_connection_string
from tests.dps_pki import DEVICE, Pki, make_pki


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[LabDpsService]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LabDpsService(EnrollmentBook()) as running:
        yield running


def service(lab: LabDpsService, folder: Path, **changes: Any) -> DpsService:
    ca = folder / "ca.pem"
    ca.write_text(lab.server_ca_pem, encoding="ascii", newline="\n")
    access = changes.pop("access", None) or parse_connection_string(lab.connection_string(), "test")
    return DpsService(access, **{"ca_file": ca, "timeout_s": 10.0, **changes})


def record(pki: Pki, **more: Any) -> dict[str, Any]:
    slots = {"primary": {"certificate": pki.device.pem}}
    x509 = {"type": "x509", "x509": {"clientCertificates": slots}}
    return {"registrationId": DEVICE, "attestation": x509, "capabilities": {"iotEdge": True}, **more}


def made(answer: ServiceRecord | Refused | None) -> ServiceRecord:
    assert isinstance(answer, ServiceRecord)
    return answer


# ------------------------------------------------------------------------------------------------------- records


def test_a_record_is_made_read_changed_by_its_etag_and_taken_away(lab: LabDpsService, tmp_path: Path, pki: Pki) -> None:
    dps = service(lab, tmp_path)
    assert dps.read(ENROLLMENTS, DEVICE) is None
    first = made(dps.write(ENROLLMENTS, DEVICE, record(pki)))
    assert made(dps.read(ENROLLMENTS, DEVICE)) == first and first.etag
    second = made(dps.write(ENROLLMENTS, DEVICE, record(pki, deviceId="Press-2"), etag=first.etag))
    assert (second.body["deviceId"], second.etag != first.etag) == ("Press-2", True)
    assert dps.delete(ENROLLMENTS, DEVICE, etag=second.etag) is None
    assert dps.read(ENROLLMENTS, DEVICE) is None
    assert dps.delete(ENROLLMENTS, DEVICE) is None  # gone already


@pytest.mark.parametrize(("etag", "status"), [("", 409), ('"another"', 412), ("another", 412)])
def test_a_record_that_is_there_is_changed_by_nobody_who_does_not_know_it(
    lab: LabDpsService, tmp_path: Path, pki: Pki, etag: str, status: int
) -> None:
    dps = service(lab, tmp_path)
    first = made(dps.write(ENROLLMENTS, DEVICE, record(pki)))
    refused = dps.write(ENROLLMENTS, DEVICE, record(pki, deviceId="Press-2"), etag=etag)
    assert isinstance(refused, Refused) and refused.http_status == status and len(refused.tracking_id) == 36
    assert made(dps.read(ENROLLMENTS, DEVICE)) == first


def test_an_etag_without_its_quotes_is_the_same_etag(lab: LabDpsService, tmp_path: Path, pki: Pki) -> None:
    dps = service(lab, tmp_path)
    first = made(dps.write(ENROLLMENTS, DEVICE, record(pki)))
    assert isinstance(dps.write(ENROLLMENTS, DEVICE, record(pki), etag=first.etag.strip('"')), ServiceRecord)


def test_an_id_never_leaves_its_place_in_the_path() -> None:
    assert path_of(REGISTRATIONS, "a/../b?x=1#:é") == (
        "/registrations/a%2F..%2Fb%3Fx%3D1%23%3A%C3%A9?api-version=2021-10-01"
    )


# --------------------------------------------------------------------------------------------------- who may ask


def test_the_token_is_the_documented_one() -> None:
    key = base64.b64encode(b"k" * 32).decode("ascii")
    token = sas_token(ServiceAccess("MyDps.azure-devices-provisioning.net", 443, "enrollmentread", Secret(key)), 1.9)
    # HMAC-SHA256 over "mydps.azure-devices-provisioning.net\n1" by openssl: dgst -sha256 -hmac
    assert token == (
        "SharedAccessSignature sr=mydps.azure-devices-provisioning.net"
        "&sig=Lwt80m%2FUcdgNwf1V15bfELrUTFpfbUYiZqcuxCpVntc%3D&se=1&skn=enrollmentread"
    )


@pytest.mark.parametrize("key", ["no base64!", "", "é"])
def test_a_key_that_is_none_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(InputError) as caught:
        sas_token(ServiceAccess("dps", 443, "owner", Secret(key)), 1)
    assert not key or key not in str(caught.value)


def test_a_wrong_key_a_missing_right_and_a_slow_clock_are_refused_by_the_service(
    lab: LabDpsService, tmp_path: Path, pki: Pki
) -> None:
    lab.add_policy("reader", frozenset(("EnrollmentRead",)))
    reader = parse_connection_string(lab.connection_string("reader"), "test")
    owner = parse_connection_string(lab.connection_string(), "test")
    wrong = ServiceAccess(owner.host, owner.port, owner.policy, reader.key)
    answers = [
        service(lab, tmp_path, access=wrong).read(ENROLLMENTS, DEVICE),
        service(lab, tmp_path, access=reader).write(ENROLLMENTS, DEVICE, record(pki)),
        service(lab, tmp_path, clock=lambda: time.time() - 7200).read(ENROLLMENTS, DEVICE),
    ]
    assert [answer.http_status for answer in answers if isinstance(answer, Refused)] == [401, 401, 401]
    assert service(lab, tmp_path, access=reader).read(ENROLLMENTS, DEVICE) is None


def test_the_token_goes_nowhere_else(lab: LabDpsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does a redirect take it along, nor does a .netrc of the user replace it."""
    (tmp_path / "netrc").write_text("machine localhost login a password b\n", encoding="ascii", newline="\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert service(lab, tmp_path).read(ENROLLMENTS, DEVICE) is None
    lab.behaviour = ServiceBehaviour(fault="redirect")
    with pytest.raises(TransportError, match="answers with a redirect"):
        service(lab, tmp_path).read(ENROLLMENTS, DEVICE)


# ------------------------------------------------------------------------------------------- when it does not answer


def test_throttling_is_waited_for_as_long_as_the_service_asks(lab: LabDpsService, tmp_path: Path) -> None:
    lab.behaviour = ServiceBehaviour(throttle=2, retry_after=1)
    started = time.monotonic()
    assert service(lab, tmp_path).read(ENROLLMENTS, DEVICE) is None
    assert len(lab.requests) == 3 and time.monotonic() - started >= 2


@pytest.mark.parametrize("asked", [60, None])
def test_throttling_is_not_waited_for_beyond_the_deadline(
    lab: LabDpsService, tmp_path: Path, asked: int | None
) -> None:
    lab.behaviour = ServiceBehaviour(throttle=1000, retry_after=asked)
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="throttles requests"):
        service(lab, tmp_path, timeout_s=1.0).read(ENROLLMENTS, DEVICE)
    assert time.monotonic() - started < 2 and len(lab.requests) == 1


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_the_deadline_holds_against_silence_and_against_a_byte_now_and_then(
    lab: LabDpsService, tmp_path: Path, fault: str
) -> None:
    lab.behaviour = ServiceBehaviour(fault=fault)
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="no answer within 1 s"):
        service(lab, tmp_path, timeout_s=1.0).read(ENROLLMENTS, DEVICE)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [("garbage", "no form that DPS is known to use"), ("broken", "a fault .HTTP 503: Service")],
)
def test_what_is_no_answer_of_dps_is_an_error_and_never_a_record(
    lab: LabDpsService, tmp_path: Path, fault: str, said: str
) -> None:
    lab.behaviour = ServiceBehaviour(fault=fault)
    with pytest.raises(TransportError, match=said):
        service(lab, tmp_path).read(ENROLLMENTS, DEVICE)


def test_a_server_of_an_authority_that_is_not_trusted_hears_nothing(lab: LabDpsService, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="certificate is not trusted"):
        service(lab, tmp_path, ca_file=None).read(ENROLLMENTS, DEVICE)
    assert lab.requests == []


def test_a_port_that_nobody_serves_and_a_ca_file_that_is_none_are_told(lab: LabDpsService, tmp_path: Path) -> None:
    access = parse_connection_string(lab.connection_string(), "test")
    with pytest.raises(TransportError, match="connection was refused"):
        service(lab, tmp_path, access=ServiceAccess(access.host, 1, access.policy, access.key)).read("x", "y")
    (tmp_path / "none.pem").write_text("none", encoding="ascii")
    with pytest.raises(InputError, match="holds no PEM certificate"):
        service(lab, tmp_path, ca_file=tmp_path / "none.pem").read("x", "y")


@pytest.mark.parametrize("proxy", ["proxy:3128", "ftp://a:1", "http://a", "http://u:p@a:1", "http://a:b", "x y"])
def test_a_proxy_is_a_url_without_a_password(lab: LabDpsService, tmp_path: Path, proxy: str) -> None:
    with pytest.raises(InputError) as caught:
        service(lab, tmp_path, proxy=proxy)
    assert "u:p" not in str(caught.value)


def test_a_proxy_is_asked_and_told_when_it_is_not_there(lab: LabDpsService, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="the proxy did not let the request through"):
        service(lab, tmp_path, proxy="http://127.0.0.1:1").read(ENROLLMENTS, DEVICE)
    assert lab.requests == []
