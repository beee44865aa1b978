"""Registrations over a real TLS MQTT exchange: azure-iot-device against the lab's DPS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eflowprov.errors import DeadlineError, EflowprovError, InputError, TransportError
from eflowprov.lab.dps import FOREVER, Behaviour, Enrollment, LabDps
from eflowprov.lab.dps_tls import ServerIdentity
from eflowprov.model import Assigned, Refused, Registration, Secret
from eflowprov.transports.dps import RegistrationRequest, register
from tests.dps_pki import DEVICE, SCOPE, Pki, make_pki, request_to, write_pair

DEADLINE_S = 2.0
LATE_S = 1.5  # what a busy machine may add
LATE = {"silent", "no-tls", "no-connack", "throttled", "throttled-again", "assigning"}  # no answer before the deadline

BEHAVIOURS = {
    "healthy": Behaviour(polls=0),
    "no-substatus": Behaviour(polls=0, omit=frozenset({"substatus"})),
    "no-device": Behaviour(polls=0, omit=frozenset({"deviceId"})),
    "no-hub": Behaviour(polls=0, omit=frozenset({"assignedHub"})),
    "failed": Behaviour(polls=0, outcome="failed"),
    "disabled": Behaviour(polls=0, outcome="disabled"),
    "connack-1": Behaviour(connack=1),
    "connack-2": Behaviour(connack=2),
    "connack-3": Behaviour(connack=3),
    "connack-4": Behaviour(connack=4),
    "connack-5": Behaviour(connack=5),
    "garbage": Behaviour(fault="garbage"),
    "malformed": Behaviour(fault="malformed"),
    "drop": Behaviour(fault="drop"),
    "silent": Behaviour(fault="silent"),
    "no-tls": Behaviour(fault="no-tls"),
    "no-connack": Behaviour(fault="no-connack"),
    "throttled": Behaviour(throttle=FOREVER, retry_after=30),
    "throttled-again": Behaviour(throttle=FOREVER, retry_after=0),
    "assigning": Behaviour(polls=FOREVER),
}


class Outcomes:
    """What each behaviour led to, all of them tried at once; each with the seconds that it took."""

    def __init__(self, pki: Pki, files: tuple[Path, Path]) -> None:
        import azure.iot.device  # noqa: F401 - so that no case pays for the import of all

        self._pki, self._files = pki, files
        self._pool = ThreadPoolExecutor(len(BEHAVIOURS))
        self._running: dict[str, Future[tuple[Registration | EflowprovError, float]]] = {
            name: self._pool.submit(self._one, name, behaviour) for name, behaviour in BEHAVIOURS.items()
        }

    def _one(self, name: str, behaviour: Behaviour) -> tuple[Registration | EflowprovError, float]:
        with LabDps([Enrollment(self._pki.issuing.pem)], scope_id=SCOPE, behaviour=behaviour) as lab:
            request = request_to(lab, self._files, timeout_s=DEADLINE_S if name in LATE else 20.0)
            started = time.monotonic()
            try:
                outcome: Registration | EflowprovError = register(request)
            except EflowprovError as error:
                outcome = error
            return outcome, time.monotonic() - started

    def __getitem__(self, name: str) -> Registration | EflowprovError:
        return self._running[name].result()[0]

    def seconds(self, name: str) -> float:
        return self._running[name].result()[1]

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


@pytest.fixture(scope="module")
def files(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_pair(tmp_path_factory.mktemp("identity"), pki.device, pki.issuing)


@pytest.fixture(scope="module")
def outcomes(pki: Pki, files: tuple[Path, Path]) -> Iterator[Outcomes]:
    tried = Outcomes(pki, files)
    yield tried
    tried.close()


@pytest.fixture
def lab(pki: Pki) -> Iterator[LabDps]:
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        yield lab


# ------------------------------------------------------------------------------------------------ what DPS says


def test_a_device_is_assigned_its_hub(outcomes: Outcomes) -> None:
    answer = outcomes["healthy"]
    assert isinstance(answer, Assigned)
    assert (answer.registration_id, answer.hub, answer.device_id) == (DEVICE, "lab-hub.azure-devices.net", DEVICE)
    assert 0 < answer.duration_s <= outcomes.seconds("healthy")


def test_an_answer_without_substatus_is_taken_though_the_sdk_hangs_on_it(outcomes: Outcomes) -> None:
    answer = outcomes["no-substatus"]
    assert isinstance(answer, Assigned)
    assert answer.substatus == ""


@pytest.mark.parametrize("name", ["no-device", "no-hub"])
def test_an_answer_without_hub_or_device_is_no_answer(outcomes: Outcomes, name: str) -> None:
    assert isinstance(outcomes[name], TransportError)
    assert "names no hub or no device ID" in str(outcomes[name])


def test_a_refusal_brings_the_code_message_and_tracking_id_of_dps(files: tuple[Path, Path]) -> None:
    with LabDps([], scope_id=SCOPE) as lab:
        answer = register(request_to(lab, files))
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.error_code, answer.message) == (401, 401002, "CA certificate not found.")
    assert len(answer.tracking_id) == 36


def test_a_failed_registration_is_refused_with_its_reason(outcomes: Outcomes) -> None:
    answer = outcomes["failed"]
    assert isinstance(answer, Refused)
    assert (answer.error_code, answer.message) == (400207, "Custom allocation failed with status code: 404")


def test_a_disabled_registration_is_refused(outcomes: Outcomes) -> None:
    answer = outcomes["disabled"]
    assert isinstance(answer, Refused)
    assert "disabled" in answer.message


@pytest.mark.parametrize("code", [2, 4, 5])
def test_a_refused_mqtt_connection_keeps_its_code(outcomes: Outcomes, code: int) -> None:
    answer = outcomes[f"connack-{code}"]
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.error_code) == (0, code)


def test_a_service_without_mqtt_3_1_1_is_no_refusal(outcomes: Outcomes) -> None:
    assert isinstance(outcomes["connack-1"], TransportError)  # paho-mqtt would try MQTT 3.1 on another connection


def test_an_unavailable_service_is_no_refusal(outcomes: Outcomes) -> None:
    assert isinstance(outcomes["connack-3"], TransportError)
    assert "unavailable" in str(outcomes["connack-3"])


def test_an_answer_that_is_no_json_is_quoted(outcomes: Outcomes) -> None:
    assert isinstance(outcomes["garbage"], TransportError)
    assert "Bad Gateway" in str(outcomes["garbage"])


def test_an_answer_that_is_no_mqtt_is_told(outcomes: Outcomes) -> None:
    assert isinstance(outcomes["malformed"], TransportError)
    assert outcomes["malformed"].why == "its answer is no MQTT"


# ---------------------------------------------------------------------------------------------------- deadlines


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silent", "there was no answer to the registration within 2 s"),
        ("no-tls", "the TLS handshake did not end within 2 s"),
        ("no-connack", "there was no answer to the registration within 2 s"),
        ("throttled", "it last answered 429 429001 Operations are being throttled"),
        ("throttled-again", "it last answered 429 429001 Operations are being throttled"),
        ("assigning", "it last answered 202 assigning"),
    ],
)
def test_the_deadline_holds_and_says_what_was_waited_for(outcomes: Outcomes, name: str, said: str) -> None:
    assert isinstance(outcomes[name], DeadlineError)
    assert said in str(outcomes[name])
    assert DEADLINE_S <= outcomes.seconds(name) < DEADLINE_S + LATE_S


def test_a_server_that_hangs_up_midway_is_not_waited_for(outcomes: Outcomes) -> None:
    assert isinstance(outcomes["drop"], TransportError)
    assert "ended before DPS answered" in str(outcomes["drop"])
    assert outcomes.seconds("drop") < 10.0  # half of its deadline; the SDK would have waited for 30 s


def test_nothing_registers_behind_our_back_after_the_deadline(files: tuple[Path, Path], pki: Pki) -> None:
    """The SDK would try a throttled registration again after a second, with a new connection."""
    behaviour = Behaviour(throttle=1, retry_after=1, polls=0)
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, behaviour=behaviour) as lab:
        with pytest.raises(DeadlineError):
            register(request_to(lab, files, timeout_s=0.5))
        assert not threading.Event().wait(1.5)
        assert lab.registrations == ()


@pytest.mark.linux
def test_an_address_that_swallows_packets_ends_at_the_deadline(files: tuple[Path, Path], lab: LabDps) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # the queue of a listener that never accepts is full now, and Linux drops the next
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        started = time.monotonic()
        with pytest.raises(TransportError, match="there was no TCP connection"):
            register(request_to(lab, files, port=listener.getsockname()[1], timeout_s=1.0))
        assert time.monotonic() - started < 1.0 + LATE_S


def test_a_name_server_that_answers_too_late_ends_at_the_deadline_and_nothing_is_sent_then(
    files: tuple[Path, Path], lab: LabDps, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, real = threading.Event(), socket.getaddrinfo
    sent: list[bytes] = []
    with _one_caller(lambda wire: sent.append(wire.recv(100))) as port:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: answers.wait(20) and real(*args, **more))
        with pytest.raises(DeadlineError, match=r"the name was not resolved within 0\.5 s"):
            register(request_to(lab, files, port=port, endpoint="127.0.0.1", timeout_s=0.5))
        answers.set()
    assert sent == [b""]


# ------------------------------------------------------------------------------------------------------- wires


def test_an_untrusted_server_is_told(files: tuple[Path, Path], lab: LabDps) -> None:
    with pytest.raises(TransportError, match=r"is not trusted.*--endpoint-ca"):
        register(request_to(lab, files, server_ca=None))


def test_a_server_of_another_name_is_told(
    files: tuple[Path, Path], lab: LabDps, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", lab.port))]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **more: found if host == "dps.example" else real(host, *args, **more)
    )
    with pytest.raises(TransportError, match=r"is not for dps\.example"):
        register(request_to(lab, files, endpoint="dps.example"))


def test_an_unknown_name_is_told(files: tuple[Path, Path], lab: LabDps, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransportError, match=r"the name dps\.example is not known"):
        register(request_to(lab, files, endpoint="dps.example"))


def test_a_closed_port_is_told(files: tuple[Path, Path], lab: LabDps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(TransportError, match=r"localhost:\d+: the connection was refused"):
        register(request_to(lab, files, port=port))


def test_a_client_certificate_refused_in_the_handshake_is_told(
    files: tuple[Path, Path], lab: LabDps, tmp_path: Path
) -> None:
    server = ServerIdentity(tmp_path, datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED  # and nobody is trusted
    with (
        _one_caller(lambda wire: context.wrap_socket(wire, server_side=True)) as port,
        pytest.raises(TransportError, match=r"refused the TLS handshake \(tlsv1 alert unknown ca\).*certs check"),
    ):
        register(request_to(lab, files, port=port, server_ca=server.ca_pem))


def test_a_port_that_speaks_no_tls_is_told(files: tuple[Path, Path], lab: LabDps) -> None:
    with (
        _one_caller(lambda wire: wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port,
        pytest.raises(TransportError, match=r"TLS failed|cut the connection"),
    ):
        register(request_to(lab, files, port=port))


def test_a_cut_in_the_handshake_is_told(files: tuple[Path, Path], lab: LabDps) -> None:
    with (
        _one_caller(lambda wire: wire.recv(5)) as port,
        pytest.raises(TransportError, match="cut the connection before MQTT began"),
    ):
        register(request_to(lab, files, port=port))


@contextlib.contextmanager
def _one_caller(serve: Any) -> Iterator[int]:
    """A port that treats its one caller so, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            wire, _ = listener.accept()
            with wire, contextlib.suppress(OSError):
                serve(wire)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


# ------------------------------------------------------------------------------------ before anything is sent


def unsent(files: tuple[Path, Path], **changes: Any) -> RegistrationRequest:
    """A request to a port where nobody is: whatever is sent ends in another error than InputError."""
    settings: dict[str, Any] = {
        "scope_id": SCOPE,
        "registration_id": DEVICE,
        "cert_file": files[0],
        "key_file": files[1],
    }
    return RegistrationRequest(**{**settings, "endpoint": "127.0.0.1", "port": 9, "timeout_s": 1.0, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"scope_id": "0ne\n001"},
        {"scope_id": "0ne/registrations/other"},
        {"scope_id": " "},
        {"registration_id": "press\x00"},
        {"registration_id": "press2/registrations"},
        {"registration_id": ""},
        {"endpoint": ""},
        {"endpoint": "dps..example"},
        {"endpoint": "dps.\x00example"},
        {"endpoint": "d" * 64 + ".example"},
        {"port": 0},
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"timeout_s": float("inf")},
        {"server_ca": "no certificate"},
        {"server_ca": ""},
    ],
)
def test_what_could_not_work_is_refused_before_anything_is_sent(
    files: tuple[Path, Path], changes: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        register(unsent(files, **changes))


def test_a_key_of_another_certificate_is_refused_before_anything_is_sent(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write_pair(tmp_path, make_pki().device)
    with pytest.raises(InputError, match="the key does not belong to the first certificate"):
        register(unsent((files[0], other[1])))


def test_a_file_that_is_not_there_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.pem: it cannot be read"):
        register(unsent((files[0], tmp_path / "gone.pem")))


def test_a_file_that_is_no_pem_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    der = tmp_path / "leaf.cer"
    der.write_bytes(b"\x30\x82\x01\x00")
    with pytest.raises(InputError, match=r"leaf\.cer: it is no PEM file"):
        register(unsent((der, files[1])))


def test_a_torn_pem_is_refused_before_anything_is_sent(files: tuple[Path, Path], tmp_path: Path) -> None:
    torn = tmp_path / "torn.pem"
    torn.write_bytes(files[0].read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be loaded"):
        register(unsent((torn, files[1])))


def test_an_encrypted_key_needs_its_passphrase_and_never_asks_the_terminal(
    lab: LabDps, pki: Pki, tmp_path: Path
) -> None:
    pair = write_pair(tmp_path, pki.device, pki.issuing, passphrase=b"open sesame")
    with pytest.raises(InputError, match="the key is encrypted"):
        register(request_to(lab, pair))
    with pytest.raises(InputError, match="the passphrase does not open the key") as caught:
        register(request_to(lab, pair, key_passphrase=Secret("guessed")))
    assert "guessed" not in str(caught.value)
    assert isinstance(register(request_to(lab, pair, key_passphrase=Secret("open sesame"))), Assigned)
