"""Proof of possession: a certificate whose common name is the code that DPS or IoT Central gave, signed by the CA."""

from __future__ import annotations

import re
from datetime import datetime

from eflowprov.certs.authority import Authority, pem
from eflowprov.certs.names import MAX_LENGTH
from eflowprov.certs.profiles import KeyType, generate_key, leaf_extensions, sign, subject, validity
from eflowprov.errors import InputError

PROOF_DAYS = 30  # as the demo scripts' verification certificate; it is uploaded once and never used again
_CODE = re.compile(r"[!-~]{1,64}")  # printable ASCII without spaces; DPS gives 48 hexadecimal digits


def check_code(text: str) -> str:
    """Give the code without the white space around it, which copying leaves there, and otherwise as it is.

    Raises InputError when something stands inside it that no code has, or it is longer than a common name.
    """
    code = text.strip()
    if _CODE.fullmatch(code):
        return code
    why = f"it is longer than {MAX_LENGTH} characters" if len(code) > MAX_LENGTH else "it is empty"
    if odd := re.search(r"[^!-~]", code):
        why = f"character {odd.start() + 1} can stand in no code"
    raise InputError("verification code", why, "Copy the whole code, and nothing else, from the certificate's details")


def sign_proof(authority: Authority, code: str, now: datetime) -> bytes:
    """Sign the certificate that proves possession of the authority's key; PEM.

    Its own key is thrown away: nobody ever connects with it. Raises InputError like `check_code`, and when the
    authority is not valid now.
    """
    code = check_code(code)
    times = validity(now, PROOF_DAYS, authority.certificate)
    public = generate_key(KeyType.EC_P256).public_key()
    extensions = leaf_extensions("", public, authority.key_id)  # without a name beside the subject
    return pem(sign(subject(code), public, authority.certificate.subject, authority.key, times, extensions))
