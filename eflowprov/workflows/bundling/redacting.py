"""Secrets out of whole files: what JSON says in other characters is found too, and JSON stays JSON.

A text is JSON, a journal with a JSON document on each line, or lines of anything else. In JSON each text is redacted as
what it means, not as it is escaped; values under a telling name are hidden whatever they look like.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eflowprov.redaction import HIDDEN, redact_parts

_DEEPEST = 4  # JSON in a text of JSON: docker's labels have it once, a journal of a module's own JSON twice
# Names without case, `-`, `_` and `.`; the last words of them tell.
_SECRET_NAME = re.compile(
    r".*(?:password|passwd|passphrase|secret|token|credential|primarykey|secondarykey|symmetrickey|symmkey|apikey"
    r"|accesskey|accountkey|secretkey|connectionstring|sas|sasurl|authorization|registryauth)|pwd|auth|sig|pin|deviceidpk"
)
# What a record without it need not be looked at for, one text after the other: a part of every name and form of a
# secret, or an escape behind which one may stand.
_SUSPECT = re.compile(
    r"key|pass|pwd|secret|token|sig|auth|cred|sas|pin|connectionstring|deviceid|bearer|eyj|private|://|\\u|\[\s*\d|_pat|psk"
    r"|mii|mi[gh]|mhcc|mc4c|ls0t|gh[a-z]_|npm_|xox",
    re.IGNORECASE,
)
_SECRET_END = re.compile(r"(?!.*(?:public|host)[_-]?key).*[_-](?:key|pass|pat|psk)", re.IGNORECASE)  # X_KEY, DB_PASS
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][\w.:-]{0,200})=(?P<value>.+)", re.DOTALL)  # an entry of an environment
_PLACES = ("file:", "pkcs11:", "/")  # where a secret is, and not what it is
_MESSAGE = "MESSAGE"  # journalctl's name of what a service said
_SHORTEST_BYTES = 8  # a journal's message as numbers: any that is worth a look is longer
_NOT_SECRET = ("true", "false", "null", "none", HIDDEN)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets, and how many were taken out."""

    text: str
    count: int


def redact_file(text: str, before: str = "") -> Redacted:
    """The text without secrets. `before` is what stood before it in its file, and is looked at but not given back.

    A document of JSON is laid out anew when something in it was hidden.
    """
    document = _parsed(text) if not before else None
    if document is not None:
        redactor = _Redactor()
        shown = redactor.document(document, text)
        return Redacted(shown, redactor.count)
    if text.lstrip()[:1] != "{":
        (_, *told), count = redact_parts([before, text])
        return Redacted(told[0], count - redact_parts([before])[1])
    return _journal(text, before)


def _journal(text: str, before: str) -> Redacted:
    """A document on each line; their messages are the lines of one text, too."""
    earlier = before.split("\n")
    lines = [*earlier, *text.split("\n")]
    documents = [_parsed(line) for line in lines]
    messages = [_message(document, line) for document, line in zip(documents, lines, strict=True)]
    shown, _ = redact_parts(messages)
    redactor, made = _Redactor(), []
    for line, document, message, clean in islice(
        zip(lines, documents, messages, shown, strict=True), len(earlier), None
    ):
        if document is None:
            redactor.count += message != clean
            made.append(clean)
        elif message != clean or document.doubled or _SUSPECT.search(line):
            made.append(redactor.document(document, line, hidden=clean if message != clean else None))
        else:
            made.append(line)
    return Redacted("\n".join(made), redactor.count)


def _message(document: _Document | None, line: str) -> str:
    if document is None:
        return line
    told = document.value.get(_MESSAGE) if isinstance(document.value, dict) else None
    if isinstance(told, list):
        told = _as_text(told)
    return told if isinstance(told, str) else ""


class _Redactor:
    """Redacts documents; `count` is how many secrets were taken out so far."""

    def __init__(self) -> None:
        self.count = 0

    def document(self, document: _Document, text: str, hidden: str | None = None) -> str:
        """The document of `text` without secrets; `hidden` is its message, when that is known to have one."""
        before = self.count
        if hidden is not None:
            document.value[_MESSAGE] = hidden
            self.count += 1
        shown = self._value(document.value, 0)
        if self.count == before and not document.doubled:
            return text
        return json.dumps(shown, indent=2 if "\n" in text.strip() else None)

    def _value(self, value: Any, depth: int, *, secret: bool = False) -> Any:
        if isinstance(value, dict):
            return {self._flat(key): self._named(key, each, depth, secret) for key, each in value.items()}
        if isinstance(value, list):
            return self._list(value, depth, secret)
        if secret and not isinstance(value, bool) and value is not None:
            return self._hidden(value)
        return self._inner(value, depth) if isinstance(value, str) else value

    def _named(self, name: str, value: Any, depth: int, secret: bool) -> Any:
        return self._value(value, depth, secret=secret or _is_secret(name))

    def _list(self, value: list[Any], depth: int, secret: bool) -> Any:
        """Its texts may be the lines of one; and a list of numbers may be a text that is not all printable."""
        told = None if secret else _as_text(value)
        if told is not None:
            before, shown = self.count, self._inner(told, depth)
            return value if self.count == before else shown
        if not secret and len(value) > 1 and all(isinstance(each, str) for each in value):
            lines, count = redact_parts(value)
            self.count += count
            value = list(lines)
        return [self._value(each, depth, secret=secret) for each in value]

    def _hidden(self, value: object) -> object:
        if isinstance(value, str) and (not value or value.lower() in _NOT_SECRET or value.startswith(_PLACES)):
            return self._inner(value, _DEEPEST)
        self.count += 1
        return HIDDEN

    def _inner(self, text: str, depth: int) -> str:
        """A text in a document: perhaps a document itself, or an entry of an environment."""
        document = _parsed(text) if depth < _DEEPEST else None
        if document is not None:
            before = self.count
            shown = self._value(document.value, depth + 1)
            return text if self.count == before and not document.doubled else json.dumps(shown)
        entry = _ASSIGNED.fullmatch(text)
        if entry and _is_secret(entry["name"]):
            return f"{entry['name']}={self._hidden(entry['value'])}"
        return self._flat(text)

    def _flat(self, text: str) -> str:
        (shown,), count = redact_parts([text])
        self.count += count
        return shown


class _Document:
    """A parsed document; `doubled` tells that a name came twice in it, so that not all of it is in `value`."""

    def __init__(self) -> None:
        self.value: Any = None
        self.doubled = False

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.doubled = self.doubled or len(made) != len(pairs)
        return made


def _parsed(text: str) -> _Document | None:
    """The document in a text; None when it is none, or a bare value such as a number or a word in quotes."""
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return None
    document = _Document()
    try:
        document.value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=document.pairs)
    except (ValueError, RecursionError):
        return None
    return document


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.fullmatch(re.sub(r"[-_. :]", "", name).lower()) or _SECRET_END.fullmatch(name))


def _as_text(numbers: list[Any]) -> str | None:
    """What journalctl gives as a list of bytes, because it is not all printable; None for any other list."""
    if len(numbers) < _SHORTEST_BYTES or not all(type(each) is int and 0 <= each <= 255 for each in numbers):
        return None
    return bytes(numbers).decode("utf-8", "surrogateescape")
