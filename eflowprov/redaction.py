"""What must never be seen, taken out of any text before it is kept or shown."""

import re

_HIDDEN = "***"

_PATTERNS = (
    # A PEM private key, whole or cut off before its last line.
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # Connection strings and SAS tokens, as IoT Hub and DPS write them.
    re.compile(r"(?<=SharedAccessKey=)[^;\s\"']+", re.IGNORECASE),
    re.compile(r"(?<=AccountKey=)[^;\s\"']+", re.IGNORECASE),
    re.compile(r"(?<=[?&\s]sig=)[^&\s\"']+", re.IGNORECASE),
    # Credentials in a URL: https://user:password@proxy:3128.
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    # name = value pairs whose name says that the value is secret (TOML, JSON, YAML, command lines).
    re.compile(
        r"(?P<name>(?:pass(?:word|phrase)|symmetric_?key|primary_?key|secondary_?key|device_connection_string|symm_?key)"
        r"[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"',;}]+)",
        re.IGNORECASE,
    ),
)


def redact(text: str) -> str:
    """Return `text` with private keys, SAS keys and signatures, and passwords replaced by `***`."""
    for pattern in _PATTERNS:
        text = pattern.sub(_replacement, text)
    return text


def _replacement(match: re.Match[str]) -> str:
    return (match.groupdict().get("name") or "") + _HIDDEN
