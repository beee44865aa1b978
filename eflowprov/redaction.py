"""What must never be seen, taken out of any text before it is kept or shown."""

import re
from collections.abc import Iterable

_HIDDEN = "***"

_PATTERNS = (
    # A PEM private key, whole or cut off before its last line.
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # Connection strings and SAS tokens, as IoT Hub and DPS write them.
    re.compile(r"(?<=SharedAccessKey=)[^;\s\"']+", re.IGNORECASE),
    re.compile(r"(?<=AccountKey=)[^;\s\"']+", re.IGNORECASE),
    re.compile(r"(?<![A-Za-z0-9_])(?P<name>sig=)[^&\s\"']+", re.IGNORECASE),
    # Credentials in a URL: https://user:password@proxy:3128; an `@` in the password may stand there unescaped.
    re.compile(r"(?<=://)[^/\s:@\"]*:[^/\s\"]+(?=@)"),
    # name = value pairs whose name says that the value is secret (TOML, JSON, YAML, command lines); in config.toml the
    # value stands in a table of its own, `symmetric_key = { value = "..." }`.
    re.compile(
        r"(?P<name>(?:pass(?:word|phrase)|symmetric_?key|primary_?key|secondary_?key|device_connection_string|symm_?key)"
        r"[\"']?\s*[=:]\s*(?:\{\s*[\"']?value[\"']?\s*[=:]\s*)?)"
        r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\"',;}]+)",
        re.IGNORECASE,
    ),
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
# A key that is cut off before its first line; the longest there is (RSA 16384) has under 200 lines.
_KEY_TAIL = re.compile(
    r"^(?:[ \t]*[A-Za-z0-9+/=]{1,80}[ \t]*\r?\n){1,200}[^\n]*-----END [A-Z ]*PRIVATE KEY-----", re.MULTILINE
)


def redact(text: str) -> str:
    """Return `text` with private keys, SAS keys and signatures, and passwords replaced by `***`."""
    for pattern in _PATTERNS:
        text = pattern.sub(_replacement, text)
    if _KEY_ENDS.search(text):  # rare, and looking for the tail itself takes long
        text = _KEY_TAIL.sub(_HIDDEN, text)
    return text


def redact_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """`redact` for texts that are the pieces of one: a private key may begin in one of them and end in another."""
    shown = []
    in_key = False
    for text in texts:
        rest = text
        if in_key:
            end = _KEY_ENDS.search(text)
            rest = text[end.end() :] if end else ""
            in_key = end is None
        hidden = _HIDDEN if rest is not text else ""
        begins = [found.end() for found in _KEY_BEGINS.finditer(rest)]
        in_key = in_key or bool(begins and not _KEY_ENDS.search(rest, begins[-1]))
        shown.append(hidden + redact(rest))
    return tuple(shown)


def _replacement(match: re.Match[str]) -> str:
    return (match.groupdict().get("name") or "") + _HIDDEN
