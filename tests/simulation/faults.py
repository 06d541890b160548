"""Faults injected into outgoing calls, at botocore's `before-send` and the adapter of the Razorpay session.

The SDKs above these hooks are the real ones, so their own retries really run. Only a DynamoDB call that succeeds at
its first try skips botocore, which would write it as JSON and read its reply from JSON. A plan assigns faults to
calls by number. Calls are numbered in the order in which the code makes them; an SDK's retries belong to the same
call. The scheduler of interleavings switches between requests here too.
"""

import base64
import json
import threading
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

from local.razorpay.fake import FakeRazorpay
from local.razorpay.faults import ConnectionDropped
from tests.fakes import s3 as fake_s3
from tests.fakes.dynamodb import FakeDynamoDB, RequestError, canceled
from tests.fakes.dynamodb_values import Item
from tests.fakes.s3 import FakeS3

HttpReply = tuple[int, dict[str, str], bytes]  # status, headers, body

AWS, RAZORPAY = "aws", "razorpay"
READS = ("GetItem", "Query", "BatchGetItem")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
CALL_US = 5_000  # how long a call takes, by the world's clock
TIMEOUT_US = 2_000_000  # how long a call takes that gets no reply
WRITER = json.JSONEncoder(check_circular=False, default=lambda value: base64.b64encode(value).decode())


class Killed(BaseException):
    """The process died here. No code of ours may catch it."""


@dataclass(frozen=True)
class Fault:
    """What happens to a call: whether the service executes it, what the caller sees, and which tries are affected."""

    where: str
    executed: bool
    outcome: str
    every_try: bool = False  # the SDK's retries too
    every_write: bool = False  # all following writes too
    operations: tuple[str, ...] = ()  # empty: all


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
    "permanent conflict": Fault(AWS, False, "conflict", every_try=True, every_write=True, operations=WRITES),
    "500": Fault(AWS, False, "error", every_try=True),
    "500 after success": Fault(AWS, True, "error", every_try=True, operations=WRITES),
    "stale read": Fault(AWS, True, "stale", operations=READS),
    # Razorpay
    "razorpay: not sent": Fault(RAZORPAY, False, "unreachable"),
    "razorpay: reply lost": Fault(RAZORPAY, True, "silence"),
    "razorpay: killed before": Fault(RAZORPAY, False, "death"),
    "razorpay: killed after": Fault(RAZORPAY, True, "death"),
    "razorpay: 500": Fault(RAZORPAY, False, "error"),
    "razorpay: 500 after success": Fault(RAZORPAY, True, "error"),
    "razorpay: 429": Fault(RAZORPAY, False, "throttle"),
    "razorpay: 502 in HTML": Fault(RAZORPAY, True, "html"),
    "razorpay: truncated response": Fault(RAZORPAY, True, "cut"),
}
STALE_WRITES = 3  # how many writes a stale read misses


@dataclass(frozen=True)
class Call:
    """One outgoing call: the service, the operation, the tables, bucket, secret or path, and the rows in the tables.

    `rows` is empty outside DynamoDB.
    """

    where: str
    operation: str
    target: str
    rows: frozenset[str] = frozenset()

    @property
    def is_read(self) -> bool:
        return self.operation in (*READS, "GET")

    @property
    def places(self) -> frozenset[str]:
        """What it reads or writes: a place whose name begins another's contains that one."""
        return self.rows or frozenset([self.target])


@dataclass(frozen=True)
class Try:
    """The first try of a call that botocore continues: the call's number, its fault, and DynamoDB's error."""

    number: int
    fault: Fault | None
    error: RequestError | None = None


class Wire:
    """Every outgoing call of one world: counted, failed as planned, and answered by the world's fakes."""

    skips_botocore = True  # in calls of DynamoDB that succeed at once

    def __init__(
        self,
        dynamodb: FakeDynamoDB,
        s3: FakeS3,
        razorpay: FakeRazorpay,
        secrets: Mapping[str, str],
        tick: Callable[[int], None],
    ) -> None:
        self.dynamodb, self.s3, self.razorpay = dynamodb, s3, razorpay
        self.secrets, self.tick = secrets, tick
        self.calls: list[Call] = []
        self.plan: Mapping[int, str] = {}
        self.choose_fault: Callable[[Call], str | None] = lambda call: None
        self.before_call: Callable[[Call], None] = lambda call: None
        self.injected: dict[str, int] = {}
        self._first_try: dict[str, int] = {}
        self._every_write = ""
        self._made = threading.local()  # `first_try` while botocore continues it

    def arm(self, plan: Mapping[int, str]) -> None:
        """Count calls from zero, and inject these faults at these numbers."""
        self.calls, self.plan, self._first_try, self._every_write = [], plan, {}, ""

    def _fault(self, call: Call, number: int, is_retry: bool) -> Fault | None:
        name = self.plan.get(number) or ("" if is_retry else self.choose_fault(call))
        if not name and self._every_write and call.operation in WRITES:
            name = self._every_write
        if not name:
            return None
        fault = FAULTS[name]
        fits = fault.where == call.where and (not fault.operations or call.operation in fault.operations)
        if not fits or (is_retry and not fault.every_try):
            return None
        if fault.every_write:
            self._every_write = name
        self.injected[name] = self.injected.get(name, 0) + 1
        return fault

    # --- AWS

    def call_dynamodb(self, operation: str, parameters: Mapping[str, Any], real: Callable[[], Any]) -> Any:
        """A call of botocore's DynamoDB client; `real` continues in botocore, unless the first try succeeds."""
        sent = json.loads(WRITER.encode(parameters))
        call = self._call(operation, sent)
        self.before_call(call)
        number = len(self.calls)
        self.calls.append(call)
        fault = self._fault(call, number, False)
        first_try = Try(number, fault)
        if fault is None:
            self.tick(CALL_US)
            try:
                return _parsed(self.dynamodb.call(operation, sent))
            except RequestError as error:
                first_try = Try(number, None, error)
        self._made.first_try = first_try
        try:
            return real()
        finally:
            self._made.first_try = None

    @property
    def is_first_try_made(self) -> bool:
        """Whether botocore continues a call whose first try was made without it."""
        return getattr(self._made, "first_try", None) is not None

    def call_aws(self, request: Any) -> AWSResponse:
        """botocore's before-send hook for DynamoDB, Secrets Manager and SQS."""
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        sent = json.loads(request.body)
        first_try: Try | None = getattr(self._made, "first_try", None)
        self._made.first_try = None
        if first_try is not None and first_try.error is not None:
            self._first_try[_invocation(request)] = first_try.number
            return _error(request, first_try.error)
        fault = self._record(self._call(operation, sent), request, first_try)
        if fault is None:
            return self._execute(request, operation, sent)
        reply = None
        if fault.executed:
            reply = self._execute(request, operation, sent, STALE_WRITES if fault.outcome == "stale" else 0)
        match fault.outcome:
            case "throttle":
                return _error(request, _throttled(sent))
            case "conflict":
                return _error(request, _conflict(operation, sent))
            case "error":
                return _response(request, 500, {"__type": "InternalServerError", "message": "Internal error"})
        self._raise_if_lost(request, fault)
        assert reply  # what is neither lost nor an error was executed
        return reply

    def call_s3(self, request: Any) -> AWSResponse:
        """botocore's before-send hook for S3, whose responses are XML and bytes."""
        bucket, key, query = fake_s3.split(request.url)
        operation = self.s3.operation(request.method, key, query)
        fault = self._record(Call(AWS, operation, bucket), request)
        sent = request.body or b""
        body = sent if isinstance(sent, bytes) else sent.read()
        reply = fake_s3.error("InternalError", 500)
        if fault is None or fault.executed:
            reply = self.s3.call(operation, bucket, key, query, body)
        if fault is not None:
            self._raise_if_lost(request, fault)
            if fault.outcome in ("throttle", "error"):
                reply = fake_s3.error("SlowDown" if fault.outcome == "throttle" else "InternalError", 503)
        return _aws_response(request, *reply)

    def _call(self, operation: str, sent: Mapping[str, Any]) -> Call:
        items = sent.get("TransactItems", ())
        tables = sent.get("TableName") or "+".join(
            [*sent.get("RequestItems", ()), *(action["TableName"] for item in items for action in item.values())]
        )
        rows = self.dynamodb.rows_of(operation, sent) if tables else frozenset[str]()
        return Call(AWS, operation, tables or sent.get("SecretId", sent.get("QueueUrl", "")), rows)

    def _record(self, call: Call, request: Any, first_try: Try | None = None) -> Fault | None:
        """Count an AWS call, wait for its turn, and return the fault of this try."""
        invocation = _invocation(request)
        if first_try is not None:
            self._first_try[invocation] = first_try.number
            fault = first_try.fault
        else:
            is_retry = invocation in self._first_try
            if not is_retry:
                self.before_call(call)
                self._first_try[invocation] = len(self.calls)
                self.calls.append(call)
            fault = self._fault(call, self._first_try[invocation], is_retry)
        self.tick(TIMEOUT_US if fault and fault.outcome == "silence" else CALL_US)
        return fault

    @staticmethod
    def _raise_if_lost(request: Any, fault: Fault) -> None:
        """Raise what the SDK sees of a call without a reply, or what kills the process."""
        match fault.outcome:
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=request.url)
            case "silence":
                raise ReadTimeoutError(endpoint_url=request.url)
            case "death":
                raise Killed

    def _execute(self, request: Any, operation: str, sent: dict[str, Any], writes_behind: int = 0) -> AWSResponse:
        if operation == "GetSecretValue":
            return _response(request, 200, {"Name": sent["SecretId"], "SecretString": self.secrets[sent["SecretId"]]})
        if operation == "ReceiveMessage":
            return _response(request, 200, {})  # no upload fails three times
        try:
            return _response(request, 200, self.dynamodb.call(operation, sent, writes_behind))
        except RequestError as error:
            return _error(request, error)

    # --- Razorpay

    def call_razorpay(self, request: requests.PreparedRequest) -> HttpReply:
        """The session's adapter: the stand-in's response instead of the network's."""
        url = urllib.parse.urlsplit(str(request.url))
        call = Call(RAZORPAY, str(request.method), url.path)
        self.before_call(call)
        number = len(self.calls)
        self.calls.append(call)
        fault = self._fault(call, number, False)
        self.tick(TIMEOUT_US if fault and fault.outcome == "silence" else CALL_US)
        query = dict(urllib.parse.parse_qsl(url.query))
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        reply: HttpReply = 200, {}, b""
        if fault is None or fault.executed:
            try:
                reply = self.razorpay.handle(str(request.method), url.path, query, headers, body)
            except ConnectionDropped:
                raise requests.ConnectionError from None
        match fault.outcome if fault else "":
            case "unreachable":
                raise requests.ConnectionError("refused")
            case "silence":
                raise requests.ReadTimeout("no reply")
            case "death":
                raise Killed
            case "error":
                return 500, {}, b'{"error":{"code":"SERVER_ERROR","description":"","metadata":{}}}'
            case "throttle":
                return 429, {}, b'{"error":{"code":"BAD_REQUEST_ERROR","description":"Too many requests"}}'
            case "html":
                return 502, {"Content-Type": "text/html"}, b"<html>502 Bad Gateway</html>"
            case "cut":
                return reply[0], reply[1], reply[2][: len(reply[2]) // 2]
        return reply


class Adapter(HTTPAdapter):
    """The transport of the Razorpay client's session."""

    def __init__(self, reply: Callable[[requests.PreparedRequest], HttpReply]) -> None:
        super().__init__()
        self.reply = reply

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert kwargs.get("timeout"), "a call to Razorpay without a timeout"
        status, headers, body = self.reply(request)
        raw = urllib3.HTTPResponse(BytesIO(body), headers, status, preload_content=False)
        return self.build_response(request, raw)


def _invocation(request: Any) -> str:
    """botocore's id of a call, which its retries share."""
    return str(request.headers.get("amz-sdk-invocation-id"))


def _parsed(response: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's response as botocore returns it. Entries have binary values, at the top level."""
    for name in ("Item", "Attributes"):
        if name in response:
            response[name] = parsed_item(response[name])
    if "Items" in response:
        response["Items"] = [parsed_item(item) for item in response["Items"]]
    for table, items in response.get("Responses", {}).items():
        response["Responses"][table] = [parsed_item(item) for item in items]
    return response


def parsed_item(item: Item) -> Item:
    """An item as botocore returns it."""
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def _response(request: Any, status: int, body: Mapping[str, Any]) -> AWSResponse:
    return _aws_response(request, status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode())


def _aws_response(request: Any, status: int, headers: Mapping[str, str], content: bytes) -> AWSResponse:
    response: Any = AWSResponse(request.url, status, headers, BytesIO(content))  # type: ignore[arg-type]
    response._content = content
    return response  # type: ignore[no-any-return]


def _error(request: Any, error: RequestError) -> AWSResponse:
    return _response(request, 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{error.code}", **error.body})


def _throttled(sent: dict[str, Any]) -> RequestError:
    if "TransactItems" in sent:
        return canceled(["ThrottlingError", *["None"] * (len(sent["TransactItems"]) - 1)])
    return RequestError("ThrottlingException", "Rate exceeded")


def _conflict(operation: str, sent: dict[str, Any]) -> RequestError:
    if operation == "TransactWriteItems":
        return canceled([*["None"] * (len(sent["TransactItems"]) - 1), "TransactionConflict"])
    return RequestError("TransactionConflictException", "Transaction is ongoing for the item")
