"""The HTTP server of the Razorpay stand-in: the API, `/_control/` and the pages of checkout."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.addresses import refusal
from local.razorpay.fake import FakeRazorpay
from local.razorpay.faults import ConnectionDropped
from local.razorpay.responses import Rejected, Response, json_response
from local.razorpay.webhooks import run_delivery
from local.web import STAND_IN, page

HANG_S = 30
SHUTDOWN_POLL_S = 0.05  # how fast `shutdown` returns; the default of 0.5 s slows every test that starts a server


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stand_in: FakeRazorpay, port: int, host: str) -> None:
        super().__init__((host, port), Connection)
        self.stand_in = stand_in
        self.url = f"http://{host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that hang up."""


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # sends header and body as one packet: two would wait 44 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: Server

    def respond(self) -> None:
        try:
            status, headers, body = self._response()
        except ConnectionDropped as drop:
            if drop.hang:
                self._hang(drop.key)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond

    def _hang(self, key: str) -> None:
        """Wait as a call does that never ends; meanwhile its idempotency key is in progress."""
        stand_in = self.server.stand_in
        stand_in.keys_in_progress.add(key)
        stand_in.closing.wait(HANG_S)
        stand_in.keys_in_progress.discard(key)

    def _response(self) -> Response:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "GET" and (found := page(self.path, "", STAND_IN)):
            return found
        if url.path.startswith("/_control/"):
            return self._control(url.path.removeprefix("/_control/"), body)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.stand_in.handle(self.command, url.path, query, headers, body)

    def _control(self, action: str, body: bytes) -> Response:
        if why := refusal(self.headers.get("Host", ""), self.headers.get("Origin")):
            return Rejected(why, 403).response
        if self.command != "POST":
            return Rejected(f"send a POST to /_control/{action}", 405).response
        try:
            sent = json.loads(body or b"{}")
        except ValueError:
            return Rejected("the body is not valid JSON").response
        try:
            return json_response(200, self.server.stand_in.control(action, sent))
        except Rejected as rejected:
            return rejected.response
        except (KeyError, TypeError, ValueError) as error:
            return Rejected(f"{type(error).__name__}: {error}").response

    def log_message(self, *args: Any) -> None:
        """Write no access log: the functions log what matters."""


def serve(stand_in: FakeRazorpay, port: int = 0, host: str = "127.0.0.1") -> Server:
    """Answer requests and deliver webhooks, until `shutdown`."""
    server = Server(stand_in, port, host)
    threading.Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_S,), name="razorpay", daemon=True).start()
    threading.Thread(target=run_delivery, args=(stand_in,), name="webhooks", daemon=True).start()
    return server
