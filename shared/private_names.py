"""Every private name of a library that our code uses, in one place.

`CHECKED` holds the versions that this was written for. `tests/unit/test_private_names.py` compares them with what is
installed, and its message says what to do when one of them moves.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from hmac import digest
from ssl import SSLSocket, SSLWantReadError
from typing import Any

from botocore import auth
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory
from urllib3.exceptions import HTTPError
from urllib3.util import wait_for_read

CHECKED = {"botocore": "1.44.8", "pynamodb": "6.1.0", "razorpay": "2.0.1", "requests": "2.34.2", "urllib3": "2.8.0"}

TICKETS_S = 0.05


# --- botocore


def register_handlers(session: Any, handlers: Any, service: str) -> None:
    """Register those of botocore's own handlers that are for one service, or with "" for all services.

    By itself a session registers those of every service and of the documentation, and every client copies them all.
    That takes half of the time in which a client is made.
    """
    emitter = session.get_component("event_emitter")
    for name, handler, *place in handlers.BUILTIN_HANDLERS:
        event, _, rest = name.partition(".")
        if event == "docs" or rest.partition(".")[0] != service:
            continue
        if place == [handlers.REGISTER_FIRST]:
            emitter.register_first(name, handler)
        elif place == [handlers.REGISTER_LAST]:
            emitter.register_last(name, handler)
        else:
            emitter.register(name, handler)


def keep_aliases(session: Any, services: Sequence[str]) -> None:
    """Let events have the other names of these services only. By itself each new event is compared with hundreds."""
    emitter = session.get_component("event_emitter")
    emitter._event_aliases = {old: new for old, new in emitter._event_aliases.items() if new in services}


class TableParser(JSONParser):
    """Takes DynamoDB's values as they are. By itself botocore looks up all eleven kinds for each value of each row,
    which is a fifth of the CPU of a list.
    """

    _blob_parser: Any

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == "AttributeValue":
            return self._value(value)
        return super()._handle_structure(shape, value)  # type: ignore[misc]

    def _value(self, value: dict[str, Any]) -> dict[str, Any]:
        ((kind, content),) = value.items()
        if kind == "B":
            return {kind: self._blob_parser(content)}
        if kind == "BS":
            return {kind: [self._blob_parser(part) for part in content]}
        if kind == "M":
            return {kind: {name: self._value(member) for name, member in content.items()}}
        if kind == "L":
            return {kind: [self._value(member) for member in content]}
        return value


class Parsers(ResponseParserFactory):
    """What parses the responses of a session's clients."""

    _defaults: Any

    def create_parser(self, protocol_name: str) -> ResponseParser:
        if protocol_name == "json":
            return TableParser(**self._defaults)
        return super().create_parser(protocol_name)


class Signer(auth.SigV4Auth):
    """Signs as botocore does. By itself botocore copies and sorts the headers twice for each call, prepares the whole
    request to see its body, takes the host out of the URL twice and derives the key of the day.
    """

    credentials: Any
    _region_name: str
    _service_name: str
    _headers: dict[str, str]
    _should_sha256_sign_payload: Any

    def canonical_request(self, request: Any) -> str:
        headers = {name.lower(): " ".join(value.split()) for name, value in request.headers.items()}
        headers.setdefault("host", _host(request.url))
        names = sorted(headers.keys() - auth.SIGNED_HEADERS_BLACKLIST)
        self._headers = {name: headers[name] for name in names}
        return super().canonical_request(request)

    def headers_to_sign(self, request: Any) -> Any:
        return self._headers

    def canonical_headers(self, headers_to_sign: Any) -> str:
        return "\n".join(f"{name}:{value}" for name, value in headers_to_sign.items())

    def signed_headers(self, headers_to_sign: Any) -> str:
        return ";".join(headers_to_sign)

    def payload(self, request: Any) -> str:
        is_plain = isinstance(request.data, bytes) and "checksum" not in request.context
        if is_plain and self._should_sha256_sign_payload(request):
            return sha256(request.data).hexdigest()
        return super().payload(request)

    def signature(self, string_to_sign: str, request: Any) -> str:
        day = request.context["timestamp"][:8]
        key = _signing_key(self.credentials.secret_key, day, self._region_name, self._service_name)
        return digest(key, string_to_sign.encode(), "sha256").hex()


_host = lru_cache(maxsize=8)(auth._host_from_url)  # type: ignore[attr-defined]


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, *scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


def set_connect_timeout(client: Any, timeout: Any) -> None:
    """botocore takes a read timeout per request, and the connect timeout for good when its HTTP session is made."""
    client._endpoint.http_session._timeout = timeout


def keep_pool(client: Any) -> None:
    """Let all calls to one address use the pool that was found for the first. By itself urllib3 takes the URL apart
    for each call.
    """
    manager = client._endpoint.http_session._manager
    manager.connection_from_url = cache(manager.connection_from_url)


def keep_endpoint(client: Any) -> None:
    """Let all calls go where the first one went. By itself botocore works an endpoint out for each call, from rules
    and the names of its tables. Only names that are ARNs would change it.
    """
    resolver = client._ruleset_resolver
    work_out = resolver.construct_endpoint
    found: list[Any] = []

    def first_endpoint(**call: Any) -> Any:
        if not found:
            found.append(work_out(**call))
        return found[0]

    resolver.construct_endpoint = first_endpoint


def trust(client: Any, folder: str) -> None:
    """Look roots up in a folder of files named by their hash. botocore's setting takes one file, and reads all of it
    for every connection.
    """

    def set_up(pool: Any, url: str, verify: Any) -> None:
        pool.cert_reqs = "CERT_REQUIRED"
        pool.ca_certs, pool.ca_cert_dir = None, folder

    client._endpoint.http_session._setup_ssl_cert = set_up


def connect(client: Any) -> None:
    """Open the client's first connection, which its first call then uses. If that fails, the call will try again."""
    http, url = client._endpoint.http_session, client.meta.endpoint_url
    pool = http._manager.connection_from_url(url)
    http._setup_ssl_cert(pool, url, http._verify)
    connection = pool._get_conn()
    with suppress(OSError, HTTPError):
        connection.connect()
        _read_tickets(connection.sock)
    pool._put_conn(connection)


def _read_tickets(socket: Any) -> None:
    """Read the session tickets that follow the handshake of TLS 1.3, which arrive one round trip later.

    urllib3 takes a connection with unread bytes for a broken one, and would open another.
    """
    if isinstance(socket, SSLSocket) and socket.version() == "TLSv1.3" and wait_for_read(socket, TICKETS_S):
        timeout = socket.gettimeout()
        socket.setblocking(False)
        with suppress(SSLWantReadError):
            socket.recv(1)
        socket.settimeout(timeout)


# --- pynamodb


def use_client(connection: Any, client: Any) -> None:
    """Let a connection of pynamodb, which would make a session and a client of its own, use this client."""
    connection._client = client


def read_row(model: Any, stored: Mapping[str, Any]) -> Any:
    """An instance of a model with the values that are stored. By itself pynamodb first sets every default, twice."""
    row = model.__new__(model)
    row.attribute_values = {}
    for name, stored_name, attribute in _attributes(model):
        value = stored.get(stored_name)
        if value and "NULL" not in value:
            found = attribute.deserialize(attribute.get_value(value))
        else:
            found = attribute.default() if callable(attribute.default) else attribute.default
        if isinstance(found, dict):
            setattr(row, name, found)  # which makes a map attribute of it
        elif found is not None:
            row.attribute_values[name] = found
    return row


@cache
def _attributes(model: Any) -> list[tuple[str, str, Any]]:
    return [(name, attribute.attr_name, attribute) for name, attribute in model.get_attributes().items()]


# --- razorpay


def fix_version(client: Any) -> None:
    """The SDK reads its own version from its package's files for every request. A test compares CHECKED with them."""
    client._get_version = lambda: CHECKED["razorpay"]


# --- requests


def set_body(response: Any, body: bytes) -> None:
    """The body of a response whose stream was read by us."""
    response._content = body
    response._content_consumed = True
