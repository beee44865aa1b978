"""azure-iot-device, held: one registration attempt that can be watched, ended and left behind.

The SDK (2.14) keeps DPS's error code to itself, waits without an overall deadline, and leaves timers that keep the
interpreter alive (azure-iot-sdk-python#797, #1195). Four hooks on its inside put that right. Each may be gone in
another version; the ones that were gone are told in `Attempt.missing`:

- `answers`: a tee on the MQTT message handler keeps DPS's own words.
- `wire`: TCP and TLS are made here, in the attempt's own thread, with the SDK's own TLS context, so that any port can
  be reached, no other attempt waits behind a slow handshake, and the connection can be cut.
- `exit`: the SDK's pipeline thread is a daemon, and so are all the timers that are started on it.
- `quiet`: an exception in the MQTT reader ends the attempt instead of printing a traceback.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from eflowprov.errors import TransportError
from eflowprov.model import Secret

_SDK_PORT = 8883  # the port that azure-iot-device has written down
_TCP_S = 10.0  # for one address: a lost SYN is sent again after 1, 3 and 7 s (RFC 6298)


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message from DPS."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempt ended with this exception."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Result:
    """The SDK returned; its result has `status` and `registration_state`."""

    value: Any


@dataclass(frozen=True, slots=True)
class HungUp:
    """The connection ended, and nobody here had asked for it."""


Event = Message | Failure | Result | HungUp


@dataclass(frozen=True, slots=True)
class Client:
    """What an attempt needs to connect and to be known."""

    host: str
    port: int
    scope_id: str
    registration_id: str
    cert_file: Path
    key_file: Path
    passphrase: Secret | None
    server_ca: str | None


@dataclass
class Attempt:
    """One registration with a client of its own, running in a daemon thread.

    `events` tells what happens; `stage` is what it is doing (`looking up`, `connecting`, `TLS`, `MQTT`); `missing`
    names the hooks that this version of the SDK does not have.
    """

    client: Client
    timeout_s: float
    events: SimpleQueue[Event] = field(default_factory=SimpleQueue)
    stage: str = "looking up"
    missing: set[str] = field(default_factory=set)
    _sdk: Any = None
    _socket: socket.socket | None = None
    _is_over: bool = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="dps-attempt", daemon=True).start()

    def close(self) -> None:
        """Cut the connection and let the SDK's threads end; returns at once, at any stage, more than once."""
        self._is_over = True
        threading.Thread(target=self._shut_down, name="dps-shutdown", daemon=True).start()

    def _run(self) -> None:
        try:
            _be_quiet()
            self._sdk = self._make()
            self._hook()
            self.events.put(Result(self._sdk.register()))
        except BaseException as error:  # noqa: BLE001 - a thread's last word; the caller sorts it
            self.events.put(Failure(error))

    def _make(self) -> Any:
        """The SDK's client; everything of it is used by this attempt alone."""
        from azure.iot.device import X509, ProvisioningDeviceClient

        if not _daemonise():
            self.missing.add("exit")
        passphrase = self.client.passphrase.reveal() if self.client.passphrase else None
        return ProvisioningDeviceClient.create_from_x509_certificate(
            provisioning_host=self.client.host,
            registration_id=self.client.registration_id,
            id_scope=self.client.scope_id,
            x509=X509(str(self.client.cert_file), str(self.client.key_file), passphrase),  # type: ignore[no-untyped-call]
            **({"server_verification_cert": self.client.server_ca} if self.client.server_ca else {}),
        )

    def _hook(self) -> None:
        transport = _transport(self._sdk)
        self._try("answers", lambda: _tee(transport, self.events))
        self._try("quiet", lambda: _guard_reader(transport, self.events))
        self._try("wire", lambda: self._take_wire(transport._mqtt_client))
        if "wire" in self.missing and self.client.port != _SDK_PORT:
            why = f"this version of azure-iot-device reaches port {_SDK_PORT} alone"
            raise TransportError(f"{self.client.host}:{self.client.port}", why, "Install azure-iot-device 2.14")

    def _try(self, name: str, hook: Callable[[], None]) -> None:
        try:
            hook()
        except AttributeError:
            self.missing.add(name)
            logging.getLogger(__name__).debug("azure-iot-device has no place for the hook %r", name)

    def _take_wire(self, mqtt_client: Any) -> None:
        """Connect, and hand the MQTT client its connection; it gets one, so nothing registers behind our back."""
        context: ssl.SSLContext = mqtt_client._ssl_context
        _ = mqtt_client._create_socket_connection
        connection = self._connect(context)
        handed: list[ssl.SSLSocket] = [connection]

        def hand_over() -> ssl.SSLSocket:
            if not handed:
                raise ConnectionAbortedError("this attempt has had its connection")
            return handed.pop()

        mqtt_client._ssl_context = _Done()
        mqtt_client._create_socket_connection = hand_over
        self.stage = "MQTT"

    def _connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """TCP and TLS to the first address that takes it; OSError (gaierror, SSLError, …) else."""
        found = socket.getaddrinfo(self.client.host, self.client.port, type=socket.SOCK_STREAM)
        self.stage = "connecting"
        plain = _dial([address for *_, address in found], self.timeout_s)
        self.stage = "TLS"
        connection = context.wrap_socket(plain, server_hostname=self.client.host, do_handshake_on_connect=False)
        self._socket = connection
        try:
            if self._is_over:
                raise ConnectionAbortedError("this attempt is over")
            connection.do_handshake()
        except OSError:
            connection.close()
            raise
        return connection

    def _shut_down(self) -> None:
        """Take the SDK's own way out, then cut what is left; what either says to that is of no interest any more."""
        with contextlib.suppress(Exception):
            self._sdk._pipeline.shutdown(callback=lambda **_: None)
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not SSLSocket's, which is in use elsewhere


class _Done:
    """Stands for a TLS context whose work is done: the connection that it is given is a TLS one already."""

    check_hostname = True

    def wrap_socket(self, connection: ssl.SSLSocket, **_: object) -> ssl.SSLSocket:
        return connection


class _DaemonExecutor:
    """What the SDK needs of its one-thread executor, on a daemon thread.

    A ThreadPoolExecutor's thread is joined when the interpreter exits, and a Timer inherits from the thread that makes
    it whether the interpreter waits for it: with this one, neither holds up the exit.
    """

    def __init__(self) -> None:
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._work, name="pipeline", daemon=True).start()

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, task))
        return future

    def _work(self) -> None:
        while True:
            future, task = self._tasks.get()
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
                future.set_exception(error)


_one_at_a_time = threading.Lock()


def _daemonise() -> bool:
    """Put the daemon executor in the place of the SDK's; False when there is no such place."""
    try:
        from azure.iot.device.common.pipeline import pipeline_thread

        with _one_at_a_time:
            if not isinstance(pipeline_thread._executors.get("pipeline"), _DaemonExecutor):
                pipeline_thread._executors["pipeline"] = _DaemonExecutor()
    except (ImportError, AttributeError):
        return False
    return True


def _be_quiet() -> None:
    """Keep the SDK's warnings and log records off standard error; a failure is told by the caller, once."""
    for name in ("azure.iot.device", "paho"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", module=r"(azure\.iot\.device|paho|socks)(\.|$)")


def _transport(sdk: Any) -> Any:
    """The MQTT transport at the end of the SDK's pipeline; None when it is not where it was."""
    try:
        stage = sdk._pipeline._pipeline
        while stage.next is not None:
            stage = stage.next
        return stage.transport
    except AttributeError:
        return None


def _tee(transport: Any, events: SimpleQueue[Event]) -> None:
    """Keep a copy of each message, and notice when the connection goes."""
    receive, disconnected = transport.on_mqtt_message_received_handler, transport.on_mqtt_disconnected_handler

    def on_message(topic: str, payload: bytes) -> None:
        events.put(Message(topic, payload))
        receive(topic, payload)

    def on_disconnected(cause: BaseException | None = None) -> None:
        events.put(HungUp())
        disconnected(cause)

    transport.on_mqtt_message_received_handler = on_message
    transport.on_mqtt_disconnected_handler = on_disconnected


def _guard_reader(transport: Any, events: SimpleQueue[Event]) -> None:
    """End the attempt when the MQTT reader stumbles over what the server sent."""
    mqtt_client = transport._mqtt_client
    read = mqtt_client.loop_forever

    def loop_forever(*args: Any, **kwargs: Any) -> Any:
        try:
            return read(*args, **kwargs)
        except OSError:  # it wanted another connection
            events.put(HungUp())
        except Exception:  # noqa: BLE001 - whatever the reader stumbles over
            events.put(Failure(TransportError("DPS", "its answer is no MQTT", _NOT_DPS)))

    mqtt_client.loop_forever = loop_forever


_NOT_DPS = "Check that the endpoint is a DPS and not a proxy"


def _dial(addresses: list[Any], timeout_s: float) -> socket.socket:
    """The first connection that comes about; the last address's OSError when none does."""
    for place, address in enumerate(addresses):
        try:
            connection = socket.create_connection(address[:2], timeout=min(timeout_s, _TCP_S))
        except OSError:
            if place == len(addresses) - 1:
                raise
        else:
            connection.settimeout(timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise OSError("the name has no address")
