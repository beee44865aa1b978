"""The lab's DPS, asked by azure-iot-device over real TLS and MQTT."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from eflowprov.lab import mqtt
from eflowprov.lab.dps import Behaviour, Enrollment, LabDps
from eflowprov.lab.dps_tls import chain_in
from eflowprov.model import Assigned, Refused, Registration
from eflowprov.transports.dps import register
from tests.dps_pki import DEVICE, SCOPE, Party, Pki, make, make_pki, request_to, write_pair


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


def ask(tmp_path: Path, enrollments: list[Enrollment], *chain: Party, **changes: str) -> Registration:
    """One registration at a lab of its own, assigned at once when it is known to be good."""
    with LabDps(enrollments, scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        answer = register(request_to(lab, write_pair(tmp_path, *chain), **changes))
        assert (len(lab.registrations), len(lab.refusals)) == ((1, 0) if isinstance(answer, Assigned) else (0, 1))
    return answer


def refusal(answer: Registration) -> tuple[int, int, str]:
    assert isinstance(answer, Refused)
    assert answer.tracking_id
    return answer.http_status, answer.error_code, answer.message


def test_a_new_device_is_assigned_at_the_first_poll_and_a_known_one_at_once(tmp_path: Path, pki: Pki) -> None:
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, hub="plant.azure-devices.net") as lab:
        request = request_to(lab, write_pair(tmp_path, pki.device, pki.issuing))
        first, second = register(request), register(request)
    assert isinstance(first, Assigned)
    assert isinstance(second, Assigned)
    assert (first.hub, first.device_id, first.substatus) == ("plant.azure-devices.net", DEVICE, "initialAssignment")
    assert first.duration_s > 2 > second.duration_s  # the SDK's first poll comes after 2 s
    assert [seen.device_id for seen in lab.registrations] == [DEVICE, DEVICE]
    assert lab.registrations[0].fingerprint == pki.device.certificate.fingerprint(SHA256()).hex().upper()


def test_an_individual_enrollment_names_its_own_device_and_hub(tmp_path: Path, pki: Pki) -> None:
    entry = Enrollment(pki.device.pem, registration_id=DEVICE, device_id="Press-2", hub="second.azure-devices.net")
    answer = ask(tmp_path, [entry], pki.device)
    assert isinstance(answer, Assigned)
    assert (answer.device_id, answer.hub) == ("Press-2", "second.azure-devices.net")


def test_the_root_is_enough_when_the_intermediate_is_presented(tmp_path: Path, pki: Pki) -> None:
    answer = ask(tmp_path, [Enrollment(pki.root.pem)], pki.device, pki.issuing)
    assert isinstance(answer, Assigned)


def test_a_leaf_alone_does_not_reach_an_enrolled_root(tmp_path: Path, pki: Pki) -> None:
    answer = ask(tmp_path, [Enrollment(pki.root.pem)], pki.device)
    assert refusal(answer) == (401, 401002, "CA certificate not found.")


def test_a_group_certificate_given_as_identity_is_named_by_dps(tmp_path: Path, pki: Pki) -> None:
    name = "Plant issuing"
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], pki.issuing, pki.root, registration_id=name)
    assert refusal(answer) == (401, 401002, "Signing certificate info did not match chain elements.")


def test_another_common_name_is_unauthorized(tmp_path: Path, pki: Pki) -> None:
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], pki.device, pki.issuing, registration_id="line4-press3")
    assert refusal(answer) == (401, 401002, "Unauthorized")


def test_the_case_of_a_registration_id_does_not_matter(tmp_path: Path, pki: Pki) -> None:
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], pki.device, pki.issuing, registration_id="LINE4-press2")
    assert isinstance(answer, Assigned)


def test_an_expired_leaf_is_an_invalid_certificate(tmp_path: Path, pki: Pki) -> None:
    old = make(DEVICE, pki.issuing, ends=timedelta(days=-1))
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], old, pki.issuing)
    assert refusal(answer) == (401, 401002, "Invalid certificate.")


def test_an_individual_enrollment_of_another_leaf_stands_before_the_group(tmp_path: Path, pki: Pki) -> None:
    other = make(DEVICE, pki.issuing)
    entries = [Enrollment(pki.issuing.pem), Enrollment(other.pem, registration_id=DEVICE)]
    assert refusal(ask(tmp_path, entries, pki.device, pki.issuing))[2] == "Unauthorized"


def test_a_disabled_issuing_group_blocks_the_root_group_above_it(tmp_path: Path, pki: Pki) -> None:
    entries = [Enrollment(pki.root.pem), Enrollment(pki.issuing.pem, enabled=False)]
    assert refusal(ask(tmp_path, entries, pki.device, pki.issuing))[2] == "Unauthorized"


def test_a_foreign_authority_of_the_same_name_is_not_the_enrolled_one(tmp_path: Path, pki: Pki) -> None:
    foreign = make("Plant issuing", ca=True)
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], make(DEVICE, foreign), foreign)
    assert refusal(answer) == (401, 401002, "CA certificate not found.")


def test_another_id_scope_is_not_found(tmp_path: Path, pki: Pki) -> None:
    answer = ask(tmp_path, [Enrollment(pki.issuing.pem)], pki.device, pki.issuing, scope_id="0ne00000002")
    assert refusal(answer)[:2] == (404, 404201)


def test_several_devices_register_at_several_labs_at_once(tmp_path: Path) -> None:
    def one(number: int) -> tuple[str, str]:
        own = make_pki(f"press{number}")
        with LabDps(
            [Enrollment(own.issuing.pem)], scope_id=SCOPE, hub=f"hub{number}", behaviour=Behaviour(polls=0)
        ) as lab:
            files = write_pair(tmp_path / str(number), own.device, own.issuing)
            answer = register(request_to(lab, files, registration_id=f"press{number}"))
        assert isinstance(answer, Assigned)
        return answer.device_id, answer.hub

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [(f"press{number}", f"hub{number}") for number in range(6)]


def handshake(lab: LabDps, files: tuple[Path, Path] | None, version: ssl.TLSVersion) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=lab.server_ca_pem)
    context.minimum_version = context.maximum_version = version
    if files:
        context.load_cert_chain(*files)
    plain = socket.create_connection(("127.0.0.1", lab.port), timeout=5)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


USER = b"0ne00000001/registrations/line4-press2/api-version=2019-03-31"
CONNECT = b"\x10\x57\x00\x04MQTT\x04\x80\x00\x3c\x00\x0cline4-press2\x00\x3d" + USER


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_any_client_certificate_gets_through_both_tls_versions(tmp_path: Path, version: ssl.TLSVersion) -> None:
    stranger = make("stranger", ca=True)  # self-signed, and its key usage forbids TLS
    with LabDps([], scope_id=SCOPE) as lab, handshake(lab, write_pair(tmp_path, stranger), version) as wire:
        wire.sendall(CONNECT)
        assert wire.recv(4) == b"\x20\x02\x00\x00"


def test_a_client_without_a_certificate_is_refused_in_the_handshake(pki: Pki) -> None:
    with LabDps([]) as lab, pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(lab, None, ssl.TLSVersion.TLSv1_2)


def test_stopping_hangs_up_closes_the_port_and_ends_the_thread(tmp_path: Path, pki: Pki) -> None:
    before = set(threading.enumerate())
    lab = LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE)
    lab.start()
    wire = handshake(lab, write_pair(tmp_path, pki.device, pki.issuing), ssl.TLSVersion.TLSv1_2)
    silent = socket.create_connection(("127.0.0.1", lab.port), timeout=5)  # in the middle of its handshake
    wire.sendall(CONNECT)
    assert wire.recv(4) == b"\x20\x02\x00\x00"
    lab.stop()
    lab.stop()
    with wire, silent:
        assert _hung_up(wire)
        assert _hung_up(silent)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", lab.port), timeout=5)
    assert set(threading.enumerate()) - before == set()


@pytest.mark.parametrize(
    "packet",
    [
        b"\x10\x04\x00\x09MQ",  # a text longer than its packet
        b"\x10\xff\xff\xff\xff\x01",  # five length bytes
        b"\x10\xff\xff\x7f",  # 2 MB
        b"\x30\x03\x00\x01a",  # PUBLISH before CONNECT
        b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x3c\x00\x00",  # MQTT 5
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b" " * 200,
    ],
)
def test_what_is_no_mqtt_ends_the_connection_and_not_the_lab(tmp_path: Path, pki: Pki, packet: bytes) -> None:
    files = write_pair(tmp_path, pki.device, pki.issuing)
    with LabDps([], scope_id=SCOPE) as lab:
        with handshake(lab, files, ssl.TLSVersion.TLSv1_2) as wire:
            wire.sendall(packet)
            assert _hung_up(wire)
        with handshake(lab, files, ssl.TLSVersion.TLSv1_2) as wire:
            wire.sendall(CONNECT)
            assert wire.recv(4) == b"\x20\x02\x00\x00"


def _hung_up(wire: socket.socket) -> bool:
    try:
        return wire.recv(1) == b""
    except ConnectionError:
        return True


def test_packets_survive_the_way_through_the_codec() -> None:
    async def there_and_back(data: bytes) -> mqtt.Packet:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        return await mqtt.read_packet(reader)

    for size in (0, 1, 127, 128, 16383, 16384, 60000):
        packet = asyncio.run(there_and_back(mqtt.publish("a/b", b"x" * size, 7)))
        assert mqtt.read_publish(packet) == mqtt.Publish("a/b", b"x" * size, 1, 7)
    at_most_once = mqtt.read_publish(mqtt.Packet(mqtt.PacketType.PUBLISH, 0, b"\x00\x01ahi"))
    assert at_most_once == mqtt.Publish("a", b"hi", 0, 0)


def test_both_forms_of_the_certificate_message_are_read() -> None:
    first, second = b"A" * 300, b"B" * 5

    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(3, "big") + data

    tls12 = sized(sized(first) + sized(second))
    tls13 = b"\x00" + sized(sized(first) + b"\x00\x02xx" + sized(second) + b"\x00\x00")
    assert chain_in(b"\x0b" + sized(tls12)) == chain_in(b"\x0b" + sized(tls13)) == [first, second]
