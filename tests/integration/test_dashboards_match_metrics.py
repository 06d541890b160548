"""The metrics of dashboards and alarms are those that the functions emit, compared after a run of every scenario.

A widget or alarm on a metric that nothing emits stays empty, and nobody notices. This test fails instead.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import boto3
import jwt
import pytest
import requests

from local.__main__ import OLD_WEBHOOK_SECRET
from shared.images.lifecycle import owner_of
from shared.issuer_keys import PAUSE_WITH_KEY_S, REFRESH_AFTER_S
from tests.support import image_samples
from tests.support.api_client import API, IMAGES, App, at_once
from tests.support.issuer import RSA_KEYS
from tests.support.lambda_events import sample_event
from tests.support.local_stack import LocalStack
from tests.support.monitoring import NAMESPACE, QUERIES, Line, lines_of_alarms, lines_of_dashboards
from tests.support.saved_cards import pay_by_card, start_saving_payment, token_of
from tests.support.staff_client import REASON, Desk

WAIT_S = 10
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def play(app: App, local_stack: LocalStack) -> None:
    """Cause every metric once."""
    app.top_up("500.00")
    failed = app.add_money("20.00", key="k-1")
    app.add_money("20.00", key="k-1")
    assert app.call("POST", "/wallets/add-money/", {"amount": "21.00"}, "k-1").status_code == 409
    app.pay(failed, "fail")
    paid = app.pay(failed)
    assert app.verify(failed, paid | {"razorpay_signature": "0" * 64}).status_code == 400
    assert app.spend("9000.00", "k-2").status_code == 400
    local_stack.control("double_pay", {"order_id": failed["gateway_order_id"]})
    for body in (
        b'{"event":"settlement.processed","payload":{}}',
        b"[",
        b'{"event":"payment.captured","payload":{}}',
        b'{"event":"payment.captured","account_id":"acc_OfAnotherShop","payload":{}}',
    ):
        assert webhook(local_stack, body, local_stack.webhook_secret) == 200
    assert webhook(local_stack, b"[", OLD_WEBHOOK_SECRET) == 200
    assert webhook(local_stack, b"{}", "another secret") == 401
    local_stack.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": "500", "times": 1}])
    assert app.call("POST", "/wallets/add-money/", {"amount": "5.00"}).status_code == 503
    reached = App(local_stack)
    answers = [reached.call("POST", "/wallets/add-money/", {"amount": "1.00"}) for _ in range(11)]
    assert answers[-1].status_code == 429
    local_stack.invoke("ListWallets", sample_event("ListWallets"))  # with the app's version in the log
    local_stack.invoke("ListWallets", {})
    spend_at_once(app)
    pass_wallet_limit(App(local_stack), local_stack)
    play_with_cards(app, local_stack)
    play_with_refunds(app, local_stack)
    be_disputed(App(local_stack), local_stack)
    play_at_the_desk(app, local_stack)
    for function in ("ReconcilePayments", "AuditWallets", "AuditPayments", "SweepImages", "CompressImage"):
        local_stack.invoke(function, sample_event(function))
    photos(app, local_stack)
    play_with_tokens(app, local_stack)
    for groups, status in ((["support"], 200), ([], 403)):
        headers = {"Authorization": f"Bearer {local_stack.staff_token(*groups)}"}
        assert requests.get(f"{local_stack.api}/api/staff/search/", headers=headers, timeout=20).status_code == status


def pass_wallet_limit(app: App, local_stack: LocalStack) -> None:
    """Pay a top-up half an hour late, when another one has filled the wallet."""
    late = app.call("POST", "/wallets/add-money/", {"amount": "150000.00"}).json()
    local_stack.clock(1_801)
    app.top_up("150000.00")
    app.verify(late, app.pay(late))


def play_with_refunds(app: App, local_stack: LocalStack) -> None:
    """Refund twice with one key, without Razorpay's answer, and when the dashboard was faster; one comes back."""
    payment = app.top_up("100.00")
    headers = {"Authorization": f"Bearer {local_stack.staff_token('support')}"}

    def refund(key: str) -> str:
        url = f"{local_stack.api}/api/staff/payments/{payment['id']}/refunds/"
        body = {"amount": "10.00", "reason": "Order cancelled"}
        response = requests.post(url, json=body, headers=headers | {"Idempotency-Key": key}, timeout=20)
        assert response.status_code == 201, response.text
        return str(response.json()["status"])

    assert refund("f-1") == refund("f-1") == "processed"
    local_stack.control("hold", {"hold": True})
    local_stack.control("faults", [{"method": "POST", "path": "/v1/payments/", "fault": "drop", "times": 1}])
    assert refund("f-2") == "sending"
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id})
    assert refund("f-3") == "failed"
    returned = list(local_stack.control("state", {})["refunds"])[-1]
    local_stack.control("refund_status", {"refund_id": returned, "status": "failed"})
    local_stack.control("deliver", {})
    local_stack.control("hold", {"hold": False})


def be_disputed(app: App, local_stack: LocalStack) -> None:
    attempt_id = app.get(f"/payments/{app.top_up()['id']}/")["gateway_payment_id"]
    local_stack.control("hold", {"hold": True})
    local_stack.control("dispute", {"payment_id": attempt_id})
    local_stack.control("deliver", {})
    local_stack.control("hold", {"hold": False})


def play_at_the_desk(app: App, local_stack: LocalStack) -> None:
    """Unblock a wallet, adjust it with two people, end a review, and release a claim on a phone number."""
    desk, wallet = Desk(local_stack, "support", "finance"), app.get("/wallets/")["results"][0]["id"]
    why = {"reason": REASON}
    assert desk.call("POST", f"/wallets/{wallet}/unblock/", why).status_code == 200
    adjustment = {"amount": "1.00", "type": "credit", **why}
    made = [desk.call("POST", f"/wallets/{wallet}/adjustments/", adjustment, "adjust-1") for _ in range(2)]
    approver = Desk(local_stack, "approver", sub="5afa0000-0000-4000-8000-0000000000ee")
    decided = approver.call("POST", f"/proposals/{made[1].json()['id']}/approve/", why)
    assert decided.json()["status"] == "done", decided.text
    review = desk.get("/reviews/")["results"][0]
    for action in ({"action": "assign", "assignee": "sunil"}, {"action": "dismiss"}):
        ended = desk.call("POST", f"/reviews/{review['id']}/resolve/", action | why)
        assert ended.status_code == 200, ended.text
    paid = app.top_up("50.00")
    local_stack.control("balance", {"paise": 0})
    waiting = desk.refund(paid, "10.00").json()
    cancelled = desk.call("POST", f"/payments/{paid['id']}/refunds/{waiting['id']}/cancel/", why)
    assert cancelled.status_code == 200, cancelled.text
    local_stack.control("balance", {"paise": None})
    assert desk.call("POST", "/uploads/replay/", why).status_code == 200
    replayed = desk.call("POST", f"/webhooks/{store_webhook(local_stack)}/replay/", why)
    assert replayed.status_code == 200, replayed.text
    claimant = App(local_stack)
    start_saving_payment(claimant)
    released = desk.call("POST", f"/customers/{claimant.customer['id']}/release/", why)
    assert released.status_code == 200, released.text


def store_webhook(local_stack: LocalStack) -> str:
    """A stored webhook that an older version could not use, and this one can; its id."""
    body = b'{"event":"settlement.processed","payload":{}}'
    webhook_id = hashlib.sha256(body).hexdigest()
    texts = {"id": webhook_id, "open": "1", "signature": "", "event_id": "", "problem": "an older version"}
    times = {"received_at_us": str(time.time_ns() // 1_000), "expires_at_s": str(int(time.time()) + 3_600)}
    row = {name: {"S": text} for name, text in texts.items()} | {name: {"N": at} for name, at in times.items()}
    client = boto3.client("dynamodb", endpoint_url=local_stack.s3, region_name="ap-south-1", **KEYS)
    client.put_item(TableName="UnusableWebhooksTable", Item=row | {"body": {"B": body}})
    return webhook_id


def play_with_tokens(app: App, local_stack: LocalStack) -> None:
    """Use the app while the issuer's keys cannot be fetched, with a known key, an unknown one and garbage."""
    local_stack.fail_issuer(True)
    try:
        local_stack.clock(REFRESH_AFTER_S + 1)
        unknown = jwt.encode({}, RSA_KEYS[0], "RS256", headers={"kid": "unknown"})
        for token, status in ((app.customer["token"], 200), (unknown, 503), ("garbage", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            response = requests.get(f"{local_stack.api}{API}/wallets/", headers=headers, timeout=20)
            assert response.status_code == status
    finally:
        local_stack.fail_issuer(False)
        local_stack.clock(PAUSE_WITH_KEY_S + 1)  # the next caller fetches the keys


def photos(app: App, local_stack: LocalStack) -> None:
    assert app.upload_photo(b"no picture")["status"] == "rejected"
    photo = app.upload_photo(image_samples.encode(image_samples.photo(64, 48), "JPEG"))
    duplicate = sample_event("CompressImage")
    duplicate["Records"][0]["s3"]["object"]["key"] = f"in/{owner_of(app.customer['id'])}/{photo['id']}"
    local_stack.invoke("CompressImage", duplicate)
    local_stack.invoke("CompressImage", {"Event": "s3:TestEvent"})
    upload = app.create_upload()
    local_stack.fail_s3("ListObjectVersions")
    try:
        app.send(upload, b"a photo that S3 fails to return")
        while '"UploadRetried"' not in local_stack.log_text():
            time.sleep(0.1)
    finally:
        local_stack.fail_s3()
    app.wait_for_photo(upload["id"])
    assert app.call("DELETE", f"{IMAGES}{photo['id']}/").status_code == 204


def play_with_cards(app: App, local_stack: LocalStack) -> None:
    """Save a card, report it for another customer, suspend it and delete it; each call to Razorpay fails once."""

    def fail_once(method: str) -> None:
        local_stack.control("faults", [{"method": method, "path": "/v1/customers", "fault": "500", "times": 1}])

    local_stack.control("hold", {"hold": True})
    payment = start_saving_payment(app)
    paid = pay_by_card(app, payment)
    fail_once("GET")
    assert app.verify(payment, paid).json()["save_method"]["status"] == "pending"
    method = app.verify(payment, paid).json()["save_method"]["payment_method"]
    token = token_of(app, {"id": method})
    other_customer = start_saving_payment(App(local_stack))["checkout"]["customer_id"]
    entity = local_stack.control("state", {})["tokens"][token] | {"customer_id": other_customer}
    local_stack.control("event", {"body": {"event": "token.activated", "payload": {"token": {"entity": entity}}}})
    local_stack.control("deliver", {})
    local_stack.control("token", {"token_id": token, "status": "suspended"})
    fail_once("GET")
    local_stack.control("deliver", {})
    fail_once("DELETE")
    assert app.call("DELETE", f"/payment-methods/{method}/").status_code == 204
    local_stack.control("hold", {"hold": False})


def webhook(local_stack: LocalStack, body: bytes, secret: str) -> int:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Razorpay-Signature": signature}
    url = f"{local_stack.api}{API}/webhooks/razorpay/"
    return requests.post(url, data=body, headers=headers, timeout=20).status_code


def spend_at_once(app: App) -> None:
    """Spend from five phones at once, so that a transaction conflicts and is retried."""
    phones = [app.another_phone() for _ in range(5)]

    def spend(phone: App, key: str) -> Any:
        return lambda: phone.spend("1.00", key)

    for number in range(20):
        at_once([spend(phone, f"r-{number}-{index}") for index, phone in enumerate(phones)])
        if "TransactionRetried" in app.stack.log_text():
            return


def emitted(local_stack: LocalStack) -> Iterator[tuple[str, str, frozenset[str]]]:
    """The namespace, name and dimensions of every metric in the log so far."""
    for line in local_stack.log_text().splitlines():
        if '"_aws"' in line:
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
                for dimensions in directive["Dimensions"]:
                    for metric in directive["Metrics"]:
                        yield directive["Namespace"], metric["Name"], frozenset(dimensions)


def displayed_or_alarmed() -> set[tuple[str, str, frozenset[str]]]:
    lines: list[Line] = [*lines_of_dashboards(), *lines_of_alarms()]
    return {(line.namespace, line.name, line.dimensions) for line in lines if line.namespace == NAMESPACE}


@pytest.fixture(scope="module")
def metrics(local_stack: LocalStack) -> set[tuple[str, str, frozenset[str]]]:
    play(App(local_stack), local_stack)
    deadline = time.monotonic() + WAIT_S  # a thread reads the log, and webhooks arrive asynchronously
    while not displayed_or_alarmed() <= set(emitted(local_stack)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return set(emitted(local_stack))


def test_displayed_and_alarmed_metrics_are_emitted(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    assert displayed_or_alarmed() - metrics == set()


def test_emitted_metrics_are_on_a_dashboard(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    displayed = {(line.namespace, line.name, line.dimensions) for line in lines_of_dashboards()}
    assert metrics - displayed == set()


def test_service_is_the_only_dimension(metrics: set[tuple[str, str, frozenset[str]]]) -> None:
    """Each combination of dimensions is billed as a metric of its own."""
    assert {dimensions for _, _, dimensions in metrics} == {frozenset({"service"})}


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("name", QUERIES)
def test_saved_query_uses_fields_of_the_log(name: str, local_stack: LocalStack) -> None:
    fields = {"type", "record"}  # of the lines that Lambda writes
    for line in local_stack.log_text().splitlines():
        if line.startswith('{"level"'):
            fields |= set(json.loads(line))
    text = re.sub(r'"[^"]*"', "", QUERIES[name]["QueryString"])
    names = set(re.findall(r"(?<![@\w.])[A-Za-z_]{2,}", text))
    keywords = "fields filter sort stats count pct max by desc as and or like ispresent message level"
    aliases = set(re.findall(r"\bas (\w+)", text))
    assert names - fields - set(keywords.split()) - aliases == set()
