"""Every private name of a library that our code uses, in one place.

`CHECKED` holds the versions that this was written for. `tests/unit/test_private_names.py` compares them with what is
installed, and its message says what to do when one of them moves.
"""

from collections.abc import Sequence
from contextlib import suppress
from ssl import SSLSocket, SSLWantReadError
from typing import Any

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


def set_connect_timeout(client: Any, timeout: Any) -> None:
    """botocore takes a read timeout per request, and the connect timeout for good when its HTTP session is made."""
    client._endpoint.http_session._timeout = timeout


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


# --- razorpay


def fix_version(client: Any) -> None:
    """The SDK reads its own version from its package's files for every request."""
    version = client._get_version()
    client._get_version = lambda: version


# --- requests


def set_body(response: Any, body: bytes) -> None:
    """The body of a response whose stream was read by us."""
    response._content = body
    response._content_consumed = True
