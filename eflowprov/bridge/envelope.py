"""What goes into PowerShell and what comes out of it: one request line, one answer in an envelope, noise around it.

The form is `##NONCE:BASE64:##`; everything else that PowerShell, a module or a native program prints is kept as log.
The exit status proves nothing (PowerShell ends with 1 after a soft error in the last line); the envelope does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from eflowprov.errors import BridgeError

_WHERE = "PowerShell"
_NOISE_LINES = 3  # how many of the last lines an error quotes
_NOISE_CHARACTERS = 200  # of each: a line may be of any length
_ANSWER = re.compile(r"##[A-Za-z0-9]+:[A-Za-z0-9+/=!]*(:##?)?")  # no words for a person, and it may hold a secret


@dataclass(frozen=True, slots=True)
class Envelope:
    """The answer's JSON object, and all other lines in their order."""

    answer: dict[str, object]
    log: tuple[str, ...]


def text_param(value: str) -> str:
    """A text as a request holds it: base64 of UTF-8, which ConvertFrom-Json cannot take for a date."""
    return base64.b64encode(value.encode("utf-8")).decode("ascii")


def request_line(script: str, params: Mapping[str, object], nonce: str) -> bytes:
    """The one line of ASCII JSON that the bootstrap reads: nonce, script and parameters, the latter two in base64."""
    fields = {"nonce": nonce, "script": text_param(script), "params": text_param(json.dumps(params))}
    return json.dumps(fields).encode("ascii") + b"\n"


def open_envelope(stdout: bytes, nonce: str, stderr: bytes = b"") -> Envelope:
    """Find the one answer to the request `nonce` in what PowerShell printed.

    BridgeError, quoting the last lines, when it is missing, doubled, torn, another request's, no JSON object, or when
    PowerShell's language mode forbids the bridge.
    """
    noise = (*_lines(stdout), *_lines(stderr))
    mark = b"##" + nonce.encode("ascii") + b":"
    if stdout.count(mark) != 1:
        _refuse(_why_not_one(stdout, mark), noise)
    before, _, rest = stdout.partition(mark)
    body, end, after = rest.partition(b":##")
    log = (*_lines(before), *_lines(after), *_lines(stderr))
    if not end:
        _refuse("the answer is torn", noise)
    if body.startswith(b"!"):
        _refuse_mode(body[1:].decode("ascii", "replace"))
    return Envelope(_decode(body, log), log)


def _decode(body: bytes, log: tuple[str, ...]) -> dict[str, object]:
    try:
        answer = json.loads(base64.b64decode(body, validate=True))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        _refuse("the answer is torn", log)
    if not isinstance(answer, dict):
        _refuse("the answer is no JSON object", log)
    return answer


def _why_not_one(stdout: bytes, mark: bytes) -> str:
    if mark in stdout:
        return "the answer came more than once"
    if re.search(rb"##[A-Za-z0-9]+:[A-Za-z0-9+/=]*:##", stdout):
        return "the answer belongs to another request"
    return "the answer is missing"


def _refuse(why: str, noise: tuple[str, ...]) -> NoReturn:
    quoted = " / ".join(_ANSWER.sub("(an answer)", line)[:_NOISE_CHARACTERS] for line in noise[-_NOISE_LINES:])
    said = f"; it last said: {quoted}" if quoted else "; it said nothing"
    raise BridgeError(_WHERE, why + said, "Run the command again with --debug and read the log")


def _refuse_mode(mode: str) -> NoReturn:
    raise BridgeError(
        _WHERE,
        f"runs in {mode} mode here, as application control (WDAC, AppLocker) sets it for unsigned text",
        "Run eflowprov on a host without that policy for administrators, or have the policy's owner allow it",
    )


def _lines(data: bytes) -> tuple[str, ...]:
    """Lines for people. The bytes may be in any code page; what is no UTF-8 shows as replacement characters."""
    return tuple(line.rstrip() for line in data.decode("utf-8", "replace").splitlines() if line.strip())
