"""One customer floods every kind of start: what is beyond the limits is a 429, and the others are all answered.

With `-s` it prints how long the others waited, for the documents. The times are no test: they are the machine's.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from tests.support.api_client import UPLOAD, App, at_once
from tests.support.local_stack import LocalStack

PHONES = 3  # connections of the customer who floods
OTHERS = 3  # customers who use the app meanwhile


@dataclass(frozen=True)
class Start:
    """A kind of start: how often it is tried, how many of them are allowed, and the code of the refusals."""

    path: str
    body: Mapping[str, Any]
    tries: int
    allowed: int
    code: str


# Top-ups and payments share one limit, which the top-ups have used up.
STARTS = (
    Start("/wallets/add-money/", {"amount": "1.00"}, 20, 10, "open_payments"),
    Start("/payments/", {"amount": "1.00", "source": "gateway"}, 15, 0, "open_payments"),
    Start(UPLOAD, {"content_type": "image/jpeg"}, 60, 50, "throttled"),
)


def flood(app: App) -> list[tuple[Start, requests.Response]]:
    """Every kind of start, one kind after the other, from several connections at once."""
    phones = [app.another_phone() for _ in range(PHONES)]
    responses = []
    for start in STARTS:
        tries = [partial(_try, phones[number % PHONES], start) for number in range(start.tries)]
        shares = [partial(lambda share: [attempt() for attempt in share], tries[n::PHONES]) for n in range(PHONES)]
        responses += [(start, response) for share in at_once(shares) for response in share]
    return responses


def _try(phone: App, start: Start) -> requests.Response:
    return phone.call("POST", start.path, dict(start.body))


def use(app: App, is_over: Callable[[], bool]) -> list[float]:
    """Use the app as its customers do, once at least; returns how long each request took, in ms."""
    durations_ms: list[float] = []

    def timed(call: Callable[..., Any], *arguments: Any) -> Any:
        began_s = time.monotonic()
        answer = call(*arguments)
        durations_ms.append((time.monotonic() - began_s) * 1_000)
        return answer

    for number in range(1_000):
        if number and is_over():
            break
        payment = timed(app.add_money, "100.00")
        paid = app.pay(payment)
        assert timed(app.verify, payment, paid).status_code == 200
        assert timed(app.spend, "40.00", f"spend-{number}").status_code == 201
        assert timed(app.create_upload)["upload"]
        for path in ("/wallets/", "/wallets/transactions/", "/payments/", "/payment-methods/"):
            timed(app.get, path)
    return durations_ms


def test_flood_of_one_customer_leaves_the_others_served(app: App, local_stack: LocalStack) -> None:
    orders_before = len(local_stack.control("state", {})["orders"])
    others = [App(local_stack) for _ in range(OTHERS)]
    with ThreadPoolExecutor(OTHERS + 1) as threads:
        flooding = threads.submit(flood, app)
        using = [threads.submit(use, other, flooding.done) for other in others]
        responses, durations_ms = flooding.result(), [ms for future in using for ms in future.result()]

    answers = Counter((start.path, response.status_code) for start, response in responses)
    for start in STARTS:
        assert answers[start.path, 201] == start.allowed, answers
        assert answers[start.path, 429] == start.tries - start.allowed, answers
    for start, response in responses:
        if response.status_code == 429:
            assert response.headers["X-Error-Code"] == start.code and int(response.headers["Retry-After"]) >= 1
    # What is refused does not reach Razorpay: its limit is the whole account's.
    orders = len(local_stack.control("state", {})["orders"]) - orders_before
    journeys = len(durations_ms) // 8
    assert orders == 10 + journeys
    assert all(other.balance != "0.00" for other in others)

    percentile = statistics.quantiles(durations_ms, n=100)[98]
    refused = sum(response.status_code == 429 for _, response in responses)
    print(
        f"\n{refused} of {len(responses)} starts of one customer were refused; of {len(durations_ms)} requests of the"
        f" others the median took {statistics.median(durations_ms):.0f} ms, the 99th percentile {percentile:.0f} ms"
    )
