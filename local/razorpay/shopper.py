"""What the shopper does in Razorpay's checkout, and the bank's late answer to it."""

import threading
from dataclasses import asdict
from typing import Any

from local.razorpay import cards, failures, payments
from local.razorpay.entities import new_payment
from local.razorpay.responses import NO_SUCH_ID, Rejected
from local.razorpay.state import Entity, State

# What a shopper can choose in addition to the method. `card` describes a new card, `token` names a saved one; `save`
# ticks the box; `activation` "later" leaves the new token initiated; `duplicate_token` creates a second token of the
# same card. `contact` is the phone number in the form. `vpa`, `bank` and `wallet` name what the other methods pay
# with. `reason` says why the payment fails, and `late_s` when the bank approves a late one by itself. The three
# amounts make the payment's amount another than the order's.
AMOUNTS = ("offer_paise", "fee_paise", "amount_paise")
INSTRUMENTS = {"upi": "vpa", "netbanking": "bank", "wallet": "wallet"}  # method -> the payment's field
CARD_CHOICES = ("customer_id", "card", "token", "save", "activation", "duplicate_token")
CHOICES = (*CARD_CHOICES, "contact", *INSTRUMENTS.values(), "reason", "late_s", *AMOUNTS)
METHODS = ("card", "netbanking", "wallet", "emi", "upi", "paylater")
OUTCOMES = ("success", "fail", "authorize", "late", "pending")
CARD = {
    "last4": "1007",
    "network": "Visa",
    "type": "credit",
    "issuer": "HDFC",
    "expiry_month": 12,
    "expiry_year": 2030,
}
OFFER_ID = "offer_GC00000000001A"
ORDER_PAID = (
    "Your payment has been declined as the order is already paid. Please initiate the payment with a new order."
)


def pay(state: State, order_id: str, method: str, outcome: str, choice: dict[str, Any]) -> dict[str, Any]:
    """Pay an order; returns the fields that checkout gives the app. `choice` has keys of CHOICES."""
    for name, value, known in (("outcome", outcome, OUTCOMES), ("method", method, METHODS)):
        if value not in known:
            raise Rejected(f"unknown {name} {value!r}, known {name}s: {', '.join(known)}", field=name)
    order = state.find(state.orders, order_id)
    if order["status"] == "paid":
        raise Rejected(ORDER_PAID, reason="order_already_paid")
    return _attempt(state, order, method, outcome, choice)


def pay_again(state: State, order_id: str) -> dict[str, Any]:
    """Pay an order even if it is paid, as two open checkouts can."""
    return _attempt(state, state.find(state.orders, order_id), "upi", "success", {})


def offer(state: State, order_id: str, customer_id: str | None) -> dict[str, Any]:
    """What a checkout offers: the order, the customer's saved cards, and the reasons for which a payment can fail."""
    tokens = [token for token in state.tokens.values() if customer_id and token["customer_id"] == customer_id]
    return {
        "order": state.find(state.orders, order_id),
        "tokens": tokens if state.saved_cards else [],
        "failures": {reason: asdict(failure) for reason, failure in failures.FAILURES.items()},
    }


def _attempt(state: State, order: Entity, method: str, outcome: str, choice: dict[str, Any]) -> dict[str, Any]:
    amounts, reason = _amounts(order, choice), choice.get("reason", failures.DEFAULT)
    failures.failure_of(reason)
    payment = new_payment(state, order, method)
    payment |= amounts
    _choose_instrument(state, payment, choice)
    order["attempts"] += 1
    order["status"] = "attempted" if order["status"] == "created" else order["status"]
    if outcome in ("fail", "late"):
        payments.fail(state, payment, reason)
        if outcome == "late" and "late_s" in choice:
            _approve_after(state, payment["id"], float(choice["late_s"]))
    elif outcome in ("success", "authorize"):
        _save_card(state, payment, choice)
        payments.authorize(state, payment)
        if outcome == "success":
            payments.capture(state, payment)
    return _checkout_fields(state, payment)


def _amounts(order: Entity, choice: dict[str, Any]) -> dict[str, Any]:
    """The fields that an offer, a fee borne by the customer or another amount changes in a payment."""
    paise = {name: choice[name] for name in AMOUNTS if name in choice}
    for name, value in paise.items():
        if type(value) is not int or value <= 0:
            raise Rejected(f"{name} must be a positive number of paise", field=name)
    if "amount_paise" in paise:
        if len(paise) > 1:
            raise Rejected("amount_paise is the amount without an offer and without a fee", field="amount_paise")
        return {"amount": paise["amount_paise"]}
    offer, fee = paise.get("offer_paise", 0), paise.get("fee_paise", 0)
    if offer >= order["amount"]:
        raise Rejected("offer_paise must be less than the order's amount", field="offer_paise")
    fields: dict[str, Any] = {"amount": order["amount"] - offer + fee}
    if offer:
        fields["offer_id"] = OFFER_ID
    if fee:
        fields |= {"fee": fee, "tax": fee - round(fee / 1.18), "fee_bearer": "customer"}
    return fields


def _choose_instrument(state: State, payment: Entity, choice: dict[str, Any]) -> None:
    """Set the customer that checkout was opened for, and the card, new or saved."""
    customer_id = choice.get("customer_id")
    if choice.get("contact"):
        payment["contact"] = str(choice["contact"])
    if customer_id:
        customer = state.find(state.customers, customer_id)
        payment |= {"customer_id": customer_id, "contact": customer["contact"]}
    instrument = INSTRUMENTS.get(payment["method"])
    if instrument in choice:
        payment[instrument] = str(choice[instrument])
    if payment["method"] != "card":
        return
    card = _card(choice)
    if "token" in choice:
        token = cards.find_token(state, str(customer_id), choice["token"])
        if token["status"] not in ("active", "activated"):
            raise Rejected("Your payment could not be completed as the saved card is not active.")
        card, payment["token_id"] = token["card"], token["id"]
    payment["card_id"] = state.new_id("card")
    payment["card"] = {
        "id": payment["card_id"],
        "entity": "card",
        "name": "",
        "international": False,
        "emi": False,
        **{name: card[name] for name in ("last4", "network", "type", "issuer")},
        "sub_type": "consumer",
        "token_iin": None,
    }


def _save_card(state: State, payment: Entity, choice: dict[str, Any]) -> None:
    if not (choice.get("save") and state.saved_cards and payment["customer_id"] and payment["method"] == "card"):
        return
    status = "initiated" if choice.get("activation") == "later" else "activated"
    duplicate = bool(choice.get("duplicate_token"))
    payment["token_id"] = cards.save(state, payment["customer_id"], _card(choice), status, duplicate)["id"]


def _card(choice: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = choice.get("card", {})
    return CARD | described


def authorize_late(state: State, payment_id: str | None, order_id: str | None) -> dict[str, Any]:
    """The bank approves the first failed or pending payment with these ids after all; None matches any id."""
    for payment in state.payments.values():
        is_wanted = payment_id in (None, payment["id"]) and order_id in (None, payment["order_id"])
        if is_wanted and payment["status"] in ("failed", "created"):
            payment |= {name: None for name in payment if name.startswith("error_")}
            payment["late_authorized"] = True
            payments.authorize(state, payment)
            payments.capture(state, payment)
            return _checkout_fields(state, payment)
    raise Rejected(NO_SUCH_ID)


def _approve_after(state: State, payment_id: str, late_s: float) -> None:
    """The bank approves by itself later, unless somebody asked it to before or the stand-in is closing."""

    def approve() -> None:
        with state.lock:
            if not state.closing.is_set() and state.payments[payment_id]["status"] == "failed":
                authorize_late(state, payment_id, None)

    timer = threading.Timer(late_s, approve)
    timer.daemon = True
    timer.start()


def _checkout_fields(state: State, payment: Entity) -> dict[str, Any]:
    order_id, payment_id = payment["order_id"], payment["id"]
    fields = {"razorpay_payment_id": payment_id, "razorpay_order_id": order_id}
    if payment["status"] in ("authorized", "captured"):
        fields["razorpay_signature"] = state.sign(state.key_secret, f"{order_id}|{payment_id}".encode())
    return fields
