"""What the rules' tests stand on: tables in moto (one thread at a time), and a Razorpay that the test controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws

from shared import settings
from shared.aws import s3
from shared.aws.dynamodb import Table
from shared.desk.models import DeskRow
from shared.disputes.models import Dispute
from shared.errors import ServiceUnavailable
from shared.images.models import Image
from shared.payment_methods.models import PaymentMethod
from shared.payments.models import Payment, UnusableWebhook
from shared.razorpay import api, credentials
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayDispute, GatewayPayment, GatewayRefund, dispute_from
from shared.telemetry import journal
from shared.wallets.models import Entry
from tests.support.cached_state import aws_caches, clear_caches
from tests.support.cheap_aws import cheap_aws

KEY_ID, KEY_SECRET, ACCOUNT_ID = "rzp_test_1", "key_secret", "acc_GC00000000001A"
ENVIRONMENT = {
    "PAYMENT_METHODS_TABLE": "methods",
    "WALLET_ENTRIES_TABLE": "entries",
    "PAYMENTS_TABLE": "payments",
    "REFUNDS_TABLE": "refunds",
    "UNUSABLE_WEBHOOKS_TABLE": "webhooks",
    "FAILED_UPLOADS_QUEUE": "failed-uploads",
    "DESK_TABLE": "desk",
    "IMAGES_TABLE": "images",
    "UPLOADS_BUCKET": "uploads",
    "IMAGES_BUCKET": "images",
    "UPLOAD_SIZE_BYTES_MAX": "1000000",
    "IMAGE_FORMATS": "jpeg,avif",
    "RAZORPAY_BASE_URL": "http://127.0.0.1:9",
    "RAZORPAY_KEY_ID": KEY_ID,
    "RAZORPAY_ACCOUNT_ID": ACCOUNT_ID,
    "RAZORPAY_KEY_SECRET_NAME": "gateway-key",
    "WEBHOOK_SECRETS_NAME": "webhook-secrets",
    "WALLET_BALANCE_PAISE_MAX": "20000000",
    "TOP_UP_REFUND_DAYS": "7",
    "FOUR_EYES_PAISE": "1000000",
    "RECOVER_OWED": "all",
    "OPEN_PAYMENTS_MAX": "10",
    "STARTS_PER_HOUR_MAX": "60",
    "FAILURES_PER_DAY_MAX": "20",
    "ACCEPT_OFFERS": "true",
    "ACCEPT_FEES": "true",
    "UNIQUE_RECEIPT": "false",
    "STORE_CARD_EXPIRY": "true",
    "MERCHANT_NAME": "Garment Care",
    "AWS_DEFAULT_REGION": "ap-south-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
CACHES = (settings.settings, *aws_caches())  # as they are before a test replaces one


@contextmanager
def aws_in_memory(monkeypatch: pytest.MonkeyPatch, *models: type[Table]) -> Iterator[None]:
    """AWS in memory with these models' tables, and settings read anew."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    clear_caches(CACHES)
    with mock_aws():
        with monkeypatch.context() as patch:
            patch.setattr(Table, "exists", lambda: False)  # nothing does here, and to ask takes a call for each table
            for model in models:
                model.create_table(billing_mode="PAY_PER_REQUEST")
        yield
    clear_caches(CACHES)


@pytest.fixture(scope="session", autouse=True)
def _cheap_aws() -> Iterator[None]:
    with cheap_aws():
        yield


@pytest.fixture(autouse=True)
def empty_journal() -> None:
    """What an earlier test recorded and nobody wrote is not this test's."""
    journal.drain()


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tables of money. That of refunds is made for disputes, which have one index more."""
    with aws_in_memory(monkeypatch, PaymentMethod, Entry, Payment, Dispute, UnusableWebhook, DeskRow):
        yield


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The table and buckets of photos; the fixture is an S3 client that may read everything in them."""
    with aws_in_memory(monkeypatch, Image):
        client = s3.client()
        for name in (ENVIRONMENT["UPLOADS_BUCKET"], ENVIRONMENT["IMAGES_BUCKET"]):
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        versioning = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket=ENVIRONMENT["UPLOADS_BUCKET"], VersioningConfiguration=versioning)
        yield client


class AnswerLost(ServiceUnavailable):
    """Razorpay did what it was asked for, and its answer did not arrive."""

    was_done = True  # rather than the class, of which pytest makes a second one


class Razorpay:
    """Razorpay's API with numbered orders and the payments that the test puts there."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.payments: dict[str, GatewayPayment] = {}
        self.refunds: list[GatewayRefund] = []  # oldest first
        self.refund_status = "processed"  # of a new refund
        self.refund_faults: list[Exception] = []  # of the next requests; what is lost is an answer to a refund made
        self.listed: dict[str, list[Any]] = {"payments": [], "refunds": [], "disputes": []}  # entities, newest first
        self.calls: list[str] = []

    def create_order(self, amount_paise: int, receipt: str, notes: dict[str, str]) -> str:
        order_id = f"order_{len(self.orders) + 1:014d}"
        self.orders.append({"id": order_id, "amount": amount_paise, "receipt": receipt, "notes": notes})
        return order_id

    def fetch_order(self, order_id: str) -> dict[str, Any]:
        for order in self.orders:
            if order["id"] == order_id:
                return order
        raise RazorpayRejected(400, "input_validation_failed", "The id provided does not exist")

    def fetch_payment(self, payment_id: str) -> GatewayPayment:
        self.calls.append(f"payment {payment_id}")
        if payment_id not in self.payments:
            raise RazorpayRejected(400, "input_validation_failed", "The id provided does not exist")
        return self.payments[payment_id]

    def list_order_payments(self, order_id: str) -> list[GatewayPayment]:
        self.calls.append(f"payments of {order_id}")
        return [payment for payment in self.payments.values() if payment.order == order_id]

    def fetch_refunds(self, payment_id: str) -> list[GatewayRefund]:
        self.calls.append(f"refunds of {payment_id}")
        return [refund for refund in self.refunds if refund.payment == payment_id]

    def fetch_refund(self, refund_id: str) -> GatewayRefund:
        self.calls.append(f"refund {refund_id}")
        for refund in self.refunds:
            if refund.id == refund_id:
                return refund
        raise RazorpayRejected(400, "input_validation_failed", "The id provided does not exist")

    def create_refund(self, payment_id: str, amount_paise: int, reference: str) -> GatewayRefund:
        """A refund with the numbered id; a repetition of its reference makes no second one."""
        self.calls.append(f"refund of {payment_id}")
        fault = self.refund_faults.pop(0) if self.refund_faults else None
        if fault and not getattr(fault, "was_done", False):
            raise fault
        made = [refund for refund in self.refunds if refund.reference == reference]
        if not made:
            refund_id = f"rfnd_{len(self.refunds) + 1:014d}"
            made = [GatewayRefund(refund_id, payment_id, amount_paise, "INR", self.refund_status, reference)]
            self.refunds += made
        if fault:
            raise fault
        return made[0]

    def change_refund(self, refund_id: str, status: str, **values: Any) -> GatewayRefund:
        """What the bank makes of a refund."""
        place = next(place for place, refund in enumerate(self.refunds) if refund.id == refund_id)
        self.refunds[place] = self.refunds[place]._replace(status=status, **values)
        return self.refunds[place]

    def list_payments(self, from_s: int, to_s: int, skip: int) -> list[Any]:
        return self._page("payments", from_s, to_s, skip)

    def list_refunds(self, from_s: int, to_s: int, skip: int) -> list[Any]:
        return self._page("refunds", from_s, to_s, skip)

    def fetch_dispute(self, dispute_id: str) -> GatewayDispute:
        self.calls.append(f"dispute {dispute_id}")
        for entity in self.listed["disputes"]:
            if entity["id"] == dispute_id:
                return dispute_from(entity)
        raise RazorpayRejected(400, "input_validation_failed", "The id provided does not exist")

    def list_disputes(self, from_s: int, to_s: int, skip: int) -> list[Any]:
        return self._page("disputes", from_s, to_s, skip)

    def _page(self, name: str, from_s: int, to_s: int, skip: int) -> list[Any]:
        self.calls.append(f"list of {name}")
        found = [entity for entity in self.listed[name] if from_s <= entity["created_at"] <= to_s]
        return found[skip : skip + 100]

    def capture_payment(self, authorized: GatewayPayment) -> GatewayPayment:
        captured = an_attempt(authorized.order, authorized.amount_paise, id=authorized.id)
        self.payments[captured.id] = captured
        return captured


def an_attempt(order: str | None, amount_paise: int, status: str = "captured", **values: Any) -> GatewayPayment:
    """A payment at Razorpay, by default captured through UPI."""
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


PATCHED = (
    "create_order",
    "fetch_order",
    "fetch_payment",
    "list_order_payments",
    "capture_payment",
    "fetch_refund",
    "fetch_refunds",
    "create_refund",
    "fetch_dispute",
    "list_payments",
    "list_refunds",
    "list_disputes",
)


@pytest.fixture
def razorpay(monkeypatch: pytest.MonkeyPatch) -> Razorpay:
    fake = Razorpay()
    for name in PATCHED:
        monkeypatch.setattr(api, name, getattr(fake, name))
    monkeypatch.setattr(credentials, "key_pair", lambda: (KEY_ID, KEY_SECRET))
    monkeypatch.setattr(credentials, "retired_key_secrets", list)
    return fake
