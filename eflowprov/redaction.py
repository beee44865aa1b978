"""What must never be seen, taken out of any text before it is kept or shown.

A hidden value keeps the quotes around it, so that JSON and TOML stay what they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

HIDDEN = "***"
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

# PEM (RFC 7468), OpenSSH's and OpenPGP's armour, and SSH2's (RFC 4716), which has four dashes and a space.
_BEGIN = r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_END = r"-{4,5} ?END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_KEY_BEGINS, _KEY_ENDS = re.compile(_BEGIN), re.compile(_END)
_LONGEST_KEY = 64 * 2**10  # characters, with a journal's prefix on each line; RSA 16384 has 13 KiB in PEM
_MOST_LINES = 200
# A line of a key: alone on it, behind a journal's prefix and then long, or one of OpenSSL's own headers.
_BODY_LINE = re.compile(
    r".*[ \t:\"'](?P<body>[A-Za-z0-9+/]{40,100}={0,2})[ \t]*\r?"
    r"|[ \t]*(?P<alone>[A-Za-z0-9+/=]{1,100})[ \t]*\r?|(?:Proc-Type|DEK-Info):.*|\s*"
)
_LAST_LINE = re.compile(r"(?:.*[ \t:])?(?P<body>[A-Za-z0-9+/]{1,100}={0,2})[ \t]*\r?")  # it may be short

# A value in quotes, which may be escaped themselves (JSON in JSON), or bare; `{` and `[` begin something else. A bare
# one ends before an escaped quote, the end of the text that it stands in.
_QUOTED = r"(?P<open>\\*[\"'])(?!(?P=open)(?P=open))(?:(?!(?P=open))(?:\\.|[^\n\\]))*(?P<close>(?P=open))?"
_VALUE = rf'(?:"{{3}}(?:.|\n)*?(?:"{{3}}|\Z)|{_QUOTED}|(?![\s"\'{{\[\\])(?:[^\s"\',;}}\\]|\\(?!["\']))+)'
_ENCODED = r"(?:=|%(?:25)*3d)"  # an `=`, perhaps URL-encoded once or more
_IS = rf"\\*[\"']?\s*(?::|{_ENCODED})\s*"
# A key or a signature that a console broke over lines goes on until its padding: 32 and 64 bytes both end with `=`.
_CHARACTER = r"(?:[^;&\s\"'\\]|\\u00[0-9a-f]{2}|\\/)"
_GOES_ON = (
    r"(?:(?<!=)(?<!%3d)(?:\r?\n[ \t]*[A-Za-z0-9+/%]{16,}){0,9}"
    r"\r?\n[ \t]*[A-Za-z0-9+/%]{0,86}(?:==?|%\s{0,3}3\s{0,3}d)(?=[\s;\"'&,\\]|\Z))?"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """`pattern` is for a text in small letters; without one of the `anchors` in it, it is not looked for."""

    anchors: tuple[str, ...]
    pattern: re.Pattern[str]


def _rule(*anchors: str, pattern: str) -> _Rule:
    return _Rule(anchors, re.compile(pattern))


_RULES = (
    # PuTTY's private keys have no armour.
    _rule("private-lines:", pattern=r"(?P<name>private-lines:\s*\d+\s*)(?:[A-Za-z0-9+/=]{1,76}(?:\r?\n|\\[rn]|\Z)+)+"),
    # Connection strings and SAS tokens, as IoT Hub and DPS write them.
    _rule(
        *("sharedaccesskey", "accountkey"),
        pattern=rf"(?P<name>(?:sharedaccesskey|accountkey){_ENCODED}){_CHARACTER}+{_GOES_ON}",
    ),
    _rule(
        *("sig=", "sig%"),
        pattern=rf"(?P<name>(?:(?<![A-Za-z0-9_])|(?<=%26)|(?<=%2526)|(?<=%3f)|(?<=%253f))sig{_ENCODED})"
        rf"{_CHARACTER}+{_GOES_ON}",
    ),
    # Credentials in a URL: https://user:password@proxy:3128; an `@` in the password may stand there unescaped, and the
    # slashes may be escaped as JSON allows it.
    _rule("@", pattern=r"(?P<name>:(?:\\?/){2})[^/\s:@\"\\]*:[^/\s\"]+(?=@)"),
    _rule("@", pattern=r"(?P<name>:(?:\\?/){2})(?=[^/\s@]{0,200}[0-9])[A-Za-z0-9_-]{20,}(?=@)"),
    _rule(
        "%3a%2f%2f",
        pattern=r"(?P<name>%3a%2f%2f)(?:(?!%3a|%2f|%40)[^/\s\"@]){0,100}%3a(?:(?!%40|%2f)[^/\s\"@]){1,200}(?=%40|@)",
    ),
    # HTTP: the scheme stays. A word after `Bearer` is a token when no plain word is like it.
    _rule(
        *("authorization", "registry-auth"),
        pattern=rf"(?P<name>(?:authorization|x-registry-auth){_IS}(?:\\*[\"'])?(?:(?:bearer|basic|digest)\s+)?)"
        r"[^\s\"',\\]{4,}",
    ),
    _rule("bearer", pattern=r"(?P<name>\bbearer\s+)(?=[^\s\"']{0,200}[0-9=/+])[A-Za-z0-9._~+/=-]{8,}"),
    # A JSON Web Token (RFC 7519): two or three parts, the first of which begins with `{"`; it may be broken over lines.
    _rule(
        "eyj",
        pattern=r"(?<![\w-])eyj[\w-]{5,}(?:\r?\n[ \t]*[\w-]+){0,60}\."
        r"(?:\r?\n[ \t]*)?[\w-]{5,}(?:\r?\n[ \t]*[\w-]+){0,60}"
        r"(?:\.(?:\r?\n[ \t]*)?[\w-]*(?:\r?\n[ \t]*[\w-]{20,}){0,60})?",
    ),
    # A container engine's log-ins: user and password in base64.
    _rule("auth", pattern=r"(?P<name>\"auth\\*\"\s*:\s*(?=\\*\"))" + _QUOTED),
    # PKCS#11 (RFC 7512): the PIN of a token.
    _rule("pin-value", pattern=r"(?P<name>pin-value=)[^&;\s\"']+"),
    # name = value pairs whose name says that the value is secret (TOML, JSON, YAML, command lines); in config.toml the
    # value stands in a table of its own, `symmetric_key = { value = "..." }`.
    _rule(
        *("passw", "passphrase", "secret", "key", "connection", "device_id_pk"),
        pattern=r"(?P<name>(?:pass(?:word|phrase|wd)|symm(?:etric)?[_-]?key|(?:primary|secondary)[_-]?key|client[_-]?secret"
        r"|secret(?:[_-]?(?:access[_-]?)?key)?|(?:shared[_-]?access|account|access|api)[_-]?key|device_id_pk|device_connection_string)"
        rf"{_IS}(?:\{{\s*[\"']?value[\"']?\s*[=:]\s*)?)(?!\\*[\"']?(?:file|pkcs11|https?):){_VALUE}",
    ),
    _rule(
        *("symmetric_key]", "device_id_pk]", "preloaded_keys"),
        pattern=rf"(?P<name>\[[\w.\"'-]*(?:symmetric_key|device_id_pk)\]\s*value\s*=\s*){_VALUE}",
    ),
    _rule("pwd", "psk", pattern=rf"(?P<name>(?<![A-Za-z0-9])(?:pwd|psk){_IS})(?!\\*[\"']?/){_VALUE}"),
    # Tokens by name: their values are long and hold digits, where a sentence about tokens has words.
    _rule("token", pattern=rf"(?P<name>token{_IS}(?:\\*[\"'])?)(?=[^\s\"'&]{{0,200}}[0-9])[A-Za-z0-9._~+/=%-]{{16,}}"),
    # An environment's names: DB_PASS=..., X_KEY=...; a key's value is long, and neither a path nor a word.
    _rule(*("_pass=", "_pat="), pattern=rf"(?P<name>_(?:pass|pat)=)(?![/*]){_VALUE}"),
    _rule(
        "_key=",
        pattern=r"(?P<name>(?<!public)(?<!host)_key=\\*[\"']?)(?![a-z]:|/|file:|pkcs11:)(?=[^\s\"']{0,200}[0-9+=])"
        r"[^\s\"',;\\]{16,}",
    ),
    # Command lines, the cmdlets' too: `--password X`, `-symmKey X`, `curl -u user:X`, ConvertTo-SecureString 'X'.
    _rule(
        *("-pass", "-symm", "-api", "-secret", "-client", "-token", "-account", "-sas"),
        pattern=r"(?P<name>(?<![\w-])--?(?:pass(?:word|phrase)|symm(?:etric)?-?key|api-?key|(?:client-?)?secret|account-?key"
        rf"|(?:sas-?)?token)\s+)(?![-(<$*.]){_VALUE}",
    ),
    _rule(
        "curl",
        pattern=r"(?P<name>\bcurl(?=\s)[^\n]{0,300}?\s(?:-u|--user)[\s=]\\*[\"']?[^\s:\"']{1,100}:)[^\s\"'\\]+",
    ),
    _rule("-securestring", pattern=r"(?P<name>-securestring\s+(?:-string\s+)?)(?=\\*[\"'])" + _QUOTED),
    # XML: <password>...</password>
    _rule(
        "</", pattern=r"(?P<name><(?:\w{1,40}:)?\w{0,40}(?:password|secret|accesskey)(?:\s[^<>]{0,200})?>)[^<>]+(?=</)"
    ),
    # Tokens that begin with their kind: GitHub's, GitLab's, npm's, Slack's.
    _rule(
        *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "npm_", "xox"),
        pattern=r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{36}"
        r"|xox[abeprs]-[\w-]{10,})",
    ),
    # A key without its armour, by how its DER begins in base64: PFX, PKCS#8, PKCS#1, SEC 1; and armour in base64.
    _rule(
        *("mii", "mig", "mhccaqee", "mc4caqaw", "ls0tls1crudjti"),
        pattern=r"(?<![A-Za-z0-9+/])(?:mii[a-z0-9+/]{3}ib(?:azcc|ad[a-z0-9+/]{2}|aakc)|mi[gh][a-z0-9+/]{1,2}age[ab]"
        r"|mhccaqee|mc4caqaw|ls0tls1crudjti(?!bdrvju))[A-Za-z0-9+/\\]{24,}(?:\r?\n[ \t]*[A-Za-z0-9+/]{16,}){0,400}"
        r"(?:\r?\n[ \t]*[A-Za-z0-9+/]{1,76}(?==))?={0,2}",
    ),
)


_ANY_ANCHOR = re.compile("|".join(re.escape(anchor) for rule in _RULES for anchor in rule.anchors))


def redact(text: str) -> str:
    """Return `text` with private keys, SAS keys and signatures, tokens and passwords replaced by `***`."""
    return redact_parts([text])[0][0]


def redact_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """`redact` for texts that are the pieces of one: a private key may begin in one of them and end in another."""
    return redact_parts(tuple(texts))[0]


def redact_parts(texts: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The same, and how many secrets were taken out; one that was hidden before counts no more."""
    text = "\n".join(texts)
    spans = [(begin, end) for begin, end in _merged(_spans(text)) if text[begin:end] != HIDDEN]
    if not spans:
        return tuple(texts), 0
    shown, at, next_span = [], 0, 0
    for part in texts:
        pieces, done, end_of_part = [], at, at + len(part)
        while next_span < len(spans) and spans[next_span][0] < end_of_part:
            begin, end = spans[next_span]
            pieces += [text[done : max(done, begin)], HIDDEN]
            done = min(end, end_of_part)
            if end > end_of_part:
                break  # the next part has the rest of it
            next_span += 1
        shown.append("".join(pieces) + text[done:end_of_part])
        at = end_of_part + 1
        if next_span < len(spans) and spans[next_span][1] < at:
            next_span += 1
    return tuple(shown), len(spans)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets are, in any order; they may overlap."""
    yield from _keys(text)
    lowered = text.lower() if text.isascii() else text.translate(_LOWER)  # every letter stays in its place
    if not _ANY_ANCHOR.search(lowered):
        return
    for rule in _RULES:
        if any(anchor in lowered for anchor in rule.anchors):
            yield from map(_value_of, rule.pattern.finditer(lowered))


def _value_of(match: re.Match[str]) -> tuple[int, int]:
    """The value alone, without the name before it and the quotes around it."""
    groups = match.re.groupindex
    begin = max((match.end(name) for name in ("name", "open") if name in groups), default=-1)
    end = match.start("close") if "close" in groups else -1
    return (begin if begin >= 0 else match.start(), end if end >= 0 else match.end())


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    last: tuple[int, int] | None = None
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if last is not None and begin <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (begin, end)
    if last is not None:
        yield last


def _keys(text: str) -> Iterator[tuple[int, int]]:
    """Private keys: whole, or without their last or their first lines."""
    if "PRIVATE KEY" not in text:
        return
    begins = [found.span() for found in _KEY_BEGINS.finditer(text)]
    ends = [found.span() for found in _KEY_ENDS.finditer(text)]
    closed = set()
    for number, (begin, body) in enumerate(begins):
        limit = min(begins[number + 1][0] if number + 1 < len(begins) else len(text), body + _LONGEST_KEY)
        at = bisect_left(ends, (body, 0))
        if at < len(ends) and ends[at][1] <= limit:
            closed.add(at)
            yield begin, ends[at][1]
        else:
            yield begin, _after(text, body)
    for at, (begin, end) in enumerate(ends):
        if at not in closed:
            yield begin, end
            yield from _before(text, begin)


def _after(text: str, at: int) -> int:
    """Where a key ends that has no last line: with the rest of its line, and the lines that are like a key's."""
    end = _line_end(text, at)
    for _ in range(_MOST_LINES):
        next_end = _line_end(text, end + 1)
        if end >= len(text) or not _BODY_LINE.fullmatch(text, end + 1, next_end):
            break
        end = next_end
    return end


def _before(text: str, at: int) -> Iterator[tuple[int, int]]:
    """What is a key's in the lines before a last line of which nobody saw the first."""
    end = text.rfind("\n", 0, at)
    like = _LAST_LINE
    for _ in range(_MOST_LINES):
        if end < 0:
            return
        begin = text.rfind("\n", 0, end) + 1
        line = like.fullmatch(text, begin, end) or _BODY_LINE.fullmatch(text, begin, end)
        if not line:
            return
        found = line.groupdict()
        name = next((name for name in ("body", "alone") if found.get(name)), None)
        if name:
            yield line.span(name)
        end, like = begin - 1, _BODY_LINE


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
