"""What can befall a call that leaves the code, injected where it leaves: botocore's `before-send`, and the adapter
of the Razorpay session. The SDKs above are the real ones, so their own retries run for real.

A plan says which fault meets which call; calls are numbered as the code makes them, an SDK's own resends being the
same call. The scheduler of interleavings passes the turn here too.
"""

import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import requests
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from requests.adapters import HTTPAdapter

from local.gateway import Lost, StandIn
from tests.prove import objects
from tests.prove.engine import Engine, Refused, canceled

AWS, GATEWAY = "aws", "gateway"
READS = ("GetItem", "Query", "BatchGetItem")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
CALL_US = 5_000  # what a call takes, by the bundle's clock
TIMEOUT_US = 2_000_000  # what a call takes that nothing answers


class Killed(BaseException):
    """The process died here. Nothing of ours may catch it."""


@dataclass(frozen=True)
class Fault:
    """What happens to a call: whether it is done, what the caller sees, and how many of the SDK's tries it meets."""

    where: str
    done: bool
    sees: str
    every_try: bool = False
    every_write: bool = False  # and all writes that follow
    operations: tuple[str, ...] = ()  # none: all


FAULTS: Mapping[str, Fault] = {
    # DynamoDB and Secrets Manager
    "not sent": Fault(AWS, False, "unreachable"),
    "never sent": Fault(AWS, False, "unreachable", every_try=True),
    "reply lost": Fault(AWS, True, "silence"),
    "every reply lost": Fault(AWS, True, "silence", every_try=True),
    "killed before": Fault(AWS, False, "death"),
    "killed after": Fault(AWS, True, "death"),
    "throttled": Fault(AWS, False, "throttle", every_try=True),
    "transaction conflict": Fault(AWS, False, "conflict", operations=WRITES),
    "conflicts without end": Fault(AWS, False, "conflict", every_try=True, every_write=True, operations=WRITES),
    "500": Fault(AWS, False, "error", every_try=True),
    "500, though done": Fault(AWS, True, "error", every_try=True, operations=WRITES),
    "stale": Fault(AWS, True, "stale", operations=READS),
    # the gateway
    "gateway: not sent": Fault(GATEWAY, False, "unreachable"),
    "gateway: reply lost": Fault(GATEWAY, True, "silence"),
    "gateway: killed before": Fault(GATEWAY, False, "death"),
    "gateway: killed after": Fault(GATEWAY, True, "death"),
    "gateway: 500": Fault(GATEWAY, False, "error"),
    "gateway: 500, though done": Fault(GATEWAY, True, "error"),
    "gateway: 429": Fault(GATEWAY, False, "throttle"),
    "gateway: 502 in HTML": Fault(GATEWAY, True, "html"),
    "gateway: a cut answer": Fault(GATEWAY, True, "cut"),
}
STALE_WRITES = 3


@dataclass(frozen=True)
class Call:
    """One call as it was made: where to, what it asked for, and of which function."""

    where: str
    operation: str
    target: str


class Wire:
    """Every call of one world: counted, made to fail as planned, answered by its engine or its gateway."""

    def __init__(self, engine: Engine, gateway: StandIn, secrets: Mapping[str, str], tick: Callable[[int], None]):
        self.engine, self.gateway, self.secrets, self.tick = engine, gateway, secrets, tick
        self.objects = objects.Objects()
        self.calls: list[Call] = []
        self.plan: Mapping[int, str] = {}
        self.pick: Callable[[Call], str | None] = lambda call: None
        self.turn: Callable[[Call], None] = lambda call: None
        self.met: dict[str, int] = {}
        self._first_try: dict[str, int] = {}
        self._every_write = ""

    def arm(self, plan: Mapping[int, str]) -> None:
        """Count from zero, with these faults at these numbers."""
        self.calls, self.plan, self._first_try, self._every_write = [], plan, {}, ""

    def _fault(self, call: Call, number: int, again: bool) -> Fault | None:
        name = self.plan.get(number) or ("" if again else self.pick(call))
        if not name and self._every_write and call.operation in WRITES:
            name = self._every_write
        if not name:
            return None
        fault = FAULTS[name]
        fits = fault.where == call.where and (not fault.operations or call.operation in fault.operations)
        if not fits or (again and not fault.every_try):
            return None
        if fault.every_write:
            self._every_write = name
        self.met[name] = self.met.get(name, 0) + 1
        return fault

    # --- AWS

    def aws(self, request: Any, **_: Any) -> AWSResponse:
        """botocore's before-send: answers instead of the network."""
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        sent = json.loads(request.body)
        written = sent.get("TransactItems", ())
        tables = sent.get("TableName") or "+".join(
            [*sent.get("RequestItems", ()), *(each["TableName"] for one in written for each in one.values())]
        )
        call = Call(AWS, operation, tables or sent.get("SecretId", ""))
        fault = self._met(call, request)
        if fault is None:
            return self._answered(request, operation, sent)
        answer = None
        if fault.done:
            answer = self._answered(request, operation, sent, STALE_WRITES if fault.sees == "stale" else 0)
        match fault.sees:
            case "throttle":
                return _refusal(request, _throttled(sent))
            case "conflict":
                return _refusal(request, _conflict(operation, sent))
            case "error":
                return _response(request, 500, {"__type": "InternalServerError", "message": "Internal error"})
        return self._lost(request, fault) or answer

    def s3(self, request: Any, **_: Any) -> AWSResponse:
        """The same of S3, whose answers are XML and bytes."""
        bucket, key, query = objects.split(request.url)
        operation = self.objects.operation(request.method, key, query)
        fault = self._met(Call(AWS, operation, bucket), request)
        sent = request.body or b""
        body = sent if isinstance(sent, bytes) else sent.read()
        answer = objects.error("InternalError", 500)
        if fault is None or fault.done:
            answer = self.objects.call(operation, bucket, key, query, body)
        if fault is not None:
            self._lost(request, fault)
            if fault.sees in ("throttle", "error"):
                answer = objects.error("SlowDown" if fault.sees == "throttle" else "InternalError", 503)
        status, headers, data = answer
        response = AWSResponse(request.url, status, headers, BytesIO(data))
        response._content = data
        return response

    def _met(self, call: Call, request: Any) -> Fault | None:
        """Count a call of AWS, wait for its turn, and say what befalls this try of it."""
        invocation = str(request.headers.get("amz-sdk-invocation-id"))
        again = invocation in self._first_try
        if not again:
            self.turn(call)
            self._first_try[invocation] = len(self.calls)
            self.calls.append(call)
        fault = self._fault(call, self._first_try[invocation], again)
        self.tick(TIMEOUT_US if fault and fault.sees == "silence" else CALL_US)
        return fault

    @staticmethod
    def _lost(request: Any, fault: Fault) -> Any:
        """Raise what the SDK, or nobody, gets to see of a call without an answer."""
        match fault.sees:
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=request.url)
            case "silence":
                raise ReadTimeoutError(endpoint_url=request.url)
            case "death":
                raise Killed

    def _answered(self, request: Any, operation: str, sent: dict[str, Any], writes_behind: int = 0) -> AWSResponse:
        if operation == "GetSecretValue":
            return _response(request, 200, {"Name": sent["SecretId"], "SecretString": self.secrets[sent["SecretId"]]})
        try:
            return _response(request, 200, self.engine.call(operation, sent, writes_behind))
        except Refused as refused:
            return _refusal(request, refused)

    # --- Razorpay

    def razorpay(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        """The session's adapter: the stand-in's answer instead of the network's."""
        url = urllib.parse.urlsplit(str(request.url))
        call = Call(GATEWAY, str(request.method), url.path)
        self.turn(call)
        number = len(self.calls)
        self.calls.append(call)
        fault = self._fault(call, number, False)
        self.tick(TIMEOUT_US if fault and fault.sees == "silence" else CALL_US)
        query = dict(urllib.parse.parse_qsl(url.query))
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        answer: tuple[int, dict[str, str], bytes] = 200, {}, b""
        if fault is None or fault.done:
            try:
                answer = self.gateway.handle(str(request.method), url.path, query, headers, body)
            except Lost:
                raise requests.ConnectionError from None
        match fault.sees if fault else "":
            case "unreachable":
                raise requests.ConnectionError("refused")
            case "silence":
                raise requests.ReadTimeout("no answer")
            case "death":
                raise Killed
            case "error":
                return 500, {}, b'{"error":{"code":"SERVER_ERROR","description":"","metadata":{}}}'
            case "throttle":
                return 429, {}, b'{"error":{"code":"BAD_REQUEST_ERROR","description":"Too many requests"}}'
            case "html":
                return 502, {"Content-Type": "text/html"}, b"<html>502 Bad Gateway</html>"
            case "cut":
                return answer[0], answer[1], answer[2][: len(answer[2]) // 2]
        return answer


class Adapter(HTTPAdapter):
    """Mounted on the session that the wrapper gives to the SDK."""

    def __init__(self, answer: Callable[[requests.PreparedRequest], tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__()
        self.answer = answer

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert kwargs.get("timeout"), "a call to the gateway without a timeout"
        status, headers, body = self.answer(request)
        raw = urllib3.HTTPResponse(BytesIO(body), headers, status, preload_content=False)
        return self.build_response(request, raw)


def _response(request: Any, status: int, body: Mapping[str, Any]) -> AWSResponse:
    response = AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.0"}, None)
    response._content = json.dumps(body).encode()
    return response


def _refusal(request: Any, refused: Refused) -> AWSResponse:
    return _response(request, 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{refused.code}", **refused.body})


def _throttled(sent: dict[str, Any]) -> Refused:
    if "TransactItems" in sent:
        return canceled(["ThrottlingError", *["None"] * (len(sent["TransactItems"]) - 1)])
    return Refused("ThrottlingException", "Rate exceeded")


def _conflict(operation: str, sent: dict[str, Any]) -> Refused:
    if operation == "TransactWriteItems":
        return canceled([*["None"] * (len(sent["TransactItems"]) - 1), "TransactionConflict"])
    return Refused("TransactionConflictException", "Transaction is ongoing for the item")
