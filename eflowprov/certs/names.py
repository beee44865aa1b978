"""Registration IDs under DPS's rule for X.509, and the file names they get.

The rule: DPS documentation, "Registration ID" (alphanumeric, `-`, `.`, `_`, `:`, last character alphanumeric or `-`,
case-insensitive); X.509 limits a common name to 64 characters (RFC 5280, ub-common-name), where DPS alone takes 128.
"""

from __future__ import annotations

import re

from eflowprov.errors import InputError

MAX_LENGTH = 64
_WHOLE = re.compile(r"[A-Za-z0-9\-._:]{0,63}[A-Za-z0-9\-]")
_FOREIGN = re.compile(r"[^A-Za-z0-9\-._:]")
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?")  # RFC 1123, 2.1
# Names of devices: Windows opens the device for them in any folder, also with an extension behind (`NUL.txt`).
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)", re.IGNORECASE)
_ADVICE = f"Use 1 to {MAX_LENGTH} letters, digits, '-', '.', '_' or ':', with a letter, a digit or '-' at the end"


def check_registration_id(text: str) -> str:
    """Give `text` back when DPS takes it as the registration ID of an X.509 device.

    Raises InputError that names the first character, position or length that is against the rule.
    """
    if _WHOLE.fullmatch(text):
        return text
    raise InputError(f"registration ID {_quoted(text)}", _fault(text), _ADVICE)


def is_registration_id(text: str) -> bool:
    """Whether DPS takes `text` as the registration ID of an X.509 device."""
    return _WHOLE.fullmatch(text) is not None


def is_host_label(text: str) -> bool:
    """Whether `text` can stand as one label of a DNS name, and so in a subject alternative name."""
    return _HOST_LABEL.fullmatch(text) is not None


def file_name_for(registration_id: str) -> str:
    """Give the folder and file name of a legal ID, usable on Windows: the ID itself wherever that can be.

    `:` becomes `@`, and a device's name is followed by `~` (`NUL.1` becomes `NUL~.1`); neither mark can stand in an ID.
    Two names are equal without regard to case exactly when the IDs are, which DPS takes as one device.
    """
    name = check_registration_id(registration_id).replace(":", "@")
    device = _DEVICE.match(name)
    return f"{name[: device.end()]}~{name[device.end() :]}" if device else name


def _fault(text: str) -> str:
    if not text:
        return "it is empty"
    foreign = _FOREIGN.search(text)
    if foreign:
        return f"character {foreign.start() + 1} is {_character(foreign.group())}, which DPS does not allow"
    if len(text) > MAX_LENGTH:
        return f"it is {len(text)} characters long, and a certificate's common name holds {MAX_LENGTH}"
    return f"it ends in '{text[-1]}', which DPS does not allow at the end"


def _character(one: str) -> str:
    if one == " ":
        return "a space"
    code = f"U+{ord(one):04X}"
    return f"'{one}' ({code})" if one.isprintable() else code


def _quoted(text: str) -> str:
    return f"'{text}'" if len(text) <= MAX_LENGTH else f"'{text[:32]}...'"
