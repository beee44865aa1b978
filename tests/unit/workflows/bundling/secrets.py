"""Secrets in every form that they are met in, each with the words around it; and harmless text that must stay."""

from __future__ import annotations

import base64
import json
import textwrap
from urllib.parse import quote

_KEY = base64.b64encode(bytes(range(1, 33))).decode("ascii")
_LONG_KEY = base64.b64encode(bytes(range(60, 124))).decode("ascii")
_BODY = "\n".join(textwrap.wrap(base64.b64encode(bytes(range(256)) * 4).decode("ascii"), 64))
_SIG = "n%2BTqP4Zb0r9uYkW3sXc7VhLmE1aJdO6iRgF8tN5QyB2w%3D"
_JWT = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiJsaW5lNC1wcmVzczIiLCJpYXQiOjE3MDAwMDAwMDB9"
    ".c2lnbmF0dXJlLW9mLXRoZS10b2tlbi0wMTIzNDU2Nzg5"
)


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{_BODY}\n-----END {kind}PRIVATE KEY-----\n"


def _wrapped(text: str, width: int) -> str:
    """As a console of so many columns breaks it."""
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


_ARMOURED = base64.b64encode(_pem("EC ").encode("ascii")).decode("ascii")

PLANTED: dict[str, tuple[str, tuple[str, ...]]] = {
    **{
        f"pem {kind.strip() or 'PKCS#8'}": (_pem(kind), tuple(_BODY.split("\n")))
        for kind in ("", "RSA ", "EC ", "DSA ")
    },
    "pem encrypted": (_pem("ENCRYPTED "), tuple(_BODY.split("\n"))),
    "pem openssh": (_pem("OPENSSH "), tuple(_BODY.split("\n"))),
    "pem without its beginning": (_pem("RSA ").partition("\n")[2], tuple(_BODY.split("\n"))),
    "pgp": (f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{_BODY}\n-----END PGP PRIVATE KEY BLOCK-----\n", (_BODY[:60],)),
    "ssh2": (
        f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{_BODY}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n",
        (_BODY[:60],),
    ),
    "putty": (f"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 14\n{_BODY}\n", (_BODY[:60], _BODY[-40:])),
    "connection string": (f"HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey={_KEY}", (_KEY,)),
    "connection string over lines": (
        f"HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey={_wrapped(_KEY, 20)}\n",
        (_KEY[:20], _KEY[20:40], _KEY[40:44]),
    ),
    "policy": (f"HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey={_KEY};x=1", (_KEY,)),
    "storage": (
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_LONG_KEY};EndpointSuffix=core",
        (_LONG_KEY,),
    ),
    "sas": (f"SharedAccessSignature sr=h%2Fdevices%2Fd&sig={_SIG}&se=1700000000&skn=", (_SIG,)),
    "sas over lines": (f"https://a.blob.example/c?sv=2024&sig={_wrapped(_SIG, 24)}\n", (_SIG[:24], _SIG[24:48])),
    "bearer": ("Authorization: Bearer abcDEF123.ghi-456_789~xyz", ("abcDEF123.ghi-456_789~xyz",)),
    "basic": ("> Authorization: Basic dXNlcjpzM2NyM3QtcGFzcw==", ("dXNlcjpzM2NyM3QtcGFzcw",)),
    "jwt": (f"token is {_JWT} and more", tuple(_JWT.split("."))),
    "jwt over lines": (f"got {_wrapped(_JWT, 60)}\n", (_JWT[:60], _JWT[60:110])),
    "url": ("https_proxy=http://user:Pr0xy-P@ss:w0rd@proxy.example:3128/", ("Pr0xy-P", "w0rd")),
    "password": ("password=hunter2-Zq9", ("hunter2-Zq9",)),
    "registry": (
        '{"registryCredentials": {"acr": {"username": "acr", "password": "r3g1stry\\/p\\"w\\u0021", "at": "a.io"}}}',
        ("r3g1stry", 'p\\"w', 'p"w'),
    ),
    "docker log-in": ('{"auths": {"a.io": {"auth": "YWNyOnIzZzFzdHJ5cHc="}}}', ("YWNyOnIzZzFzdHJ5cHc",)),
    "symmetric key": (
        '[provisioning.attestation]\nsymmetric_key = { value = "c3ltbTFrM3ktdmFsdWU=" }',
        ("c3ltbTFrM3ktdmFsdWU",),
    ),
    "symmetric key's table": (
        '[provisioning.attestation.symmetric_key]\nvalue = "c3ltbTJrM3ktdmFsdWU="',
        ("c3ltbTJrM3ktdmFsdWU",),
    ),
    "pin": ('pkcs11_base_slot = "pkcs11:token=Key%20pairs?pin-value=84512097"', ("84512097",)),
    "client secret": ("AZURE_CLIENT_SECRET='Zx8Q~abc.DEF-ghi'", ("Zx8Q~abc",)),
    "escaped": ('said: \\"primaryKey\\":\\"cHJpbTRyeS1rZXk=\\",\\"x\\":1', ("cHJpbTRyeS1rZXk",)),
    "environment": (
        f"X_KEY={_KEY}\nAPP_DB_PASS=hunter3-Zq9\nDB_PWD=hunter4-Zq9\nWIFI_PSK=hunter5-Zq9\nEXT_PAT=abcdefgh234567ijklmnop\n",
        (_KEY, "hunter3-Zq9", "hunter4-Zq9", "hunter5-Zq9", "abcdefgh234567ijklmnop"),
    ),
    "this tool's environment": ("EFLOWPROV_PASSWORD=W1nrm-Pw!\n", ("W1nrm-Pw",)),
    "sas encoded": (f"u=https%3A%2F%2Fa.blob%3Fsv%3D2024%26sig%3D{quote(_SIG)}%26se%3D2026", (quote(_SIG)[:40],)),
    "sas encoded twice": (f"u=sv%253D2024%2526sig%253D{quote(quote(_SIG))}", (quote(quote(_SIG))[:40],)),
    "identity token": (
        'said {"auths": {"a.io": {"identitytoken": "0pAqueTokenOf-A-Registry42"}}}',
        ("0pAqueTokenOf-A",),
    ),
    "device id's key": (f'device_id_pk = {{ value = "{_LONG_KEY}" }}', (_LONG_KEY,)),
    "command line": (
        "call --password hunter6-Zq9 --api-key 'hunter7-Zq9' -symmKey hunter8-Zq9; curl -s -u admin:hunter9-Zq9 https://x",
        ("hunter6-Zq9", "hunter7-Zq9", "hunter8-Zq9", "hunter9-Zq9"),
    ),
    "secure string": ("(ConvertTo-SecureString 'Pl41n Text!' -AsPlainText -Force)", ("Pl41n", "Text!'")),
    "xml": ("<wsse:Password Type='x'>hunterA-Zq9</wsse:Password>", ("hunterA-Zq9",)),
    "tokens by their beginnings": (
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a glpat-Zx9_abcDEF123ghiJKL45 of a registry",
        ("16C7e42F292c", "Zx9_abcDEF"),
    ),
    "token in a url": ("https://ghtokenABCDEF12345678@a.io/x.git", ("ghtokenABCDEF12345678",)),
    "pfx": (f"MIIKcQIBAzCCCjcGCSqGSIb3DQEHAaCC{_BODY}\n", tuple(_BODY.split("\n")[:-1])),
    "key without armour": (f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{_LONG_KEY}", (_LONG_KEY[:60],)),
    "armour in base64": (f"PK={_ARMOURED}", (_ARMOURED[40:120],)),
    "json in json": (json.dumps({"a": json.dumps({"password": "n3st3d-pw", "b": 1})}), ("n3st3d-pw",)),
}
"""By its form: the text to plant, and the pieces of it that must be in no file."""

HARMLESS = (
    "3F:A8:10:7C:9E:55:2B:61:AA:04:D2:8F:3C:77:10:9B:EE:41:52:60 is the thumbprint",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "trackingId 5f2c0f1e-8b1d-4b0e-9c55-2a7d3f1e0b9a",
    "Assigned to IoT hub: lab-hub.azure-devices.net",
    "Device is line4-press2 on lab-hub.azure-devices.net",
    "SharedAccessKeyName=iothubowner of the hub",
    "0ne00112233 is the scope",
    "IOTEDGE_AUTHSCHEME=sasToken",
    "mcr.microsoft.com/azureiotedge-agent@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "IOTEDGE_MODULEGENERATIONID=637500000000000000",
    "KEYD_KEY=/var/lib/aziot/keyd/keys",
    "Subject Key Identifier: 3F:A8:10:7C, X509v3 Authority Key Identifier: keyid:AA:BB",
    "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAGA1UEChMJQmFsdGltb3Jl",
    "sudo: a password is required; Password authentication is disabled",
    "docker run -u 13622:13622 with IP 172.27.120.111 and version 1.5.21",
    'identity_pk = "file:///home/iotedge-user/private/line4-press2.key.pem"',
)
