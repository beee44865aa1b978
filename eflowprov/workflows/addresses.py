"""Where something listens, as a person types it."""

from __future__ import annotations

from eflowprov.errors import InputError


def split_address(
    text: str, default_port: int, *, where: str, example: str, form: str = "HOST or HOST:PORT"
) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`.

    InputError for anything else, a URL for one; `where` names the flag, `form` and `example` what would be right.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_odd = not bare or not bare.isprintable() or set(bare) & set("/@[] ") or (":" in bare and bare == host)
    if is_odd or not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise InputError(where, f"{text!r} is not {form}", f"Give for example {example}")
    return bare, int(port)
