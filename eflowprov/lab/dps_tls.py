"""The TLS side of the lab's DPS: its own certificate, and client certificates asked for but not judged.

A DPS takes any client certificate in the handshake and refuses it afterwards, in an answer with a code. Python's
`ssl` offers no such mode: a client chain that does not verify ends the handshake with an alert. So each
connection gets a context of its own, whose message hook reads the chain that the client presents and makes
its leaf a trust anchor before OpenSSL verifies it. The client's proof that it holds the leaf's key stays OpenSSL's.
"""

from __future__ import annotations

import base64
import itertools
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

_HANDSHAKE = 22  # TLS record type (RFC 5246, 6.2.1)
_CERTIFICATE = 11  # handshake message type (RFC 5246, 7.4)
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: an expired leaf gets DPS's answer, not an alert
# X509_CERT_AUX behind a certificate: trusted for id-kp-clientAuth, so that its own key usage does not matter
# (a CA certificate given as identity must get as far as DPS's answer).
_TRUSTED_FOR_CLIENT_AUTH = bytes.fromhex("300c300a06082b06010505070302")


class ServerIdentity:
    """A self-signed certificate for localhost and 127.0.0.1, made anew and kept in `folder` while the lab runs.

    Two that are trusted in one file need different names: OpenSSL looks an issuer up by its name.
    """

    def __init__(self, folder: Path, now: datetime, name: str = "eflowprov lab DPS") -> None:
        self.ca_pem, key_pem = _make(now, name)
        self._folder = folder
        self._numbers = itertools.count()
        self._file = folder / "server.pem"
        self._file.write_text(self.ca_pem + key_pem, encoding="ascii", newline="\n")

    def context(self, presented: list[bytes]) -> ssl.SSLContext:
        """A context for one connection; `presented` is filled with the client's chain (DER, leaf first)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
        anchor = self._folder / f"client-{next(self._numbers)}.pem"

        def trust(chain: list[bytes]) -> None:
            presented[:] = chain
            anchor.write_text(_trusted_pem(chain[0]), encoding="ascii", newline="\n")
            context.load_verify_locations(cafile=anchor)
            anchor.unlink()

        # The one hook of the standard library that sees the handshake's messages in the clear, in TLS 1.3 too;
        # it is the same from 3.8 to 3.13, and CPython's test_ssl holds it to that.
        context._msg_callback = _watch(trust)  # type: ignore[attr-defined]
        return context

    def plain_context(self) -> ssl.SSLContext:
        """A context for the service's own HTTPS, where nobody has a client certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._file)
        return context


def _watch(trust: Callable[[list[bytes]], None]) -> Callable[..., None]:
    """A message hook that hands the client's chain to `trust` when it arrives."""

    def hook(_connection: object, direction: str, _version: int, record: int, message: int, data: bytes) -> None:
        if direction == "read" and record == _HANDSHAKE and message == _CERTIFICATE and (chain := chain_in(data)):
            trust(chain)

    return hook


def chain_in(message: bytes) -> list[bytes]:
    """The certificates of a handshake message Certificate, in DER, in its order.

    TLS 1.2 (RFC 5246, 7.4.2): a list of certificates. TLS 1.3 (RFC 8446, 4.4.2): a context in front, and
    extensions behind each certificate. The length of the list tells the two apart.
    """
    body = message[4:]
    is_tls13 = int.from_bytes(body[:3], "big") != len(body) - 3
    at = 1 + body[0] + 3 if is_tls13 else 3
    chain: list[bytes] = []
    while at < len(body):
        size = int.from_bytes(body[at : at + 3], "big")
        chain.append(body[at + 3 : at + 3 + size])
        at += 3 + size
        if is_tls13:
            at += 2 + int.from_bytes(body[at : at + 2], "big")
    return chain


def _trusted_pem(der: bytes) -> str:
    """A certificate in OpenSSL's TRUSTED CERTIFICATE form."""
    text = base64.encodebytes(der + _TRUSTED_FOR_CLIENT_AUTH).decode("ascii")
    return f"-----BEGIN TRUSTED CERTIFICATE-----\n{text}-----END TRUSTED CERTIFICATE-----\n"


def _make(now: datetime, common_name: str) -> tuple[str, str]:
    """A certificate and its key, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))  # a lab run takes minutes
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return certificate.public_bytes(form.Encoding.PEM).decode("ascii"), key_pem.decode("ascii")
