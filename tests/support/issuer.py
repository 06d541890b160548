"""An issuer of bearer tokens on this machine: it publishes keys over HTTP, and can fail to in many ways."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

RSA_KEYS = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER, AUDIENCE = "https://issuer.example", "app"

Reply = Callable[[BaseHTTPRequestHandler], None]


def jwk(key: Any, key_id: Any = None, **fields: Any) -> dict[str, Any]:
    """The public key as a JSON Web Key."""
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    algorithm = jwt.algorithms.RSAAlgorithm if is_rsa else jwt.algorithms.ECAlgorithm
    public: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    public.pop("key_ops", None)
    return public | {"use": "sig"} | ({} if key_id is None else {"kid": key_id}) | fields


def respond(status: int, body: bytes, **headers: str) -> Reply:
    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return reply


def publish(*keys: dict[str, Any]) -> Reply:
    return respond(200, json.dumps({"keys": keys}).encode())


def drop(request: BaseHTTPRequestHandler) -> None:
    """Hang up without an answer."""
    request.close_connection = True


def stall(request: BaseHTTPRequestHandler) -> None:
    """Answer with a byte now and then, for half a minute or until the caller hangs up."""
    request.send_response(200)
    request.end_headers()
    for _ in range(600):
        request.wfile.write(b" ")
        time.sleep(0.05)


KEY = jwk(RSA_KEYS[0], "k1")
OUTAGES: dict[str, Reply] = {
    "connection dropped": drop,
    "answer trickles": stall,
    "status 500": respond(500, b'{"error":"internal"}'),
    "status 403": respond(403, b"error code: 1010"),
    "maintenance page": respond(200, b"<!doctype html><h1>Back soon</h1>"),
    "no keys": publish(),
    "keys are no list": respond(200, b'{"keys":{}}'),
    "only keys for encryption": publish(jwk(RSA_KEYS[0], "k1", use="enc")),
    "nested too deeply": respond(200, b"[" * 100_000),
    "too large": respond(200, b" " * 300_000 + b'{"keys":[]}'),
    "redirect with keys": respond(302, json.dumps({"keys": [KEY]}).encode(), Location="http://127.0.0.1:9/keys"),
    "not found with keys": respond(404, json.dumps({"keys": [KEY]}).encode()),
    "empty": respond(200, b""),
}


class FakeIssuer:
    """Serves `reply`; `requests` holds the headers of each request."""

    def __init__(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(dict(self.headers.items()))
                issuer.reply(self)

            def log_message(self, *args: Any) -> None:
                """Write no access log."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore callers that hang up."""

        self.requests: list[dict[str, str]] = []
        self.reply: Reply = publish(jwk(RSA_KEYS[0], "k1"), jwk(EC_KEY, "k2"))
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys.json"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """From now on connections are refused."""
        self._server.shutdown()
        self._server.server_close()
