"""A refusal of DPS as it stands in logs, tracebacks, tickets and portal fields.

The service's JSON is often inside an exception's text: escaped, wrapped in mid-word by a console, with a stack below
(iotedge#3233); other services say `Message`, `ExceptionMessage` and `Tracking ID:` (azure-iot-sdk-c#1789); identityd
reads both errorCode/message and code/errorMessage. azure-iot-device tells the HTTP status alone.
"""

from __future__ import annotations

import re

from eflowprov.model import Refused
from eflowprov.parsers.text import clean, first_words, refusal

_CODE = re.compile(r"""\b(?:error ?)?code["']?\s{0,9}[:=]?\s{0,9}["']?(4\d{5}|5\d{5})(?!\d)""", re.IGNORECASE)
_CODE_FIRST = re.compile(r"(?<![\w-])(4\d{5}|5\d{5})[ :,-]{1,3}(?=[A-Z])")
_WORD_CODE = re.compile(r"\berror ?code[:=]\s?([A-Za-z]\w{3,60})", re.IGNORECASE)
_STATUS = re.compile(r"\b(?:status code|HTTP status):? (\d{3})(?!\d)", re.IGNORECASE)
_JSON_MESSAGE, _EXCEPTION_MESSAGE = (
    re.compile(rf'"{key}"\s{{0,9}}:\s{{0,9}}"(?!\{{)([^"\\]{{1,1000}})"', re.IGNORECASE)
    for key in ("(?:error)?message", "exceptionMessage")
)
_FIELD_MESSAGE = re.compile(
    r"(?im)^[ \t]{0,20}(?:error )?message(?::[ \t]{0,9}|:?[ \t]{0,9}\n[ \t]{0,20})(\S.{0,999})$"
)
_TRACKING = re.compile(r'\btracking ?id["\']?(?:\s{0,9}:\s{0,9}|\s{1,9})["\']?([\w-]{8,80})', re.IGNORECASE)
_ESCAPED = re.compile(r'(?<!\\)\\++(?:(["/])|[rnt])')


def parse_dps_refusal(text: str) -> Refused:
    """DPS's code, message and tracking ID out of a text, each in its own words; what the text lacks is 0 or "".

    ParseError when it has neither one of the service's codes nor the status of a refused registration.
    """
    text = clean(text)
    plain = _ESCAPED.sub(lambda found: found[1] or " ", text)
    joined = plain.replace("\n", "")
    code = _first(_CODE, plain, joined) or _first(_CODE_FIRST, plain)
    status, word = _first(_STATUS, plain), _first(_WORD_CODE, plain, joined)
    if not (code or status or word):
        raise refusal("DPS", text, "it holds no refusal in a form that is known")
    return Refused(
        registration_id="",
        http_status=int(status or code[:3] or 0),
        error_code=int(code or 0),
        message=first_words(_message(plain, joined) or word, 1000),
        tracking_id=_first(_TRACKING, joined, plain),
    )


def _message(plain: str, joined: str) -> str:
    """The message in JSON, else as a field, else what a service says beside it."""
    return (
        _first(_JSON_MESSAGE, joined, plain)
        or _first(_FIELD_MESSAGE, plain)
        or _first(_EXCEPTION_MESSAGE, joined, plain)
    )


def _first(pattern: re.Pattern[str], *texts: str) -> str:
    return next((str(found[1]) for text in texts if (found := pattern.search(text))), "")
