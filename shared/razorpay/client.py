"""Calls to Razorpay through its SDK, made safe for money.

The SDK has no timeout, trusts root certificates of 2015, loses the status of an error and prints to stdout. The
session below adds timeouts, certifi's roots, no redirects, a limit on the response size, and raises RazorpayRejected
before the SDK sees an error. A call has three outcomes: a response, `RazorpayRejected` (Razorpay decided against it),
or `ServiceUnavailable` (unknown: ask again).
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared import private_names
from shared.aws.session import ROOTS
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.razorpay import credentials
from shared.razorpay.entities import ID
from shared.settings import settings
from shared.telemetry import journal

if TYPE_CHECKING:
    from requests import Response

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 5.0
RESPONSE_BYTES_MAX = 256 * 1024
REJECTIONS = (400, 404, 422)  # Razorpay's own refusals; every other status leaves the outcome open
ANSWERS = ("200", *map(str, REJECTIONS))  # no error of Razorpay's
NO_SUCH_ID = "The id provided does not exist"
TOO_POOR, TOO_POOR_IN_SHORT = "does not have enough balance", "invalid request sent"
RECEIPT_TAKEN = "Order receipt should be unique"


class RazorpayRejected(Exception):
    """Razorpay refused: `status`, and its `reason` and `description` as it gave them."""

    def __init__(self, status: int, reason: str, description: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason, self.description = status, reason, description

    @property
    def is_unknown_id(self) -> bool:
        """Whether the object does not exist, rather than the request not being allowed."""
        return self.description.startswith(NO_SUCH_ID)

    @property
    def is_account_too_poor(self) -> bool:
        """Whether the merchant's balance at Razorpay is too low for a refund."""
        return TOO_POOR in self.description or self.description.lower() == TOO_POOR_IN_SHORT

    @property
    def is_receipt_taken(self) -> bool:
        """Whether an earlier order has the receipt, on an account where receipts are unique."""
        return self.description.startswith(RECEIPT_TAKEN)


class ResponseTooLarge(ServiceUnavailable):
    """Razorpay answered with more than the call allows; it would do so again."""


def call(ask: Callable[[Any], Any]) -> dict[str, Any]:
    """The response to one call of the SDK's client: `call(lambda client: client.order.fetch(order_id))`.

    A call may allow a larger response: `client.order.payments(order_id, bytes_max=...)`.
    """
    import requests
    import urllib3

    client = _client(*credentials.key_pair(), settings().razorpay_base_url.rstrip("/"))
    try:
        response = ask(client)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise ServiceUnavailable(is_silence=True) from error
    if not isinstance(response, dict):
        raise ServiceUnavailable
    return response


@lru_cache(maxsize=2)
def _client(key_id: str, key_secret: str, base_url: str) -> Any:
    import certifi
    import requests
    from razorpay import client as sdk

    class Session(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
            kwargs["timeout"] = Deadline.current().timeouts(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
            kwargs["allow_redirects"] = False
            kwargs["stream"] = True
            bytes_max = kwargs.pop("bytes_max", RESPONSE_BYTES_MAX)
            started_ns, outcome = time.monotonic_ns(), "no response"
            try:
                response = super().request(method, url, *args, **kwargs)
                outcome = str(response.status_code)
                return _checked(response, bytes_max, read_s=kwargs["timeout"][1])
            finally:
                duration_ms = (time.monotonic_ns() - started_ns) // 1_000_000
                _record(f"{method} {ID.sub('{id}', urlsplit(url).path)}", outcome, duration_ms)

    session = Session()
    session.trust_env = False  # no proxy, no .netrc
    # The SDK prints when a call fails. To redirect sys.stdout meanwhile would redirect other threads' log lines too.
    vars(sdk)["print"] = lambda *args, **kwargs: None
    client = sdk.Client(session=session, auth=(key_id, key_secret), base_url=base_url)
    client.cert_path = str(ROOTS) if ROOTS.exists() else certifi.where()
    private_names.fix_version(client)
    return client


def _record(request: str, outcome: str, duration_ms: int) -> None:
    journal.count("GatewayCalls")
    journal.count("GatewayMilliseconds", duration_ms)
    if outcome not in ANSWERS:
        journal.count("GatewayErrors")
    journal.breadcrumb(f"razorpay {request}: {outcome} in {duration_ms} ms")


def _read(response: "Response", bytes_max: int, read_s: float) -> bytes:
    """The body up to this size. The timeout holds for all of it: a socket's own begins again with every byte."""
    import requests

    body, ends_s = b"", time.monotonic() + read_s
    while len(body) < bytes_max and (part := response.raw.read1(bytes_max - len(body), decode_content=True)):
        body += part
        if time.monotonic() > ends_s:
            raise requests.ReadTimeout
    return body


def _checked(response: "Response", bytes_max: int, read_s: float) -> "Response":
    """The response with its body read up to the limit; raises for every status but 200."""
    body = _read(response, bytes_max + 1, read_s)
    private_names.set_body(response, body)
    response.raw.release_conn()
    if len(body) > bytes_max:
        raise ResponseTooLarge
    try:
        answer = json.loads(body)
    except ValueError:
        raise ServiceUnavailable(is_silence=True) from None
    if response.status_code == 200:
        return response
    if response.status_code not in REJECTIONS:
        raise ServiceUnavailable(is_silence=True)
    error = answer.get("error") if isinstance(answer, dict) else None
    error = error if isinstance(error, dict) else {}
    raise RazorpayRejected(response.status_code, str(error.get("reason") or ""), str(error.get("description") or ""))
