"""Events about saved cards, over HTTP: a method's status follows its token at Razorpay."""

from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tests.support.saved_cards import (
    change_token,
    list_methods,
    pay_and_verify,
    pay_by_card,
    payment_body,
    reconcile,
    save_card,
    start_saving_payment,
    token_of,
    tokens_of,
)

STATES = ["suspended", "activated", "deactivated", "failed", "cancelled"]


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("family", ["service_provider", "token"])
@pytest.mark.parametrize("state", STATES)
def test_method_status_follows_token_events(state: str, family: str, app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    deliveries = change_token(local_stack, token_of(app, method), state, family=family)
    assert deliveries[-1]["status"] == 200
    (current,) = list_methods(app)
    assert current["status"] == {"activated": "active"}.get(state, state)
    assert current | {"status": "", "updated_at": ""} == method | {"status": "", "updated_at": ""}


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("order", ["reverse", "shuffle"])
def test_repeated_token_events_end_in_the_last_status(order: str, app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    token = token_of(app, method)
    for state in ("suspended", "activated", "suspended"):
        local_stack.control("token", {"token_id": token, "status": state})
    local_stack.control("deliver", {"times": 2, "order": order})
    assert list_methods(app)[0]["status"] == "suspended"


@pytest.mark.usefixtures("held")
def test_token_event_before_its_method_is_not_lost(app: App, local_stack: LocalStack) -> None:
    payment = start_saving_payment(app)
    paid = pay_by_card(app, payment, activation="later")
    token = list(local_stack.control("state", {})["tokens"])[-1]
    held_back = local_stack.control("state", {})["held"]
    local_stack.control("token", {"token_id": token, "status": "activated"})
    activated = local_stack.control("state", {})["held"][len(held_back)]
    assert local_stack.control("deliver", {"event_id": activated["event_id"]})[0]["status"] == 200
    assert list_methods(app) == []
    app.verify(payment, paid)
    assert list_methods(app)[0]["status"] == "active"


@pytest.mark.usefixtures("held")
def test_reconciler_finds_an_unreported_activation(app: App, local_stack: LocalStack) -> None:
    method = save_card(app, activation="later")
    assert method["status"] == "initiated"
    declined = app.call("POST", "/payments/", payment_body(payment_method=method["id"]))
    assert declined.status_code == 400
    (token,) = tokens_of(app, local_stack)
    change_token(local_stack, token, "activated", family="token")
    local_stack.control("deliver", {"drop": True})
    reconcile(local_stack)
    assert list_methods(app)[0]["status"] == "active"


@pytest.mark.usefixtures("held")
def test_failed_token_event_is_finished_by_the_reconciler(app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    token = token_of(app, method)
    local_stack.control("deliver", {"drop": True})
    local_stack.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "500"}])
    assert change_token(local_stack, token, "suspended")[0]["status"] == 200
    assert list_methods(app)[0]["status"] == "active"
    reconcile(local_stack, 1)
    assert list_methods(app)[0]["status"] == "suspended"


@pytest.mark.usefixtures("held")
def test_token_event_of_another_customer_changes_nothing(app: App, local_stack: LocalStack) -> None:
    other = App(local_stack)
    method, other_customer_id = save_card(app), start_saving_payment(other)["checkout"]["customer_id"]
    token = token_of(app, method)
    entity = local_stack.control("state", {})["tokens"][token] | {
        "customer_id": other_customer_id,
        "status": "suspended",
    }
    body = {"entity": "event", "event": "token.service_provider.cancelled", "payload": {"token": {"entity": entity}}}
    sent = local_stack.control("event", {"body": body})
    assert local_stack.control("deliver", {"event_id": sent["event_id"]})[0]["status"] == 200
    assert list_methods(app) == [method] and list_methods(other) == []


@pytest.mark.usefixtures("held")
def test_token_of_another_customer_is_reviewed(app: App, local_stack: LocalStack) -> None:
    """The payment is captured all the same."""
    other = App(local_stack)
    other_customer_id = start_saving_payment(other)["checkout"]["customer_id"]
    payment = start_saving_payment(app)
    done = pay_and_verify(app, payment, customer_id=other_customer_id)
    assert (done["status"], done["save_method"]["status"], done["in_review"]) == ("captured", "not_saved", True)
    assert list_methods(app) == list_methods(other) == []


@pytest.mark.parametrize(
    "body",
    [
        {"event": "token.initiated", "payload": {}},
        {"event": "token.initiated", "payload": {"token": {"entity": []}}},
        {"event": "token.service_provider.activated", "payload": {"token": {"entity": {"id": "token_x/../orders"}}}},
        {"event": {"name": "token.service_provider.failed"}},
        {"event": {"name": "token.service_provider.failed", "payload": []}},
        {
            "event": "token.confirmed",
            "payload": {"token": {"entity": {"id": "token_FHfn3rIiM1Z8nr", "method": "upi"}}},
        },
        {"event": "refund.speed_changed", "payload": {"created_at": 1}},
        {"event": "payment.downtime.started", "payload": {"payment.downtime": {"entity": {}}}},
    ],
)
@pytest.mark.usefixtures("held")
def test_irregular_envelope_is_acknowledged(body: dict[str, Any], local_stack: LocalStack) -> None:
    sent = local_stack.control("event", {"body": body})
    assert local_stack.control("deliver", {"event_id": sent["event_id"]})[0]["status"] == 200
