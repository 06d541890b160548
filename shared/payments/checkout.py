"""The options that open Razorpay's checkout. The app hands them over as they are: names and units are Razorpay's."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from shared.payment_methods.models import get_method
from shared.payments.models import Payment
from shared.settings import settings

TIMEOUT_S = 900
UPI_COLLECT: "CheckoutInstrumentBody" = {
    "method": "upi",
    "flows": ["collect"],
}  # withdrawn by NPCI; intent and QR remain


class CheckoutRetryBody(TypedDict):
    enabled: bool
    max_count: int


class CheckoutInstrumentBody(TypedDict):
    """What checkout opens on: a method, and the UPI app, bank or wallet of it."""

    method: str
    flows: NotRequired[list[str]]
    apps: NotRequired[list[str]]
    banks: NotRequired[list[str]]
    wallets: NotRequired[list[str]]


class CheckoutBlockBody(TypedDict):
    name: str
    instruments: list[CheckoutInstrumentBody]


class CheckoutPreferencesBody(TypedDict):
    show_default_blocks: bool


class CheckoutDisplayBody(TypedDict):
    """What checkout hides, and the blocks that it displays above the usual ones."""

    hide: list[CheckoutInstrumentBody]
    blocks: NotRequired[dict[str, CheckoutBlockBody]]
    sequence: NotRequired[list[str]]
    preferences: NotRequired[CheckoutPreferencesBody]


class CheckoutConfigBody(TypedDict):
    display: CheckoutDisplayBody


class CheckoutBody(TypedDict):
    """The options of Razorpay's checkout, to be passed on unchanged. `amount` is in paise, `timeout` in seconds."""

    key: str
    order_id: str
    amount: int
    currency: Literal["INR"]
    name: str
    description: str
    prefill: dict[str, str]
    notes: dict[str, str]
    timeout: int
    retry: CheckoutRetryBody
    send_sms_hash: bool
    config: CheckoutConfigBody
    customer_id: NotRequired[str]
    remember_customer: NotRequired[bool]
    token: NotRequired[str]


def checkout_options(payment: Payment, gateway_order: str) -> CheckoutBody:
    """What opens checkout for a payment. A saved method comes first, in a block of its own, above the others."""
    opens_on = _opens_on(payment)
    prefill = {"contact": payment.contact} if payment.contact else {}
    display: CheckoutDisplayBody = {"hide": [UPI_COLLECT]}
    if instrument := opens_on.get("instrument"):
        prefill["method"] = instrument["method"]
        display["blocks"] = {"saved": {"name": "Saved", "instruments": [instrument]}}
        display["sequence"] = ["block.saved"]
        display["preferences"] = {"show_default_blocks": True}
    body: CheckoutBody = {
        "key": settings().razorpay_key_id,
        "order_id": gateway_order,
        "amount": payment.amount_paise,
        "currency": "INR",
        "name": settings().merchant_name,
        "description": payment.description,
        "prefill": prefill,
        "notes": {"payment_id": payment.id},
        "timeout": TIMEOUT_S,
        "retry": {"enabled": True, "max_count": 4},
        "send_sms_hash": True,
        "config": {"display": display},
    }
    if payment.gateway_customer and (opens_on or payment.save_method):
        body |= {"customer_id": payment.gateway_customer, "remember_customer": True}
    if "token" in opens_on:
        body["token"] = opens_on["token"]
    return body


def _opens_on(payment: Payment) -> Mapping[str, Any]:
    """The instrument and token of the saved method that the payment names, unless it was deleted since."""
    if not payment.opens_on or get_method(payment.customer, str(payment.payment_method)) is None:
        return {}
    opens_on: Mapping[str, Any] = json.loads(payment.opens_on)
    return opens_on
