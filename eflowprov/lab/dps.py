"""A DPS on loopback: real TLS with client certificates, real MQTT 3.1.1, Azure's answers.

    with LabDps([Enrollment(issuing_ca_pem)], scope_id="0ne00000001", hub="lab.azure-devices.net") as lab:
        register against 127.0.0.1:lab.port, trusting lab.server_ca_pem
    lab.registrations  # what it assigned

Each lab has a thread and a port of its own; several may run at once. Nothing leaves loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from eflowprov.certs.dps_rules import Enrollment
from eflowprov.lab import mqtt
from eflowprov.lab.dps_service import FOREVER, Behaviour, Caller, LabRefusal, LabRegistration, Reply, Service
from eflowprov.lab.dps_tls import ServerIdentity

__all__ = ["FOREVER", "Behaviour", "Enrollment", "LabDps", "LabRefusal", "LabRegistration"]

_HANDSHAKE_S = 10.0  # loopback needs milliseconds; a client that never speaks must not be kept for ever
_REGISTER = "$dps/registrations/PUT/iotdps-register/?"
_POLL = "$dps/registrations/GET/iotdps-get-operationstatus/?"
_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LabDps:
    """A Device Provisioning Service that runs in this process.

    `port` and `server_ca_pem` (PEM text) are known once it has been started. `registrations` and `refusals` tell
    what it answered, oldest first, also after it was stopped; `tell` gets a line for each.
    """

    def __init__(
        self,
        enrollments: Sequence[Enrollment],
        *,
        scope_id: str = "0ne00000001",
        hub: str = "lab-hub.azure-devices.net",
        behaviour: Behaviour | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = _utc_now,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._service = Service(enrollments, scope_id, hub, behaviour or Behaviour(), clock, tell)
        self._clock = clock
        self._asked_port = port
        self._thread: threading.Thread | None = None
        self.port = 0
        self.server_ca_pem = ""

    @property
    def registrations(self) -> tuple[LabRegistration, ...]:
        return tuple(self._service.registrations)

    @property
    def refusals(self) -> tuple[LabRefusal, ...]:
        return tuple(self._service.refusals)

    def start(self) -> None:
        """Listen on 127.0.0.1; OSError when the port asked for is taken."""
        listener = socket.create_server(("127.0.0.1", self._asked_port), reuse_port=False)
        listener.setblocking(False)
        self._folder = tempfile.TemporaryDirectory(prefix="eflowprov-lab-dps-")
        self._identity = ServerIdentity(Path(self._folder.name), self._clock())
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self.server_ca_pem = self._identity.ca_pem
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=[listener], name="lab-dps", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everyone, close the port, end the thread; harmless when it does not run."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join()
            self._thread = None
            self._folder.cleanup()

    def __enter__(self) -> LabDps:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket) -> None:
        try:
            self._loop.run_until_complete(self._serve(listener))
        finally:
            self._loop.close()

    async def _serve(self, listener: socket.socket) -> None:
        clients: set[asyncio.Task[None]] = set()
        accepting = self._loop.create_task(self._accept(listener, clients))
        await self._ending.wait()
        for task in (accepting, *clients):
            task.cancel()
        await asyncio.gather(accepting, *clients, return_exceptions=True)
        listener.close()

    async def _accept(self, listener: socket.socket, clients: set[asyncio.Task[None]]) -> None:
        while True:
            connection, _ = await self._loop.sock_accept(listener)
            task = self._loop.create_task(self._client(connection))
            clients.add(task)
            task.add_done_callback(clients.discard)

    async def _client(self, connection: socket.socket) -> None:
        """Serve one connection to its end, whatever the end is."""
        if self._service.behaviour.fault == "no-tls":
            with connection:
                await self._ending.wait()
            return
        presented: list[bytes] = []
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._identity.context(presented),
                ssl_handshake_timeout=_HANDSHAKE_S,
            )
        except (OSError, ssl.SSLError) as error:  # the client did not trust the lab, or gave up
            _log.debug("handshake ended: %s", error)
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        try:
            await _Session(self._service, reader, writer, presented).run()
        except (mqtt.ProtocolViolation, asyncio.IncompleteReadError, OSError, ValueError) as error:
            _log.debug("connection ended: %s", error)
        finally:
            transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Session:
    """One MQTT connection, from CONNECT to its end."""

    def __init__(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, presented: list[bytes]
    ) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._presented = presented
        self._packet_id = 0

    async def run(self) -> None:
        caller = self._admit(mqtt.read_connect(await mqtt.read_packet(self._reader)))
        while caller is not None:
            await self._writer.drain()
            packet = await mqtt.read_packet(self._reader)
            if packet.type == mqtt.PacketType.DISCONNECT:
                return
            if not self._handle(packet, caller):
                return
        await self._writer.drain()

    def _admit(self, connect: mqtt.Connect) -> Caller | None:
        """Answer CONNECT; None when it was refused."""
        from cryptography.x509 import load_der_x509_certificate

        scope_id, registration_id = _user_name(connect.username or "")
        code = self._service.behaviour.connack
        if not code and connect.client_id != registration_id:
            code = 2  # identifier rejected (MQTT 3.1.1, 3.2.2.3)
        if self._service.behaviour.fault != "no-connack":
            self._writer.write(mqtt.connack(code))
        chain = [load_der_x509_certificate(der) for der in self._presented]
        return None if code else Caller(scope_id, registration_id, chain)

    def _handle(self, packet: mqtt.Packet, caller: Caller) -> bool:
        """Answer one packet; False hangs up."""
        if packet.type == mqtt.PacketType.SUBSCRIBE:
            self._writer.write(mqtt.suback(mqtt.read_subscribe(packet)))
        elif packet.type == mqtt.PacketType.PINGREQ:
            self._writer.write(mqtt.pingresp())
        elif packet.type == mqtt.PacketType.PUBLISH:
            return self._published(mqtt.read_publish(packet), caller)
        elif packet.type != mqtt.PacketType.PUBACK:
            raise mqtt.ProtocolViolation(f"a packet of type {packet.type}")
        return True

    def _published(self, message: mqtt.Publish, caller: Caller) -> bool:
        if message.qos:
            self._writer.write(mqtt.puback(message.packet_id))
        fault = self._service.behaviour.fault
        if fault == "drop":
            return False
        if fault == "malformed":
            self._writer.write(b"\x32\x03\x00\xff\x00")  # a PUBLISH whose topic is longer than the packet
            return True
        reply = self._ask(message, caller)
        if fault != "silent":
            self._answer(reply, _query(message.topic).get("$rid", ""), garbage=fault == "garbage")
        return True

    def _ask(self, message: mqtt.Publish, caller: Caller) -> Reply:
        """What the service says to a message; another topic than DPS's two is a violation."""
        if message.topic.startswith(_REGISTER):
            return self._service.register(caller)
        if message.topic.startswith(_POLL):
            return self._service.poll(caller, _query(message.topic).get("operationId", ""))
        raise mqtt.ProtocolViolation(f"a message to {message.topic!r}")

    def _answer(self, reply: Reply, request_id: str, *, garbage: bool) -> None:
        topic = f"$dps/registrations/res/{reply.http_status}/?$rid={request_id}"
        if reply.retry_after is not None:
            topic += f"&retry-after={reply.retry_after}"
        payload = b"<html>Bad Gateway</html>" if garbage else json.dumps(reply.body).encode("utf-8")
        self._packet_id = self._packet_id % 0xFFFF + 1
        self._writer.write(mqtt.publish(topic, payload, self._packet_id))


def _user_name(text: str) -> tuple[str, str]:
    """ID scope and registration ID out of `SCOPE/registrations/ID/api-version=…`; a violation when it is none."""
    parts = text.split("/", 3)
    if len(parts) != 4 or parts[1] != "registrations" or not parts[3].startswith("api-version="):
        raise mqtt.ProtocolViolation("no DPS user name")
    return parts[0], parts[2]


def _query(topic: str) -> dict[str, str]:
    """The name=value pairs behind a topic's question mark, percent-decoded."""
    pairs = (pair.partition("=") for pair in topic.partition("?")[2].split("&"))
    return {name: urllib.parse.unquote(value) for name, _, value in pairs}
