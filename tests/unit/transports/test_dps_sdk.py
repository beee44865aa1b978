"""What azure-iot-device must not do to us, and what still holds when its inside is another one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from eflowprov.errors import DeadlineError, TransportError
from eflowprov.lab.dps import FOREVER, Behaviour, Enrollment, LabDps
from eflowprov.model import Assigned, Refused
from eflowprov.transports.dps import register
from eflowprov.transports.dps_sdk import Attempt, Client
from tests.dps_pki import DEVICE, SCOPE, Pki, make_pki, request_to, write_pair

ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import sys
from pathlib import Path
import azure.iot.device  # its import is not what is measured
from eflowprov.errors import EflowprovError
from eflowprov.transports.dps import RegistrationRequest, register

cert, key, ca, port = sys.argv[1:]
request = RegistrationRequest("0ne00000001", "line4-press2", Path(cert), Path(key), endpoint="localhost",
    port=int(port), server_ca=Path(ca).read_text(encoding="ascii"), timeout_s=2.0)
try:
    print(register(request).hub, flush=True)
except EflowprovError as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki()


@pytest.fixture
def files(pki: Pki, tmp_path: Path) -> tuple[Path, Path]:
    return write_pair(tmp_path, pki.device, pki.issuing)


def in_a_process(folder: Path, pki: Pki, behaviour: Behaviour) -> tuple[str, float, str]:
    """Register in an interpreter of its own: what it printed, the seconds from then to its exit, its standard error."""
    files = write_pair(folder, pki.device, pki.issuing)
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, behaviour=behaviour) as lab:
        ca = folder / "ca.pem"
        ca.write_text(lab.server_ca_pem, encoding="ascii", newline="\n")
        command = [sys.executable, "-W", "default", "-c", CHILD, *map(str, files), str(ca), str(lab.port)]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            said = child.stdout.readline().strip()
            answered = time.monotonic()
            child.wait(timeout=40)
            return said, time.monotonic() - answered, child.stderr.read()


def test_the_interpreter_exits_at_once_and_in_silence_whatever_the_sdk_was_doing(tmp_path: Path, pki: Pki) -> None:
    cases = {
        "throttled": (Behaviour(throttle=FOREVER, retry_after=30), "DeadlineError"),
        "silent": (Behaviour(fault="silent"), "DeadlineError"),
        "no-tls": (Behaviour(fault="no-tls"), "DeadlineError"),
        "no-connack": (Behaviour(fault="no-connack"), "DeadlineError"),
        "malformed": (Behaviour(fault="malformed"), "TransportError"),
        "garbage": (Behaviour(fault="garbage"), "TransportError"),
        "no-substatus": (Behaviour(polls=0, omit=frozenset({"substatus"})), "lab-hub.azure-devices.net"),
        "healthy": (Behaviour(polls=0), "lab-hub.azure-devices.net"),
    }
    with ThreadPoolExecutor(4) as pool:
        running = {
            name: pool.submit(in_a_process, tmp_path / name, pki, behaviour) for name, (behaviour, _) in cases.items()
        }
        ended = {name: future.result() for name, future in running.items()}
    for name, (_, expected) in cases.items():
        said, seconds, errors = ended[name]
        assert (name, said, errors) == (name, expected, "")
        assert seconds < 3.0, name  # about 0.1 s where nothing else runs; the SDK alone holds on for 20 to 60 s


# ------------------------------------------------------------------------------------------ another SDK inside


class PublicOnly:
    """The SDK's client with its public method alone."""

    def __init__(self, client: Any) -> None:
        self.register = client.register


@pytest.fixture
def bare_sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """azure-iot-device without any of the places that the hooks need; `port` is where its port 8883 is."""
    import paho.mqtt.client as mqtt
    from azure.iot.device import ProvisioningDeviceClient
    from azure.iot.device.common.pipeline import pipeline_thread

    redirect: dict[str, int] = {}
    connect, create = mqtt.Client.connect, ProvisioningDeviceClient.create_from_x509_certificate
    pool: dict[str, ThreadPoolExecutor] = {}

    def named(name: str) -> ThreadPoolExecutor:
        return pool.setdefault(name, ThreadPoolExecutor(1))

    def redirected(self: Any, host: str, port: int, keepalive: int) -> Any:
        return connect(self, host, redirect["port"] if port == 8883 else port, keepalive)

    monkeypatch.setattr(mqtt.Client, "connect", redirected)
    monkeypatch.setattr(pipeline_thread, "_get_named_executor", named)
    monkeypatch.delattr(pipeline_thread, "_executors")
    monkeypatch.setattr(
        ProvisioningDeviceClient, "create_from_x509_certificate", lambda **settings: PublicOnly(create(**settings))
    )
    yield redirect
    for thread in threading.enumerate():  # what the hook `exit` is for
        if isinstance(thread, threading.Timer):
            thread.cancel()


def through(bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path], behaviour: Behaviour, **changes: Any) -> Any:
    enrolled = changes.pop("enrolled", [Enrollment(pki.issuing.pem)])
    with LabDps(enrolled, scope_id=SCOPE, behaviour=behaviour) as lab:
        bare_sdk["port"] = lab.port
        return register(request_to(lab, files, **{"port": 8883, **changes}))


def test_a_bare_sdk_still_registers(bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]) -> None:
    answer = through(bare_sdk, pki, files, Behaviour(polls=0))
    assert isinstance(answer, Assigned)
    assert (answer.hub, answer.device_id) == ("lab-hub.azure-devices.net", DEVICE)


@pytest.mark.parametrize("outcome", ["failed", "disabled"])
def test_a_bare_sdk_still_tells_a_failed_registration(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path], outcome: str
) -> None:
    answer = through(bare_sdk, pki, files, Behaviour(polls=0, outcome=outcome))
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.message) == (200, "the SDK hid the reason")


def test_a_bare_sdk_refuses_with_the_status_alone_and_says_so(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]
) -> None:
    answer = through(bare_sdk, pki, files, Behaviour(), enrolled=[])
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.error_code, answer.message) == (401, 0, "the SDK hid the reason")


def test_a_bare_sdk_still_tells_a_refused_connection(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]
) -> None:
    answer = through(bare_sdk, pki, files, Behaviour(connack=5))
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.error_code) == (0, 5)


def test_a_bare_sdk_still_tells_an_untrusted_server(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]
) -> None:
    with pytest.raises(TransportError, match="is not trusted"):
        through(bare_sdk, pki, files, Behaviour(), server_ca=pki.root.pem)


def test_the_deadline_holds_for_a_bare_sdk_that_hangs(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]
) -> None:
    with pytest.raises(DeadlineError):
        through(bare_sdk, pki, files, Behaviour(polls=0, omit=frozenset({"substatus"})), timeout_s=1.0)


def test_a_bare_sdk_cannot_be_sent_to_another_port(
    bare_sdk: dict[str, int], pki: Pki, files: tuple[Path, Path]
) -> None:
    with pytest.raises(TransportError, match=r"^localhost:8884: .* reaches port 8883 alone"):
        through(bare_sdk, pki, files, Behaviour(), port=8884)


def test_every_hook_has_its_place_in_the_installed_sdk(pki: Pki, files: tuple[Path, Path]) -> None:
    with LabDps([Enrollment(pki.issuing.pem)], scope_id=SCOPE, behaviour=Behaviour(polls=0)) as lab:
        client = Client("localhost", lab.port, SCOPE, DEVICE, *files, None, lab.server_ca_pem)
        attempt = Attempt(client, 5.0)
        attempt.start()
        attempt.events.get(timeout=5)
        attempt.close()
    assert attempt.missing == set()
