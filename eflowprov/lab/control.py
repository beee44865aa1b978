"""How the stand-in cmdlets, processes of their own, reach the lab's machine: JSON over an authenticated loopback port.

`multiprocessing.connection` does the authentication (HMAC with a key that only this user can read); what travels are
bytes of JSON and never pickles, which would run code.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from eflowprov.errors import TransportError

VARIABLE = "EFLOWPROV_LAB"
"""The file that tells where the running lab listens."""

Record = dict[str, str]
"""One record of a cmdlet: `stream` (output, object, host, warning, error or throw) and `text` (JSON for an object)."""

Handler = Callable[[str, dict[str, object]], list[Record]]


class ControlServer:
    """Serves `handler` on a loopback port of its own from `start` to `stop`; each call in a thread of its own."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._key = secrets.token_bytes(32)
        self._stopping = threading.Event()
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def start(self, address_file: Path) -> None:
        """Listen, and write `address_file` (new, for this user alone) for `call` to find."""
        listener = Listener(("127.0.0.1", 0), authkey=self._key)
        host, port = listener.address
        self._listener = listener
        self._thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._thread.start()
        _write_private(address_file, json.dumps({"host": host, "port": port, "key": self._key.hex()}))

    def stop(self) -> None:
        """Close the port; a call under way is left to its thread."""
        if self._listener is None or self._thread is None:
            return
        self._stopping.set()
        address = self._listener.address
        with suppress(OSError, EOFError, AuthenticationError):
            Client(address, authkey=self._key).close()  # accept() can only be woken by a connection
        self._listener.close()
        self._thread.join(2.0)

    def _accept(self, listener: Listener) -> None:
        while not self._stopping.is_set():
            try:
                connection = listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection, suppress(OSError, EOFError):
            request = json.loads(connection.recv_bytes())
            connection.send_bytes(json.dumps(self._answer(request)).encode("ascii"))

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        args = request["args"]
        try:
            return {"records": self._handler(str(request["name"]), args if isinstance(args, dict) else {})}
        except Exception as error:  # noqa: BLE001 - whatever went wrong in the lab is told to the caller, who has a wire only
            return {"error": f"{type(error).__name__}: {error}"}


def call(name: str, args: Mapping[str, object], address_file: Path | None = None) -> list[Record]:
    """Ask the running lab to play the cmdlet `name`. TransportError when there is no lab or it failed."""
    try:
        told = json.loads((address_file or Path(os.environ[VARIABLE])).read_text(encoding="ascii"))
        with Client((told["host"], told["port"]), authkey=bytes.fromhex(told["key"])) as connection:
            connection.send_bytes(json.dumps({"name": name, "args": dict(args)}).encode("ascii"))
            answer = json.loads(connection.recv_bytes())
    except (OSError, EOFError, LookupError, TypeError, ValueError, AuthenticationError) as error:
        next_step = f"Start it with `eflowprov lab start`; without {VARIABLE} commands work on this machine itself"
        raise TransportError("lab", f"no lab answers ({error})", next_step) from error
    if "records" not in answer:
        raise TransportError("lab", f"it failed ({answer.get('error')})", "Run the lab again with --debug")
    return list(answer["records"])


def _write_private(path: Path, text: str) -> None:
    """Created exclusively and owner-only; where modes mean nothing, the folder's own access rules hold."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
        file.write(text)
