"""The issuer's public keys (JWKS): fetched when they are needed, and kept while the issuer cannot be reached.

An issuer's outage must not log customers out: keys that were fetched once stay in use for up to a day. A withdrawn
key goes with the next good answer. Answers without a single usable key count as an outage.
"""

import encodings.idna  # noqa: F401 - otherwise a customer's request loads it, to look the issuer's name up
import ipaddress
import json
import math
import os
import socket
import threading
import time
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import jwt

from shared import clock
from shared.telemetry import journal

REFRESH_AFTER_S = 300  # a withdrawn key is accepted for this long
KEPT_S_MAX = 24 * 3_600  # how long keys are used without a good answer; an alarm is read within a working day
PAUSE_S = 5  # between two attempts while the issuer is down and a key is missing
PAUSE_WITH_KEY_S = 60  # the same while the key is known: each attempt may keep its caller waiting
ASKED_AGAIN_AFTER_S = 10  # the same unknown key id does not ask the issuer again within this time
ASKED_IDS_MAX = 5  # nor do more unknown key ids than these within that time: anybody can make them up
TIMEOUT_S = 2  # of a whole fetch, name resolution included
SIZE_BYTES_MAX = 256 * 1024
HEADERS = {"User-Agent": "garment-pay/1.0", "Accept": "application/json"}  # CDNs refuse Python's own agent
CURVES = {"P-256": "ES256"}


class KeysUnavailable(Exception):
    """The key of a token cannot be known now, so the token cannot be judged; the text is the reason, for the log."""


class FetchFailed(Exception):
    """The issuer gave no usable key; the text is the reason, without anything that the issuer sent."""


class Key(NamedTuple):
    id: str | None
    algorithm: str
    public: Any


class IssuerKeys:
    """The keys published at a URL, as this process knows them."""

    def __init__(self) -> None:
        self._keys: tuple[Key, ...] = ()
        self._fetched_at_s: float = -math.inf  # when the issuer last gave keys
        self._failed_at_s: float = -math.inf
        self._failure = ""  # why the last attempt failed; empty after a good answer
        self._asked_at_s: dict[str | None, int] = {}  # by key id, of the last seconds

    def find(self, url: str, key_id: str | None, algorithm: str) -> Key | None:
        """The issuer's key with this id, or its only one if either has no id; None if it publishes none.

        Raises KeysUnavailable when the key is not known and the issuer cannot be asked.
        """
        key = self._match(key_id, algorithm)
        if (key is None and self._may_ask(key_id)) or self._age_s > REFRESH_AFTER_S:
            self._refresh(url, PAUSE_WITH_KEY_S if key else PAUSE_S)
            key = self._match(key_id, algorithm)
        if key is None and self._failure:
            raise KeysUnavailable(self._failure)
        return key

    def find_replacement(self, url: str, key: Key, key_id: str | None) -> Key | None:
        """Another key that the issuer now publishes in this one's place, under the same id or without one."""
        if self._may_ask(key_id):
            self._refresh(url, PAUSE_WITH_KEY_S)
        found = self._match(key_id, key.algorithm)
        return found if found != key else None

    @property
    def are_fresh(self) -> bool:
        """Whether the issuer gave these keys so lately that it would not be asked again."""
        return self._age_s <= ASKED_AGAIN_AFTER_S

    @property
    def _age_s(self) -> float:
        return clock.now_s() - self._fetched_at_s

    def _match(self, key_id: str | None, algorithm: str) -> Key | None:
        if self._age_s > KEPT_S_MAX:
            return None
        keys = [key for key in self._keys if key.algorithm == algorithm]
        for key in keys:
            if key_id is not None and key.id == key_id:
                return key
        if len(keys) == 1 and None in (key_id, keys[0].id):
            return keys[0]
        return None

    def _may_ask(self, key_id: str | None) -> bool:
        """Whether a missing key may ask the issuer now; if so, the id is remembered."""
        now_s = clock.now_s()
        asked = {asked_id: at_s for asked_id, at_s in self._asked_at_s.items() if now_s - at_s < ASKED_AGAIN_AFTER_S}
        may_ask = key_id not in asked and len(asked) < ASKED_IDS_MAX
        self._asked_at_s = {**asked, key_id: now_s} if may_ask else asked
        return may_ask

    def _refresh(self, url: str, pause_s: int) -> None:
        """Fetch the keys. If that fails, the known ones stay, and nobody tries again before the pause is over."""
        now_s = clock.now_s()
        if self._failure and now_s - self._failed_at_s < pause_s:
            return
        try:
            self._keys = fetch(url)
        except FetchFailed as error:
            self._failure, self._failed_at_s = str(error), now_s
            journal.breadcrumb(f"issuer's keys: {error}")
            if self._keys:
                journal.count("KeysStale")
        else:
            self._failure, self._fetched_at_s = "", now_s


def fetch(url: str) -> tuple[Key, ...]:
    """The usable keys that are published at this URL; FetchFailed if there is none, or it takes too long."""
    connection = _connection(urlsplit(url))
    outcome: list[tuple[Key, ...] | FetchFailed] = []

    def run() -> None:
        try:
            outcome.append(_parse(_read(connection, url)))
        except FetchFailed as error:
            outcome.append(error)
        except Exception as error:  # of the network, of TLS or of HTTP
            outcome.append(FetchFailed(type(error).__name__))

    # A socket's timeout bounds neither name resolution nor an answer that trickles in; waiting for a thread does.
    thread = threading.Thread(target=run, name="issuer-keys", daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if not outcome:
        _abort(connection)
        raise FetchFailed("timed out")
    if isinstance(outcome[0], FetchFailed):
        raise outcome[0]
    return outcome[0]


def _connection(url: SplitResult) -> HTTPConnection:
    """A connection over TLS, or in the clear to this machine, as the local stack needs."""
    try:
        host, port = url.hostname or "", url.port
    except ValueError:
        raise FetchFailed("the URL is malformed") from None
    if url.scheme == "https" and host:
        return HTTPSConnection(host, port, timeout=TIMEOUT_S)
    if url.scheme == "http" and _is_this_machine(host):
        return HTTPConnection(host, port, timeout=TIMEOUT_S)
    raise FetchFailed("the URL is not https")


def _is_this_machine(host: str) -> bool:
    """Whether the host is this machine, or in a container of `sam local` the private address of its machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or (os.environ.get("AWS_SAM_LOCAL") == "true" and address.is_private)


def _read(connection: HTTPConnection, url: str) -> bytes:
    """The body of the answer. Redirects are not followed: they could lead out of TLS, and to anybody's keys."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("GET", target, headers=HEADERS)
        response = connection.getresponse()
        if response.status != 200:
            raise FetchFailed(f"status {response.status}")
        body, deadline_s = b"", time.monotonic() + TIMEOUT_S
        while part := response.read1(65_536):
            body += part
            if len(body) > SIZE_BYTES_MAX:
                raise FetchFailed("the answer is too large")
            if time.monotonic() > deadline_s:
                raise FetchFailed("timed out")
        return body
    finally:
        connection.close()


def _abort(connection: HTTPConnection) -> None:
    """Wake the thread that waits for this connection, so that it ends."""
    try:
        if connection.sock:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


def _parse(body: bytes) -> tuple[Key, ...]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise FetchFailed("the answer is not JSON") from None
    jwks = document.get("keys") if isinstance(document, dict) else None
    keys = tuple(key for jwk in (jwks if isinstance(jwks, list) else []) if (key := _usable_key(jwk)))
    if not keys:
        raise FetchFailed("the answer has no usable key")
    return keys


def _usable_key(jwk: Any) -> Key | None:
    """The key if it is public and signs by RS256 or ES256. An unusable one does not disable the others."""
    if not isinstance(jwk, dict) or jwk.get("use") not in (None, "sig"):
        return None
    algorithm = {"RSA": "RS256", "EC": CURVES.get(str(jwk.get("crv")))}.get(str(jwk.get("kty")))
    if algorithm is None or jwk.get("alg") not in (None, algorithm) or "d" in jwk:
        return None
    try:
        public = jwt.PyJWK(jwk, algorithm).key
    except (jwt.PyJWTError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return Key(str(jwk["kid"]) if jwk.get("kid") not in (None, "") else None, algorithm, public)
