"""A registration with DPS over MQTT and TLS, as the device would make it, with a deadline that holds."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty

from eflowprov.errors import DeadlineError, InputError, ParseError, TransportError
from eflowprov.model import Assigned, Refused, Registration, Secret
from eflowprov.transports.dps_answers import Pending, read_answer
from eflowprov.transports.dps_sdk import Attempt, Client, Event, Failure, HungUp, Message, Result

GLOBAL_ENDPOINT = "global.azure-devices-provisioning.net"
MQTT_PORT = 8883
_AFTERWARDS_S = 1.0  # what a connection that ended gets to tell its reason: the SDK's threads need milliseconds
_LONGEST_S = 86400.0  # a day: no registration takes it, and the system's own timeouts still hold it
_SLICE_S = 0.2  # Ctrl-C is not seen on Windows while a thread waits for a lock


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """Who registers where.

    `cert_file` holds the chain, leaf first; `key_file` its key, both PEM. `server_ca` is PEM text that replaces the
    machine's trusted authorities. `timeout_s` is the time for the whole attempt, in seconds.
    """

    scope_id: str
    registration_id: str
    cert_file: Path
    key_file: Path
    key_passphrase: Secret | None = None
    endpoint: str = GLOBAL_ENDPOINT
    port: int = MQTT_PORT
    server_ca: str | None = None
    timeout_s: float = 120.0

    @property
    def where(self) -> str:
        return f"{self.endpoint}:{self.port}"


def register(request: RegistrationRequest) -> Registration:
    """Register once with DPS. This is a real registration: it makes the device in the hub when DPS accepts it.

    Returns `Assigned`, or `Refused` with DPS's own words. Raises InputError before anything is sent when the request
    or its files cannot be used, DeadlineError when `timeout_s` passed without an answer, TransportError when the
    service could not be reached or answered in no known form. Several threads may register at once.
    """
    _check(request)
    started = time.monotonic()
    attempt = Attempt(_client(request), request.timeout_s)
    attempt.start()
    try:
        registration = _Listener(request, attempt, started + request.timeout_s).listen()
    finally:
        attempt.close()
    return replace(registration, duration_s=time.monotonic() - started)


def _client(request: RegistrationRequest) -> Client:
    return Client(
        request.endpoint,
        request.port,
        request.scope_id,
        request.registration_id,
        request.cert_file,
        request.key_file,
        request.key_passphrase,
        request.server_ca,
    )


class _Listener:
    """Turns an attempt's events into its registration."""

    def __init__(self, request: RegistrationRequest, attempt: Attempt, deadline: float) -> None:
        self._request = request
        self._attempt = attempt
        self._deadline = deadline
        self._pending: Pending | None = None  # what DPS said last, short of an answer

    def listen(self) -> Registration:
        for event in self._events():
            registration = self._take(event)
            if registration is not None:
                return registration
        raise self._too_late()

    def _events(self) -> Iterator[Event]:
        """Each event as it comes, until the deadline."""
        while (left := self._deadline - time.monotonic()) > 0:
            try:
                yield self._attempt.events.get(timeout=min(left, _SLICE_S))
            except Empty:
                continue

    def _take(self, event: Event) -> Registration | None:
        """The registration, when the event decides it."""
        if isinstance(event, Message):
            return self._read(event)
        if isinstance(event, HungUp):
            self._deadline = min(self._deadline, time.monotonic() + _AFTERWARDS_S)
            self._attempt.stage = "hung up"
            return None
        if isinstance(event, Failure):
            return self._failed(event.error)
        return self._returned(event)

    def _read(self, message: Message) -> Registration | None:
        try:
            answer = read_answer(message.topic, message.payload, self._request.registration_id)
        except ParseError as error:
            raise TransportError(self._request.where, error.why, error.next_step) from error
        if isinstance(answer, Pending):
            self._pending = answer
            return None
        return answer

    def _returned(self, result: Result) -> Registration:
        """The SDK's own result: it comes first only when its messages could not be tapped."""
        state = result.value.registration_state
        if result.value.status == "assigned" and state is not None:
            return Assigned(self._request.registration_id, state.assigned_hub, state.device_id, state.sub_status or "")
        return Refused(self._request.registration_id, 200, 0, f"registration status: {result.value.status}")

    def _failed(self, error: BaseException) -> Registration | None:
        """What an exception out of the attempt means; raises unless it is a refusal of DPS's."""
        chain = tuple(_chain(error))
        for each in chain:
            if isinstance(each, TransportError):
                raise TransportError(self._request.where, each.why, each.next_step) from error
            if code := _connack(str(each)):
                return self._connack_refused(code)
            if "answers" in self._attempt.missing and (status := _service_status(str(each))):
                return Refused(self._request.registration_id, status, 0, _HIDDEN)
        wire = next((each for each in chain if isinstance(each, OSError)), None)
        if wire is not None and not isinstance(wire, ConnectionAbortedError):
            raise _wire_error(self._request.where, self._request.endpoint, wire) from error
        if self._attempt.stage == "hung up":
            raise self._too_late() from error
        last = chain[-1]
        why = f"azure-iot-device gave up: {type(last).__name__} {last}".rstrip()
        raise TransportError(self._request.where, why, "Try again; look at DPS's metrics when it stays so") from error

    def _connack_refused(self, code: int) -> Refused:
        if code == _UNAVAILABLE:
            raise TransportError(self._request.where, "the service says that it is unavailable", "Try again later")
        return Refused(self._request.registration_id, 0, code, f"MQTT connection refused: {_CONNACK[code]}")

    def _too_late(self) -> TransportError:
        stage, pending, where = self._attempt.stage, self._pending, self._request.where
        if stage == "hung up":
            return TransportError(where, "the connection ended before DPS answered", _CUT)
        within = f"within {self._request.timeout_s:g} s"
        if pending is not None:
            said = " ".join(
                str(word) for word in (pending.http_status, pending.error_code or "", pending.message) if word
            )
            step = _THROTTLED if pending.http_status >= 429 else _ASSIGNING
            return DeadlineError(where, f"DPS came to no decision {within}; it last answered {said}", step)
        why, step = _SILENT[stage]
        return DeadlineError(where, f"{why} {within}", step)


_HIDDEN = "the SDK hid the reason"
_CUT = "Try again; a firewall or a proxy that inspects TLS may cut MQTT connections"
_THROTTLED = "DPS is throttled or has a fault: wait a minute, then try again with a longer --timeout"
_ASSIGNING = "Try again with a longer --timeout; a custom allocation function may be slow"
_OPEN_PORT = "Check the network, and that the firewall lets port 8883 out"
_SILENT = {  # by stage: what had not come about, and what to do
    "looking up": ("the name was not resolved", "Check the machine's DNS servers"),
    "connecting": ("there was no TCP connection", _OPEN_PORT),
    "TLS": ("the TLS handshake did not end", _OPEN_PORT),
    "MQTT": ("there was no answer to the registration", "Try again; check that the endpoint is a DPS"),
}
_UNAVAILABLE = 3
_CONNACK = {  # MQTT 3.1.1, 3.2.2.3, by the words of paho-mqtt, which the SDK passes on
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorised",
}


def _connack(text: str) -> int:
    """The code of an MQTT connection refusal in the SDK's words; 0 for any other text."""
    folded = text.casefold().replace("broker unavailable", "server unavailable")
    if not folded.startswith("connection refused:"):
        return 0
    return next((code for code, words in _CONNACK.items() if words in folded), 0)


_STATUS = re.compile(
    r"service error status code (\d{3})$|(?:failed registration status|status disabled) with a status code of (\d{3})$"
)


def _service_status(text: str) -> int:
    """The status in the SDK's `register request returned a service error status code 401`; 0 when there is none."""
    match = _STATUS.search(text)
    return int(match[1] or match[2]) if match else 0


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, outermost first."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _wire_error(where: str, host: str, error: OSError) -> TransportError:
    """What a failure of DNS, TCP or TLS means, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(where, *_untrusted(host, error))
    if isinstance(error, socket.gaierror):
        return TransportError(
            where, f"the name {host} is not known", "Check the endpoint and the machine's DNS servers"
        )
    if isinstance(error, ConnectionRefusedError):
        return TransportError(where, "the connection was refused", _OPEN_PORT)
    if isinstance(error, TimeoutError):
        return TransportError(where, "there was no TCP connection in time", _OPEN_PORT)
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return TransportError(where, "the other side cut the connection before MQTT began", _CUT)
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        why = f"the server refused the TLS handshake ({_alert(error.reason)})"
        return TransportError(where, why, "Check the client certificate with `eflowprov certs check`")
    if isinstance(error, ssl.SSLError):
        return TransportError(
            where, f"TLS failed ({_alert(error.reason)})", "Check that the endpoint is a DPS, port 8883"
        )
    return TransportError(where, f"the connection broke: {error.strerror or error}", _CUT)


def _untrusted(host: str, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"the server's certificate is not for {host}", "Check the endpoint's name"
    if error.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
        return f"the server's certificate: {error.verify_message}", "Check this machine's clock"
    why = f"the server's certificate is not trusted: {error.verify_message}"
    return why, "Name its CA with --endpoint-ca, or take the proxy that inspects TLS out of the way"


def _alert(reason: str | None) -> str:
    return (reason or "unknown").replace("_", " ").lower()


# ------------------------------------------------------------------------------------ before anything is sent


def _check(request: RegistrationRequest) -> None:
    """Refuse with InputError what could not work, or what would become another message than meant."""
    _check_name("ID scope", request.scope_id)
    _check_name("registration ID", request.registration_id)
    _check_host(request.endpoint)
    if not 0 < request.port < 65536:
        raise InputError(f"port {request.port}", "there is no such port", "Give one from 1 to 65535")
    if not 0 < request.timeout_s <= _LONGEST_S:
        raise InputError("timeout", f"{request.timeout_s} s cannot be waited", f"Give 1 to {_LONGEST_S:.0f} seconds")
    if request.server_ca is not None:
        _check_server_ca(request.server_ca)
    _check_pair(request)


def _check_name(what: str, value: str) -> None:
    """Both names become parts of the MQTT user name, `SCOPE/registrations/ID/api-version=…`."""
    if not value.strip():
        raise InputError(what, "it is empty", f"Give the {what}")
    if not value.isprintable() or "/" in value:
        raise InputError(what, "it holds a control character or a slash", f"Check the {what}")


def _check_host(host: str) -> None:
    """Refuse what the resolver would stumble over: empty or overlong labels, control characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        host = ""
    if not host or not host.isprintable():
        raise InputError("endpoint", "it is no host name", f"The usual one is {GLOBAL_ENDPOINT}")


def _check_server_ca(text: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        step = "Give the CA certificate of the endpoint as PEM"
        raise InputError("endpoint CA", "it holds no certificate that can be read", step) from error


def _check_pair(request: RegistrationRequest) -> None:
    """Load certificate and key as the SDK will, so that what is wrong with them is said before any connection."""
    for path in (request.cert_file, request.key_file):
        _check_readable(path)
    asked: list[bool] = []

    def passphrase() -> str:
        asked.append(True)
        return request.key_passphrase.reveal() if request.key_passphrase else ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(request.cert_file, request.key_file, passphrase)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise _unusable_pair(request, error, is_encrypted=bool(asked)) from error


def _check_readable(path: Path) -> None:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            str(path), f"it cannot be read ({error.strerror})", "Check the path and its permissions"
        ) from error
    if b"-----BEGIN " not in text:
        raise InputError(str(path), "it is no PEM file", "Give the PEM file that `eflowprov certs device` wrote")


def _unusable_pair(request: RegistrationRequest, error: Exception, *, is_encrypted: bool) -> InputError:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        where = f"{request.cert_file}, {request.key_file}"
        return InputError(where, "the key does not belong to the first certificate", "Give the pair of one device")
    if is_encrypted and not request.key_passphrase:
        step = "Give its passphrase with --key-passphrase-file"
        return InputError(str(request.key_file), "the key is encrypted", step)
    if is_encrypted:
        return InputError(str(request.key_file), "the passphrase does not open the key", "Check the passphrase file")
    where = f"{request.cert_file}, {request.key_file}"
    why = f"certificate and key cannot be loaded ({_alert(reason)})"
    return InputError(where, why, "Check them with `eflowprov certs check`")
