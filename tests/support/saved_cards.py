"""Steps of the tests about saved cards, over HTTP."""

from typing import Any

from tests.support.api_client import App
from tests.support.local_stack import LocalStack

MASTERCARD = {"last4": "1002", "network": "MasterCard", "type": "debit", "issuer": "ICIC"}
QUICK_FAULTS = ("refuse", "drop", "500", "502_html", "429")


def payment_body(**values: Any) -> dict[str, Any]:
    return {"amount": "250.00", "source": "gateway"} | values


def start_saving_payment(app: App, contact: str | None = None, key: str | None = None) -> dict[str, Any]:
    """Start a payment whose card is to be saved, by the customer's own number."""
    return dict(app.post("/payments/", payment_body(save_method=True, contact=contact or app.phone), key))


def pay_by_card(app: App, payment: dict[str, Any], outcome: str = "success", **choice: Any) -> dict[str, str]:
    return app.pay(payment, outcome, "card", **({"save": True} | choice))


def pay_and_verify(app: App, payment: dict[str, Any], **choice: Any) -> dict[str, Any]:
    """Pay by card and verify; returns the payment."""
    response = app.verify(payment, pay_by_card(app, payment, **choice))
    assert response.status_code == 200, response.text
    return dict(response.json())


def save_card(app: App, **choice: Any) -> dict[str, Any]:
    """Save a card by paying with it; returns its method."""
    save_method = pay_and_verify(app, start_saving_payment(app), **choice)["save_method"]
    assert save_method["status"] == "saved"
    return dict(app.get(f"/payment-methods/{save_method['payment_method']}/"))


def list_methods(app: App) -> list[dict[str, Any]]:
    return list(app.get("/payment-methods/")["results"])


def save_status(app: App, payment: dict[str, Any]) -> str:
    return str(app.get(f"/payments/{payment['id']}/")["save_method"]["status"])


def token_of(app: App, method: dict[str, Any]) -> str:
    """The card's token, from checkout, the only place where the app gets it."""
    return str(app.post("/payments/", payment_body(payment_method=method["id"]))["checkout"]["token"])


def tokens_of(app: App, stack: LocalStack) -> list[str]:
    """All tokens of the app's customer at Razorpay."""
    customer_id = start_saving_payment(app)["checkout"]["customer_id"]
    tokens = stack.control("state", {})["tokens"].values()
    return [token["id"] for token in tokens if token["customer_id"] == customer_id]


def change_token(stack: LocalStack, token: str, status: str, **more: Any) -> list[dict[str, Any]]:
    """Change a token's status at Razorpay and deliver the held events; returns the deliveries."""
    stack.control("token", {"token_id": token, "status": status, **more})
    return list(stack.control("deliver", {}))


def reconcile(stack: LocalStack, forward_s: int = 61) -> None:
    stack.clock(forward_s)
    stack.invoke("ReconcilePayments")
