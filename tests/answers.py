"""What a corporate authority answers, in every form: a chain of four with one device's key."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from eflowprov.certs.profiles import authority_extensions, key_id, leaf_extensions, sign, subject
from eflowprov.model import Secret
from tests.pki import DEVICE, NOW, curve_key

PASSWORD = Secret("correct horse 1")


class Party:
    """A certificate with its key."""

    def __init__(self, name: str, issuer: Party | None = None, *, depth: int | None = None, days: int = 100) -> None:
        self.key = curve_key()
        public, by = self.key.public_key(), issuer or self
        own_id = key_id(by.key.public_key())
        extensions = (
            leaf_extensions(name, public, own_id) if depth is None else authority_extensions(public, depth, own_id)
        )
        self.certificate = sign(
            subject(name),
            public,
            issuer.certificate.subject if issuer else subject(name),
            by.key,
            (NOW - timedelta(days=1), NOW + timedelta(days=days)),
            extensions,
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def key_bytes(self, form: Encoding = Encoding.PEM, passphrase: Secret | None = None) -> bytes:
        locked: KeySerializationEncryption = NoEncryption()
        if passphrase:
            locked = BestAvailableEncryption(passphrase.reveal().encode())
        return self.key.private_bytes(form, PrivateFormat.PKCS8, locked)


class Answer:
    """Root, policy and issuing authorities, the device, and a stranger."""

    def __init__(self) -> None:
        self.root = Party("Plant Root CA", depth=2)
        self.policy = Party("Plant Policy CA", self.root, depth=1)
        self.issuing = Party("Plant Issuing CA", self.policy, depth=0)
        self.device = Party(DEVICE, self.issuing)
        self.stranger = Party("Another Root CA", depth=0)

    @property
    def chain(self) -> list[x509.Certificate]:
        return [one.certificate for one in (self.device, self.issuing, self.policy, self.root)]

    def p7b(self, form: Encoding = Encoding.DER) -> bytes:
        """The four in an order of no meaning, as certificate services write them."""
        device, issuing, policy, root = self.chain
        return pkcs7.serialize_certificates([policy, device, root, issuing], form)

    def pfx(self, passphrase: Secret | None = PASSWORD, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
        locked: KeySerializationEncryption = NoEncryption()
        if passphrase:
            locked = BestAvailableEncryption(passphrase.reveal().encode())
        own = key or self.device.key
        leaf = None if key else self.device.certificate
        return pkcs12.serialize_key_and_certificates(b"device", own, leaf, self.chain[1:], locked)


@cache
def answer() -> Answer:
    return Answer()
