"""The service side of DPS over HTTPS: enrollments, groups and registration records, with deadlines that hold.

Follows "Device Provisioning Service REST API, data plane 2021-10-01" and "Control access to DPS" for the SAS token. A
record is made by a PUT without If-Match (409 when it is there already) and changed by one that names its ETag (412 when
somebody changed it meanwhile; azure-iot-sdk-csharp#3076), so that a PUT that is sent twice does no harm.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from eflowprov.errors import DeadlineError, InputError, TransportError
from eflowprov.model import Refused, ServiceAccess, ServiceRecord
from eflowprov.transports.dps_answers import read_refusal

if TYPE_CHECKING:
    import requests

API_VERSION = "2021-10-01"
HTTPS_PORT = 443
ENROLLMENTS, GROUPS, REGISTRATIONS = "enrollments", "enrollmentGroups", "registrations"

_TOKEN_S = 3600.0  # the service compares it with its own clock: an hour forgives one that is behind
_BODY_LIMIT = 2**20  # a record has a few kilobytes
_CONNECT_S = 10.0  # for one address, as for MQTT: a lost SYN is sent again after 1, 3 and 7 s (RFC 6298)
_PAUSE_S = 2.0  # after 429 without a Retry-After
_SLICE_S = 0.2  # Ctrl-C is not seen on Windows while a thread waits for a lock
_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class _Raw:
    """An answer as it came: status, the seconds of Retry-After (None without), ETag and body."""

    status: int
    retry_after: float | None
    etag: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class DpsService:
    """One DPS, asked with the rights of one of its policies.

    `ca_file` is the only authority to trust in place of the machine's; `proxy` an `http://HOST:PORT`, "" for what the
    environment says. Each call has `timeout_s` in all, 429 and its waiting included. Every method raises DeadlineError
    when that passed, TransportError when the service could not be reached, has a fault, or is no DPS. InputError for a
    proxy or a time that cannot be one.
    """

    def __init__(
        self,
        access: ServiceAccess,
        *,
        ca_file: Path | None = None,
        proxy: str = "",
        timeout_s: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 < timeout_s < float("inf"):
            raise InputError("--timeout", f"{timeout_s} is no number of seconds", "Give for example --timeout 60")
        self.where = access.host if access.port == HTTPS_PORT else f"{access.host}:{access.port}"
        self._access = access
        self._ca_file = ca_file
        self._proxies = _proxies(proxy)
        self._timeout_s = timeout_s
        self._clock = clock

    def read(self, kind: str, id_: str) -> ServiceRecord | Refused | None:
        """The record of `kind` (ENROLLMENTS, GROUPS, REGISTRATIONS); None when there is none."""
        raw = self._exchange("GET", kind, id_)
        return None if raw.status == 404 else self._record(raw, id_)

    def write(self, kind: str, id_: str, body: Mapping[str, Any], *, etag: str = "") -> ServiceRecord | Refused:
        """Make a record, or change the one that still has `etag`."""
        return self._record(self._exchange("PUT", kind, id_, body, etag), id_)

    def delete(self, kind: str, id_: str, *, etag: str = "*") -> Refused | None:
        """Delete a record that still has `etag`; one that is gone already is fine."""
        raw = self._exchange("DELETE", kind, id_, etag=etag)
        return None if raw.status == 404 or raw.status < 300 else read_refusal(raw.status, raw.payload, id_)

    def url(self, kind: str, id_: str) -> str:
        """Where a record lives."""
        return f"https://{self.where}{path_of(kind, id_)}"

    def _record(self, raw: _Raw, id_: str) -> ServiceRecord | Refused:
        if raw.status >= 300:
            return read_refusal(raw.status, raw.payload, id_)
        try:
            body = json.loads(raw.payload)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise TransportError(self.where, "its answer is in no form that DPS is known to use", _NOT_DPS)
        etag = body.get("etag")
        return ServiceRecord(body, etag if isinstance(etag, str) else raw.etag)

    def _exchange(
        self, method: str, kind: str, id_: str, body: Mapping[str, Any] | None = None, etag: str = ""
    ) -> _Raw:
        """One answer that is neither 429 nor a fault of the service."""
        data = None if body is None else json.dumps(body).encode("ascii")
        deadline = time.monotonic() + self._timeout_s
        request = _Request(method, self.url(kind, id_), self._headers(etag), data)
        while (raw := self._once(request, deadline)).status == _THROTTLED:
            pause = _PAUSE_S if raw.retry_after is None else raw.retry_after
            if time.monotonic() + pause >= deadline:
                raise self._throttled()
            _wait(pause)
        return self._sane(raw)

    def _throttled(self) -> DeadlineError:
        return DeadlineError(
            self.where,
            f"DPS throttles requests (429), and {self._timeout_s:g} s were not enough to wait for its leave",
            "Wait a minute, then try again, with a longer --timeout for many machines at once",
        )

    def _once(self, request: _Request, deadline: float) -> _Raw:
        """One request in a thread of its own: requests bounds each read, and not the whole."""
        done: SimpleQueue[_Raw | BaseException] = SimpleQueue()
        threading.Thread(target=self._run, args=(request, done, deadline), name="dps-service", daemon=True).start()
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = done.get(timeout=min(left, _SLICE_S))
            except Empty:
                continue
            if isinstance(answer, BaseException):
                raise self._failed(answer)
            return answer
        raise DeadlineError(
            self.where, f"there was no answer within {self._timeout_s:g} s", "Check the network, and try again"
        )

    def _run(self, request: _Request, done: SimpleQueue[_Raw | BaseException], deadline: float) -> None:
        try:
            done.put(self._send(request, max(deadline - time.monotonic(), 0.1)))
        except BaseException as error:  # noqa: BLE001 - a thread's last word; the caller sorts it
            done.put(error)

    def _send(self, request: _Request, left: float) -> _Raw:
        with (
            self._session() as session,
            closing(
                session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=request.body,
                    timeout=(min(left, _CONNECT_S), left),
                    allow_redirects=False,  # the token is for this host alone
                    stream=True,
                )
            ) as response,
        ):
            payload = response.raw.read(_BODY_LIMIT, decode_content=True)
            after = response.headers.get("Retry-After", "")
            seconds = float(after) if after.isascii() and after.isdigit() else None
            return _Raw(response.status_code, seconds, response.headers.get("ETag", ""), payload)

    def _session(self) -> requests.Session:
        """A session that takes neither credentials nor authorities from the environment."""
        import requests

        session = requests.Session()
        session.trust_env = False  # else a .netrc would replace the token
        session.verify = str(self._ca_file) if self._ca_file else True
        session.mount("https://", _adapter(self._context()))
        session.proxies = dict(self._proxies if self._proxies is not None else _environ_proxies(self.where))
        return session

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ssl.SSLError):
            raise InputError(str(self._ca_file), "it holds no PEM certificate", "Give the CA's PEM file") from None

    def _headers(self, etag: str) -> dict[str, str]:
        headers = {
            "Authorization": sas_token(self._access, self._clock() + _TOKEN_S),
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "eflowprov",
        }
        if etag:
            headers["If-Match"] = etag if etag == "*" else '"{}"'.format(etag.strip('"'))
        return headers

    def _sane(self, raw: _Raw) -> _Raw:
        """An answer that DPS itself can have given."""
        if raw.status >= 500:
            said = read_refusal(raw.status, raw.payload, "").message
            why = f"DPS has a fault (HTTP {raw.status}{': ' + said if said else ''})"
            raise TransportError(self.where, why, "Try again later; look at Azure's status page when it stays so")
        if 300 <= raw.status < 400:
            raise TransportError(self.where, f"it answers with a redirect (HTTP {raw.status})", _NOT_DPS)
        return raw

    def _failed(self, error: BaseException) -> Exception:
        """What an exception out of the thread means."""
        if isinstance(error, TransportError | InputError):
            return error
        why, step = _meaning(tuple(_chain(error)), self._access.host)
        return TransportError(self.where, why, step)


_NOT_DPS = "Check the connection string's HostName, and that no proxy answers in its place"
_NETWORK = "Check the network, and that the firewall lets port 443 out; a proxy is named with --proxy"


def path_of(kind: str, id_: str) -> str:
    """Path and query of a record."""
    return f"/{kind}/{quote(id_, safe='')}?api-version={API_VERSION}"


def sas_token(access: ServiceAccess, expires_at: float) -> str:
    """The Authorization header until `expires_at` (seconds since 1970). InputError when the key is not base64."""
    resource = quote(access.host.lower(), safe="").lower()
    try:
        key = base64.b64decode(access.key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise InputError("connection string", "its SharedAccessKey is not base64", "Copy the whole string again")
    signed = hmac.new(key, f"{resource}\n{int(expires_at)}".encode("ascii"), hashlib.sha256).digest()
    signature = quote(base64.b64encode(signed), safe="")
    return (
        f"SharedAccessSignature sr={resource}&sig={signature}&se={int(expires_at)}&skn={quote(access.policy, safe='')}"
    )


def _proxies(proxy: str) -> dict[str, str] | None:
    """What `--proxy` says; None when it says nothing. InputError for what is no proxy, or has a password in it."""
    if not proxy:
        return None
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.username or parts.password or "@" in proxy:
        why = "a password does not belong on a command line"
        raise InputError("--proxy", why, "Put the URL with it into the variable HTTPS_PROXY")
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None or parts.path not in ("", "/"):
        raise InputError("--proxy", "it is not http://HOST:PORT", "Give for example http://proxy.example:3128")
    return {"https": proxy}


def _environ_proxies(where: str) -> dict[str, str]:
    """The proxy of the environment (HTTPS_PROXY, NO_PROXY; on Windows also the system's own settings)."""
    from requests.utils import get_environ_proxies

    return dict(get_environ_proxies(f"https://{where}"))


def _adapter(context: ssl.SSLContext) -> requests.adapters.HTTPAdapter:
    """An adapter with a TLS context of ours: the machine's own authorities count too, not only those of certifi."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, ssl_context=context, **more)

        def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context, **more)

    return Adapter(max_retries=0)


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE_S))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, what it carries (urllib3 hangs the reason into it) and its causes, outermost first."""
    each: BaseException | None = error
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        carried = getattr(each, "reason", None) or next(iter(each.args), None)
        each = carried if isinstance(carried, BaseException) else each.__cause__ or each.__context__


def _meaning(chain: tuple[BaseException, ...], host: str) -> tuple[str, str]:
    """Why there was no answer, and what to do."""
    names = {type(each).__name__ for each in chain}
    if names & {"ProxyError", "InvalidProxyURL"}:
        return "the proxy did not let the request through", "Check --proxy, or the variables HTTPS_PROXY and NO_PROXY"
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {each.verify_message}", _TRUST
        if isinstance(each, ssl.SSLError):
            reason = (each.reason or "unknown").replace("_", " ").lower()
            return f"TLS failed ({reason})", "Check that it is a DPS, port 443"
        if isinstance(each, socket.gaierror):
            return f"the name {host} is not known", "Check the connection string's HostName and the DNS servers"
        if isinstance(each, ConnectionRefusedError):
            return "the connection was refused", _NETWORK
        if isinstance(each, TimeoutError):
            return "there was no connection or no answer in time", _NETWORK
        if isinstance(each, ConnectionError):
            return "the other side cut the connection", _NETWORK
    return f"the request failed ({type(chain[0]).__name__})", _NETWORK


_TRUST = (
    "Name its CA with --endpoint-ca, check this machine's clock, or take the proxy that inspects TLS out of the way"
)
