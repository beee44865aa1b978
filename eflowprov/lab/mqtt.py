"""The part of MQTT 3.1.1 that a DPS speaks: packets in and out as bytes, no sockets.

Follows the OASIS standard MQTT Version 3.1.1; section numbers stand at each rule. What a client sends is read with
a size cap; what is not understood is a `ProtocolViolation`, which ends the connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum

MAX_PACKET = 64 * 1024  # DPS's own messages stay under a few kB; a larger packet is no DPS client's


class PacketType(IntEnum):
    """Control packet types (2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class ProtocolViolation(Exception):  # noqa: N818 - the standard's own term
    """The peer sent bytes that MQTT 3.1.1 does not allow here."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet: its type, the four flag bits of the fixed header, and the bytes behind it."""

    type: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT (3.1): `username` is None when the client gave none."""

    client_id: str
    username: str | None
    keep_alive_s: int


@dataclass(frozen=True, slots=True)
class Publish:
    """A PUBLISH (3.3); `packet_id` is 0 at quality of service 0."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A SUBSCRIBE (3.8): topic filters with the quality of service asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


class _Fields:
    """Reads a packet's fields in order; running out of bytes is a violation."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._body):
            raise ProtocolViolation("a packet ends in the middle of a field")
        self._at += size
        return self._body[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def data(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.data().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolViolation("a text field is not UTF-8") from error

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    @property
    def ended(self) -> bool:
        return self._at == len(self._body)


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """Read one packet; asyncio.IncompleteReadError when the peer has gone, ProtocolViolation when it is too long."""
    first = (await reader.readexactly(1))[0]
    length = 0
    for place in range(4):  # at most four length bytes (2.2.3)
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            break
    else:
        raise ProtocolViolation("the remaining length has more than four bytes")
    if length > MAX_PACKET:
        raise ProtocolViolation(f"a packet of {length} bytes")
    return Packet(first >> 4, first & 0x0F, await reader.readexactly(length))


def read_connect(packet: Packet) -> Connect:
    """Read a CONNECT; a password or a will is read over, since a DPS client with a certificate sends neither."""
    fields = _Fields(packet.body)
    if packet.type != PacketType.CONNECT or fields.text() != "MQTT" or fields.byte() != 4:  # level 4 is 3.1.1
        raise ProtocolViolation("no MQTT 3.1.1 CONNECT")
    flags = fields.byte()
    keep_alive = fields.number()
    client_id = fields.text()
    if flags & 0x04:
        fields.text()
        fields.data()
    return Connect(client_id, fields.text() if flags & 0x80 else None, keep_alive)


def read_publish(packet: Packet) -> Publish:
    """Read a PUBLISH of quality of service 0 or 1; DPS does not offer 2."""
    fields = _Fields(packet.body)
    qos = packet.flags >> 1 & 3
    if qos > 1:
        raise ProtocolViolation(f"quality of service {qos}")
    topic = fields.text()
    packet_id = fields.number() if qos else 0
    return Publish(topic, fields.rest(), qos, packet_id)


def read_subscribe(packet: Packet) -> Subscribe:
    """Read a SUBSCRIBE with its topic filters."""
    fields = _Fields(packet.body)
    packet_id = fields.number()
    filters: list[tuple[str, int]] = []
    while not fields.ended:
        filters.append((fields.text(), fields.byte()))
    return Subscribe(packet_id, tuple(filters))


def connack(code: int) -> bytes:
    """A CONNACK without a kept session; code 0 accepts, 1 to 5 refuse (3.2.2.3)."""
    return _packet(PacketType.CONNACK, 0, bytes([0, code]))


def suback(subscribe: Subscribe) -> bytes:
    """Grant each filter at most quality of service 1 (3.9.3)."""
    granted = bytes(min(qos, 1) for _, qos in subscribe.filters)
    return _packet(PacketType.SUBACK, 0, _number(subscribe.packet_id) + granted)


def puback(packet_id: int) -> bytes:
    return _packet(PacketType.PUBACK, 0, _number(packet_id))


def pingresp() -> bytes:
    return _packet(PacketType.PINGRESP, 0, b"")


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH at quality of service 1, as DPS answers."""
    name = topic.encode("utf-8")
    return _packet(PacketType.PUBLISH, 0x02, _number(len(name)) + name + _number(packet_id) + payload)


def _packet(kind: PacketType, flags: int, body: bytes) -> bytes:
    return bytes([kind << 4 | flags]) + _length(len(body)) + body


def _number(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _length(value: int) -> bytes:
    """The remaining length: seven bits a byte, the lowest first (2.2.3)."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)
