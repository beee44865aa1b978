"""Access lists as text (SDDL): whom one lets read a file. Win32 documentation, "Security Descriptor String Format"."""

from __future__ import annotations

import re

# Access lists as text: Win32 documentation, "ACE Strings", "SID Strings" and "File Access Rights Constants". An entry
# is `(type;flags;rights;object;inherited object;who)`, with a condition behind in some.
_ACE = re.compile(r"\((\w+(?:;[^;()]*){5})")
_ALLOWING = {"A", "OA", "XA", "ZA"}
_READING_WORDS = {"GA", "GR", "FA", "FR", "CC"}  # CC is bit 0, which for a file is FILE_READ_DATA
_READING_BITS = 0x1 | 0x80000000 | 0x10000000 | 0x02000000  # read data, generic read, generic all, maximum allowed
_NO_LIST = re.compile(r"D:[A-Z]*NO_ACCESS_CONTROL")
# The owner, in person or as a placeholder; administrators of the machine and the domain; the system.
_OWNERS = {"OW", "CO", "S-1-3-0", "S-1-3-4"}
_ADMINISTRATORS = {"BA", "SY", "LA", "DA", "EA", "S-1-5-18", "S-1-5-32-544"}
_NAMES = {
    "WD": "Everyone", "S-1-1-0": "Everyone",
    "BU": "Users", "S-1-5-32-545": "Users",
    "AU": "Authenticated Users", "S-1-5-11": "Authenticated Users",
    "IU": "interactive users", "NU": "network users", "AN": "anonymous", "BG": "Guests", "PU": "Power Users",
    "DU": "Domain Users", "AC": "all app packages", "LS": "Local Service", "NS": "Network Service",
}  # fmt: skip


def readers_by_list(rights: str, owner: str) -> tuple[str, ...]:
    """Who besides `owner` (a SID), administrators and the system an access list in SDDL lets read, each once.

    Entries that deny are not set off: what they take away from one, another of his groups may have.
    """
    if _NO_LIST.search(rights) or "D:" not in rights:
        return ("Everyone",)
    trusted = _OWNERS | _ADMINISTRATORS | {owner}
    readers = dict.fromkeys(who for entry in _ACE.findall(rights) if (who := _reader(entry)) and who not in trusted)
    return tuple(dict.fromkeys(_NAMES.get(who, who) for who in readers if not _is_local_administrator(who)))


def _reader(entry: str) -> str:
    """Whom an entry lets read; "" for nobody. One that is only there to be inherited does not count."""
    kind, flags, rights, _, _, who = entry.split(";")
    is_for_file = kind in _ALLOWING and "IO" not in re.findall("..", flags)
    return who if is_for_file and _may_read(rights) else ""


def _may_read(rights: str) -> bool:
    if rights.lower().startswith("0x"):
        return bool(int(rights, 16) & _READING_BITS)
    return bool(_READING_WORDS & set(re.findall("..", rights)))


def _is_local_administrator(who: str) -> bool:
    """The account Administrator of a machine or domain, which has the number 500 everywhere."""
    return who.startswith("S-1-5-21-") and who.endswith("-500")
