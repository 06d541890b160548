"""Refunds in the states that tests start from."""

from typing import Any

from shared.aws.dynamodb import Update, execute
from shared.desk.four_eyes import staff_policy
from shared.payments.create import create_payment
from shared.payments.models import Payment
from shared.payments.results import ApplyResult
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayRefund
from shared.refunds import models
from shared.refunds.apply import apply_refund
from shared.refunds.models import Refund
from shared.refunds.request import RequestedRefund, request_refund
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import ASHA, FROM_WALLET, entries, stored, wallet_body

STAFF = "staff:rita"
REFUND_ID = "rfnd_00000000000001"
DECLINED = RazorpayRejected(400, "input_validation_failed", "The payment has been fully refunded already")
TOO_POOR = RazorpayRejected(400, "NA", "Your account does not have enough balance to carry out the refund operation.")
TOO_POOR_IN_SHORT = RazorpayRejected(400, "NA", "Invalid request sent")


def ask(payment: Payment, amount_paise: int | None = None, key: str = "key", **values: Any) -> RequestedRefund:
    """Ask for a refund as staff do, by default of all that is left."""
    request = {"destination": None, "reason": "", "asked_by": STAFF, "policy": staff_policy}
    return request_refund(payment, amount_paise, key=key, **request | values)


def report(payment: Payment, reported: GatewayRefund) -> ApplyResult:
    """Apply a refund of the attempt that paid the payment, as a webhook brings it."""
    return apply_refund(payment, an_attempt(payment.gateway_order, payment.amount_paise), reported, "evt")


def as_stored(refund: Refund) -> Refund:
    return models.get_or_404(refund.payment, refund.id)


def only_refund(payment: Payment) -> Refund:
    (refund,) = models.list_refunds(payment.id)
    return refund


def spend(amount_paise: int, key: str = "spend") -> Payment:
    return create_payment(ASHA, FROM_WALLET | {"amount": amount_paise}, key).payment


def wallet() -> tuple[str, str, str]:
    """What the wallet has to spend, holds and owes."""
    body = wallet_body()
    return body["balance"], body["held"], body["owed"]


def moves() -> list[tuple[str, int]]:
    """The kinds and amounts of all entries but the opening."""
    return [(entry.kind, entry.amount_paise) for entry in entries()[1:]]


def amounts(payment: Payment) -> tuple[str, int, int, int]:
    """The payment's status, and what of it is refunded, being refunded and left."""
    found = stored(payment)
    return found.status, found.refunded_paise, found.refunding_paise, found.refundable_paise


def put(refund: Refund, **values: Any) -> Refund:
    """The refund with other attributes, as a crash might leave them."""
    assert execute(Update(refund, values))
    return refund
