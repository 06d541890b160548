"""API Gateway on this machine: routes requests to functions, with the route's authorizer first, as REST proxy events.

`/_local/` offers what exists only on a developer's machine: new customers, a clock to move, functions to invoke,
faults of S3 and of the issuer, and a page that uploads a photo.
"""

import base64
import json
import threading
import time
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.aws import HOST, CannotStart
from local.issuer import Issuer
from local.lambda_pool import Clock, Crashed, Faults, LambdaPool, TimedOut
from local.template import ROOT, Route, Template

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
        self, port: int, template: Template, clock: Clock, faults: Faults, issuer: Issuer, staff_issuer: Issuer
    ) -> None:
        try:
            super().__init__((HOST, port), Connection)
        except OSError as error:
            hint = "try: PORT=0 make run, for any free one"
            raise CannotStart(f"Port {port} cannot be used ({error.strerror}); {hint}") from None
        self.template, self.clock, self.faults = template, clock, faults
        self.issuer, self.staff_issuer = issuer, staff_issuer
        self.routes = template.routes
        self.url = f"http://{HOST}:{self.server_address[1]}"
        self.pool: LambdaPool
        self.front_page = b""
        self.seeds: list[dict[str, str]] = []
        self.announced = threading.Event()  # set after the ready line: S3 events of an earlier run wait for it

    def serve(self, pool: LambdaPool) -> None:
        self.pool = pool
        threading.Thread(target=self.serve_forever, name="api", daemon=True).start()

    def run_schedules(self) -> None:
        """Invoke the scheduled functions every minute, as EventBridge does."""

        def run() -> None:
            while True:
                time.sleep(SCHEDULE_S)
                for function in self.template.scheduled:
                    try:
                        self.pool.invoke(function, {"source": "aws.events"})
                    except (TimedOut, Crashed) as error:
                        print(error, flush=True)

        threading.Thread(target=run, name="schedules", daemon=True).start()

    def new_customer(self, name: str, customer_id: str = "") -> dict[str, str]:
        customer_id = customer_id or str(uuid.uuid4())
        return {"id": customer_id, "name": name, "token": self.issuer.token(customer_id, int(time.time()))}

    def new_staff(self, name: str, staff_id: str, groups: Sequence[str]) -> dict[str, Any]:
        token = self.staff_issuer.token(staff_id, int(time.time()), groups=groups)
        return {"id": staff_id, "name": name, "groups": list(groups), "token": token}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that hang up."""


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
        body = self._body()
        if body is None:
            response = self._gateway_response("REQUEST_TOO_LARGE")
            self.close_connection = True
        elif self.path == "/" and self.command == "GET":
            response = 200, {"Content-Type": "text/plain; charset=utf-8"}, self.server.front_page
        elif self.path == "/_local/upload" and self.command == "GET":
            response = 200, {"Content-Type": "text/html; charset=utf-8"}, UPLOAD_PAGE.read_bytes()
        elif self.path in KEYS and self.server.faults.issuer:
            response = 503, {"Content-Type": "text/html; charset=utf-8"}, b"<h1>Service Unavailable</h1>"
        elif self.path.startswith("/_local/"):
            response = self._local(self.path.removeprefix("/_local/"), body)
        else:
            response = self._route(body)
        status, headers, payload = response
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = respond

    def _body(self) -> bytes | None:
        """The request's body, or None if it is too large for API Gateway."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            return None
        return self.rfile.read(int(length))

    def _route(self, body: bytes) -> Response:
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
                event["requestContext"]["authorizer"] = self._authorize(route.authorizer)
            except NotAuthorized as refusal:
                return self._gateway_response(refusal.kind, refusal.context)
        if len(event["body"] or "") > EVENT_BYTES_MAX - EVENT_OVERHEAD_BYTES:
            return self._gateway_response("REQUEST_TOO_LARGE")
        try:
            return self._response_of(self.server.pool.invoke(route.function, event))
        except TimedOut as error:
            print(error, flush=True)
            return self._gateway_response("INTEGRATION_TIMEOUT")
        except (Crashed, KeyError, TypeError) as error:
            print(f"{route.function}: {error}", flush=True)
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
            print(error, flush=True)
            raise NotAuthorized("AUTHORIZER_FAILURE") from None
        except (Crashed, KeyError, TypeError, ValueError) as error:
            if str(error) == "Exception: Unauthorized":
                raise NotAuthorized("UNAUTHORIZED") from None
            print(f"{authorizer}: {error}", flush=True)
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
        status, headers, body = self.server.template.gateway_response(kind, authorizer)
        return status, {"Content-Type": "application/json", **headers}, body.encode()

    def _local(self, action: str, body: bytes) -> Response:
        try:
            status, result = 200, self._local_result(action, json.loads(body or b"{}"))
        except KeyError as error:
            status, result = 400, {"detail": f"{error} is missing or unknown"}
        except (ValueError, TypeError, TimedOut, Crashed) as error:
            status, result = 400, {"detail": str(error)}
        payload = result if isinstance(result, bytes) else json.dumps(result).encode()
        return status, {"Content-Type": "application/json"}, payload

    def _local_result(self, action: str, sent: dict[str, Any]) -> Any:
        match action:
            case "jwks.json":
                return self.server.issuer.jwks
            case "staff_jwks.json":
                return self.server.staff_issuer.jwks
            case "customers":
                return self.server.new_customer(str(sent.get("name") or "A customer"))
            case "seeds":
                return self.server.seeds
            case "faults":
                return self._set_faults(**sent)
            case "clock":
                self.server.clock.forward(int(sent["forward_s"]))
                return {"ahead_s": self.server.clock.ahead_s}
            case "invoke":
                return self.server.pool.invoke(sent["function"], sent.get("event", {}))
        raise ValueError("there is no such local action")

    def _set_faults(self, *, s3: list[str] | None = None, issuer: bool | None = None) -> dict[str, Any]:
        """Set the faults that are given, and leave the others."""
        faults = self.server.faults
        if s3 is not None:
            faults.set_s3(list(s3))
        if issuer is not None:
            faults.issuer = bool(issuer)
        return {"s3": faults.s3, "issuer": faults.issuer}

    def log_message(self, *args: Any) -> None:
        """Write no access log: each function logs one line per request."""
