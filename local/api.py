"""API Gateway on this machine: the template's routes over HTTP, the authorizer before them, REST's events to them.

Under `/_local/` it offers what only a laptop has: new customers, a clock to move, functions to invoke, S3 to break,
and a page that uploads a photo.
"""

import base64
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.cloud import HOST, CannotStart
from local.template import ROOT, Route, Template
from local.tokens import Issuer
from local.workers import Clock, Crashed, Faults, Pool, TimedOut

BODY_BYTES_MAX = 10 * 1024 * 1024
STAGE = "local"
SCHEDULE_S = 60
UPLOAD_PAGE = ROOT / "local" / "upload.html"

Answer = tuple[int, dict[str, str], bytes]


class Api(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port: int, template: Template, clock: Clock, faults: Faults, issuer: Issuer) -> None:
        try:
            super().__init__((HOST, port), Connection)
        except OSError as error:
            hint = "try: PORT=0 make run, for any free one"
            raise CannotStart(f"Port {port} cannot be used ({error.strerror}); {hint}") from None
        self.template, self.clock, self.faults, self.issuer = template, clock, faults, issuer
        self.routes = template.routes
        self.authorizer = template.authorizer
        self.url = f"http://{HOST}:{self.server_address[1]}"
        self.pool: Pool
        self.front_page = b""
        self.seeds: list[dict[str, str]] = []
        self.announced = threading.Event()  # nothing that came before is worked on, or logged, sooner

    def serve(self, pool: Pool) -> None:
        self.pool = pool
        threading.Thread(target=self.serve_forever, name="api", daemon=True).start()

    def run_schedules(self) -> None:
        """Invoke the scheduled functions each minute, like EventBridge does."""

        def forever() -> None:
            while True:
                time.sleep(SCHEDULE_S)
                for function in self.template.scheduled:
                    try:
                        self.pool.invoke(function, {"source": "aws.events"})
                    except (TimedOut, Crashed) as error:
                        print(error, flush=True)

        threading.Thread(target=forever, name="schedules", daemon=True).start()

    def new_customer(self, name: str, customer_id: str | None = None) -> dict[str, str]:
        customer = customer_id or str(uuid.uuid4())
        return {"id": customer, "name": name, "token": self.issuer.token(customer, int(time.time()))}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # header and body in one piece, or each call waits 44 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: Api

    def respond(self) -> None:
        body = self._body()
        if body is None:
            answer = self._own("REQUEST_TOO_LARGE")
            self.close_connection = True
        elif self.path == "/" and self.command == "GET":
            answer = 200, {"Content-Type": "text/plain; charset=utf-8"}, self.server.front_page
        elif self.path == "/_local/upload" and self.command == "GET":
            answer = 200, {"Content-Type": "text/html; charset=utf-8"}, UPLOAD_PAGE.read_bytes()
        elif self.path.startswith("/_local/"):
            answer = self._local(self.path.removeprefix("/_local/"), body)
        else:
            answer = self._routed(body)
        status, headers, payload = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = respond

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            return None
        return self.rfile.read(int(length))

    def _routed(self, body: bytes) -> Answer:
        url = urlsplit(self.path)
        for route in self.server.routes:
            values = route.match(self.command, url.path)
            if values is not None:
                return self._invoked(route, values, body)
        return self._own("MISSING_AUTHENTICATION_TOKEN")

    def _invoked(self, route: Route, values: dict[str, str], body: bytes) -> Answer:
        event = self._event(route, values, body)
        try:
            if not route.is_open:
                context = self._authorized()
                if context is None:
                    return self._own("UNAUTHORIZED")
                event["requestContext"]["authorizer"] = context
            answer = self.server.pool.invoke(route.function, event)
            return self._answered(answer)
        except TimedOut as error:
            print(error, flush=True)
            return 504, {"Content-Type": "application/json"}, b'{"detail":"Endpoint request timed out."}'
        except (Crashed, KeyError, TypeError) as error:
            print(f"{route.function}: {error}", flush=True)
            status, headers, answered = self._own("DEFAULT_5XX")
            return 502 if status < 500 else status, headers, answered

    def _authorized(self) -> dict[str, str] | None:
        """What the bundle's own authorizer says of the caller; None is unauthorized."""
        token = self.headers.get("Authorization")
        if not token:
            return None  # API Gateway does not ask when there is no token
        arn = f"arn:aws:execute-api:ap-south-1:000000000000:local/{STAGE}/{self.command}{urlsplit(self.path).path}"
        event = {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}
        try:
            policy = self.server.pool.invoke(self.server.authorizer, event)
        except Crashed as error:
            if str(error).endswith("Unauthorized"):
                return None
            raise
        return {**policy["context"], "principalId": policy["principalId"]}

    def _event(self, route: Route, values: dict[str, str], body: bytes) -> dict[str, Any]:
        """A REST proxy event, payload 1.0."""
        url = urlsplit(self.path)
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name, []).append(value)
        headers["X-Forwarded-Proto"] = ["http"]
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(url.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        try:
            text, is_base64 = body.decode(), False
        except UnicodeDecodeError:
            text, is_base64 = base64.b64encode(body).decode(), True
        path = unquote(url.path)
        return {
            "resource": route.path,
            "path": path,
            "httpMethod": self.command,
            "headers": {name: many[-1] for name, many in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {name: many[-1] for name, many in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": {name: unquote(value) for name, value in values.items()} or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": route.path,
                "httpMethod": self.command,
                "path": path,
                "stage": STAGE,
                "apiId": "local",
                "accountId": "000000000000",
                "requestId": str(uuid.uuid4()),
                "requestTimeEpoch": int(time.time() * 1_000),
                "protocol": "HTTP/1.1",
                "domainName": self.headers.get("Host", ""),
                "identity": {"sourceIp": "127.0.0.1", "userAgent": self.headers.get("User-Agent", "")},
            },
            "body": text or None,
            "isBase64Encoded": is_base64,
        }

    @staticmethod
    def _answered(answer: dict[str, Any]) -> Answer:
        headers = {name: many[-1] for name, many in (answer.get("multiValueHeaders") or {}).items()}
        headers |= answer.get("headers") or {}
        body = answer.get("body") or ""
        payload = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return int(answer["statusCode"]), headers, payload

    def _own(self, kind: str) -> Answer:
        status, headers, body = self.server.template.gateway_response(kind)
        return status, {"Content-Type": "application/json", **headers}, body.encode()

    def _local(self, action: str, body: bytes) -> Answer:
        try:
            result = self._did(action, json.loads(body or b"{}"))
            status = 200
        except KeyError as error:
            status, result = 400, {"detail": f"{error} is missing or unknown"}
        except (ValueError, TypeError, TimedOut, Crashed) as error:
            status, result = 400, {"detail": str(error)}
        payload = result if isinstance(result, bytes) else json.dumps(result).encode()
        return status, {"Content-Type": "application/json"}, payload

    def _did(self, action: str, sent: dict[str, Any]) -> Any:
        match action:
            case "jwks.json":
                return self.server.issuer.published
            case "customers":
                return self.server.new_customer(str(sent.get("name") or "A customer"))
            case "seeds":
                return self.server.seeds
            case "faults":
                self.server.faults.set_s3(list(sent["s3"]))
                return {"s3": self.server.faults.s3}
            case "clock":
                self.server.clock.forward(int(sent["forward_s"]))
                return {"ahead_s": self.server.clock.ahead_s}
            case "invoke":
                return self.server.pool.invoke(sent["function"], sent.get("event", {}))
        raise ValueError("there is no such local action")

    def log_message(self, *args: Any) -> None:
        """Quiet: each function writes one line about its request."""
