"""What kind of file it is, when it is no certificate's: told by its labels and its first bytes."""

from __future__ import annotations

from eflowprov.certs.der import INTEGER, first_inside, is_der
from eflowprov.certs.pem import find_blocks, to_text
from eflowprov.errors import InputError

CERTIFICATE_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
PKCS7_LABELS = frozenset({"PKCS7", "PKCS #7 SIGNED DATA", "CMS"})
REQUEST_LABELS = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_REQUEST = "a certificate request", "Give the certificate that the authority made from it"
_OTHER_LABELS = {
    **dict.fromkeys(REQUEST_LABELS, _REQUEST),
    "PUBLIC KEY": ("a public key alone", "Give the certificate"),
    "RSA PUBLIC KEY": ("a public key alone", "Give the certificate"),
    "TRUSTED CERTIFICATE": ("OpenSSL's own trusted form", "Turn it into a plain one: openssl x509 -in FILE -out PEM"),
    "X509 CRL": ("a list of revoked certificates", "Give the certificate"),
    "EC PARAMETERS": ("the parameters of a key", "Give the certificate"),
    "DH PARAMETERS": ("the parameters of a key exchange", "Give the certificate"),
}
_KEY_ALONE = "a private key and no certificate", "Give the certificate; the key goes beside it"
_FIRST_BYTES = (
    (b"\xfe\xed\xfe\xed", "a Java key store", "Export it: keytool -importkeystore -deststoretype PKCS12"),
    (b"PuTTY-User-Key-File", "PuTTY's form of an SSH key", "Give the device's certificate"),
    (b"ssh-", "an SSH public key", "Give the device's certificate"),
    (b"ecdsa-sha2-", "an SSH public key", "Give the device's certificate"),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it, and give the certificate in it"),
    (b"<", "a web page or XML", "Download the certificate again: the answer was a page"),
    (b"{", "JSON", "Give the certificate that it may hold as a file of its own"),
)


class NoCertificateError(InputError):
    """The file is whole and of another kind than a certificate's."""


def is_key_label(label: str) -> bool:
    """Whether a PEM label is a private key's, of whatever form."""
    return label.endswith("PRIVATE KEY")


def no_certificate(source: str, data: bytes) -> InputError:
    """Say what a file without a certificate is; a NoCertificateError when its kind is known."""
    known = _known_kind(data)
    if known is None:
        return InputError(
            source, "it holds no certificate (no BEGIN CERTIFICATE line, no DER)", "Give a PEM, DER or PFX file"
        )
    kind, next_step = known
    return NoCertificateError(source, f"it is {kind}", next_step)


def _known_kind(data: bytes) -> tuple[str, str] | None:
    if is_der(data):
        return _KEY_ALONE if first_inside(data)[0] == INTEGER else _REQUEST
    labels = [block.label for block in find_blocks(to_text(data))]
    if any(map(is_key_label, labels)):
        return _KEY_ALONE
    if labels:
        unknown = f"of the unknown kind {labels[0]}", "Give a PEM, DER or PFX certificate file"
        return _OTHER_LABELS.get(labels[0], unknown)
    start = data.lstrip()[:32]
    return next(((kind, step) for first, kind, step in _FIRST_BYTES if start.startswith(first)), None)
