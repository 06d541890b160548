"""The rules' own ground: tables in moto (one thread at a time), a gateway that answers what the test says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws
from pynamodb.models import Model

from shared import bucket, gateway, models, settings, store
from shared.gateway import GatewayPayment

ENVIRONMENT = {
    "PAYMENT_METHODS_TABLE": "methods",
    "WALLET_ENTRIES_TABLE": "entries",
    "PAYMENTS_TABLE": "payments",
    "REFUNDS_TABLE": "refunds",
    "IMAGES_TABLE": "images",
    "UPLOADS_BUCKET": "uploads",
    "IMAGES_BUCKET": "images",
    "UPLOAD_SIZE_BYTES_MAX": "1000000",
    "IMAGE_FORMATS": "jpeg,avif",
    "RAZORPAY_BASE_URL": "http://127.0.0.1:9",
    "RAZORPAY_KEY_SECRET_NAME": "gateway-key",
    "WEBHOOK_SECRETS_NAME": "webhook-secrets",
    "WALLET_BALANCE_PAISE_MAX": "20000000",
    "STORE_CARD_EXPIRY": "true",
    "MERCHANT_NAME": "Garment Care",
    "AWS_DEFAULT_REGION": "ap-south-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


@contextmanager
def memory(monkeypatch: pytest.MonkeyPatch, *made: type[Model]) -> Iterator[None]:
    """AWS in memory, with these models' tables and a settings object made anew."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    caches = (settings.settings, store._bind, store._connection)
    with mock_aws():
        for cached in caches:
            cached.cache_clear()
        store._bind()
        for model in made:
            model._connection = None
            model.create_table(billing_mode="PAY_PER_REQUEST")
        yield
        for model in made:
            model._connection = None
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with memory(monkeypatch, models.PaymentMethod, models.Entry, models.Payment, models.Refund):
        yield


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The photos' table and buckets; what comes is a client that may see everything in them."""
    with memory(monkeypatch, models.Image):
        bucket.client.cache_clear()
        s3 = bucket.client()
        for name in (ENVIRONMENT["UPLOADS_BUCKET"], ENVIRONMENT["IMAGES_BUCKET"]):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        versioned = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=ENVIRONMENT["UPLOADS_BUCKET"], VersioningConfiguration=versioned)
        yield s3
    bucket.client.cache_clear()


class Gateway:
    """What the gateway would answer: orders are numbered, payments are those that the test put there."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.payments: dict[str, GatewayPayment] = {}

    def create_order(self, amount_paise: int, receipt: str, notes: dict[str, str]) -> str:
        order_id = f"order_{len(self.orders) + 1:014d}"
        self.orders.append({"id": order_id, "amount": amount_paise, "receipt": receipt, "notes": notes})
        return order_id

    def order(self, order_id: str, timeout_s: object = None) -> dict[str, Any]:
        for order in self.orders:
            if order["id"] == order_id:
                return order
        raise gateway.Refused(400, "input_validation_failed", "The id provided does not exist")

    def payment(self, payment_id: str) -> GatewayPayment:
        return self.payments[payment_id]

    def payments_of_order(self, order_id: str) -> list[GatewayPayment]:
        return [one for one in self.payments.values() if one.order == order_id]

    def capture(self, authorized: GatewayPayment) -> GatewayPayment:
        taken = told(authorized.order, authorized.amount_paise, id=authorized.id)
        self.payments[taken.id] = taken
        return taken


def told(order: str | None, amount_paise: int, status: str = "captured", **values: Any) -> GatewayPayment:
    """A GatewayPayment by keyword, captured through UPI unless told otherwise."""
    fields: dict[str, Any] = {
        "id": "pay_00000000000001",
        "order": order,
        "amount_paise": amount_paise,
        "currency": "INR",
        "status": status,
        "was_captured": status == "captured",
        "method": "upi",
        "failure": "payment_failed" if status == "failed" else "",
    }
    return GatewayPayment(**fields | values)


@pytest.fixture
def fake_gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    fake = Gateway()
    for name in ("create_order", "order", "payment", "payments_of_order", "capture"):
        monkeypatch.setattr(gateway, name, getattr(fake, name))
    monkeypatch.setattr(gateway, "gateway_key", lambda: ("rzp_test_1", "key_secret"))
    monkeypatch.setattr(gateway, "retired_key_secrets", list)
    return fake
