"""Characters that `iotedge` and systemd print, repaired after they were read in a wrong code page.

√ ‼ × and systemd's bullets leave the VM as UTF-8. A console or an editor with another code page shows two or three
characters in place of each (iotedge#7036), a pager shows the bytes as `<E2><88><9A>` (iotedge#5588).
"""

from __future__ import annotations

import re

_PRINTED = "√‼×●○├└─│…’‘“”–—•"
# The code pages of Windows consoles and editors in the field.
_PAGES = ("cp437", "cp850", "cp852", "cp858", "cp866", "cp1250", "cp1251", "cp1252", "latin-1")
_PAGER_BYTES = re.compile(r"(?:<[0-9A-F]{2}>){2,8}")


def repair(text: str) -> str:
    """`text` with those sequences put right; everything else stays as it is."""
    if text.isascii():
        return _PAGER_BYTES.sub(_from_pager, text) if "<E2>" in text or "<C3>" in text else text
    if _SPOILED.search(text):
        text = _SPOILED.sub(lambda found: _TABLE[found[0]], text)
    return _PAGER_BYTES.sub(_from_pager, text) if "<E2>" in text or "<C3>" in text else text


def _from_pager(found: re.Match[str]) -> str:
    try:
        return bytes.fromhex(found[0].replace("<", "").replace(">", "")).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def _misread(char: str, page: str) -> str:
    """`char` as the code page shows its UTF-8 bytes; "" when the page has no character for one of them."""
    shown = "".join(bytes((b,)).decode(page, "ignore") or (chr(b) if page == "cp1252" else "") for b in char.encode())
    return shown if len(shown) == len(char.encode()) else ""


def _spoiled_forms() -> dict[str, str]:
    forms: dict[str, str] = {}
    for char in _PRINTED:
        for page in _PAGES:
            forms.setdefault(_misread(char, page), char)
    return {form: char for form, char in forms.items() if form}


_TABLE = _spoiled_forms()
_SPOILED = re.compile("|".join(re.escape(form) for form in sorted(_TABLE, key=len, reverse=True)))
