"""Why a check of `iotedge check` failed: its headline with the cause that tells most, and what that is known to mean.

The headline alone (`Could not connect to HUB:5671`) is the same for a missing route, a wrong clock and a proxy that
opens TLS; the causes below it (JSON, or --verbose) tell them apart, in the words that the journal has for them.
"""

from __future__ import annotations

import re

from eflowprov.checks.log_patterns import KNOWN_MESSAGES, KnownMessage
from eflowprov.model import Check

_LENGTH = 240  # characters of a cause: docker's are long, and the whole stands in the evidence
# The narrower before the wider: a name that cannot be resolved breaks the TLS handshake as well.
_ANYWHERE, _ON_THE_WAY = ("disk-full",), ("dns-failed", "network-unreachable", "proxy-failed", "tls-failed")
_CONNECTS = re.compile(r"-connect-(?:iothub|upstream|dps)|^check-agent-image$|^container-local-time$")
_BY_ID = {known.id: known for known in KNOWN_MESSAGES}
# Every failed connection's headline has these words; they are no cause.
_HEADLINE_WORDS = re.compile(r"(?:perform|complete) (?:the )?TLS handshake", re.IGNORECASE)


def trouble_of(check: Check) -> KnownMessage | None:
    """The known trouble that a failed check's message names; None when it names none."""
    text = _HEADLINE_WORDS.sub("", "\n".join(check.details))
    ids = (*_ANYWHERE, *_ON_THE_WAY) if _CONNECTS.search(check.id) else _ANYWHERE
    return next((_BY_ID[id_] for id_ in ids if _BY_ID[id_].pattern.search(text)), None)


def headline_of(check: Check) -> str:
    """The first line of the message: what is wrong. The advice below it stands in the evidence."""
    first = next(iter(check.details), "").strip().split("\n")[0]
    return " ".join(first.split()) or "The check gives no reason."


def why_failed(check: Check) -> str:
    """The headline, the cause that tells most and, where that is known, what it means."""
    headline, trouble = headline_of(check), trouble_of(check)
    cause = _telling_line(check, trouble)
    told = f"{headline.rstrip('.')}: {cause}" if cause not in headline else headline  # "" is in every one
    return f"{told.rstrip('.')}. {trouble.cause}" if trouble else told


def _telling_line(check: Check, trouble: KnownMessage | None) -> str:
    """The line that names the trouble, else the first line of the innermost cause; "" when there is no cause."""
    lines = [" ".join(line.split()) for text in check.details for line in text.split("\n")][1:]
    named = [line for line in lines if trouble and trouble.pattern.search(_HEADLINE_WORDS.sub("", line))]
    innermost = check.details[-1].strip().split("\n")[0] if len(check.details) > 1 else ""
    line = named[0] if named else " ".join(innermost.split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 3]}..."
