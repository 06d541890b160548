"""API Gateway on this machine: routes requests to functions, with the route's authorizer first, as REST proxy events.

It also serves the pages of `local/pages`, the API document, and the actions of `/_local/`.
"""

import base64
import json
import socket
import sys
import threading
import time
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local import actions
from local.addresses import HOST, LOOPBACK, CannotStart, refusal
from local.lambda_pool import Crashed, LambdaPool, TimedOut
from local.log import Log
from local.pages_api import PagesApi
from local.template import ROOT, Route, Template
from local.web import page

BODY_BYTES_MAX = 10 * 1024 * 1024
EVENT_BYTES_MAX = 6 * 1024 * 1024  # the size of an event that Lambda takes
EVENT_OVERHEAD_BYTES = 16 * 1024  # of an event, beside its body
STAGE = "local"
SCHEDULE_S = 60
KEYS = ("/_local/jwks.json", "/_local/staff_jwks.json")
UPLOAD_PAGE = ROOT / "local" / "pages" / "upload.html"
Response = tuple[int, dict[str, str], bytes]  # status, headers, body


class Api(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(
        self, port: int, template: Template, controls: actions.DeveloperControls, log: Log, web_origin: str = ""
    ) -> None:
        self.loopback: socket.socket | None = None
        try:
            super().__init__((HOST, port), Connection)
            if HOST != LOOPBACK:  # the authorizers fetch keys in the clear from this machine only
                self.loopback = socket.create_server((LOOPBACK, int(self.server_address[1])))
        except OSError as error:
            hint = "try: PORT=0 make run, for any free one"
            raise CannotStart(f"Port {port} cannot be used ({error.strerror}); {hint}") from None
        self.template, self.controls, self.log, self.web_origin = template, controls, log, web_origin
        self.routes = template.routes
        self.port = int(self.server_address[1])
        self.has_any_port = port == 0
        self.url = f"http://{HOST}:{self.port}"
        self.pool: LambdaPool
        self.pages_api: PagesApi  # answers the pages' questions about this machine
        self.front_page = b""
        self.announced = threading.Event()  # set after the ready line: S3 events of an earlier run wait for it

    def serve(self, pool: LambdaPool) -> None:
        self.pool = self.controls.pool = pool
        threading.Thread(target=self.serve_forever, name="api", daemon=True).start()
        if self.loopback:
            threading.Thread(target=self._serve_loopback, name="loopback", daemon=True).start()

    def _serve_loopback(self) -> None:
        assert self.loopback
        while True:
            self.process_request(*self.loopback.accept())

    def run_schedules(self) -> None:
        """Invoke the scheduled functions every minute, as EventBridge does."""

        def run() -> None:
            while True:
                time.sleep(SCHEDULE_S)
                for function in self.template.scheduled:
                    try:
                        self.pool.invoke(function, {"source": "aws.events"})
                    except (TimedOut, Crashed) as error:
                        self.log.say(str(error))

        threading.Thread(target=run, name="schedules", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong with a connection, unless its caller hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            self.log.say(traceback.format_exc().rstrip())


class NotAuthorized(Exception):
    """The request does not reach its function; API Gateway answers with the response of this kind."""

    def __init__(self, kind: str, context: dict[str, str] | None = None) -> None:
        super().__init__(kind)
        self.kind, self.context = kind, context


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # sends header and body as one packet: two would wait 44 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: Api

    def respond(self) -> None:
        started, self.caller = time.monotonic(), ""
        body = self._body()
        if body is None:
            response = self._gateway_response("REQUEST_TOO_LARGE")
            self.close_connection = True
        else:
            response = self._developers_response(body) or self._api_response(body, started)
        status, headers, payload = response
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = respond

    def _developers_response(self, body: bytes) -> Response | None:
        """The response of what exists only on a developer's machine; None for the API's own addresses."""
        path = urlsplit(self.path).path
        if self.command == "GET":
            if found := page(self.path, self.headers.get("Accept", "")):
                return found
            if path == "/":
                return 200, {"Content-Type": "text/plain; charset=utf-8"}, self.server.front_page
            if path == "/_local/upload":
                return 200, {"Content-Type": "text/html; charset=utf-8"}, UPLOAD_PAGE.read_bytes()
        if not path.startswith(("/_local/", "/_pages/")):
            return None
        if self.path in KEYS and self.server.controls.faults.issuer:
            return 503, {"Content-Type": "text/html; charset=utf-8"}, b"<h1>Service Unavailable</h1>"
        if why := refusal(self.headers.get("Host", ""), self.headers.get("Origin"), self.server.web_origin):
            return _json(403, {"detail": why})
        if self.command == "OPTIONS":
            return 204, self._cors(), b""
        if path.startswith("/_pages/"):
            return self.server.pages_api.respond(self.path, body)
        status, headers, payload = self._control_response(path.removeprefix("/_local/"), body)
        return status, headers | self._cors(), payload

    def _api_response(self, body: bytes, started: float) -> Response:
        """The API's response, with its line in the log; `started` is on the monotonic clock."""
        if self.command == "OPTIONS" and self._has_route(urlsplit(self.path).path):
            return 200, self.server.template.preflight(self.server.web_origin), b""
        response = self._function_response(body)
        ms, code = (time.monotonic() - started) * 1_000, response[1].get("X-Error-Code", "")
        self._measure(response[0], ms)
        self.server.log.request(self.command, self.path, body, response[0], ms, self.caller, code)
        return response

    def _measure(self, status: int, ms: float) -> None:
        """Note what API Gateway measures of a response."""
        metrics = self.server.log.metrics
        metrics.note("AWS/ApiGateway/Count")
        metrics.note("AWS/ApiGateway/Latency", ms)
        if status >= 400:
            metrics.note(f"AWS/ApiGateway/{status // 100}XXError")

    def _has_route(self, path: str) -> bool:
        return any(route.match(route.method, path) is not None for route in self.server.routes)

    def _cors(self) -> dict[str, str]:
        """The headers that let a page of the web origin use the actions of this machine as it uses the API."""
        return self.server.template.preflight(self.server.web_origin) if self.server.web_origin else {}

    def _body(self) -> bytes | None:
        """The request's body, or None if it is too large for API Gateway."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            return None
        return self.rfile.read(int(length))

    def _function_response(self, body: bytes) -> Response:
        """The response of the function whose route matches the request."""
        url = urlsplit(self.path)
        for route in self.server.routes:
            parameters = route.match(self.command, url.path)
            if parameters is not None:
                return self._invoke(route, parameters, body)
        return self._gateway_response("MISSING_AUTHENTICATION_TOKEN")

    def _invoke(self, route: Route, parameters: dict[str, str], body: bytes) -> Response:
        event = self._event(route, parameters, body)
        if not route.is_open:
            try:
                event["requestContext"]["authorizer"] = context = self._authorize(route.authorizer)
                self.caller = self.server.controls.names.get(context["principalId"], context["principalId"][:8])
            except NotAuthorized as denied:
                return self._gateway_response(denied.kind, denied.context)
        if len(event["body"] or "") > EVENT_BYTES_MAX - EVENT_OVERHEAD_BYTES:
            return self._gateway_response("REQUEST_TOO_LARGE")
        try:
            return self._response_of(self.server.pool.invoke(route.function, event))
        except TimedOut as error:
            self.server.log.say(str(error))
            return self._gateway_response("INTEGRATION_TIMEOUT")
        except (Crashed, KeyError, TypeError) as error:
            self.server.log.say(f"{route.function}: {error}")
            _, headers, payload = self._gateway_response("DEFAULT_5XX")
            return 502, headers, payload

    def _authorize(self, authorizer: str) -> dict[str, str]:
        """The context that the route's authorizer returns for the caller; raises NotAuthorized.

        Unlike API Gateway, this calls the authorizer for every request, so that a test can move the clock.
        """
        token = self.headers.get("Authorization")
        if not token:
            raise NotAuthorized("UNAUTHORIZED")  # API Gateway does not invoke the authorizer without a token
        arn = f"arn:aws:execute-api:ap-south-1:000000000000:local/{STAGE}/{self.command}{urlsplit(self.path).path}"
        event = {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}
        try:
            policy = self.server.pool.invoke(authorizer, event)
            (statement,) = policy["policyDocument"]["Statement"]
            context = {**policy["context"], "principalId": policy["principalId"]}
        except TimedOut as error:
            self.server.log.say(str(error))
            raise NotAuthorized("AUTHORIZER_FAILURE") from None
        except (Crashed, KeyError, TypeError, ValueError) as error:
            if str(error) == "Exception: Unauthorized":
                raise NotAuthorized("UNAUTHORIZED") from None
            self.server.log.say(f"{authorizer}: {error}")
            raise NotAuthorized("AUTHORIZER_CONFIGURATION_ERROR") from None
        if statement["Effect"] != "Allow":
            raise NotAuthorized("ACCESS_DENIED", context)
        return context

    def _event(self, route: Route, parameters: dict[str, str], body: bytes) -> dict[str, Any]:
        """A REST proxy event, payload format 1.0."""
        url = urlsplit(self.path)
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name, []).append(value)
        headers["X-Forwarded-Proto"] = ["http"]
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(url.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        text, is_base64 = self._encoded(body)
        path = unquote(url.path)
        return {
            "resource": route.path,
            "path": path,
            "httpMethod": self.command,
            "headers": {name: values[-1] for name, values in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": {name: unquote(value) for name, value in parameters.items()} or None,
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

    def _encoded(self, body: bytes) -> tuple[str, bool]:
        """The body as text of an event, and whether it is base64: for a binary media type, and for broken UTF-8.

        API Gateway replaces broken UTF-8 instead. Here it reaches the function, so that tests see its answer.
        """
        media_type = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if media_type not in self.server.template.binary_media_types:
            try:
                return body.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(body).decode(), True

    @staticmethod
    def _response_of(result: dict[str, Any]) -> Response:
        """The HTTP response for a function's result; raises KeyError or TypeError for a malformed one."""
        headers = {name: values[-1] for name, values in (result.get("multiValueHeaders") or {}).items()}
        headers |= result.get("headers") or {}
        body = result.get("body") or ""
        payload = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
        return int(result["statusCode"]), headers, payload

    def _gateway_response(self, kind: str, authorizer: dict[str, str] | None = None) -> Response:
        """A response that API Gateway sends by itself."""
        status, headers, body = self.server.template.gateway_response(kind, authorizer, self.server.web_origin)
        return status, {"Content-Type": "application/json", **headers}, body.encode()

    def _control_response(self, action: str, body: bytes) -> Response:
        """The response of one of the developer's controls."""
        if self.command != "POST" and self.path not in KEYS:
            return _json(405, {"detail": f"send a POST to /_local/{action}"})
        try:
            return _json(200, actions.act(self.server.controls, action, body))
        except (actions.Refused, TimedOut, Crashed) as error:
            return _json(400, {"detail": str(error)})

    def log_message(self, *args: Any) -> None:
        """Write no access log: each function logs one line per request."""


def _json(status: int, result: Any) -> Response:
    payload = result if isinstance(result, bytes) else json.dumps(result).encode()
    return status, {"Content-Type": "application/json"}, payload
