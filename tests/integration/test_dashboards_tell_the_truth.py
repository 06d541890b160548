"""What the dashboards and alarms look at is what the functions emit: the scenarios are played and their metrics read.

A widget or an alarm that names a metric which nothing emits stays empty for ever, and nobody notices: here it fails.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shared import images
from tests import pictures
from tests.app import API, IMAGES, App, at_once
from tests.conftest import Bundle
from tests.integration.test_events import event
from tests.integration.test_saved_cards import pay_by_card, start, token_of
from tests.monitoring import NAMESPACE, QUERIES, Line, lines_of_alarms, lines_of_dashboards

WAIT_S = 10


def play(app: App, bundle: Bundle) -> None:
    """Everything that is counted, once."""
    app.topped_up("500.00")
    failed = app.add_money("20.00", key="k-1")
    app.add_money("20.00", key="k-1")
    assert app.call("POST", "/wallets/add-money/", {"amount": "21.00"}, "k-1").status_code == 409
    app.pay(failed, "fail")
    paid = app.pay(failed)
    assert app.verify(failed, paid | {"razorpay_signature": "0" * 64}).status_code == 400
    assert app.spend("9000.00", "k-2").status_code == 400
    bundle.control("double_pay", {"order_id": failed["gateway_order_id"]})
    for body in (
        b'{"event":"settlement.processed","payload":{}}',
        b"[",
        b'{"event":"payment.captured","payload":{}}',
    ):
        assert webhook(bundle, body, bundle.webhook_secret) == 200
    assert webhook(bundle, b"{}", "another secret") == 401
    bundle.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": "500", "times": 1}])
    assert app.call("POST", "/wallets/add-money/", {"amount": "5.00"}).status_code == 503
    bundle.invoke("ListWallets", event("ListWallets"))  # with the app's version
    bundle.invoke("ListWallets", {})
    spend_at_once(app)
    play_with_cards(app, bundle)
    for function in ("ReconcilePayments", "AuditWallets", "AuditPayments", "SweepImages", "CompressImage"):
        bundle.invoke(function, event(function))
    photos(app, bundle)


def photos(app: App, bundle: Bundle) -> None:
    assert app.uploaded(b"no picture")["status"] == "rejected"
    shown = app.uploaded(pictures.encode(pictures.photo(64, 48), "JPEG"))
    told = event("CompressImage")
    told["Records"][0]["s3"]["object"]["key"] = f"in/{images.owner_of(app.customer['id'])}/{shown['id']}"
    bundle.invoke("CompressImage", told)  # known by now
    bundle.invoke("CompressImage", {"Event": "s3:TestEvent"})
    waiting = app.photo_ticket()
    bundle.fail_s3("ListObjectVersions")
    try:
        app.send(waiting, b"a photo that S3 does not give")
        while '"UploadPutOff"' not in bundle.log_text():
            time.sleep(0.1)
    finally:
        bundle.fail_s3()
    app.followed(waiting["id"])
    assert app.call("DELETE", f"{IMAGES}{shown['id']}/").status_code == 204


def play_with_cards(app: App, bundle: Bundle) -> None:
    """A card saved at the second try, told of under another's name, suspended at the second try, and so deleted."""

    def broken(method: str) -> None:
        bundle.control("faults", [{"method": method, "path": "/v1/customers", "fault": "500", "times": 1}])

    bundle.control("hold", {"hold": True})
    payment = start(app)
    paid = pay_by_card(app, payment)
    broken("GET")
    assert app.verify(payment, paid).json()["save_method"]["status"] == "pending"
    method = app.verify(payment, paid).json()["save_method"]["payment_method"]
    token = token_of(app, {"id": method})
    theirs = start(App(bundle))["checkout"]["customer_id"]
    entity = bundle.control("state", {})["tokens"][token] | {"customer_id": theirs}
    bundle.control("event", {"body": {"event": "token.activated", "payload": {"token": {"entity": entity}}}})
    bundle.control("deliver", {})
    bundle.control("token", {"token_id": token, "status": "suspended"})
    broken("GET")
    bundle.control("deliver", {})
    broken("DELETE")
    assert app.call("DELETE", f"/payment-methods/{method}/").status_code == 204
    bundle.control("hold", {"hold": False})


def webhook(bundle: Bundle, body: bytes, secret: str) -> int:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Razorpay-Signature": signature}
    url = f"{bundle.api}{API}/webhooks/razorpay/"
    return requests.post(url, data=body, headers=headers, timeout=20).status_code


def spend_at_once(app: App) -> None:
    """Five phones spend at the same time, so that some transaction has to be tried again."""
    phones = [app.another_phone() for _ in range(5)]

    def spend(phone: App, key: str) -> Any:
        return lambda: phone.spend("1.00", key)

    for number in range(20):
        at_once([spend(phone, f"r-{number}-{place}") for place, phone in enumerate(phones)])
        if "TransactionRetried" in app.bundle.log_text():
            return


def emitted(bundle: Bundle) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Namespace, name and dimensions of every metric in the log so far."""
    for line in bundle.log_text().splitlines():
        if '"_aws"' in line:
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
                for dimensions in directive["Dimensions"]:
                    for metric in directive["Metrics"]:
                        yield directive["Namespace"], metric["Name"], frozenset(dimensions)


def wanted() -> set[tuple[str, str, frozenset[str]]]:
    lines: list[Line] = [*lines_of_dashboards(), *lines_of_alarms()]
    return {(line.namespace, line.name, line.dimensions) for line in lines if line.namespace == NAMESPACE}


@pytest.fixture(scope="module")
def metrics(bundle: Bundle) -> set[tuple[str, str, frozenset[str]]]:
    play(App(bundle), bundle)
    deadline = time.monotonic() + WAIT_S  # the log is read by a thread, the webhooks come by themselves
    while not wanted() <= set(emitted(bundle)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return set(emitted(bundle))


def test_nothing_that_is_looked_at_stays_empty(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    assert wanted() - metrics == set()


def test_nothing_is_emitted_that_nobody_looks_at(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    shown = {(line.namespace, line.name, line.dimensions) for line in lines_of_dashboards()}
    assert metrics - shown == set()


def test_every_metric_has_the_one_dimension_that_does_not_grow(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    assert {dimensions for _, _, dimensions in metrics} == {frozenset({"service"})}


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_asks_for_what_the_log_has(name: str, bundle: Bundle) -> None:
    fields: set[str] = set()
    for line in bundle.log_text().splitlines():
        if line.startswith('{"level"'):
            fields |= set(json.loads(line))
    text = re.sub(r'"[^"]*"', "", QUERIES[name]["QueryString"])
    asked = set(re.findall(r"(?<![@\w.])[A-Za-z_]{2,}", text))
    words = "fields filter sort stats count pct max by desc as and or like ispresent message calls most starts level"
    made = set(re.findall(r"\bas (\w+)", text))
    assert asked - fields - set(words.split()) - made == set()
