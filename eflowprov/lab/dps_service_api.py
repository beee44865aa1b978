"""The service side of the lab's DPS on loopback, a stand-in: real HTTPS, real SAS tokens, real ETags.

    book = EnrollmentBook()
    with LabDps(book.entries) as dps, LabDpsService(book, lambda: dps.registrations) as service:
        enroll with service.connection_string(), trusting service.server_ca_pem; then register with dps

Follows the DPS REST API, data plane 2021-10-01, and "Control access to DPS" for tokens and rights.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from eflowprov.lab.dps_enrollments import GROUP, INDIVIDUAL, EnrollmentBook, RecordError
from eflowprov.lab.dps_service import LabRegistration
from eflowprov.lab.dps_tls import ServerIdentity
from eflowprov.model import Secret

API_VERSION = "2021-10-01"
OWNER = "provisioningserviceowner"  # the policy that every new DPS has
_READ, _WRITE = "EnrollmentRead", "EnrollmentWrite"
_STATE_READ, _STATE_WRITE = "RegistrationStatusRead", "RegistrationStatusWrite"
ALL_RIGHTS = frozenset((_READ, _WRITE, _STATE_READ, _STATE_WRITE))
_HANDSHAKE_S = 10.0  # loopback needs milliseconds
_BODY_LIMIT = 2**16


@dataclass
class ServiceBehaviour:
    """How the service answers; the default is a healthy one.

    `throttle` requests get 429 first, with `retry_after` seconds (None: without that header). `fault` is `silent`
    (takes the request and never answers), `drip` (answers a byte now and then), `redirect`, `garbage` (no JSON) or
    `broken` (503).
    """

    throttle: int = 0
    retry_after: int | None = 0
    fault: str = ""


class LabDpsService:
    """The service side, serving `book`; `registrations` gives what the device side assigned.

    `requests` are the method and path of what was asked, `changes` of what was changed, oldest first; `tell` gets a
    line for each.
    """

    def __init__(
        self,
        book: EnrollmentBook,
        registrations: Callable[[], Sequence[LabRegistration]] = tuple,
        *,
        behaviour: ServiceBehaviour | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.book = book
        self._tell = tell
        self.behaviour = behaviour or ServiceBehaviour()
        self.requests: list[tuple[str, str]] = []
        self.port = 0
        self.server_ca_pem = ""
        self.forgotten: set[str] = set()  # registrations that were deleted
        self._registrations = registrations
        self._policies: dict[str, tuple[bytes, frozenset[str]]] = {}
        self._ending = threading.Event()
        self.add_policy(OWNER, ALL_RIGHTS)

    def add_policy(self, name: str, rights: frozenset[str]) -> None:
        self._policies[name] = (secrets.token_bytes(32), rights)

    def connection_string(self, policy: str = OWNER) -> Secret:
        """What the portal shows for a policy; the host is the lab's."""
        key = base64.b64encode(self._policies[policy][0]).decode("ascii")
        return Secret(f"HostName=localhost:{self.port};SharedAccessKeyName={policy};SharedAccessKey={key}")

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [asked for asked in self.requests if asked[0] != "GET"]

    def __enter__(self) -> LabDpsService:
        self._folder = tempfile.TemporaryDirectory(prefix="eflowprov-lab-service-")
        identity = ServerIdentity(Path(self._folder.name), datetime.now(UTC), "eflowprov lab DPS service")
        self.server_ca_pem = identity.ca_pem
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self), identity.plain_context())
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="lab-dps-service")
        self._thread.daemon = True
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    # ------------------------------------------------------------------------------------- the service, without a wire

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any] | None]:
        """Status and document for one request. RecordError for what is refused."""
        parts = urlsplit(target)
        kind, _, id_ = parts.path.removeprefix("/").partition("/")
        self.requests.append((method, f"/{kind}/{unquote(id_)}"))
        self._tell(f"DPS service: {method} /{kind}/{unquote(id_)}")
        if self.behaviour.throttle:
            self.behaviour.throttle -= 1
            raise RecordError(429, 429001, "Operations are being throttled for this tenant.")
        self._authorise(headers.get("Authorization", ""), headers.get("Host", ""), _right(method, kind))
        if parse_qs(parts.query).get("api-version") != [API_VERSION]:
            raise RecordError(400, 400000, "The api-version is missing or not supported.")
        if kind == "registrations":
            return self._registration(method, unquote(id_))
        if kind not in (INDIVIDUAL, GROUP) or not id_:
            raise RecordError(404, 404000, "Resource not found.")
        return self._enrollment(method, kind, unquote(id_), headers.get("If-Match", ""), body)

    def _enrollment(
        self, method: str, kind: str, id_: str, if_match: str, body: bytes
    ) -> tuple[int, dict[str, Any] | None]:
        if method == "GET":
            return 200, self.book.get(kind, id_)
        if method == "DELETE":
            self.book.delete(kind, id_, if_match)
            return 204, None
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise RecordError(400, 400001, "The body is no JSON object.")
        return 200, self.book.put(kind, id_, document, if_match)

    def _registration(self, method: str, id_: str) -> tuple[int, dict[str, Any] | None]:
        seen = [each for each in self._registrations() if each.registration_id.casefold() == id_.casefold()]
        if not seen or id_.casefold() in self.forgotten:
            raise RecordError(404, 404202, "Registration not found.")
        if method == "DELETE":
            self.forgotten.add(id_.casefold())
            return 204, None
        stamp = seen[-1].at.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        return 200, {
            "registrationId": seen[-1].registration_id,
            "assignedHub": seen[-1].hub,
            "deviceId": seen[-1].device_id,
            "status": "assigned",
            "substatus": "initialAssignment",
            "createdDateTimeUtc": seen[0].at.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
            "lastUpdatedDateTimeUtc": stamp,
            "etag": f'"{uuid.uuid4()}"',
        }

    def _authorise(self, token: str, host: str, right: str) -> None:
        """Check the token for real: its signature, its time, its resource, and the policy's right."""
        scheme, _, pairs = token.partition(" ")
        fields = dict(pair.partition("=")[::2] for pair in pairs.split("&"))
        key, rights = self._policies.get(unquote(fields.get("skn", "")), (b"", frozenset()))
        resource, expiry = fields.get("sr", ""), fields.get("se", "")
        signed = hmac.new(key, f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
        good = (
            scheme == "SharedAccessSignature"
            and bool(key)
            and hmac.compare_digest(base64.b64encode(signed).decode("ascii"), unquote(fields.get("sig", "")))
            and unquote(resource) == host.rpartition(":")[0]
            and expiry.isdigit()
            and int(expiry) > time.time()
        )
        if not good or right not in rights:
            raise RecordError(401, 401002, "Unauthorized")

    def wait_for_end(self) -> None:
        self._ending.wait()

    def wait_a_little(self) -> bool:
        """True when the lab is ending."""
        return self._ending.wait(0.2)


def _right(method: str, kind: str) -> str:
    if kind == "registrations":
        return _STATE_READ if method == "GET" else _STATE_WRITE
    return _READ if method == "GET" else _WRITE


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Any, context: ssl.SSLContext) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake happens here, in the connection's own thread."""
        request.settimeout(_HANDSHAKE_S)
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, lab: LabDpsService, *args: Any) -> None:
        self._lab = lab
        super().__init__(*args)

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """The lab's terminal is for its own steps."""

    def _serve(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _BODY_LIMIT))
        if self._fault(self._lab.behaviour.fault):
            self.close_connection = True
            return
        try:
            status, document = self._lab.answer(self.command, self.path, self.headers, body)
        except RecordError as error:
            status, document = error.status, _error_body(error)
        payload = b"" if document is None else json.dumps(document).encode("ascii")
        etag = document.get("etag", "") if document and status == 200 else ""
        after = self._lab.behaviour.retry_after if status == 429 else None
        self._send(status, payload, {"ETag": etag, "Retry-After": "" if after is None else str(after)})

    def _send(self, status: int, payload: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _fault(self, fault: str) -> bool:
        """Play a fault; False when there is none."""
        if fault == "silent":
            self._lab.wait_for_end()
        elif fault == "drip":
            self.send_response(200)
            self.end_headers()
            while not self._lab.wait_a_little():
                self.wfile.write(b" ")
        elif fault == "redirect":
            self._send(302, b"", {"Location": f"https://localhost:{self._lab.port}/elsewhere"})
        elif fault == "garbage":
            self._send(200, b"<html>Sign in to the guest network</html>", {})
        elif fault == "broken":
            self._send(503, b'{"errorCode":503000,"message":"Service unavailable."}', {})
        return bool(fault)


def _error_body(error: RecordError) -> dict[str, Any]:
    return {
        "errorCode": error.code,
        "trackingId": str(uuid.uuid4()),
        "message": error.message,
        "timestampUtc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
    }
